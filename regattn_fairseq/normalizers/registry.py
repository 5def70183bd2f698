"""Normalizers by name, as modules."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ._options import check_alpha, check_gamma, check_lam, check_p
from .alpha_entmax import entmax, entmax15
from .fusedmax import fusedmax
from .oscarmax import oscarmax, oscarmax_published
from .pnormmax import pnormmax
from .softmax import softmax
from .sparsemax import sparsemax

Map = Callable[..., Tensor]
F = TypeVar("F", bound=Map)

_CHECKS: dict[str, Callable[[Any], Any]] = {
    "gamma": check_gamma,
    "lam": check_lam,
    "p": check_p,
    "alpha": check_alpha,
}
_LEARNABLE = ("gamma", "lam")
_CALL_ONLY = ("scores", "mask", "dim", "return_groups")
_registry: dict[str, Map] = {}


def register_normalizer(name: str) -> Callable[[F], F]:
    """Make a map available by name: ``@register_normalizer("mine")`` above its definition.

    The map is called as ``f(scores, *, mask=None, dim=-1, **options)``; its further keyword
    parameters are its options and their defaults.

    Raises:
        ValueError: the name is taken by another map.
    """

    def decorate(function: F) -> F:
        if _registry.get(name, function) is not function:
            raise ValueError(f"normalizer {name!r} exists already; register under another name")
        _registry[name] = function
        return function

    return decorate


for _function in (
    softmax,
    sparsemax,
    fusedmax,
    oscarmax,
    oscarmax_published,
    pnormmax,
    entmax15,
    entmax,
):
    register_normalizer(_function.__name__)(_function)


def normalizer_names() -> tuple[str, ...]:
    """All registered names, in order of registration."""
    return tuple(_registry)


def _lookup(name: str) -> Map:
    if name not in _registry:
        close = difflib.get_close_matches(name, _registry, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(_registry)
        raise ValueError(f"unknown normalizer {name!r}; {hint}choose one of: {known}")
    return _registry[name]


def normalizer_options(name: str) -> tuple[str, ...]:
    """The options that this normalizer takes, such as ``("gamma", "lam")``.

    Raises:
        ValueError: no such normalizer.
    """
    return tuple(normalizer_defaults(name))


def normalizer_defaults(name: str) -> dict[str, Any]:
    """Those options with their defaults, which the map's signature declares.

    Raises:
        ValueError: no such normalizer.
    """
    parameters = inspect.signature(_lookup(name)).parameters
    return {
        option: parameter.default
        for option, parameter in parameters.items()
        if option not in _CALL_ONLY
    }


class Normalizer(nn.Module):
    """A map with its options; ``module(scores, mask=None)`` has the shape of ``scores``.

    Options named in ``learned`` are scalar parameters of the module, kept positive by a softplus;
    what is given for them is where they start.
    """

    def __init__(
        self, name: str, *, dim: int = -1, learned: Collection[str] = (), **options: Any
    ) -> None:
        """Fix, or start, the options of the map that is registered as ``name``.

        Raises:
            ValueError: no such normalizer, an option that it does not have or that cannot be
                learned, or a bad value.
        """
        super().__init__()
        self._map = _lookup(name)
        defaults = normalizer_defaults(name)
        for option in (*options, *learned):
            if option not in defaults:
                has = ", ".join((*defaults, "dim"))
                raise ValueError(f"normalizer {name!r} has no option {option!r}; it has: {has}")
        self.name = name
        self.dim = dim
        self.options: dict[str, Any] = defaults | {
            option: _CHECKS[option](value) if option in _CHECKS else value
            for option, value in options.items()
        }
        for option in learned:
            if option not in _LEARNABLE:
                can = " and ".join(_LEARNABLE)
                raise ValueError(f"{option} cannot be learned; {can} can")
            start = float(self.options.pop(option))
            if start == 0.0:
                raise ValueError(f"a learned {option} must start above 0; use e.g. {option}=0.1")
            # softplus(raw) = start; raw = log(exp(start) - 1), written so that nothing overflows.
            raw = start + math.log(-math.expm1(-start))
            self.register_parameter(f"raw_{option}", nn.Parameter(torch.tensor(raw)))
        self.learned = tuple(learned)

    def current_options(self) -> dict[str, Any]:
        """Every option's value by name; a learned one is a scalar tensor with a gradient."""
        learned = {
            option: nn.functional.softplus(getattr(self, f"raw_{option}").float())
            for option in self.learned
        }
        return self.options | learned

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights for ``scores``; ``mask`` is True where a position must get none."""
        return self._map(scores, mask=mask, dim=self.dim, **self.current_options())

    def extra_repr(self) -> str:
        """The name and options, as they would be written in a call."""
        options = "".join(f", {option}={value}" for option, value in self.options.items())
        learned = f", learned={self.learned}" if self.learned else ""
        return f"{self.name!r}{options}{learned}, dim={self.dim}"


def build_normalizer(
    name: str, *, dim: int = -1, learned: Collection[str] = (), **options: Any
) -> Normalizer:
    """A registered map as a module; options are the map's own (gamma, lam, p, alpha).

    Args:
        name: of the map.
        dim: the dimension that sums to one.
        learned: which of gamma and lam are parameters, which start at the values given.
        options: the map's.

    Raises:
        ValueError: no such normalizer, an option that it does not have or that cannot be learned,
            or a bad value.
    """
    return Normalizer(name, dim=dim, learned=learned, **options)
