"""The maps by their rules' own formulas: plain PyTorch, on any device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .inputs import Number, hidden_positions, one_a_row
from .rules import Rule


def forward(
    rule: Rule,
    x: Tensor,
    mask: Tensor | None,
    gamma: float,
    by_row: Number,
    constants: tuple[float, ...],
) -> tuple[Tensor, Tensor | None]:
    """Compute a map of contiguous ``(..., d)`` scores; labels where it has groups."""
    assert rule.forward is not None
    rows = x.reshape(-1, x.shape[-1])
    hidden = hidden_positions(rows, None if mask is None else mask.reshape(rows.shape))
    bad = ((rows.isnan() | (rows == torch.inf)) & ~hidden).any(-1, keepdim=True)
    # A lockstep loop would never end with NaN.
    finite = rows.masked_fill(bad, 0.0)
    options: tuple[Any, ...] = constants
    if rule.rowwise is not None:
        options = (one_a_row(by_row, rows), *constants)
    y, labels = rule.forward(finite, ~hidden, gamma, *options)
    y = y.masked_fill(bad & ~hidden, torch.nan)
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
    """Multiply v by the transposed Jacobian at y; differentiable, and any leading shape."""
    assert rule.product is not None
    options = rule.with_rowwise(by_row, constants)
    return _finished(rule.product(v, y, labels, *options), y, gamma)


def tangent(
    rule: Rule,
    v: Tensor,
    y: Tensor,
    labels: Tensor | None,
    by_row: Number,
    gamma: float,
    constants: tuple[float, ...],
) -> Tensor:
    """Multiply v by the Jacobian at y, which for most maps is symmetric."""
    formula = rule.tangent or rule.product
    assert formula is not None
    options = rule.with_rowwise(by_row, constants)
    return _finished(formula(v, y, labels, *options), y, gamma)


def _finished(product: Tensor, y: Tensor, gamma: float) -> Tensor:
    # y * 0 carries the NaN of a row that holds one, and lets a second derivative be zero, not none.
    return product / gamma + y * 0.0
