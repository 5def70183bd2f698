"""Normalizers as modules, built by name."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from .rules import Option, rule, rules


class Normalizer(nn.Module):
    """A map with its options; ``module(scores, mask=None)`` has the shape of ``scores``.

    Options named in ``learned`` are scalar parameters of the module; what is given for them is
    where they start. A softplus keeps them above the lower end of their range, or a sigmoid
    between both ends.
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
        known = rule(name).options
        for option in (*options, *learned):
            if option not in known:
                has = ", ".join((*known, "dim"))
                raise ValueError(f"normalizer {name!r} has no option {option!r}; it has: {has}")
        self._map = rule(name).function
        self.name = name
        self.dim = dim
        self.options: dict[str, Any] = {option: known[option].default for option in known} | {
            option: known[option].check(value) for option, value in options.items()
        }
        for option in learned:
            if not known[option].learnable:
                raise ValueError(f"{option} cannot be learned; {_learnable()} can")
            raw = _unbounded(known[option], float(self.options.pop(option)))
            self.register_parameter(f"raw_{option}", nn.Parameter(torch.tensor(raw)))
        self.learned = tuple(learned)

    def current_options(self) -> dict[str, Any]:
        """Every option's value by name; a learned one is a scalar tensor with a gradient."""
        known = rule(self.name).options
        learned = {
            option: _bounded(known[option], getattr(self, f"raw_{option}").float())
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
    """A registered map as a module; options are the map's own.

    Args:
        name: of the map.
        dim: the dimension that sums to one.
        learned: which options are parameters of the module, which start at the values given;
            gamma, lam and alpha can be.
        options: gamma, lam, ... as far as the map has them; see :func:`.normalizer_options`.

    Raises:
        ValueError: no such normalizer, an option that it does not have or that cannot be learned,
            or a bad value.
    """
    return Normalizer(name, dim=dim, learned=learned, **options)


def _unbounded(option: Option, start: float) -> float:
    """The number of which :func:`_bounded` makes the value that a learned option starts from."""
    low, high = float(option.low or 0.0), option.high
    if start == low:
        raise ValueError(
            f"a learned {option.name} must start above {low:g}; "
            f"use e.g. {option.name}={low + 0.1:g}"
        )
    if start == high:
        raise ValueError(f"a learned {option.name} must start below {high:g}")
    if high < math.inf:
        return math.log((start - low) / (high - start))
    # softplus(raw) = s; raw = log(exp(s) - 1), written so that nothing overflows.
    return (start - low) + math.log(-math.expm1(low - start))


def _bounded(option: Option, raw: Tensor) -> Tensor:
    low, high = float(option.low or 0.0), option.high
    if high < math.inf:
        return low + (high - low) * torch.sigmoid(raw)
    return low + nn.functional.softplus(raw)


def _learnable() -> str:
    """The options that can be learned, of whichever normalizer has them."""
    options = {option.name: option for each in rules() for option in each.options.values()}
    *names, last = [name for name, option in options.items() if option.learnable]
    return f"{', '.join(names)} and {last}"
