"""Normalizers as modules, built by name."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from regattn_fairseq.declared.normalizers import check_options

from .rules import Option, rule


class Normalizer(nn.Module):
    """A map with its options; ``module(scores, mask=None)`` has the shape of ``scores``.

    Options named in ``learned`` are parameters of the module; what is given for them is where they
    start. A softplus keeps them above the lower end of their range, or a sigmoid between both ends.
    """

    def __init__(
        self,
        name: str,
        *,
        dim: int = -1,
        learned: Collection[str] = (),
        shape: Sequence[int] = (),
        **options: Any,
    ) -> None:
        """Fix, or start, the options of the map that is registered as ``name``.

        The learned options are tensors of ``shape``, which broadcasts against the scores with size
        1 along ``dim``: (heads, 1, 1) for a value a head of scores [batch, heads, target, source].

        Raises:
            ValueError: no such normalizer, an option that it does not have or that cannot be
                learned, or a bad value.
        """
        super().__init__()
        self.options: dict[str, Any] = check_options(name, options, learned)
        function = rule(name).function
        self._map = function() if isinstance(function, type) else function
        self.name = name
        self.dim = dim
        for option in learned:
            start = float(self.options.pop(option))
            raw = _unbounded(rule(name).options[option], start)
            self.register_parameter(f"raw_{option}", nn.Parameter(torch.full(tuple(shape), raw)))
        self.learned = tuple(learned)

    def current_options(self) -> dict[str, Any]:
        """Every option's value by name; a learned one is a tensor with a gradient."""
        known = rule(self.name).options
        learned = {
            option: _bounded(known[option], getattr(self, f"raw_{option}").float())
            for option in self.learned
        }
        return self.options | learned

    def forward(
        self, scores: Tensor, mask: Tensor | None = None, upper: Tensor | None = None
    ) -> Tensor:
        """Weights for ``scores``; ``mask`` is True where a position must get none.

        ``upper`` holds upper bounds of the weights, for a map whose rule has a bounded form.
        """
        return self.weigh(scores, mask, self.current_options(), upper)

    def weigh(
        self,
        scores: Tensor,
        mask: Tensor | None,
        options: dict[str, Any],
        upper: Tensor | None = None,
    ) -> Tensor:
        """Weights for ``scores`` with these options, which may differ from the current ones."""
        weights: Tensor
        if upper is None:
            weights = self._map(scores, mask=mask, dim=self.dim, **options)
        else:
            bounded = rule(self.name).bounded
            assert bounded is not None
            weights = bounded(scores, upper, mask=mask, dim=self.dim, **options)
        return weights

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
    if high < math.inf:
        return math.log((start - low) / (high - start))
    # softplus(raw) = s; raw = log(exp(s) - 1), written so that nothing overflows.
    return (start - low) + math.log(-math.expm1(low - start))


def _bounded(option: Option, raw: Tensor) -> Tensor:
    low, high = float(option.low or 0.0), option.high
    if high < math.inf:
        return low + (high - low) * torch.sigmoid(raw)
    return low + nn.functional.softplus(raw)
