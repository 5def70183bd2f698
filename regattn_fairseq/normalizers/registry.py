"""Normalizers by name, as modules."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

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
    parameters = inspect.signature(_lookup(name)).parameters
    return tuple(option for option in parameters if option not in _CALL_ONLY)


class Normalizer(nn.Module):
    """A map with its options fixed; ``module(scores, mask=None)`` has the shape of ``scores``."""

    def __init__(self, name: str, *, dim: int = -1, **options: Any) -> None:
        """Fix the options of the map that is registered as ``name``.

        Raises:
            ValueError: no such normalizer, an option that it does not have, or a bad value.
        """
        super().__init__()
        self._map = _lookup(name)
        known = normalizer_options(name)
        for option, value in options.items():
            if option not in known:
                has = ", ".join((*known, "dim"))
                raise ValueError(f"normalizer {name!r} has no option {option!r}; it has: {has}")
            if option in _CHECKS:
                options[option] = _CHECKS[option](value)
        defaults = inspect.signature(self._map).parameters
        self.name = name
        self.dim = dim
        self.options: dict[str, Any] = {o: defaults[o].default for o in known} | options

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights for ``scores``; ``mask`` is True where a position must get none."""
        return self._map(scores, mask=mask, dim=self.dim, **self.options)

    def extra_repr(self) -> str:
        """The name and options, as they would be written in a call."""
        options = "".join(f", {option}={value}" for option, value in self.options.items())
        return f"{self.name!r}{options}, dim={self.dim}"


def build_normalizer(name: str, **options: Any) -> Normalizer:
    """A registered map as a module; options are the map's own (gamma, lam, p, alpha) and dim.

    Raises:
        ValueError: no such normalizer, an option that it does not have, or a bad value.
    """
    return Normalizer(name, **options)
