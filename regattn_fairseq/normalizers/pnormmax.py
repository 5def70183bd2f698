"""Pnormmax: the squared p-norm as regularizer, between sparsemax (p = 2) and max (p to 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import distances
from .rules import Kernel, Option, Rule, register


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
    return apply(RULE, scores, gamma=gamma, constants=(p,), mask=mask, dim=dim)


def _forward(x: Tensor, kept: Tensor, gamma: float, p: float) -> tuple[Tensor, None]:
    """By bisection for tau."""
    z = distances(x, kept, gamma).masked_fill(~kept, -2.0)
    q, e = 1.0 / (p - 1.0), (2.0 - p) / p
    n = kept.sum(-1, keepdim=True).clamp(min=1).to(z.dtype)
    low = -torch.ones_like(n)
    high = -(n ** (-2.0 * (p - 1.0) / p))
    for _ in range(60 if z.dtype == torch.float64 else 30):
        tau = 0.5 * (low + high)
        t = (z - tau).clamp(min=0.0)
        enough = t.pow(q).sum(-1, keepdim=True) >= t.pow(q + 1.0).sum(-1, keepdim=True).pow(e)
        low, high = torch.where(enough, tau, low), torch.where(enough, high, tau)
    w = (z - 0.5 * (low + high)).clamp(min=0.0).pow(q).masked_fill(~kept, 0.0)
    return w / w.sum(-1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny), None


def _product(v: Tensor, y: Tensor, labels: None, p: float) -> Tensor:
    """By Sherman and Morrison's formula for the inverse of H.

    With a diagonal A: H^-1 = (A - (2 - p) y y' / ||y||_p^2) / (p - 1), A = y^(2-p) ||y||_p^(p-2).
    """
    s = y > 0
    y = torch.where(s, y, torch.zeros_like(y))
    safe = torch.where(s, y, torch.ones_like(y))
    zero = torch.zeros_like(y)
    power = torch.where(s, safe.pow(p), zero).sum(-1, keepdim=True)
    power = torch.where(power > 0, power, torch.ones_like(power))
    a = torch.where(s, safe.pow(2.0 - p), zero) * power.pow((p - 2.0) / p)
    lean = (2.0 - p) * y * power.pow(-2.0 / p)
    h = a - lean
    total = h.sum(-1, keepdim=True)
    ratio = (h * v).sum(-1, keepdim=True) / torch.where(total > 0, total, torch.ones_like(total))
    dot = (y * v).sum(-1, keepdim=True)
    return (a * (v - ratio) - lean * (dot - ratio)) / (p - 1.0)


def _penalty(y: Tensor, kept: Tensor, p: float) -> Tensor:
    return 0.5 * y.clamp(min=torch.finfo(y.dtype).tiny).pow(p).sum(-1).pow(2.0 / p)


RULE = register(
    Rule(
        name="pnormmax",
        function=pnormmax,
        described=(
            Option("p", "p", "norm; 2 is sparsemax", low=1.0, high=2.0, high_included=True),
        ),
        forward=_forward,
        product=_product,
        penalty=_penalty,
        steep=True,
        cpu=(Kernel("pnormmax_forward", 6), Kernel("pnormmax_product", 2)),
        gpu=("pnormmax_forward", None),
    )
)
