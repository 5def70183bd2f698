"""Pnormmax and its derivative."""

from __future__ import annotations

import math
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
    support,
    unmasked,
    write,
)


@jit
def pnormmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    y_at: int,
    gamma: float,
    p: float,
) -> None:
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau the root of the optimality condition."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    memory = scratch(OWN, d)
    kept, position, z, where = row_parts(memory, like)
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
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


@jit
def pnormmax_product(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    out_at: int,
    gamma: float,
    p: float,
) -> None:
    """Set out to M g, M = H^-1 - H^-1 1 1' H^-1 / (1' H^-1 1) on the support of y."""
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    where = np.empty(d, np.uint32)
    weight = np.empty(d)
    for r in range(start, stop):
        size = support(y, r, out, where)
        power = 0.0
        dot = 0.0
        for i in range(size):
            v = np.float64(y[r, where[i]])
            w = math.sqrt(v) if p == 1.5 else v ** (2.0 - p)
            # y^p = y^2 / y^(2-p)
            power += v * v / w
            weight[i] = w
            dot += v * g[r, where[i]]
        lean = (2.0 - p) / power ** (2.0 / p)
        scale = power ** ((p - 2.0) / p)
        a = 0.0
        b = 0.0
        for i in range(size):
            weight[i] *= scale
            h = weight[i] - lean * y[r, where[i]]
            a += h * g[r, where[i]]
            b += h
        ratio = a / b if b > 0.0 else 0.0
        for i in range(size):
            j = where[i]
            change = weight[i] * (g[r, j] - ratio) - lean * y[r, j] * (dot - ratio)
            out[r, j] = change / (gamma * (p - 1.0))
