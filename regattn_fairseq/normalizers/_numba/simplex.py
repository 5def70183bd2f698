"""The threshold of the projection onto the simplex."""

from __future__ import annotations

import numpy as np

from ...kernels.arrays import Array, larger
from .jit import inlined, jit
from .sorting import room_to_sort, sort_descending

# Up to this many the threshold is found by comparing all with all; scratch memory has room for it.
FEW = 8


@inlined
def simplex_threshold(z: Array, m: int, least: float) -> float:
    """Find the tau with sum(max(z - tau, 0)) = 1, which is at least ``least``; z has some to spare.

    Of few numbers it is the largest (s - 1) / k, s the sum of the k that are not below a number.
    All of that at once, for a fixed number of them, is what no processor needs long for.
    """
    if m > FEW:
        return threshold_of_many(z, m, least)
    for i in range(m, FEW):
        z[i] = -1e300
    tau = least
    for i in range(FEW):
        total = -1.0
        count = 0.0
        for j in range(FEW):
            above = z[j] >= z[i]
            total += z[j] if above else 0.0
            count += 1.0 if above else 0.0
        tau = larger(total / count, tau)
    return tau


@jit
def threshold_of_many(z: Array, m: int, least: float) -> float:
    """The same by Newton's method, from below, on that convex, decreasing function of tau.

    The active set only shrinks, and once it stays the same tau is exact.
    """
    total = 0.0
    for i in range(m):
        total += z[i]
    tau = larger((total - 1.0) / m, least)
    size = m * 1.0
    for _ in range(20):
        total = 0.0
        count = 0.0
        # Multiplied by 0 or 1 rather than chosen: branches here could not be predicted.
        for i in range(m):
            active = np.float64(z[i] > tau)
            total += z[i] * active
            count += active
        tau = (total - 1.0) / count
        if count == size:
            return tau
        size = count
    # Sorting bounds the worst case, where each Newton step drops a single entry.
    ordered = room_to_sort(m)
    sort_descending(z, m, ordered)
    total = 0.0
    for k in range(m):
        total += ordered.key[k]
        if 1.0 + (k + 1) * ordered.key[k] <= total:
            break
        tau = (total - 1.0) / (k + 1)
    return tau
