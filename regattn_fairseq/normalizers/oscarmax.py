"""Oscarmax: sparse weights that are equal within clusters, wherever their members stand."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import _engine
from ._options import Number, check_gamma, check_lam


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
    return _engine.apply(
        "oscarmax",
        scores,
        gamma=check_gamma(gamma),
        lam=check_lam(lam),
        mask=mask,
        dim=dim,
        return_groups=return_groups,
    )


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

    This equals :func:`oscarmax` where no score is negative; elsewhere it is not the regularized
    argmax, and adding a constant to the scores changes it. Kept to reproduce the paper's numbers.

    Args, Returns, Raises: as in :func:`oscarmax`.

    Source: Niculae and Blondel 2017, section 3.3.
    """
    return _engine.apply(
        "oscarmax_published",
        scores,
        gamma=check_gamma(gamma),
        lam=check_lam(lam),
        mask=mask,
        dim=dim,
        return_groups=return_groups,
    )
