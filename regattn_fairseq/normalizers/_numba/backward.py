"""Products of a vector with the transposed Jacobians of the maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import array_at
from .jit import jit
from .rows import support


@jit
def sparsemax_backward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    labels_at: int,
    gamma: float,
    p: float,
    out_at: int,
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


@jit
def grouped_backward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    labels_at: int,
    gamma: float,
    p: float,
    out_at: int,
) -> None:
    """Set out to J_prox (diag(s) - s s' / |s|) g / gamma, J_prox averaging over groups.

    For groups that lie in the support whole or not at all, so that J_prox keeps the mean.
    """
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    labels = array_at(labels_at, np.uint32(0), stop, d)
    where = np.empty(d, np.uint32)
    sums = np.zeros(d + 1)
    counts = np.zeros(d + 1)
    for r in range(start, stop):
        size = support(y, r, out, where)
        total = 0.0
        groups = 0
        for i in range(size):
            j = where[i]
            k = labels[r, j]
            v = np.float64(g[r, j])
            sums[k] += v
            counts[k] += 1.0
            total += v
            groups = max(groups, k)
        mean = total / size
        # Divide once a group, or once an entry where those are fewer than the groups' numbers.
        if groups <= size:
            for k in range(1, groups + 1):
                sums[k] = (sums[k] / counts[k] - mean) / gamma
            for i in range(size):
                j = where[i]
                out[r, j] = sums[labels[r, j]]
        else:
            for i in range(size):
                j = where[i]
                k = labels[r, j]
                out[r, j] = (sums[k] / counts[k] - mean) / gamma
        sums[: groups + 1] = 0.0
        counts[: groups + 1] = 0.0


@jit
def signed_backward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    labels_at: int,
    gamma: float,
    p: float,
    out_at: int,
) -> None:
    """Set out to J_prox (diag(s) - s s' / |s|) g / gamma, J_prox averaging over signed groups."""
    g = array_at(g_at, like, stop, d)
    y = array_at(y_at, like, stop, d)
    out = array_at(out_at, like, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    sums = np.empty(d + 1)
    counts = np.empty(d + 1, np.int32)
    for r in range(start, stop):
        sums[:] = 0.0
        counts[:] = 0
        total = 0.0
        size = 0
        for j in range(d):
            if y[r, j] > 0.0:
                total += g[r, j]
                size += 1
        mean = total / max(size, 1)
        for j in range(d):
            k = labels[r, j]
            counts[abs(k)] += 1
            if y[r, j] > 0.0:
                sums[abs(k)] += (g[r, j] - mean) if k > 0 else (mean - g[r, j])
        for j in range(d):
            k = labels[r, j]
            v = sums[abs(k)] / counts[abs(k)] / gamma if k != 0 else y[r, j] * 0.0
            out[r, j] = v if k >= 0 else -v


@jit
def pnormmax_backward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    labels_at: int,
    gamma: float,
    p: float,
    out_at: int,
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
