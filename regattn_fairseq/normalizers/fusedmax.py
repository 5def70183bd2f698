"""Fusedmax: sparse weights that are constant over contiguous runs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import _engine
from ._options import Number, check_gamma, check_lam


def fusedmax(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    lam: Number = 0.1,
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    r"""The argmax regularized by the squared norm and by the differences between neighbours.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \gamma \Big( \frac{1}{2} \| y \|_2^2
    + \lambda \sum_i \lvert y_{i+1} - y_i \rvert \Big)$$

    Computed as the projection onto the simplex of the total-variation prox of $x / \gamma$. Its
    Jacobian is $\frac{1}{\gamma} J_P J_{TV}$: $J_P$ as in sparsemax, $J_{TV}$ the average over each
    run that the prox has fused.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        lam: weight of the fusion penalty, >= 0; 0 gives sparsemax.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight. The
            unmasked positions count as one contiguous sequence.
        dim: the dimension that sums to one.
        return_groups: return the groups too.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.
        With ``return_groups`` a pair: the weights, and an int32 tensor of their shape in which
        equal numbers along ``dim`` mark positions that the algorithm pooled,
        0, 1, ... from left to right; -1 where the weight is zero.

    Raises:
        ValueError: gamma is not finite and positive, or lam not finite and >= 0.

    Source: Niculae and Blondel 2017, section 3.2.
    """
    return _engine.apply(
        "fusedmax",
        scores,
        gamma=check_gamma(gamma),
        lam=check_lam(lam),
        mask=mask,
        dim=dim,
        return_groups=return_groups,
    )
