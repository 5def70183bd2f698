"""Sparsemax and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.arrays import array_at, keep, largest
from .jit import jit
from .rows import (
    FURTHEST,
    OWN,
    arrays_at,
    candidates,
    row_parts,
    scale,
    scratch,
    skip,
    unmasked,
    write,
)
from .simplex import simplex_threshold


@jit
def sparsemax_forward(
    like: Any, start: int, stop: int, d: int, x_at: int, mask_at: int, y_at: int, gamma: float
) -> None:
    """Set y to the projection of x / gamma onto the simplex."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    memory = scratch(OWN, d)
    kept, position, value, where = row_parts(memory, like)
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        if skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        m = candidates(scores, n, top - gamma * FURTHEST, value, where)
        scale(value, m, top, gamma)
        tau = simplex_threshold(value, m, -1.0)
        write(y, r, n, position, value, where, m, tau)
    keep(memory)


@jit
def sparsemax_product(
    like: Any, start: int, stop: int, d: int, g_at: int, y_at: int, out_at: int, gamma: float
) -> None:
    """Set out to (diag(s) - s s' / |s|) g / gamma, s the support of y."""
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    for r in range(start, stop):
        total = 0.0
        count = 0.0
        for j in range(d):
            active = np.float64(y[r, j] > 0.0)
            total += g[r, j] * active
            count += active
        mean = total / max(count, 1.0)
        for j in range(d):
            # y * 0 is 0, or NaN in a row that holds a NaN.
            active = np.float64(y[r, j] > 0.0)
            out[r, j] = (g[r, j] - mean) * (active / gamma) + y[r, j] * 0.0
