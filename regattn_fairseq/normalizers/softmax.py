"""Softmax: the dense map that the others are compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from .constrained_softmax import constrained_softmax
from .inputs import Number, at_hand, covered, divided
from .rules import Rule, register


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
    gamma = RULE.options["gamma"].check(gamma)
    z = divided(covered(scores, mask), gamma, dim)
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


def negative_entropy(y: Tensor, kept: Tensor) -> Tensor:
    """Sum of y log y, with a finite derivative at 0."""
    return torch.xlogy(y, y.clamp(min=torch.finfo(y.dtype).tiny)).sum(-1)


RULE = register(
    Rule(name="softmax", function=softmax, penalty=negative_entropy, bounded=constrained_softmax)
)
