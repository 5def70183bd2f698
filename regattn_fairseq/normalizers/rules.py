"""What makes a map, as data: its options, its formulas, and the kernels that compute them.

A map's file ends with its :class:`Rule`. All else asks the rule: the engine (:mod:`.autograd`),
the three backends, :func:`.smoothed_max`, :func:`.build_normalizer`, and whoever wants to know
which options a normalizer has. Rules are found by name, since PyTorch's custom operators take
strings but no objects.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from regattn_fairseq import declared
from regattn_fairseq.declared.normalizers import unknown

from .inputs import Number, at_hand

F = TypeVar("F", bound=Callable[..., Any])
# Parameters of a map that are no options.
_CALL_ONLY = ("self", "scores", "mask", "dim", "return_groups")


@dataclass(frozen=True)
class Option(declared.Option):
    """An option of a map, which may be a tensor if it is learnable."""

    def check(self, value: Any) -> Any:
        """Return the value as a number or tensor if it lies in the option's range.

        Raises:
            ValueError: it does not; one line that names the option and the fix.
        """
        if not (self.learnable and isinstance(value, Tensor)):
            return super().check(value)
        if at_hand(value) and not bool(self._holds(value).all()):
            raise ValueError(f"{self.name} {self._must} everywhere; check the {self.name} tensor")
        return value


GAMMA = Option(
    "gamma",
    "γ",
    "strength of the regularization; small is sparse, large is flat",
    low=0.0,
    learnable=True,
)
LAM = Option("lam", "λ", "weight of the penalty", low=0.0, low_included=True, learnable=True)


class Kernel(NamedTuple):
    """A CPU kernel: its name in ``_numba``, and the nanoseconds that it takes for a score."""

    name: str
    cost: int


@dataclass(frozen=True, eq=False)
class Rule:
    """All that is known of a map.

    ``function`` is what people call. The rest is there for maps that the engine computes; a map
    that consists of PyTorch operations needs none of it. Tensors are of shape (rows, d) and in
    float32 or float64; ``kept`` is bool, False where a position is hidden; ``constants`` are the
    options besides gamma and lam, in order: floats, but the ``rowwise`` one, which comes first, may
    be a tensor of the rows' shape, and always is one in ``forward``.

    Attributes:
        name: by which the map is found.
        function: ``f(scores, *, mask=None, dim=-1, **options)``; its signature gives the defaults.
            Or a class of modules that are called so, if the map has parameters of its own.
        described: its options. gamma and lam need no mention where :data:`GAMMA` and :data:`LAM`
            say enough; what is not described at all may have any value.
        forward: ``(x, kept, gamma, *constants) -> (y, labels)`` in plain PyTorch, x finite where
            kept. Labels are None without groups. With groups it takes lam, of shape (rows), after
            gamma, and labels are int32: 1, 2, ... for a group, with the sign that the group's value
            enters with, and 0 where a position has none.
        product: ``(v, y, labels, *constants) -> J' v``, J the Jacobian for gamma = 1 where the map
            gives y; in PyTorch operations that can be differentiated, for tensors (..., d).
        tangent: the same for J v, where J is not symmetric.
        grouped: whether the map pools positions into groups, which lam governs.
        slope: ``(y, labels, n, *constants) -> c`` such that J c is the derivative of y by the
            ``rowwise`` option, J the Jacobian for gamma = 1; n (...) is the number of positions
            that are not hidden. For lam, c is the derivative of the prox; otherwise that of minus
            the gradient of Omega, at y.
        penalty: ``(y, kept, *constants) -> (...)``: Omega, without what lam multiplies; None where
            the map is no regularized argmax.
        structure: ``(y, kept, *constants) -> (...)``: the derivative of Omega, at y, by the
            ``rowwise`` option; by lam that is what lam multiplies.
        steep: whether weights follow equal scores with a slope of about 1, where softmax's follow
            with 1/d. Training then starts with gamma times d: see docs/learning.md.
        cpu: kernels for forward and product.
        gpu: the names in ``_triton`` of what launches kernels for forward and product, if there
            is one for that.
        bounded: ``f(scores, upper, *, mask=None, dim=-1, **options)``: the same map with an upper
            bound for each weight, if there is one.
        options: the map's options by name, in the order of its signature.
        rowwise: the option besides gamma that may have a value of its own for each row: lam of a
            map with groups; otherwise the first one, if it is learnable.
        constants: the others.
    """

    name: str
    function: Callable[..., Any]
    described: tuple[Option, ...] = ()
    forward: Callable[..., tuple[Tensor, Tensor | None]] | None = None
    product: Callable[..., Tensor] | None = None
    tangent: Callable[..., Tensor] | None = None
    grouped: bool = False
    slope: Callable[..., Tensor] | None = None
    penalty: Callable[..., Tensor] | None = None
    structure: Callable[..., Tensor] | None = None
    steep: bool = False
    cpu: tuple[Kernel, Kernel] | None = None
    gpu: tuple[str, str | None] | None = None
    bounded: Callable[..., Tensor] | None = None
    options: Mapping[str, Option] = field(init=False)
    rowwise: Option | None = field(init=False)
    constants: tuple[Option, ...] = field(init=False)

    def __post_init__(self) -> None:
        known = {option.name: option for option in (GAMMA, LAM, *self.described)}
        called = getattr(self.function, "forward", self.function)
        options = {
            name: replace(
                known.get(name, Option(name, name, "", low=None)), default=parameter.default
            )
            for name, parameter in inspect.signature(called).parameters.items()
            if name not in _CALL_ONLY
        }
        object.__setattr__(self, "options", options)
        others = [option for name, option in options.items() if name not in ("gamma", "lam")]
        rowwise = options["lam"] if self.grouped else others[0] if others else None
        if rowwise is not None and not rowwise.learnable:
            rowwise = None
        object.__setattr__(self, "rowwise", rowwise)
        object.__setattr__(self, "constants", tuple(o for o in others if o is not rowwise))

    def with_rowwise(self, value: Number, constants: tuple[float, ...]) -> tuple[Number, ...]:
        """The constants as formulas take them: the rowwise one in front, unless it is lam."""
        return constants if self.grouped or self.rowwise is None else (value, *constants)


_rules: dict[str, Rule] = {}
# Of all maps' kernels, by name.
kernel_costs: dict[str, int] = {}


def register(rule: Rule) -> Rule:
    """Make a rule known by its name.

    Raises:
        ValueError: the name is taken by another map.
    """
    if rule.name in _rules and _rules[rule.name].function is not rule.function:
        raise ValueError(f"normalizer {rule.name!r} exists already; register under another name")
    _rules[rule.name] = rule
    declared.declare(rule.name, rule.options)
    kernel_costs.update(rule.cpu or ())
    return rule


def register_normalizer(name: str) -> Callable[[F], F]:
    """Make a map available by name: ``@register_normalizer("mine")`` above its definition.

    The map is called as ``f(scores, *, mask=None, dim=-1, **options)``; its further keyword
    parameters are its options and their defaults. It may also be a class of modules that are called
    so and made without arguments: then each :func:`.build_normalizer` makes one, whose parameters
    are learned with the model.

    Raises:
        ValueError: the name is taken by another map.
    """

    def decorate(function: F) -> F:
        own: Rule | None = getattr(function, "rule", None)
        register(Rule(name, function) if own is None else replace(own, name=name))
        return function

    return decorate


def rule(name: str) -> Rule:
    """The rule of a map.

    Raises:
        ValueError: no such normalizer; the message has the nearest name and all names.
    """
    if name not in _rules:
        raise unknown(name)
    return _rules[name]


def rules() -> Iterator[Rule]:
    """All rules, in order of registration."""
    return iter(_rules.values())


def normalizer_names() -> tuple[str, ...]:
    """All registered names, in order of registration."""
    return tuple(_rules)


def normalizer_options(name: str) -> tuple[str, ...]:
    """The options that this normalizer takes, such as ``("gamma", "lam")``.

    Raises:
        ValueError: no such normalizer.
    """
    return tuple(rule(name).options)
