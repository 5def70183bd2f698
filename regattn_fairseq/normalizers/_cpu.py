"""The maps by compiled CPU kernels, which their rules name."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.running import Kernels, available
from . import _torch
from .inputs import Number
from .rules import Rule, kernel_costs

__all__ = ["available", "forward", "product"]

_kernels = Kernels("regattn_fairseq.normalizers._numba", kernel_costs)


def forward(
    rule: Rule,
    x: Tensor,
    mask: Tensor | None,
    gamma: float,
    by_row: Number,
    constants: tuple[float, ...],
) -> tuple[Tensor, Tensor | None]:
    """Compute a map of contiguous ``(..., d)`` scores; labels where it has groups."""
    if rule.cpu is None:
        return _torch.forward(rule, x, mask, gamma, by_row, constants)
    x_at = x.data_ptr()
    if not x_at:
        # What autograd makes of zeros that it knows of has no memory.
        x = torch.zeros(x.shape, dtype=x.dtype)
        x_at = x.data_ptr()
    y = torch.empty_like(x)
    labels: Tensor | None = None
    options: tuple[int | float, ...] = constants
    if rule.rowwise is not None:
        number, values = _one_a_row(by_row)
        options = (number, 0 if values is None else values.data_ptr(), *constants)
    if rule.grouped:
        labels = torch.empty_like(x, dtype=torch.int32)
        options = (*options[:2], labels.data_ptr(), *constants)
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
    by_row: Number,
    gamma: float,
    constants: tuple[float, ...],
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    if rule.cpu is None:
        return _torch.product(rule, v, y, labels, by_row, gamma, constants)
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
    elif rule.rowwise is not None:
        number, values = _one_a_row(by_row)
        options = (number, 0 if values is None else values.data_ptr(), *constants)
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


def _one_a_row(value: Number) -> tuple[float, Tensor | None]:
    """A number and no tensor; or a number without meaning, and one value a row."""
    if isinstance(value, Tensor):
        return 0.0, value.detach().to(torch.float64).contiguous()
    return value, None
