"""Maps onto the simplex whose weights have upper bounds, one for each position.

An upper bound is no option of a :class:`~.rules.Rule`, whose options have at most one value a row.
So these maps have an engine of their own, in plain PyTorch. Positions fall in three sets, of which
the Jacobian needs two: A, where a weight is below its bound and follows its score, and C, where it
is at its bound. All that is left by C goes to A, in shares s that depend on the map. With a
vector v and its mean m = s'v / Σ s, both products of v with the Jacobian are differences from m::

    by the scores: s ∘ (v − m),   by the bounds: 1_C ∘ (v − m)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .inputs import Number, at_hand, covered, divided
from .rules import GAMMA

Solver = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""``(x, upper) -> (y, below, at)``, all (..., d) and in float64, so that sums over long rows do not
misplace a threshold. x is finite, or -inf where hidden, and ``upper`` is 0 there; ``below`` and
``at`` are bool, the sets A and C."""


def apply_bounded(
    solve: Solver,
    is_share: bool,
    scores: Tensor,
    upper: Tensor,
    *,
    gamma: Number,
    mask: Tensor | None,
    dim: int,
) -> Tensor:
    """Run a bounded map over ``dim`` of ``scores``.

    Args:
        solve: the map for gamma = 1 over the last dimension.
        is_share: whether the shares s are the weights of A themselves; otherwise all are 1.
        scores: see the maps.
        upper: see the maps.
        gamma: see the maps.
        mask: see the maps.
        dim: see the maps.

    Raises:
        ValueError: see the maps.
    """
    gamma = GAMMA.check(gamma)
    x = divided(covered(scores, mask), gamma, dim).movedim(dim, -1)
    try:
        bound = upper.to(x.dtype).expand(scores.shape).movedim(dim, -1)
    except RuntimeError:
        raise ValueError(
            f"upper of shape {tuple(upper.shape)} does not broadcast to scores of shape "
            f"{tuple(scores.shape)}; reshape it"
        ) from None
    if at_hand(bound) and bool((bound < 0).any()):
        raise ValueError("upper must be 0 or more everywhere; clamp it")
    if x.numel() == 0:
        return (x * 1.0).movedim(-1, dim).to(scores.dtype)
    y: Tensor = _Bounded.apply(x, bound, solve, is_share)
    return y.movedim(-1, dim).to(scores.dtype)


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, upper: Tensor, solve: Solver, is_share: bool) -> Tensor:
        hidden = x == -torch.inf
        exact, below, at = solve(x.double(), upper.masked_fill(hidden, 0.0).double())
        y = exact.to(x.dtype)
        ctx.save_for_backward(y, below & ~hidden, at & ~hidden)
        ctx.is_share = is_share
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        y, below, at = ctx.saved_tensors
        s = below * y if ctx.is_share else below.to(y.dtype)
        total = s.sum(-1, keepdim=True)
        mean = (s * grad).sum(-1, keepdim=True) / total.masked_fill(total == 0, 1.0)
        return s * (grad - mean), at * (grad - mean), None, None
