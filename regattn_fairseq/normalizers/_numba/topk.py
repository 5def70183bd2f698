"""Top-k softmax and its derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import array_at, keep, largest
from .jit import jit
from .rows import OWN, arrays_at, candidates, row_parts, scratch, skip, unmasked, write
from .sorting import SORTED, sort_descending, sorted_part

_ORDERED, _PARTS = OWN, OWN + SORTED


@jit
def topk_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    y_at: int,
    gamma: float,
    k: float,
) -> None:
    """Set y to the softmax of x / gamma over the k largest scores, the first ones among equals."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    memory = scratch(_PARTS, d)
    kept, position, value, where = row_parts(memory, like)
    ordered = sorted_part(memory, _ORDERED)
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        if skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        candidates(scores, n, -math.inf, value, where)
        least = -math.inf
        equals = 0
        if n > k:
            sort_descending(value, n, ordered)
            equals = int(k)
            least = ordered.key[equals - 1]
            for i in range(n):
                equals -= int(value[i] > least)
        total = 0.0
        for i in range(n):
            v = value[i]
            first = v == least and equals > 0
            equals -= int(first)
            value[i] = math.exp((v - top) / gamma) if v > least or first else 0.0
            total += value[i]
        for i in range(n):
            value[i] /= total
        write(y, r, n, position, value, where, n, 0.0)
    keep(memory)


@jit
def topk_product(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    out_at: int,
    gamma: float,
    k: float,
) -> None:
    """Set out to (diag(y) - y y') g / gamma."""
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    for r in range(start, stop):
        dot = 0.0
        for j in range(d):
            dot += np.float64(g[r, j]) * y[r, j]
        for j in range(d):
            out[r, j] = y[r, j] * (g[r, j] - dot) / gamma
