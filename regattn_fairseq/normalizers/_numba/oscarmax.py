"""Oscarmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import keep, largest, part, smallest
from .jit import jit
from .ordered_weights import cluster, none_rises
from .rows import (
    FURTHEST,
    OWN,
    arrays_at,
    candidates,
    groups_at,
    row_parts,
    scratch,
    skip,
    unmasked,
    write,
)
from .sorting import SORTED, sorted_part

_ORDERED = OWN
_STARTS, _GROUP, _RANK, _TALLY, _PARTS = range(OWN + SORTED, OWN + SORTED + 5)
# Up to this length looking at some more scores costs less than doing so a second time.
_VERY_SHORT = 32


@jit
def oscarmax_forward(
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
    """Set y to the projection onto the simplex of the ordered-weight isotonic prox of x / gamma."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    lams, labels = groups_at(stop, d, lams_at, labels_at)
    memory = scratch(_PARTS, d)
    kept, position, value, where = row_parts(memory, like)
    ordered = sorted_part(memory, _ORDERED)
    starts = part(memory, _STARTS, np.int64(0))
    group = part(memory, _GROUP, np.int32(0))
    rank = part(memory, _RANK, np.int32(0))
    tally = part(memory, _TALLY, np.int32(0))
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        labels[r, :] = 0
        if skip(y, r, n, position):
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        lowest = np.float64(smallest(scores, n))
        step = gamma * lam
        if lam > 0.0 and top - lowest <= 0.5 * step * n:
            # One group. With A and B the distances of the top and the lowest from the mean, the
            # k largest exceed it by no more than min(k A, (n - k) B) in all, and the penalty
            # evens out step k (n - k) / 2, which is more for every k if A + B <= step n / 2.
            m = candidates(scores, n, -math.inf, value, where)
            for i in range(n):
                value[i] = 0.0
                group[i] = 1
            tau = -1.0 / n
        else:
            # It is no use to leave any out if the lowest, raised by all others, tops the top.
            # In a very short row those that are raised are looked at right away.
            reach = gamma * FURTHEST + (0.5 * step * n if n <= _VERY_SHORT else 0.0)
            least = top - reach if lowest + step * (n - 1) < top else -math.inf
            while True:
                m = candidates(scores, n, least, value, where)
                highest, tau = cluster(value, m, top, gamma, lam, ordered, starts, group)
                level = top + gamma * (highest + tau)
                if (
                    m == n
                    or lam == 0.0
                    or least + step * (n - 1) <= level
                    or none_rises(scores, n, least, m, level, step, rank, tally)
                ):
                    break
                least = -math.inf
        write(y, r, n, position, value, where, m, tau)
        for i in range(m):
            j = where[i] if n == d else position[where[i]]
            labels[r, j] = group[i]
    keep(memory)
