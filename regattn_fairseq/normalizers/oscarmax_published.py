"""The paper's composition for oscarmax, which is exact only where no score is negative."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .oscarmax import RULE as OSCARMAX
from .oscarmax import slope
from .projections import average, average_product, decreasing_regression, project, project_product
from .rules import Kernel, Rule, register


def oscarmax_published(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    lam: Number = 0.05,
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    r"""The paper's composition: projection onto the simplex of the OSCAR prox of scores / gamma.

    $$\operatorname{argmin}_b \; \frac{1}{2} \| b - x / \gamma \|_2^2
    + \lambda \sum_{i<j} \max(\lvert b_i \rvert, \lvert b_j \rvert)$$

    This equals :func:`.oscarmax` where no score is negative; elsewhere it is not the regularized
    argmax, and adding a constant to the scores changes it. Kept to reproduce the paper's numbers.

    Args, Returns, Raises: as in :func:`.oscarmax`.

    Source: Niculae and Blondel 2017, section 3.3.
    """
    return apply(
        RULE, scores, gamma=gamma, by_row=lam, mask=mask, dim=dim, return_groups=return_groups
    )


def _forward(x: Tensor, kept: Tensor, gamma: float, lam: Tensor) -> tuple[Tensor, Tensor]:
    z = (x / gamma).masked_fill(~kept, 0.0)
    n = kept.sum(-1)
    order = z.abs().masked_fill(~kept, -torch.inf).argsort(dim=-1, descending=True)
    below = n.unsqueeze(1) - 1.0 - torch.arange(z.shape[1], device=z.device, dtype=z.dtype)
    fit, labels = decreasing_regression(z.abs().gather(1, order) - lam.unsqueeze(1) * below, n)
    sign = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
    size = torch.zeros_like(fit).scatter_(1, order, fit.clamp(min=0.0))
    labels = torch.zeros_like(labels).scatter_(1, order, torch.where(fit > 0, labels, 0))
    return project(sign * size, kept), labels * sign.to(labels.dtype)


def _tangent(v: Tensor, y: Tensor, labels: Tensor) -> Tensor:
    return project_product(average(v, labels), y)


RULE = register(
    Rule(
        name="oscarmax_published",
        function=oscarmax_published,
        described=(OSCARMAX.options["lam"],),
        forward=_forward,
        product=average_product,
        # The projection may cut a group, whose members differ in sign: the order matters.
        tangent=_tangent,
        grouped=True,
        slope=slope,
        steep=True,
        cpu=(Kernel("oscarmax_published_forward", 30), Kernel("signed_product", 5)),
    )
)
