"""Alpha-entmax: the Tsallis entropies as regularizers, with softmax and sparsemax among them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import distances
from .rules import Kernel, Option, Rule, register

# Below this alpha - 1 is no different from 0: the weights are those of softmax, to rounding.
_LEAST = 1e-20
# Where alpha > 2, a small weight follows its score without limit: what the Jacobian is cut off at.
_STEEPEST = 1e30


def entmax(
    scores: Tensor,
    *,
    alpha: Number = 1.5,
    gamma: Number = 1.0,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""The argmax regularized by the Tsallis alpha-entropy.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \frac{\gamma}{\alpha (\alpha - 1)} \sum_i \big( y_i^\alpha - y_i \big),
    \qquad \alpha \ge 1$$

    $\alpha = 1$ is softmax, the limit, and $\alpha = 2$ sparsemax; the larger, the sparser. The
    weights are

    $$y_i = \max\big( 1 + (\alpha - 1) (x_i / \gamma - \theta), \; 0 \big)^{1 / (\alpha - 1)}$$

    with the only $\theta$ for which they sum to one. With $s_i = y_i^{2 - \alpha}$ on the support
    of $y$ and 0 elsewhere, the Jacobian, and the derivative by $\alpha$, are

    $$J = \frac{1}{\gamma} \left( \mathrm{diag}(s) - \frac{s s^\top}{\| s \|_1} \right),
    \qquad \frac{\partial y}{\partial \alpha}
    = -\gamma J \, \frac{\partial}{\partial \alpha} \frac{y^{\alpha - 1} - 1}{\alpha - 1}$$

    At $\alpha = 1$ that is the derivative from above, $-\gamma J (\log y)^2 / 2$.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        alpha: the entropy's exponent, a number or tensor that broadcasts, at least 1.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive, or alpha not finite and at least 1.

    Source: Peters, Niculae and Martins 2019 (arXiv 1905.05702); Correia, Niculae and Martins 2019
    (arXiv 1909.00015) for the derivative by alpha. The solvers are this package's.
    """
    return apply(ENTMAX, scores, gamma=gamma, by_row=alpha, mask=mask, dim=dim)


def entmax15(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""The argmax regularized by the Tsallis 1.5-entropy.

    $$\operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \frac{4 \gamma}{3} \sum_i \big( y_i^{1.5} - y_i \big)$$

    :func:`entmax` with alpha = 1.5, between softmax and sparsemax.

    Args, Returns: as in :func:`entmax`.

    Raises:
        ValueError: gamma is not finite and positive.

    Source: Peters, Niculae and Martins 2019 (arXiv 1905.05702).
    """
    return apply(ENTMAX, scores, gamma=gamma, by_row=1.5, mask=mask, dim=dim)


def _forward(x: Tensor, kept: Tensor, gamma: float, alpha: Tensor) -> tuple[Tensor, None]:
    y = torch.zeros_like(x)
    for rows, solve in ((alpha <= 2.0, _by_threshold), (alpha > 2.0, _by_smallest_weight)):
        if bool(rows.any()):
            beta = (alpha[rows] - 1.0).clamp(min=_LEAST).unsqueeze(1)
            y[rows] = solve(x[rows], kept[rows], gamma, beta)
    return y / y.sum(-1, keepdim=True).clamp(min=torch.finfo(y.dtype).tiny), None


def _by_threshold(x: Tensor, kept: Tensor, gamma: float, beta: Tensor) -> Tensor:
    """By bisection for (alpha - 1) theta, where theta counts from the largest score."""
    z = beta * distances(x, kept, gamma)
    n = kept.sum(-1, keepdim=True).clamp(min=1).to(z.dtype)
    low, high = torch.zeros_like(n), -torch.expm1(-beta * n.log())

    def weights(threshold: Tensor) -> Tensor:
        y = ((z - threshold).clamp(min=-1.0).log1p() / beta).exp()
        return torch.where(kept, y, torch.zeros_like(y))

    for _ in range(60 if z.dtype == torch.float64 else 30):
        middle = 0.5 * (low + high)
        enough = weights(middle).sum(-1, keepdim=True) >= 1.0
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    return weights(0.5 * (low + high))


def _by_smallest_weight(x: Tensor, kept: Tensor, gamma: float, beta: Tensor) -> Tensor:
    """By Newton's method for the smallest weight w of the support, for alpha > 2.

    There a small weight changes much with its distance from the threshold, too much for a
    threshold that is rounded. So the others' distances are counted from the smallest one's score:
    y_i = (delta_i + w^beta)^(1/beta). The sum of these norms of (delta_i^(1/beta), w) is convex in
    w, and Newton's method descends to its root from 1 over their number.
    """
    scores = x.masked_fill(~kept, -torch.inf)
    ordered = scores.sort(-1, descending=True).values

    def distances_from(size: Tensor) -> Tensor:
        last = ordered.gather(-1, size - 1)
        return ((scores - last) / gamma * beta).masked_fill(~kept, -1.0)

    # The support ends before the first score from which the others' distances suffice.
    size, high = torch.ones_like(beta, dtype=torch.long), kept.sum(-1, keepdim=True).clamp(min=1)
    for _ in range(x.shape[-1].bit_length()):
        middle = (size + high + 1) // 2
        total = distances_from(middle).clamp(min=0.0).pow(1.0 / beta).sum(-1, keepdim=True)
        short = total < 1.0
        size, high = torch.where(short, middle, size), torch.where(short, high, middle - 1)
    delta = distances_from(size)
    inside, equal = delta >= 0.0, delta == 0.0
    w = 1.0 / inside.sum(-1, keepdim=True).clamp(min=1).to(x.dtype)
    for _ in range(40):
        base = torch.where(inside & ~equal, delta + w.pow(beta), torch.ones_like(delta))
        y = torch.where(equal, w, base.pow(1.0 / beta) * inside)
        slope = torch.where(equal, 1.0, w.pow(beta - 1.0) * y / base)
        w = w - (y.sum(-1, keepdim=True) - 1.0) / slope.sum(-1, keepdim=True).clamp(min=1.0)
    return torch.where(kept, y, torch.zeros_like(y))


def _product(v: Tensor, y: Tensor, labels: None, alpha: Number) -> Tensor:
    support = y > 0
    s = torch.where(support, y, torch.ones_like(y)).pow(2.0 - _over_positions(alpha))
    s = s.clamp(max=_STEEPEST) * support
    # Relative to the steepest one: where alpha > 2, its own slope would drown the others'.
    v = v - v.gather(-1, s.argmax(-1, keepdim=True))
    total = s.sum(-1, keepdim=True)
    mean = (s * v).sum(-1, keepdim=True) / torch.where(total > 0, total, torch.ones_like(total))
    return s * (v - mean)


def _slope(y: Tensor, labels: Tensor, n: Tensor, alpha: Number) -> Tensor:
    """Minus the derivative by alpha of (y^(alpha-1) - 1) / (alpha - 1), with L the logarithm of y.

    As L psi((alpha - 1) L), psi(u) = (e^u - 1) / u, it needs no limit at alpha = 1.
    """
    log = _logarithm(y)
    return -log.square() * _psi((_over_positions(alpha) - 1.0) * log, derivative=True)


def _penalty(y: Tensor, kept: Tensor, alpha: Number) -> Tensor:
    alpha, log = _over_positions(alpha), _logarithm(y)
    return (y * log * _psi((alpha - 1.0) * log) / alpha).sum(-1)


def _change_of_penalty(y: Tensor, kept: Tensor, alpha: Number) -> Tensor:
    alpha, log = _over_positions(alpha), _logarithm(y)
    u = (alpha - 1.0) * log
    change = log * _psi(u, derivative=True) / alpha - _psi(u) / alpha**2
    return (y * log * change).sum(-1)


def _over_positions(alpha: Number) -> Number:
    return alpha.unsqueeze(-1) if isinstance(alpha, Tensor) else alpha


def _logarithm(y: Tensor) -> Tensor:
    """The logarithm on the support, 0 elsewhere."""
    return torch.where(y > 0, y, torch.ones_like(y)).log()


def _psi(u: Tensor, *, derivative: bool = False) -> Tensor:
    """(e^u - 1) / u or its derivative, for u not far above 0: the integral over t of t^k e^(tu)."""
    k = int(derivative)
    small = u > -1.0
    near = torch.where(small, u, torch.zeros_like(u))
    series = torch.zeros_like(u)
    for n in range(20, -1, -1):
        series = series * near + 1.0 / (math.factorial(n) * (n + k + 1))
    far = torch.where(small, -torch.ones_like(u), u)
    whole = (far.exp() * (far - 1.0) + 1.0) / far.square() if derivative else far.expm1() / far
    return torch.where(small, series, whole)


ENTMAX15 = register(
    Rule(
        name="entmax15",
        function=entmax15,
        penalty=lambda y, kept: _penalty(y, kept, 1.5),
    )
)
ENTMAX = register(
    Rule(
        name="entmax",
        function=entmax,
        described=(
            Option(
                "alpha",
                "α",
                "exponent; 1 is softmax, 2 is sparsemax",
                low=1.0,
                low_included=True,
                learnable=True,
            ),
        ),
        forward=_forward,
        product=_product,
        slope=_slope,
        penalty=_penalty,
        structure=_change_of_penalty,
        cpu=(Kernel("entmax_forward", 12), Kernel("entmax_product", 4)),
        gpu=("entmax_forward", "entmax_product"),
    )
)
