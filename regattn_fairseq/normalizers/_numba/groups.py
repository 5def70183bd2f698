"""Derivatives of maps with groups: a projection after a prox that averages over groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.arrays import array_at
from .jit import jit
from .rows import support


@jit
def grouped_product(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    out_at: int,
    gamma: float,
    labels_at: int,
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
def signed_product(
    like: Any,
    start: int,
    stop: int,
    d: int,
    g_at: int,
    y_at: int,
    out_at: int,
    gamma: float,
    labels_at: int,
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
