"""Ev-softmax: softmax over the scores that are not below their mean."""

from __future__ import annotations

from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import distances
from .rules import Rule, register


def evsoftmax(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""Evidential softmax, which drops what is below average and keeps several modes.

    $$y_i = \frac{[x_i \ge \bar{x}] \; e^{x_i / \gamma}}
    {\sum_j [x_j \ge \bar{x}] \; e^{x_j / \gamma}},
    \qquad \bar{x} \text{ the mean of the unmasked scores}$$

    It is no regularized argmax: where a score passes the mean, weights jump. Its Jacobian,
    $\frac{1}{\gamma} \left( \mathrm{diag}(y) - y y^\top \right)$, holds fixed which scores are
    above. In training the authors put 1e-6 in place of [...] = 0, for likelihoods, which must not
    be zero; attention weights may, and are zero here in training, too.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: the temperature, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive.

    Source: Chen, Itkina, Senanayake and Kochenderfer 2021 (arXiv 2110.14182).
    """
    return apply(RULE, scores, gamma=gamma, mask=mask, dim=dim)


def _forward(x: Tensor, kept: Tensor, gamma: float) -> tuple[Tensor, None]:
    # The largest counts as 0, and so is never below the mean, however that is rounded.
    z = distances(x, kept, gamma)
    mean = z.sum(-1, keepdim=True) / kept.sum(-1, keepdim=True).clamp(min=1)
    weights = z.exp() * (kept & (z >= mean))
    return weights / weights.sum(-1, keepdim=True).clamp(min=1.0), None


def _product(v: Tensor, y: Tensor, labels: None) -> Tensor:
    return y * (v - (y * v).sum(-1, keepdim=True))


RULE = register(Rule(name="evsoftmax", function=evsoftmax, forward=_forward, product=_product))
