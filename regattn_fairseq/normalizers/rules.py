"""What makes a map, as data: its options, its formulas, and the kernels that compute them.

A map's file ends with its :class:`Rule`. All else asks the rule: the engine (:mod:`.autograd`),
the three backends, :func:`.smoothed_max`, :func:`.build_normalizer`, and whoever wants to know
which options a normalizer has. Rules are found by name, since PyTorch's custom operators take
strings but no objects.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from .inputs import Number, at_hand

F = TypeVar("F", bound=Callable[..., Any])
# Parameters of a map that are no options.
_CALL_ONLY = ("scores", "mask", "dim", "return_groups")


@dataclass(frozen=True)
class Option:
    """A number that shapes a map.

    Attributes:
        name: the keyword by which the map takes it.
        symbol: as formulas write it.
        description: one line, without the range.
        low: the lower end of its range; None if it may be anything, even no number.
        high: the upper end of its range, which is infinite where there is none.
        low_included: whether it may equal ``low``.
        high_included: whether it may equal ``high``.
        integer: whether it must be a whole number.
        learnable: whether it may be a tensor, with a gradient.
        default: what the map's signature says.
    """

    name: str
    symbol: str
    description: str
    low: float | None
    high: float = math.inf
    low_included: bool = False
    high_included: bool = False
    integer: bool = False
    learnable: bool = False
    default: Any = None

    @property
    def range(self) -> str:
        """The values that it may have, in words, such as "finite and > 0"."""
        if self.low is None:
            return "anything"
        if self.integer:
            return f"a whole number >= {self.low:g}"
        if self.high == math.inf:
            return f"finite and {'>=' if self.low_included else '>'} {self.low:g}"
        opening, closing = "[" if self.low_included else "(", "]" if self.high_included else ")"
        return f"in {opening}{self.low:g}, {self.high:g}{closing}"

    @property
    def between(self) -> str:
        """Where a learned value stays, in words, such as "above 0"."""
        above = f"above {self.low:g}"
        return above if self.high == math.inf else f"{above} and below {self.high:g}"

    def check(self, value: Any) -> Any:
        """Return the value as a number or tensor if it lies in the option's range.

        Raises:
            ValueError: it does not; one line that names the option and the fix.
        """
        if self.low is None:
            return value
        # Nearly always enough, and quick.
        if type(value) is float and self.low < value < self.high and not self.integer:
            return value
        if isinstance(value, Tensor) and self.learnable:
            if at_hand(value) and not bool(self._holds(value).all()):
                raise ValueError(
                    f"{self.name} {self._must} everywhere; check the {self.name} tensor"
                )
            return value
        if not self._holds(value):
            raise ValueError(
                f"{self.name} {self._must}, got {value}; use e.g. {self.name}={self.default}"
            )
        return int(value) if self.integer else float(value)

    @property
    def _must(self) -> str:
        return f"must {'lie' if self.range.startswith('in ') else 'be'} {self.range}"

    def _holds(self, value: Any) -> Any:
        above = value >= self.low if self.low_included else value > self.low
        below = value <= self.high if self.high_included else value < self.high
        return above & below & (value % 1 == 0) if self.integer else above & below


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
    options: Mapping[str, Option] = field(init=False)
    rowwise: Option | None = field(init=False)
    constants: tuple[Option, ...] = field(init=False)

    def __post_init__(self) -> None:
        known = {option.name: option for option in (GAMMA, LAM, *self.described)}
        options = {
            name: replace(
                known.get(name, Option(name, name, "", low=None)), default=parameter.default
            )
            for name, parameter in inspect.signature(self.function).parameters.items()
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
    kernel_costs.update(rule.cpu or ())
    return rule


def register_normalizer(name: str) -> Callable[[F], F]:
    """Make a map available by name: ``@register_normalizer("mine")`` above its definition.

    The map is called as ``f(scores, *, mask=None, dim=-1, **options)``; its further keyword
    parameters are its options and their defaults.

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
        close = difflib.get_close_matches(name, _rules, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(_rules)
        raise ValueError(f"unknown normalizer {name!r}; {hint}choose one of: {known}")
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
