"""Alpha-entmax, from the package of that name: the later literature's sparse attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from .inputs import Number, covered, divided, hidden_positions
from .rules import Option, Rule, register


def entmax15(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""The argmax regularized by the Tsallis 1.5-entropy, solved exactly.

    $$\operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle + \gamma H(y),
    \qquad H(y) = \frac{4}{3} \sum_i \big( y_i - y_i^{1.5} \big)$$

    As :func:`entmax` with alpha = 1.5.

    Args, Returns: as in :func:`entmax`.

    Raises:
        ValueError: gamma is not finite and positive.
        ImportError: the entmax package is not installed.

    Source: Peters, Niculae and Martins 2019.
    """
    gamma = ENTMAX15.options["gamma"].check(gamma)
    return _solved(_package().entmax15, scores, gamma, mask, dim)


def entmax(
    scores: Tensor,
    *,
    alpha: float = 1.5,
    gamma: Number = 1.0,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""The argmax regularized by the Tsallis alpha-entropy, solved by bisection.

    $$\operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle + \gamma H(y),
    \qquad H(y) = \frac{1}{\alpha (\alpha - 1)} \sum_i \big( y_i - y_i^\alpha \big)$$

    $\alpha = 2$ is sparsemax, and $\alpha$ near 1 nears softmax.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        alpha: the entropy's exponent, above 1.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive, or alpha not finite and above 1.
        ImportError: the entmax package is not installed.

    Source: Peters, Niculae and Martins 2019; Blondel, Martins and Niculae 2019.
    """
    alpha = ENTMAX.options["alpha"].check(alpha)
    gamma = ENTMAX.options["gamma"].check(gamma)

    def bisect(z: Tensor, dim: int) -> Tensor:
        steps = math.ceil(-math.log2(torch.finfo(z.dtype).eps)) + 5
        y: Tensor = _package().entmax_bisect(z, alpha, dim, steps)
        return y

    return _solved(bisect, scores, gamma, mask, dim)


def _package() -> ModuleType:
    try:
        import entmax as package
    except ImportError:
        raise ImportError(
            "entmax and entmax15 need the entmax package; pip install entmax"
        ) from None
    return package


def _solved(
    solve: Callable[[Tensor, int], Tensor],
    scores: Tensor,
    gamma: Number,
    mask: Tensor | None,
    dim: int,
) -> Tensor:
    """What the package makes of finite scores, and what it cannot deal with: -inf, NaN, no rows."""
    if scores.dim() == 0:
        return _solved(solve, scores.unsqueeze(0), gamma, mask, 0).squeeze(0)
    if scores.numel() == 0:
        return scores * 1.0
    x = covered(scores, mask)
    hidden = hidden_positions(x)
    # The package indexes by sums that NaN would spoil.
    bad = (x.isnan() | (x == torch.inf)).any(dim, keepdim=True)
    z = divided(torch.where(bad, torch.zeros_like(x), x), gamma, dim)
    top = z.detach().amax(dim, keepdim=True)
    z = z - top.masked_fill(top == -torch.inf, 0.0)
    # Hidden scores lie far below the support, at a finite distance.
    y = solve(z.masked_fill(hidden, -1e4), dim)
    return y.masked_fill(hidden, 0.0).masked_fill(bad & ~hidden, torch.nan).to(scores.dtype)


ENTMAX15 = register(Rule(name="entmax15", function=entmax15))
ENTMAX = register(
    Rule(
        name="entmax",
        function=entmax,
        described=(
            Option("alpha", "α", "exponent; 2 is sparsemax, near 1 is near softmax", low=1.0),
        ),
    )
)
