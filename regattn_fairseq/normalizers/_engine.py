"""From a caller's tensor to a kernel and back: layout, types, devices, derivatives.

A kernel sees contiguous ``(rows, d)`` scores in float32 or float64. Everything a caller may
bring besides (any rank, any dim, 16-bit types, broadcast masks, regularization as tensors) is
brought to that form here with differentiable operations, so that only one derivative rule a map
has to be written: the product of a vector with its symmetric Jacobian J = d y / d x.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import _torch

_forced: str | None = None


@functools.cache
def _kernels() -> Any:
    """The compiled CPU kernels, or None where numba is not installed."""
    try:
        from . import _numba
    except ImportError:
        return None
    return _numba


@contextmanager
def backend(name: str | None) -> Iterator[None]:
    """Within the block, compute with ``name`` ("numba" or "torch") wherever that is possible."""
    global _forced
    if name not in (None, "numba", "torch"):
        raise ValueError(f"unknown backend {name!r}; choose numba or torch")
    before, _forced = _forced, name
    try:
        yield
    finally:
        _forced = before


def _compiled(x: Tensor) -> Any:
    return _kernels() if x.device.type == "cpu" and _forced != "torch" else None


_NO_MASK = np.zeros((0, 0), dtype=np.bool_)


def _run_forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | None, p: float
) -> tuple[Tensor, Tensor | None]:
    kernels = _compiled(x)
    if kernels is not None:
        y = torch.empty_like(x)
        m = _NO_MASK if mask is None else mask.numpy()
        if name == "sparsemax":
            kernels.sparsemax_forward(x.numpy(), m, gamma, y.numpy())
            return y, None
        if name == "pnormmax":
            kernels.pnormmax_forward(x.numpy(), m, gamma, p, y.numpy())
            return y, None
        assert lam is not None
        labels = torch.empty(x.shape, dtype=torch.int32)
        kernel = getattr(kernels, f"{name}_forward")
        kernel(x.numpy(), m, gamma, lam.double().numpy(), y.numpy(), labels.numpy())
        return y, labels
    bad = (x.isnan() | (x == torch.inf)) if mask is None else (x.isnan() | (x == torch.inf)) & ~mask
    bad = bad.any(-1, keepdim=True)
    if name == "sparsemax":
        y, labels_ = _torch.sparsemax_forward(x, mask, gamma), None
    elif name == "pnormmax":
        y, labels_ = _torch.pnormmax_forward(x, mask, gamma, p), None
    else:
        assert lam is not None
        lams = lam.to(x.dtype).expand(x.shape[0])
        y, labels_ = getattr(_torch, f"{name}_forward")(x, mask, gamma, lams)
    keep = (x == -torch.inf) if mask is None else mask | (x == -torch.inf)
    return torch.where(bad & ~keep, torch.full_like(y, torch.nan), y), labels_


def _product(
    name: str, g: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """J g, as a composition of differentiable operations."""
    if name == "pnormmax":
        product = _torch.pnormmax_product(g, y, p)
    elif labels is None:
        product = _torch.sparsemax_product(g, y)
    else:
        product = _torch.grouped_product(g, y, labels)
    # y * 0 carries the NaN of a row that holds one.
    return product / gamma + (y * 0.0).detach()


def _run_backward(
    name: str, g: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    kernels = _compiled(y)
    if kernels is None:
        return _product(name, g, y, labels, gamma, p)
    out = torch.empty_like(y)
    args = (g.contiguous().numpy(), y.numpy())
    if name == "pnormmax":
        kernels.pnormmax_backward(*args, gamma, p, out.numpy())
    elif labels is None:
        kernels.sparsemax_backward(*args, gamma, out.numpy())
    else:
        kernels.grouped_backward(*args, labels.numpy(), gamma, out.numpy())
    return out


class _Map(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        lam: Tensor | None,
        mask: Tensor | None,
        name: str,
        gamma: float,
        p: float,
    ) -> Tensor:
        y, labels = _run_forward(name, x, mask, gamma, lam, p)
        ctx.save_for_backward(y, labels)
        ctx.options = (name, gamma, p)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        y, labels = ctx.saved_tensors
        name, gamma, p = ctx.options
        product = _product if torch.is_grad_enabled() else _run_backward
        return product(name, g, y, labels, gamma, p), None, None, None, None, None


def apply(
    name: str,
    scores: Tensor,
    *,
    gamma: float | Tensor,
    lam: float | Tensor = 0.0,
    p: float = 2.0,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    """Run one map over ``dim`` of ``scores``; see the maps themselves for what the options mean."""
    if not scores.is_floating_point():
        raise ValueError(f"scores must be floating point, got {scores.dtype}; use scores.float()")
    dtype = scores.dtype
    x = scores if dtype in (torch.float32, torch.float64) else scores.float()
    if mask is not None:
        mask = mask.expand(x.shape).movedim(dim, -1)
    x = x.movedim(dim, -1)
    shape = x.shape
    x = x.reshape(-1, shape[-1]).contiguous() if x.numel() else x
    if x.numel() == 0:
        return scores * 1.0
    if mask is not None:
        mask = mask.reshape(-1, shape[-1]).contiguous()
    lam_rows = torch.as_tensor(lam, dtype=torch.float64, device=x.device).reshape(-1)
    y = _Map.apply(x, lam_rows, mask, name, float(gamma), p)
    return y.reshape(shape).movedim(-1, dim).to(dtype)
