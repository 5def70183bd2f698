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
    r"""Argmax over the simplex of <y, scores> - gamma (||y||^2 / 2 + lam sum max(y_i, y_j)).

    The sum is over pairs i < j. Exact for every input: scores / gamma sorted in descending order,
    less lam (d-1, ..., 1, 0), decreasing isotonic regression, sort undone, projection onto the
    simplex. Its Jacobian is J_P J_OSC / gamma, J_OSC the average over each pooled group.

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

    The prox is argmin over b of ||b - scores / gamma||^2 / 2 + lam sum_{i<j} max(|b_i|, |b_j|).
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
