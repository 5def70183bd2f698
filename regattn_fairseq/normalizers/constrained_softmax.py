"""Constrained softmax: softmax whose weights have upper bounds."""

from __future__ import annotations

import torch
from torch import Tensor

from .bounds import apply_bounded
from .inputs import Number
from .projections import distances


def constrained_softmax(
    scores: Tensor,
    upper: Tensor,
    *,
    gamma: Number = 1.0,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""Softmax whose weights stay below bounds, one for each position.

    $$\Pi_\Omega(x, u) = \operatorname{argmax}_{y \in \Delta,\; y \le u} \; \langle y, x \rangle
    - \gamma \sum_i y_i \log y_i$$

    The solution is $y = \min(s e^{x / \gamma}, u)$, with $s$ such that the weights sum to one: what
    the positions at their bounds leave is shared by the others as softmax shares it. With $a$ the
    weights of those others, 0 elsewhere, and $c$ the 0/1 vector of the positions at their bounds,
    its Jacobians are

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

    Source: Martins and Kreutzer 2017.
    """
    return apply_bounded(_solve, True, scores, upper, gamma=gamma, mask=mask, dim=dim)


def _solve(x: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # As s grows, positions reach their bounds in the order of log u - z. Where the k-th one does,
    # the weights sum to the bounds before it and u_k / e^(z_k) times what the others' e^z sum to.
    kept = x > -torch.inf
    z = distances(x, kept, 1.0).masked_fill(~kept, -torch.inf)
    reached = (upper.log() - z).masked_fill(~kept, torch.inf)  # the log of s
    reached, order = reached.sort(dim=-1)
    bounds = upper.gather(-1, order)
    bounds = bounds.masked_fill(bounds == torch.inf, 0.0)  # these come last, and no sum has them
    before = bounds.cumsum(-1) - bounds
    left = z.gather(-1, order).flip(-1).logcumsumexp(-1).flip(-1)
    # Masked positions and those without a bound, in either order, come after all others.
    total = (before + (reached + left).exp()).masked_fill(reached == torch.inf, torch.inf)
    number = z.shape[-1]
    first = (total < 1.0).sum(-1, keepdim=True)  # how many are at their bounds
    k = first.clamp(max=number - 1)
    log_s = (1.0 - before.gather(-1, k)).clamp(min=0.0).log() - left.gather(-1, k)
    rank = torch.arange(number, device=z.device).expand(z.shape)
    at = torch.zeros_like(kept).scatter(-1, order, rank < first) & kept
    below = kept & ~at
    y = torch.where(at, upper, (z + log_s).exp()).masked_fill(~kept, 0.0)
    return y, below, at
