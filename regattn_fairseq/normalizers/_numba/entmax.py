"""Alpha-entmax and its derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import Array, array_at, keep, larger, largest, smaller
from ...kernels.exponentials import constants_of, expm1, exponential, log1p, logarithm
from .jit import in_order, inlined, jit
from .rows import (
    FURTHEST,
    OWN,
    arrays_at,
    candidates,
    row_parts,
    scale,
    scratch,
    skip,
    support,
    unmasked,
    write,
)
from .simplex import simplex_threshold
from .sorting import SORTED, sort_descending, sorted_part

# As in alpha_entmax.py.
_LEAST = 1e-20
_STEEPEST = 1e30
# As many Newton steps nearly always suffice; after that, every other step halves the interval.
_PATIENCE = 16
_ORDERED, _PARTS = OWN, OWN + SORTED


@jit
def entmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    y_at: int,
    gamma: float,
    alpha: float,
    alphas_at: int,
) -> None:
    """Set y to max(1 + (alpha - 1)(x / gamma - theta), 0)^(1 / (alpha - 1)), which sum to one."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    alphas = array_at(alphas_at, 0.0, stop, 1)
    memory = scratch(_PARTS, d)
    kept, position, value, where = row_parts(memory, like)
    tolerance = 1e-8 if x.itemsize == 4 else 1e-14
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        if skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        beta = max((alphas[r, 0] if alphas_at != 0 else alpha) - 1.0, _LEAST)
        unit = gamma / beta
        if beta > 1.0:
            m = candidates(scores, n, top - unit * FURTHEST, value, where)
            weigh_by_smallest(value, m, unit, beta, memory)
        else:
            low = 0.0 if beta == 1.0 else _first_step(scores, n, top, unit, beta)
            m = candidates(scores, n, top - unit * (FURTHEST - low), value, where)
            scale(value, m, top, unit)
            weigh_by_threshold(value, m, beta, low, tolerance)
        write(y, r, n, position, value, where, m, 0.0)
    keep(memory)


@inlined
def _first_step(scores: Array, n: int, top: float, unit: float, beta: float) -> float:
    """A lower bound for the threshold of all n scores: one Newton step, in the scores' own type.

    It takes less time than what it spares: the scores below it are no candidates.
    """
    c = constants_of(scores[0])
    peak = scores.dtype.type(top)
    factor = scores.dtype.type(1.0 / unit)
    least = -c.one
    total = c.zero
    slope = c.zero
    if beta == 0.5:
        for i in range(n):
            t = c.one + larger((scores[i] - peak) * factor, least)
            total += t * t
            slope += t
    else:
        power = scores.dtype.type(1.0 / beta - 1.0)
        for i in range(n):
            u = larger((scores[i] - peak) * factor, least)
            w = exponential(power * log1p(u, c), c)
            total += (c.one + u) * w
            slope += w if u > least else c.zero
    # Less what rounding may have added.
    low = 0.99 * _step(np.float64(total), np.float64(slope), beta) - 1e-3 * beta
    # Otherwise a number was out of the type's range.
    return low if 0.0 < low < 1.0 else 0.0


@inlined
def _step(total: float, slope: float, beta: float) -> float:
    """Newton's step for the norm; total and slope are the sums of t^(1/beta) and t^(1/beta - 1)."""
    if beta == 0.5:
        return (total - math.sqrt(total)) / slope
    c = constants_of(0.0)
    return -total * expm1(-beta * logarithm(total, c), c) / slope


@inlined
def weigh_by_threshold(z: Array, m: int, beta: float, low: float, tolerance: float) -> None:
    """Set m numbers z, of which the largest is 0, to weights max(1 + z - threshold, 0)^(1/beta)."""
    c = constants_of(0.0)
    power = 1.0 / beta - 1.0
    total = 0.0
    if beta == 1.0:
        tau = simplex_threshold(z, m, -1.0)
        for i in range(m):
            z[i] = larger(z[i] - tau, 0.0)
            total += z[i]
    elif beta == 0.5:
        threshold = _threshold(z, m, beta, low, tolerance)
        for i in range(m):
            t = larger(1.0 + (z[i] - threshold), 0.0)
            z[i] = t * t
            total += z[i]
    else:
        threshold = _threshold(z, m, beta, low, tolerance)
        for i in range(m):
            u = larger(z[i] - threshold, -1.0)
            exponent = power * log1p(u, c)
            z[i] = (1.0 + u) * exponential(exponent, c) if exponent > -c.largest else 0.0
            total += z[i]
    for i in range(m):
        z[i] /= total


@inlined
def _threshold(z: Array, m: int, beta: float, low: float, tolerance: float) -> float:
    """Find the threshold at which the sum of max(1 + z - threshold, 0)^(1/beta) is 1, beta <= 1.

    That is where their norm with exponent 1/beta is 1. It is convex and decreasing, so that
    Newton's method, from below, never passes the root; it is linear where all scores are equal, or
    beta is 0.
    """
    high = 1.0
    for step in range(200):
        halving = step >= _PATIENCE and step % 2 == 0
        at = 0.5 * (low + high) if halving else low
        total, slope = _sums(z, m, at, beta)
        # From the middle, too, Newton's step ends below the root.
        reached = at + _step(total, slope, beta)
        if total < 1.0:
            high = min(high, at)
        moved = (reached - low) / beta
        low = max(low, reached)
        # Where the norm has a bounded second derivative, the next step is at most its square.
        left = 0.5 * m * moved * moved if beta <= 0.5 else moved
        if not halving and (moved <= 0.0 or left <= tolerance):
            break
    return low


@inlined
def _sums(z: Array, m: int, threshold: float, beta: float) -> tuple[float, float]:
    """The sums of t^(1/beta) and of t^(1/beta - 1), t = max(1 + z - threshold, 0)."""
    total = 0.0
    slope = 0.0
    if beta == 0.5:
        for i in range(m):
            t = larger(1.0 + (z[i] - threshold), 0.0)
            total += t * t
            slope += t
    else:
        c = constants_of(0.0)
        power = 1.0 / beta - 1.0
        for i in range(m):
            u = larger(z[i] - threshold, -1.0)
            w = exponential(power * log1p(u, c), c)
            total += (1.0 + u) * w
            slope += w if u > -1.0 else 0.0
    return total, slope


@jit
def weigh_by_smallest(value: Array, m: int, unit: float, beta: float, memory: Array) -> None:
    """Set m scores to their weights, where beta > 1; see ``alpha_entmax.py``."""
    ordered = sorted_part(memory, _ORDERED)
    sort_descending(value, m, ordered)
    key = ordered.key
    q = 1.0 / beta
    size, high = 1, m
    while size < high:
        middle = (size + high + 1) // 2
        total = 0.0
        for i in range(middle - 1):
            total += ((key[i] - key[middle - 1]) / unit) ** q
        if total < 1.0:
            size = middle
        else:
            high = middle - 1
    last = key[size - 1]
    w = 1.0 / size
    for _ in range(100):
        base = w**beta
        rise = w ** (beta - 1.0)
        total = 0.0
        slope = 0.0
        for i in range(size):
            delta = (key[i] - last) / unit
            if delta > 0.0:
                weight = (delta + base) ** q
                total += weight
                slope += rise * weight / (delta + base)
            else:
                total += w
                slope += 1.0
        change = (total - 1.0) / slope
        w -= change
        if change <= 1e-16:
            break
    base = w**beta
    total = 0.0
    for i in range(m):
        delta = (value[i] - last) / unit
        value[i] = (delta + base) ** q if delta > 0.0 else w if delta == 0.0 else 0.0
        total += value[i]
    for i in range(m):
        value[i] /= total


@jit
def entmax_product(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    out_at: int,
    gamma: float,
    alpha: float,
    alphas_at: int,
) -> None:
    """Set out to (diag(s) - s s' / |s|) g / gamma, s = y^(2 - alpha) on the support of y."""
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    alphas = array_at(alphas_at, 0.0, stop, 1)
    c = constants_of(0.0)
    where = np.empty(d, np.uint32)
    s = np.empty(d)
    for r in range(start, stop):
        size = support(y, r, out, where)
        power = 2.0 - (alphas[r, 0] if alphas_at != 0 else alpha)
        steepest = 0
        for i in range(size):
            s[i] = y[r, where[i]]
            if s[i] < s[steepest]:
                steepest = i
        # Where alpha > 2, the slope of the smallest weight would drown the others'.
        origin = np.float64(g[r, where[steepest]]) if power < 0.0 else 0.0
        if power == 0.5:
            for i in range(size):
                s[i] = math.sqrt(s[i])
        else:
            for i in range(size):
                s[i] = smaller(exponential(power * logarithm(s[i], c), c), _STEEPEST)
        total = 0.0
        dot = 0.0
        for i in range(size):
            total += s[i]
            dot += s[i] * _less(np.float64(g[r, where[i]]), origin)
        mean = dot / total
        for i in range(size):
            j = where[i]
            out[r, j] = s[i] * _less(_less(np.float64(g[r, j]), origin), mean) / gamma


@in_order
def _less(a: float, b: float) -> float:
    return a - b
