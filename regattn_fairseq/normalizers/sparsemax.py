"""Sparsemax: the Euclidean projection onto the simplex."""

from __future__ import annotations

from torch import Tensor

from . import _engine
from ._options import Number, check_gamma


def sparsemax(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""Argmax over y in the simplex of <y, scores> - gamma / 2 * ||y||^2.

    Equally, the point of the simplex nearest to scores / gamma. Its Jacobian is
    (diag(s) - s s' / |s|) / gamma, with s the 0/1 vector of the support of y.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive.

    Source: Martins and Astudillo 2016.
    """
    return _engine.apply("sparsemax", scores, gamma=check_gamma(gamma), mask=mask, dim=dim)
