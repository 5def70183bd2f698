"""The maps by compiled CPU kernels, which their rules name."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.running import Kernels, available
from . import _torch
from .rules import Rule, kernel_costs

__all__ = ["available", "forward", "product"]

_kernels = Kernels("regattn_fairseq.normalizers._numba", kernel_costs)


def forward(
    rule: Rule,
    x: Tensor,
    mask: Tensor | None,
    gamma: float,
    lam: Tensor | float,
    constants: tuple[float, ...],
) -> tuple[Tensor, Tensor | None]:
    """Compute a map of contiguous ``(..., d)`` scores; labels where it has groups."""
    if rule.cpu is None:
        return _torch.forward(rule, x, mask, gamma, lam, constants)
    x_at = x.data_ptr()
    if not x_at:
        # What autograd makes of zeros that it knows of has no memory.
        x = torch.zeros(x.shape, dtype=x.dtype)
        x_at = x.data_ptr()
    y = torch.empty_like(x)
    labels: Tensor | None = None
    options: tuple[int | float, ...] = constants
    if rule.grouped:
        labels = torch.empty_like(x, dtype=torch.int32)
        lams_at = 0
        if not isinstance(lam, float):
            lams, lam = lam.detach().to(torch.float64).contiguous(), 0.0
            lams_at = lams.data_ptr()
        options = (lam, lams_at, labels.data_ptr(), *constants)
    d = x.shape[-1]
    _kernels.run(
        rule.cpu[0].name,
        x.dtype,
        x.numel() // d,
        d,
        x_at,
        0 if mask is None else mask.data_ptr(),
        y.data_ptr(),
        gamma,
        *options,
    )
    return y, labels


def product(
    rule: Rule,
    v: Tensor,
    y: Tensor,
    labels: Tensor | None,
    gamma: float,
    constants: tuple[float, ...],
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    if rule.cpu is None:
        return _torch.product(rule, v, y, labels, gamma, constants)
    dtype = y.dtype
    if v.dtype is not dtype:
        v = v.to(dtype)
    v = v.contiguous()
    v_at = v.data_ptr()
    if not v_at:
        return y * 0.0
    out = torch.empty_like(y)
    d = y.shape[-1]
    options: tuple[int | float, ...] = constants
    if labels is not None:
        options = (labels.data_ptr(), *constants)
    _kernels.run(
        rule.cpu[1].name,
        dtype,
        y.numel() // d,
        d,
        v_at,
        y.data_ptr(),
        out.data_ptr(),
        gamma,
        *options,
    )
    return out
