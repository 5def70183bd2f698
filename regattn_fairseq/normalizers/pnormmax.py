"""Pnormmax: the squared p-norm as regularizer, between sparsemax (p = 2) and max (p to 1)."""

from __future__ import annotations

from torch import Tensor

from . import _engine
from ._options import Number, check_gamma, check_p


def pnormmax(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    p: float = 1.5,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""The argmax regularized by the squared p-norm, between softmax and sparsemax.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \frac{\gamma}{2} \| y \|_p^2,
    \qquad 1 < p \le 2$$

    With $z = \max(x - \tau, 0)$, $y$ is proportional to $z^{1/(p-1)}$, and $\tau$ is the only root
    of

    $$\sum_i z_i^{1/(p-1)} = \gamma \Big( \sum_i z_i^{p/(p-1)} \Big)^{(2-p)/p}$$

    Its Jacobian, with $H$ the Hessian of the regularizer on the support, is

    $$J = H^{-1} - \frac{H^{-1} 1 1^\top H^{-1}}{1^\top H^{-1} 1}$$

    $H$ is diagonal plus rank one, so a product with $J$ costs $O(d)$.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        p: the norm, in (1, 2].
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive, or p lies outside (1, 2].

    Source: Niculae and Blondel 2017, section 3.1; the scalar root is this package's.
    """
    return _engine.apply(
        "pnormmax", scores, gamma=check_gamma(gamma), p=check_p(p), mask=mask, dim=dim
    )
