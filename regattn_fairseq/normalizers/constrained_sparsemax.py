"""Constrained sparsemax: the projection onto the part of the simplex below some bounds."""

from __future__ import annotations

import torch
from torch import Tensor

from .bounds import apply_bounded
from .inputs import Number
from .projections import distances


def constrained_sparsemax(
    scores: Tensor,
    upper: Tensor,
    *,
    gamma: Number = 1.0,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""Sparsemax whose weights stay below bounds, one for each position.

    $$\Pi_\Omega(x, u) = \operatorname{argmax}_{y \in \Delta,\; y \le u} \; \langle y, x \rangle
    - \frac{\gamma}{2} \| y \|_2^2$$

    The solution is $y = \min(\max(x / \gamma - \tau, 0), u)$, with $\tau$ such that the weights sum
    to one. With $a$ the 0/1 vector of the positions strictly between 0 and $u$, and $c$ that of
    those at $u$, its Jacobians are

    $$J_x = \frac{1}{\gamma} \left( \mathrm{diag}(a) - \frac{a a^\top}{\| a \|_1} \right), \quad
    J_u = \mathrm{diag}(c) - \frac{a c^\top}{\| a \|_1}$$

    Where the bounds of a row sum to less than one, no such weights exist. The weights are then the
    bounds.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        upper: the bounds u, 0 or more, broadcastable to ``scores``; inf for none.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive, or a bound is negative or does not broadcast.

    Source: Malaviya, Ferreira and Martins 2018.
    """
    return apply_bounded(_solve, False, scores, upper, gamma=gamma, mask=mask, dim=dim)


def _solve(x: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # As tau falls, the sum of the weights grows from 0. Position i joins in at tau = z_i, with
    # slope 1, and leaves at z_i - u_i, when it has reached its bound.
    kept = x > -torch.inf
    z = distances(x, kept, 1.0)
    cap = upper.clamp(max=1.0)  # no weight is larger, and this one is finite
    ends, order = torch.cat((z, z - cap), -1).sort(dim=-1, descending=True)
    steps = torch.cat((kept.to(z.dtype), -kept.to(z.dtype)), -1).gather(-1, order)
    slope = steps.cumsum(-1)
    grown = (slope[..., :-1] * -ends.diff(dim=-1)).cumsum(-1)  # the sum at ends[1:]
    last = (grown < 1.0).sum(-1, keepdim=True).clamp(max=grown.shape[-1] - 1)
    # The threshold to within rounding; then exactly, from the two sets that it gives.
    excess = grown.gather(-1, last) - 1.0
    tau = ends.gather(-1, last + 1) + excess / slope.gather(-1, last).clamp(min=1.0)
    below = kept & (z > tau) & (z - tau < cap)
    at = kept & (z - tau >= cap)
    size = below.sum(-1, keepdim=True)
    total = (z * below).sum(-1, keepdim=True) + (cap * at).sum(-1, keepdim=True)
    tau = torch.where(size > 0, (total - 1.0) / size.clamp(min=1), tau)
    y = torch.minimum((z - tau).clamp(min=0.0), cap) * kept
    y = torch.where(cap.sum(-1, keepdim=True) <= 1.0, cap, y)
    return y, below | (at & (upper >= 1.0)), at & (upper < 1.0)
