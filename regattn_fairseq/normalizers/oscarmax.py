"""Oscarmax: sparse weights that are equal within clusters, wherever their members stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import (
    average_product,
    decreasing_regression,
    distances,
    group_sizes,
    half_square,
    project,
)
from .rules import LAM, Kernel, Rule, register


def oscarmax(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    lam: Number = 0.05,
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    r"""The argmax regularized by the squared norm and by the larger weight of every pair.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \gamma \Big( \frac{1}{2} \| y \|_2^2
    + \lambda \sum_{i<j} \max(y_i, y_j) \Big)$$

    Exact for every input: $x / \gamma$ sorted in descending order, less
    $\lambda\,(d-1, \dots, 1, 0)$, decreasing isotonic regression, sort undone, projection onto the
    simplex. Its Jacobian is $\frac{1}{\gamma} J_P J_{OSC}$, $J_{OSC}$ the average over each pooled
    group.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        lam: weight of the clustering penalty, >= 0; 0 gives sparsemax.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.
        return_groups: return the groups too.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.
        With ``return_groups`` a pair: the weights, and an int32 tensor of their shape in which
        equal numbers along ``dim`` mark positions that the algorithm pooled,
        0, 1, ... with falling weight; -1 where the weight is zero.

    Raises:
        ValueError: gamma is not finite and positive, or lam not finite and >= 0.

    Source: Niculae and Blondel 2017, section 3.3, with the prox restricted to the simplex, where
    absolute values play no part.
    """
    return apply(
        RULE, scores, gamma=gamma, by_row=lam, mask=mask, dim=dim, return_groups=return_groups
    )


def _forward(x: Tensor, kept: Tensor, gamma: float, lam: Tensor) -> tuple[Tensor, Tensor]:
    z = distances(x, kept, gamma)
    order = z.masked_fill(~kept, -torch.inf).argsort(dim=-1, descending=True)
    # Raised by lam (0, 1, ...) rather than lowered by lam (d - 1, ..., 0): the projection does not
    # see the difference.
    rank = torch.arange(z.shape[1], device=z.device, dtype=z.dtype)
    fit, labels = decreasing_regression(z.gather(1, order) + lam.unsqueeze(1) * rank, kept.sum(-1))
    prox = torch.zeros_like(fit).scatter_(1, order, fit)
    return project(prox, kept), torch.zeros_like(labels).scatter_(1, order, labels)


def slope(y: Tensor, labels: Tensor, n: Tensor) -> Tensor:
    """A cluster falls by the mean number of entries that rank below its members."""
    group, counts = group_sizes(y, labels)
    ahead = counts.cumsum(-1) - counts
    rise = ahead + 0.5 * (counts - 1.0) - (n.unsqueeze(-1) - 1.0)
    return rise.gather(-1, group) * labels.sign()


def _pairwise_maxima(y: Tensor, kept: Tensor) -> Tensor:
    """Sum over pairs of max(y_i, y_j); the k-th largest of n is the larger one in n - k pairs."""
    below = kept.sum(-1, keepdim=True) - 1 - torch.arange(y.shape[-1], device=y.device)
    return (y.sort(dim=-1, descending=True).values * below.clamp(min=0)).sum(-1)


RULE = register(
    Rule(
        name="oscarmax",
        function=oscarmax,
        described=(replace(LAM, description="how strongly positions anywhere are grouped"),),
        forward=_forward,
        product=average_product,
        grouped=True,
        slope=slope,
        penalty=half_square,
        structure=_pairwise_maxima,
        steep=True,
        cpu=(Kernel("oscarmax_forward", 10), Kernel("grouped_product", 1)),
        gpu=("oscarmax_forward", "grouped_product"),
    )
)
