"""The maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import array_at, keep, largest, part, smallest
from .jit import jit
from .ordered_weights import cluster, decreasing_regression, none_rises
from .rows import (
    FURTHEST,
    candidates,
    compact,
    is_finite,
    mask_rows,
    reach_of_sparsemax,
    scale,
    skip,
    spread,
    write,
)
from .simplex import FEW, simplex_threshold
from .sorting import sort_descending
from .total_variation import fuse, label_gaps

# Up to this length looking at some more scores costs less than doing so a second time.
_VERY_SHORT = 32


@jit
def sparsemax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    p: float,
    y_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection of x / gamma onto the simplex."""
    x = array_at(x_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    mask = mask_rows(mask_at, stop, d)
    memory = np.empty((4, d + FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    where = part(memory, 2, np.uint32(0))
    position = part(memory, 3, np.uint32(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and is_finite(x[r], d) else compact(x, mask, r, kept, position)
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
def fusedmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    p: float,
    y_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection onto the simplex of the total-variation prox of x / gamma."""
    x = array_at(x_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    mask = mask_rows(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((5, d + FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    prox = part(memory, 2, 0.0)
    where = part(memory, 3, np.uint32(0))
    position = part(memory, 4, np.uint32(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and is_finite(x[r], d) else compact(x, mask, r, kept, position)
        if skip(y, r, n, position):
            labels[r, :] = 0
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        # The prox moves no score by more than 2 lam.
        reach = reach_of_sparsemax(scores, n, top, gamma) + 4.0 * lam
        m = candidates(scores, n, top - gamma * reach, value, where)
        scale(value, m, top, gamma)
        label = labels[r]
        label[:] = 0
        fuse(value, where, m, n, lam, prox, label)
        if lams_at != 0:
            # The derivative by lam depends on which groups have neighbours.
            label_gaps(label, n)
        if n < d:
            spread(label, n, position)
        if lam > 1.0:
            # What lam takes from all alike would cost the sums their precision.
            scale(prox, m, largest(prox, m), 1.0)
        # The largest falls by 2 lam at most.
        tau = simplex_threshold(prox, m, -3.0)
        write(y, r, n, position, prox, where, m, tau)
    keep(memory)


@jit
def oscarmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    p: float,
    y_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection onto the simplex of the ordered-weight isotonic prox of x / gamma."""
    x = array_at(x_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    mask = mask_rows(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((12, d + FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    key = part(memory, 2, 0.0)
    spare = part(memory, 3, 0.0)
    index = part(memory, 4, np.int32(0))
    spare_index = part(memory, 5, np.int32(0))
    where = part(memory, 6, np.uint32(0))
    position = part(memory, 7, np.uint32(0))
    group = part(memory, 8, np.int32(0))
    starts = part(memory, 9, np.int64(0))
    rank = part(memory, 10, np.int32(0))
    tally = part(memory, 11, np.int32(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and is_finite(x[r], d) else compact(x, mask, r, kept, position)
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
                highest, tau = cluster(
                    value, m, top, gamma, lam, key, spare, index, spare_index, starts, group
                )
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


@jit
def oscarmax_published_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    p: float,
    y_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection onto the simplex of the OSCAR prox of x / gamma, on |x|."""
    x = array_at(x_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    mask = mask_rows(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((10, d + FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    size = part(memory, 2, 0.0)
    key = part(memory, 3, 0.0)
    spare = part(memory, 4, 0.0)
    index = part(memory, 5, np.int32(0))
    spare_index = part(memory, 6, np.int32(0))
    where = part(memory, 7, np.uint32(0))
    position = part(memory, 8, np.uint32(0))
    starts = part(memory, 9, np.int64(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and is_finite(x[r], d) else compact(x, mask, r, kept, position)
        labels[r, :] = 0
        if skip(y, r, n, position):
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        candidates(x[r] if n == d else kept, n, -math.inf, value, where)
        scale(value, n, 0.0, gamma)
        for i in range(n):
            size[i] = abs(value[i])
        sort_descending(size, n, key, index, spare, spare_index)
        for k in range(n):
            key[k] -= lam * (n - 1 - k)
        blocks = decreasing_regression(key, n, spare, starts)
        for b in range(blocks):
            mean = max(spare[b] / (starts[b + 1] - starts[b]), 0.0)
            for k in range(starts[b], starts[b + 1]):
                i = index[k]
                sign = 1 if value[i] >= 0.0 else -1
                value[i] = sign * mean
                j = i if n == d else position[i]
                labels[r, j] = sign * (b + 1) if mean > 0.0 else 0
        scale(value, n, largest(value, n), 1.0)
        tau = simplex_threshold(value, n, -1.0)
        write(y, r, n, position, value, where, n, tau)
    keep(memory)


@jit
def pnormmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    p: float,
    y_at: int,
    labels_at: int,
) -> None:
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau the root of the optimality condition."""
    x = array_at(x_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    mask = mask_rows(mask_at, stop, d)
    memory = np.empty((4, d + FEW))
    kept = part(memory, 0, like)
    z = part(memory, 1, 0.0)
    where = part(memory, 2, np.uint32(0))
    position = part(memory, 3, np.uint32(0))
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    for r in range(start, stop):
        n = d if mask_at == 0 and is_finite(x[r], d) else compact(x, mask, r, kept, position)
        if skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        m = candidates(scores, n, top - gamma * FURTHEST, z, where)
        scale(z, m, top, gamma)
        # With z_max = 0 and gamma divided out, the root lies in [-1, -m^(-2(p-1)/p)].
        low = -1.0
        high = -(float(m) ** (-2.0 * (p - 1.0) / p))
        tau = low
        for _ in range(100):
            s0 = 0.0
            s1 = 0.0
            s2 = 0.0
            if q == 2.0:
                for i in range(m):
                    t = max(z[i] - tau, 0.0)
                    s0 += t
                    s1 += t * t
                    s2 += t * t * t
            else:
                for i in range(m):
                    t = z[i] - tau
                    if t > 0.0:
                        w = t ** (q - 1.0)
                        s0 += w
                        s1 += w * t
                        s2 += w * t * t
            ratio = s1 / s2**e
            # By d s1 / d tau = -q s0 and d s2 / d tau = -(q + 1) s1.
            change = ratio * (-q * s0 / s1 + e * (q + 1.0) * s1 / s2)
            if ratio >= 1.0:
                low = max(low, tau)
            else:
                high = min(high, tau)
            step = tau - (ratio - 1.0) / change if change < 0.0 else low - 1.0
            if not (low <= step <= high):
                step = 0.5 * (low + high)
            if abs(step - tau) <= 2e-16:
                break
            tau = step
        total = 0.0
        for i in range(m):
            t = max(z[i] - tau, 0.0)
            z[i] = t * t if q == 2.0 else t**q
            total += z[i]
        for i in range(m):
            z[i] /= total
        write(y, r, n, position, z, where, m, 0.0)
    keep(memory)
