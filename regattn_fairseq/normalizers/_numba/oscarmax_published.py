"""The paper's composition for oscarmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import keep, largest, part
from .jit import jit
from .ordered_weights import decreasing_regression
from .rows import (
    OWN,
    arrays_at,
    candidates,
    groups_at,
    row_parts,
    scale,
    scratch,
    skip,
    unmasked,
    write,
)
from .simplex import simplex_threshold
from .sorting import SORTED, sort_descending, sorted_part

_ORDERED = OWN
_STARTS, _SIZE, _PARTS = range(OWN + SORTED, OWN + SORTED + 3)


@jit
def oscarmax_published_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    y_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection onto the simplex of the OSCAR prox of x / gamma, on |x|."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    lams, labels = groups_at(stop, d, lams_at, labels_at)
    memory = scratch(_PARTS, d)
    kept, position, value, where = row_parts(memory, like)
    ordered = sorted_part(memory, _ORDERED)
    key, sums = ordered.key, ordered.spare_key
    starts = part(memory, _STARTS, np.int64(0))
    size = part(memory, _SIZE, 0.0)
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        labels[r, :] = 0
        if skip(y, r, n, position):
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        candidates(x[r] if n == d else kept, n, -math.inf, value, where)
        scale(value, n, 0.0, gamma)
        for i in range(n):
            size[i] = abs(value[i])
        sort_descending(size, n, ordered)
        for k in range(n):
            key[k] -= lam * (n - 1 - k)
        blocks = decreasing_regression(key, n, sums, starts)
        for b in range(blocks):
            mean = max(sums[b] / (starts[b + 1] - starts[b]), 0.0)
            for k in range(starts[b], starts[b + 1]):
                i = ordered.origin[k]
                sign = 1 if value[i] >= 0.0 else -1
                value[i] = sign * mean
                j = i if n == d else position[i]
                labels[r, j] = sign * (b + 1) if mean > 0.0 else 0
        scale(value, n, largest(value, n), 1.0)
        tau = simplex_threshold(value, n, -1.0)
        write(y, r, n, position, value, where, n, tau)
    keep(memory)
