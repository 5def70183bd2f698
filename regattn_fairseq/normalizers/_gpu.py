"""The maps by GPU kernels, which their rules name.

``TRITON_INTERPRET=1`` runs the same kernels on the CPU.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import Any

import torch
from torch import Tensor

from . import _torch
from .inputs import Number, one_a_row
from .rules import Rule

# Longer rows do not fit a program's registers and take the PyTorch path.
_LONGEST = 16384


@functools.cache
def available() -> bool:
    """Whether the kernels can run: Triton is installed, and a GPU or its interpreter there."""
    if importlib.util.find_spec("triton") is None:
        return False
    return torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"


def forward(
    rule: Rule,
    x: Tensor,
    mask: Tensor | None,
    gamma: float,
    by_row: Number,
    constants: tuple[float, ...],
) -> tuple[Tensor, Tensor | None]:
    """Compute a map of contiguous ``(..., d)`` scores; labels where it has groups."""
    d = x.shape[-1]
    name, _ = rule.gpu or (None, None)
    # Triton hands numbers to a kernel in single precision.
    double = x.dtype == torch.float64
    if name is None or d > _LONGEST or (double and constants):
        return _torch.forward(rule, x, mask, gamma, by_row, constants)
    from . import _triton

    rows = x.reshape(-1, d)
    if double:
        rows, gamma = rows / gamma, 1.0
    options: tuple[Any, ...] = constants
    if rule.rowwise is not None:
        options = (one_a_row(by_row, rows).contiguous(), *constants)
    y, labels = getattr(_triton, name)(
        rows, None if mask is None else mask.reshape(rows.shape), gamma, *options
    )
    return y.reshape(x.shape), None if labels is None else labels.reshape(x.shape)


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
    d = y.shape[-1]
    _, name = rule.gpu or (None, None)
    if name is None or d > _LONGEST:
        return _torch.product(rule, v, y, labels, by_row, gamma, constants)
    from . import _triton

    weights = y.reshape(-1, d)
    grads = v.to(y.dtype).contiguous().reshape(-1, d)
    if y.dtype == torch.float64:
        grads, gamma = grads / gamma, 1.0
    options: tuple[Any, ...] = constants
    if labels is not None:
        options = (labels.reshape(-1, d), *constants)
    elif rule.rowwise is not None:
        options = (one_a_row(by_row, weights).contiguous(), *constants)
    out: Tensor = getattr(_triton, name)(grads, weights, gamma, *options)
    return out.reshape(y.shape)
