"""Top-k softmax: softmax over the k largest scores, the usual way to make attention sparse."""

from __future__ import annotations

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import distances
from .rules import Kernel, Option, Rule, register
from .softmax import negative_entropy


def topk(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    k: int = 8,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""The entropy-regularized argmax among weights of which at most k are not zero.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta,\; \| y \|_0 \le k} \;
    \langle y, x \rangle - \gamma \sum_i y_i \log y_i$$

    That is softmax over the k largest scores; of equal scores the first ones count as larger. Its
    Jacobian, $\frac{1}{\gamma} \left( \mathrm{diag}(y) - y y^\top \right)$, holds k fixed: where
    two scores change places as the k-th and the next, the weights jump, while
    :func:`.smoothed_max` does not.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        k: how many positions may get weight, at least 1. By default as many as oscarmax gives
            weight in a sentence of 25 to 50 words, so that the two can be compared.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive, or k no whole number from 1 on.

    Source: Zhao et al. 2019, Explicit Sparse Transformer.
    """
    return apply(RULE, scores, gamma=gamma, constants=(k,), mask=mask, dim=dim)


def _forward(x: Tensor, kept: Tensor, gamma: float, k: float) -> tuple[Tensor, None]:
    order = x.masked_fill(~kept, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    chosen = torch.zeros_like(kept).scatter_(-1, order[:, : int(k)], True) & kept
    weights = distances(x, kept, gamma).exp() * chosen
    return weights / weights.sum(-1, keepdim=True).clamp(min=1.0), None


def _product(v: Tensor, y: Tensor, labels: None, k: float) -> Tensor:
    return y * (v - (y * v).sum(-1, keepdim=True))


def _penalty(y: Tensor, kept: Tensor, k: float) -> Tensor:
    return negative_entropy(y, kept)


RULE = register(
    Rule(
        name="topk",
        function=topk,
        described=(
            Option(
                "k",
                "k",
                "how many positions may get weight",
                low=1,
                low_included=True,
                integer=True,
            ),
        ),
        forward=_forward,
        product=_product,
        penalty=_penalty,
        cpu=(Kernel("topk_forward", 10), Kernel("topk_product", 1)),
    )
)
