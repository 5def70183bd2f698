"""The value of the problem whose solution is the attention map."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from ._engine import check_mask, over_rows, widen
from ._options import Number, check_gamma, check_lam, check_p
from .fusedmax import fusedmax
from .implicit import AttentionMap
from .oscarmax import oscarmax
from .pnormmax import pnormmax
from .sparsemax import sparsemax

_LAM: dict[Any, float] = {
    f.__name__: inspect.signature(f).parameters["lam"].default for f in (fusedmax, oscarmax)
}


class _Envelope(torch.autograd.Function):
    """<y, x> - gamma (base + lam penalty), differentiated as if y were constant.

    That is the envelope theorem: y maximizes the expression, so its own change adds nothing. The
    rule returns y itself, still attached to its graph, so the second derivative is the Jacobian.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, gamma: Tensor, lam: Tensor, base: Tensor, penalty: Tensor
    ) -> Tensor:
        return (x * y).sum(-1) - gamma * (base + lam * penalty)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, y, gamma, lam, base, penalty = inputs
        ctx.save_for_backward(y, gamma, lam, base, penalty)
        ctx.save_for_forward(y, gamma, lam, base, penalty)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        y, gamma, lam, base, penalty = ctx.saved_tensors
        to_gamma = -grad * (base + lam * penalty)
        to_lam = -grad * gamma * penalty
        return grad.unsqueeze(-1) * y, None, to_gamma, to_lam, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Any, dy: Any, dgamma: Any, dlam: Any, *_: Any) -> Tensor:
        y, gamma, lam, base, penalty = ctx.saved_tensors
        change = torch.zeros_like(base)
        if dx is not None:
            change = change + (dx * y).sum(-1)
        if dgamma is not None:
            change = change - dgamma * (base + lam * penalty)
        if dlam is not None:
            change = change - gamma * dlam * penalty
        return change


def _total_variation(y: Tensor, hidden: Tensor) -> Tensor:
    """Sum of |differences| between neighbours that are not hidden; y is (..., d)."""
    order = hidden.to(torch.uint8).sort(dim=-1, stable=True).indices
    pair = ~(hidden.gather(-1, order)[..., 1:])
    return (y.gather(-1, order).diff(dim=-1).abs() * pair).sum(-1)


def _pairwise_maxima(y: Tensor, hidden: Tensor) -> Tensor:
    """Sum over pairs of max(y_i, y_j); the k-th largest of n is the larger one in n-1-k pairs."""
    n = (~hidden).sum(-1, keepdim=True)
    below = n - 1 - torch.arange(y.shape[-1], device=y.device)
    return (y.sort(dim=-1, descending=True).values * below.clamp(min=0)).sum(-1)


def smoothed_max(
    scores: Tensor,
    *,
    normalizer: str | AttentionMap = "sparsemax",
    gamma: Number = 1.0,
    lam: Number | None = None,
    p: float = 1.5,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    r"""The regularized max, whose gradient is the normalizer's map.

    $$\max\nolimits_\Omega(x) = \max_{y \in \Delta} \; \langle y, x \rangle - \gamma\,\Omega(y)$$

    A convex, differentiable stand-in for ``scores.max(dim)``. Its gradient with respect to the
    scores is the normalizer's map, and its second derivative the map's Jacobian.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        normalizer: softmax, sparsemax, fusedmax, oscarmax or pnormmax: the map whose Omega to use;
            or a map that ``from_regularizer`` made.
        gamma: strength of the regularization, a positive number or tensor.
        lam: weight of the penalty of fusedmax and oscarmax, >= 0, by default that of the map;
            without effect on the others.
        p: the norm of pnormmax, in (1, 2]; without effect on the others.
        mask: bool, broadcastable to ``scores``; True where a position does not compete.
        dim: the dimension to reduce.

    Returns:
        The type of ``scores``, the shape without ``dim``; -inf, with zero gradient, for rows with
        no position left.

    Raises:
        ValueError: a bad option, or a normalizer that is no regularized argmax.

    Source: Niculae and Blondel 2017, section 2.
    """
    if lam is None:
        lam = _LAM.get(normalizer, 0.0)
    gamma, lam, p = check_gamma(gamma), check_lam(lam), check_p(p)
    x = widen(scores)
    gamma_rows, lam_rows = _rows(gamma, x, dim, "gamma"), _rows(lam, x, dim, "lam")
    hidden = (x.detach() == -torch.inf).movedim(dim, -1)
    if mask is not None:
        hidden = hidden | check_mask(mask, x).movedim(dim, -1)
    x = x.movedim(dim, -1)
    x = x.masked_fill(hidden, 0.0)
    empty = hidden.all(-1)
    if normalizer == "softmax":
        lifted = (x / gamma_rows.unsqueeze(-1)).masked_fill(
            hidden & ~empty.unsqueeze(-1), -torch.inf
        )
        value = gamma_rows * lifted.logsumexp(-1)
        return value.masked_fill(empty, -torch.inf).to(scores.dtype)
    options: dict[str, Any] = {"gamma": _kept(gamma, gamma_rows), "mask": hidden, "dim": -1}
    zero = x.new_zeros(())
    penalty: Tensor = zero.expand(x.shape[:-1])
    if normalizer == "sparsemax":
        y = sparsemax(x, **options)
    elif normalizer == "fusedmax":
        y = fusedmax(x, lam=_kept(lam, lam_rows), **options)
        penalty = _total_variation(y, hidden)
    elif normalizer == "oscarmax":
        y = oscarmax(x, lam=_kept(lam, lam_rows), **options)
        penalty = _pairwise_maxima(y, hidden)
    elif normalizer == "pnormmax":
        y = pnormmax(x, p=p, **options)
    elif not isinstance(normalizer, str) and hasattr(normalizer, "regularizer"):
        y = normalizer(x, **options)
    else:
        raise ValueError(
            f"smoothed_max has no regularizer for {normalizer!r}; choose one of: "
            "softmax, sparsemax, fusedmax, oscarmax, pnormmax"
        )
    if hasattr(normalizer, "regularizer"):
        base = normalizer.regularizer(y.reshape(-1, y.shape[-1])).reshape(y.shape[:-1])
    elif normalizer == "pnormmax":
        base = 0.5 * y.clamp(min=torch.finfo(y.dtype).tiny).pow(p).sum(-1).pow(2.0 / p)
    else:
        base = 0.5 * y.square().sum(-1)
    value = _Envelope.apply(x, y, gamma_rows, lam_rows, base, penalty)
    return value.masked_fill(empty, -torch.inf).to(scores.dtype)


def _rows(option: Number, x: Tensor, dim: int, name: str) -> Tensor:
    """The option as a tensor of the shape of x without ``dim``."""
    if isinstance(option, Tensor):
        return over_rows(option, x, dim, name).to(x.dtype)
    return x.new_full(x.select(dim, 0).shape, option)


def _kept(option: Number, rows: Tensor) -> Number:
    """A number as it is; a tensor as one that broadcasts over the last dimension."""
    return rows.unsqueeze(-1) if isinstance(option, Tensor) else option
