"""Alpha-entmax, from the package of that name: the later literature's sparse attention."""

from __future__ import annotations

import math
from types import ModuleType

import torch
from torch import Tensor

from ._engine import check_mask, divide, widen
from ._options import Number, check_alpha, check_gamma


def _package() -> ModuleType:
    try:
        import entmax as package
    except ImportError:
        raise ImportError(
            "entmax and entmax15 need the entmax package; pip install entmax"
        ) from None
    return package


def _prepare(
    scores: Tensor, gamma: Number, mask: Tensor | None, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Scaled finite scores, a hidden one far below the support; what is hidden; what is NaN."""
    z = widen(scores)
    hidden = z.detach() == -torch.inf
    if mask is not None:
        hidden = hidden | check_mask(mask, z)
    z = z.masked_fill(hidden, -torch.inf)
    # The package indexes by sums that NaN would spoil; the caller puts NaN back.
    bad = (z.isnan() | (z == torch.inf)).any(dim, keepdim=True)
    z = torch.where(bad, torch.zeros_like(z), z)
    z = divide(z, gamma, None, dim) if isinstance(gamma, Tensor) else z / gamma
    top = z.detach().amax(dim, keepdim=True)
    z = z - top.masked_fill(top == -torch.inf, 0.0)
    return z.masked_fill(hidden, -1e4), hidden, bad & ~hidden


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
    gamma = check_gamma(gamma)
    if scores.dim() == 0:
        return entmax15(scores.unsqueeze(0), gamma=gamma, mask=mask).squeeze(0)
    if scores.numel() == 0:
        return scores * 1.0
    z, hidden, bad = _prepare(scores, gamma, mask, dim)
    y = _package().entmax15(z, dim)
    return y.masked_fill(hidden, 0.0).masked_fill(bad, torch.nan).to(scores.dtype)


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
    gamma, alpha = check_gamma(gamma), check_alpha(alpha)
    if scores.dim() == 0:
        return entmax(scores.unsqueeze(0), alpha=alpha, gamma=gamma, mask=mask).squeeze(0)
    if scores.numel() == 0:
        return scores * 1.0
    z, hidden, bad = _prepare(scores, gamma, mask, dim)
    steps = math.ceil(-math.log2(torch.finfo(z.dtype).eps)) + 5
    y = _package().entmax_bisect(z, alpha, dim, steps)
    return y.masked_fill(hidden, 0.0).masked_fill(bad, torch.nan).to(scores.dtype)
