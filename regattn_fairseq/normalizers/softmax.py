"""Softmax: the dense map that the others are compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from ._engine import check_mask, divide, widen
from ._options import Number, at_hand, check_gamma


def softmax(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""The entropy-regularized argmax, which gives every position some weight.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \gamma \sum_i y_i \log y_i$$

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive.
    """
    gamma = check_gamma(gamma)
    z = widen(scores)
    if mask is not None:
        z = z.masked_fill(check_mask(mask, z), -torch.inf)
    if isinstance(gamma, Tensor):
        z = divide(z, gamma, None, dim)
    elif gamma != 1.0:
        z = z / gamma
    if z.numel() == 0:
        return z.to(scores.dtype)
    if at_hand(z):
        y = torch.softmax(z, dim)
        # NaN where all of a row is -inf, which the others' sum does not become.
        if not y.detach().sum().isnan():
            return y.to(scores.dtype)
    empty = z.detach().amax(dim, keepdim=True) == -torch.inf
    y = torch.softmax(z.masked_fill(empty, 0.0), dim).masked_fill(empty, 0.0)
    return y.to(scores.dtype)
