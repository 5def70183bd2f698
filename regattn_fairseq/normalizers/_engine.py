"""From a caller's tensor to a kernel and back: layout, types, devices, derivatives.

A kernel sees contiguous ``(..., d)`` scores in float32 or float64, and numbers. Everything a
caller may bring besides (any dim, 16-bit types, broadcast masks, regularization as tensors) is
brought to that form here with differentiable operations, so that a map needs one derivative rule:
the product of a vector with its Jacobian J = d y / d x. Regularization follows from that product:

    d y / d gamma = -J x / gamma,  by the map of x / gamma with gamma = 1, and the chain rule;
    d y / d lam = gamma J c,       c the prox's derivative with respect to lam, constant on groups.

J depends on x through the support and the groups alone (and, for pnormmax, through y), so that
differentiating the product's definition in PyTorch operations gives the derivatives above the
first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..kernels.running import traced
from . import _cpu, _torch
from ._cpu import GROUPED
from ._options import Number, functorch_active

_KERNEL_DTYPES = (torch.float32, torch.float64)
# A tensor that has outlived a transform is still wrapped.
_unwrap_if_dead = torch._C._functorch.unwrap_if_dead
_forced: str | None = None


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Within the block, compute with "numba", "triton" or "torch", whatever would be chosen.

    Raises:
        ValueError: another name.
    """
    global _forced
    if name not in ("numba", "triton", "torch"):
        raise ValueError(f"unknown backend {name!r}; choose numba, triton or torch")
    before, _forced = _forced, name
    try:
        yield
    finally:
        _forced = before


def _backend(x: Tensor) -> ModuleType:
    if _forced is None and x.is_cpu and _cpu.available():
        return _cpu
    if _forced == "torch":
        return _torch
    if _forced == "numba":
        return _cpu
    if x.device.type == "cuda" or _forced == "triton":
        from . import _triton

        if _triton.available():
            return _triton
    return _torch


def _transposed_product(
    name: str, v: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """By a kernel, unless this product has to be differentiated or batched in its turn."""
    if torch.is_grad_enabled() or functorch_active():
        return _torch.product(name, v, y, labels, gamma, p)
    result: Tensor = _backend(y).product(name, v, y, labels, gamma, p)
    return result


def _lam_gradient(
    name: str, product: Tensor, y: Tensor, labels: Tensor, n: Tensor, gamma: float
) -> Tensor:
    slope = _torch.penalty_slope(name, y.detach(), labels, n).to(product.dtype)
    return gamma * (product * slope).sum(-1)


class _EagerMap(torch.autograd.Function):
    """The quick way, for plain eager calls with numbers as options.

    On short rows of small batches most of the time goes by outside of the kernels, hence as few
    calls and arguments as will do.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, call: tuple[Any, ...]) -> Tensor:
        backend, name, mask, gamma, lam, p = call
        y: Tensor
        y, labels = backend.forward(name, x, mask, gamma, lam, p)
        ctx.save_for_backward(y, labels)
        ctx.call = call
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        y, labels = ctx.saved_tensors
        backend, name, _, gamma, _, p = ctx.call
        if torch.is_grad_enabled() or functorch_active():
            return _torch.product(name, grad, y, labels, gamma, p), None
        return backend.product(name, grad, y, labels, gamma, p), None


# Without what torch does before that in Python, which takes as long as a kernel on a short row.
_apply_eagerly = super(torch.autograd.Function, _EagerMap).apply


class _Map(torch.autograd.Function):
    """The same with lam as a tensor of the rows' shape, forward mode and batching."""

    @staticmethod
    def forward(
        x: Tensor, lam: Tensor, n: Tensor, mask: Tensor | None, name: str, gamma: float, p: float
    ) -> tuple[Tensor, Tensor]:
        y, labels = _backend(x).forward(name, x.contiguous(), mask, gamma, lam, p)
        return y, x.new_zeros((), dtype=torch.int32) if labels is None else labels

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, _, n, _, name, gamma, p = inputs
        y, labels = output
        ctx.mark_non_differentiable(labels)
        ctx.save_for_backward(y, labels, n)
        ctx.save_for_forward(y, labels, n)
        ctx.options = (name, gamma, p)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> Any:
        y, labels, n = ctx.saved_tensors
        name, gamma, p = ctx.options
        grouped = name in GROUPED
        product = _transposed_product(name, grad, y, labels if grouped else None, gamma, p)
        to_lam = None
        if grouped and ctx.needs_input_grad[1]:
            to_lam = _lam_gradient(name, product, y, labels, n, gamma)
        return product, to_lam, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dlam: Tensor | None, *_: Any) -> tuple[Tensor, None]:
        y, labels, n = ctx.saved_tensors
        name, gamma, p = ctx.options
        grouped = name in GROUPED
        change = torch.zeros_like(y) if dx is None else dx
        if grouped and dlam is not None:
            slope = _torch.penalty_slope(name, y.detach(), labels, n).to(y.dtype)
            change = change + gamma * dlam.unsqueeze(-1) * slope
        change = _torch.product(
            name, change, y, labels if grouped else None, gamma, p, forward_mode=True
        )
        return change, None

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        x: Tensor,
        lam: Tensor,
        n: Tensor,
        mask: Tensor | None,
        name: str,
        gamma: float,
        p: float,
    ) -> Any:
        def lead(t: Tensor, dim: int | None) -> Tensor:
            return t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)

        x, lam, n = (lead(t, dim) for t, dim in zip((x, lam, n), in_dims[:3], strict=True))
        if mask is not None:
            mask = lead(mask, in_dims[3]).contiguous()
        out = _Map.apply(x.contiguous(), lam.contiguous(), n, mask, name, gamma, p)
        return out, (0, 0 if name in GROUPED else None)


@torch.library.custom_op(
    "regattn::map",
    mutates_args=(),
    schema="(Tensor x, Tensor lam, Tensor n, Tensor? mask, str name, float gamma, float p)"
    " -> (Tensor, Tensor)",
)
def _compiled_map(
    x: Tensor, lam: Tensor, n: Tensor, mask: Tensor | None, name: str, gamma: float, p: float
) -> tuple[Tensor, Tensor]:
    return _Map.forward(x, lam, n, mask, name, gamma, p)


@_compiled_map.register_fake
def _(
    x: Tensor, lam: Tensor, n: Tensor, mask: Tensor | None, name: str, gamma: float, p: float
) -> tuple[Tensor, Tensor]:
    labels = x.new_empty(x.shape if name in GROUPED else (), dtype=torch.int32)
    return torch.empty_like(x, memory_format=torch.contiguous_format), labels


@torch.library.custom_op(
    "regattn::map_product",
    mutates_args=(),
    schema="(Tensor v, Tensor y, Tensor labels, str name, float gamma, float p) -> Tensor",
)
def _compiled_product(
    v: Tensor, y: Tensor, labels: Tensor, name: str, gamma: float, p: float
) -> Tensor:
    kept = labels if name in GROUPED else None
    result: Tensor = _backend(y).product(name, v, y, kept, gamma, p)
    return result


@_compiled_product.register_fake
def _(v: Tensor, y: Tensor, labels: Tensor, name: str, gamma: float, p: float) -> Tensor:
    return torch.empty_like(y, memory_format=torch.contiguous_format)


def _compiled_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, _, n, _, name, gamma, p = inputs
    ctx.save_for_backward(*output, n)
    ctx.options = (name, gamma, p)


def _compiled_backward(ctx: Any, grad: Tensor, _: Any) -> Any:
    y, labels, n = ctx.saved_tensors
    name, gamma, p = ctx.options
    product = torch.ops.regattn.map_product(grad, y, labels, name, gamma, p)
    to_lam = None
    if name in GROUPED and ctx.needs_input_grad[1]:
        to_lam = _lam_gradient(name, product, y, labels, n, gamma)
    return product, to_lam, None, None, None, None, None


torch.library.register_autograd("regattn::map", _compiled_backward, setup_context=_compiled_context)


def widen(scores: Tensor) -> Tensor:
    """Scores in float32 or float64: 16-bit ones are computed with in float32.

    Raises:
        ValueError: they are not floating point.
    """
    if scores.dtype in _KERNEL_DTYPES:
        return scores
    if not scores.dtype.is_floating_point:
        raise ValueError(f"scores must be floating point, got {scores.dtype}; use scores.float()")
    return scores.float()


def over_rows(option: Tensor, scores: Tensor, dim: int, name: str) -> Tensor:
    """An option tensor that broadcasts against ``scores``, with size 1 along ``dim``, which goes.

    Returns:
        The shape of ``scores`` without ``dim``.

    Raises:
        ValueError: the option has more than one value along ``dim``, or does not broadcast.
    """
    shape = list(scores.shape)
    if not shape:
        return option.reshape(())
    shape[dim] = 1
    try:
        return option.expand(shape).squeeze(dim)
    except RuntimeError:
        raise ValueError(
            f"{name} of shape {tuple(option.shape)} does not broadcast to {tuple(shape)}, the "
            f"shape of scores with size 1 along dim={dim}; reshape it"
        ) from None


def check_mask(mask: Tensor, scores: Tensor) -> Tensor:
    """Return the mask in the shape of the scores.

    Raises:
        ValueError: it is not bool, or does not broadcast.
    """
    if mask.dtype is not torch.bool:
        raise ValueError(f"mask must be bool, True where masked, got {mask.dtype}; use .bool()")
    if mask.shape == scores.shape:
        return mask
    try:
        return mask.expand(scores.shape)
    except RuntimeError:
        raise ValueError(
            f"mask of shape {tuple(mask.shape)} does not broadcast to scores of shape "
            f"{tuple(scores.shape)}; reshape it"
        ) from None


def divide(scores: Tensor, gamma: Tensor, mask: Tensor | None, dim: int) -> Tensor:
    """Divide scores by a gamma tensor; -inf where hidden, but no infinity in a derivative."""
    hidden = scores == -torch.inf
    if mask is not None:
        hidden = hidden | mask
    rows = over_rows(gamma, scores, dim, "gamma").unsqueeze(dim).to(scores.dtype)
    return (scores.masked_fill(hidden, 0.0) / rows).masked_fill(hidden, -torch.inf)


def apply(
    name: str,
    scores: Tensor,
    *,
    gamma: Number,
    lam: Number = 0.0,
    p: float = 2.0,
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    """Run one map over ``dim`` of ``scores``; see the maps themselves for what the options mean.

    Raises:
        ValueError: scores that are not floating point; a mask, gamma or lam of a wrong shape.
    """
    x = widen(scores)
    rank = x.dim()
    if rank == 0:
        x = x.unsqueeze(0)
    last = dim == -1 or dim == x.dim() - 1
    if mask is not None:
        mask = check_mask(mask, x)
        mask = (mask if last else mask.movedim(dim, -1)).contiguous()
    numbers = isinstance(gamma, float) and isinstance(lam, float)
    if not numbers:
        if isinstance(gamma, Tensor):
            x = divide(x, gamma, None if mask is None else mask.movedim(-1, dim), dim)
            gamma = 1.0
        if isinstance(lam, Tensor):
            lam = over_rows(lam, x, dim, "lam")
    if not last:
        x = x.movedim(dim, -1)
    x = x.contiguous()
    labels: Tensor | None = None
    if x.numel() == 0:
        y, labels = x * 1.0, torch.zeros_like(x, dtype=torch.int32)
    elif traced(x) or x.is_meta:
        y, labels = torch.ops.regattn.map(*_full(name, x, lam, mask), name, gamma, p)
    elif numbers and not return_groups and not functorch_active() and forward_ad._current_level < 0:
        y = _apply_eagerly(_unwrap_if_dead(x), (_backend(x), name, mask, gamma, lam, p))
    else:
        y, labels = _Map.apply(*_full(name, x, lam, mask), name, gamma, p)
    result = y
    if not last:
        result = result.movedim(-1, dim)
    if rank == 0:
        result = result.squeeze(0)
    if x.dtype is not scores.dtype:
        result = result.to(scores.dtype)
    if not return_groups:
        return result
    assert labels is not None
    groups = _torch.renumber(labels, y > 0) - 1
    return result, (groups if last else groups.movedim(-1, dim)).reshape(scores.shape)


def _full(
    name: str, x: Tensor, lam: Number, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The tensor arguments of the general way: lam and the number of unmasked entries, by rows."""
    rows = x.shape[:-1]
    hidden = x.detach() == -torch.inf
    if mask is not None:
        hidden = hidden | mask
    n = x.shape[-1] - hidden.sum(-1)
    if isinstance(lam, Tensor):
        return x, lam.to(x.dtype).contiguous(), n, mask
    return x, x.new_full(rows, lam) if name in GROUPED else x.new_zeros(rows), n, mask
