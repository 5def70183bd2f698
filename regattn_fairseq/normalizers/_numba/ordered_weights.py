"""The prox of OSCAR's ordered weights: clusters of scores, by isotonic regression."""

from __future__ import annotations

import math

import numpy as np

from ...kernels.arrays import Array, larger, smaller
from .jit import inlined
from .rows import scale
from .sorting import Sorted, sort_descending


@inlined
def decreasing_regression(z: Array, n: int, sums: Array, starts: Array) -> int:
    """Pool adjacent violators: block sums and starts of the decreasing fit to z; their number.

    The block that may grow is kept apart from those that it closed.
    """
    blocks = 0
    total = z[0]
    start = 0
    for i in range(1, n):
        size = i - start
        if total >= z[i] * size:
            sums[blocks] = total
            starts[blocks] = start
            blocks += 1
            total = z[i]
            start = i
            continue
        total += z[i]
        while blocks > 0:
            before = starts[blocks - 1]
            if sums[blocks - 1] * (i + 1 - start) >= total * (start - before):
                break
            blocks -= 1
            total += sums[blocks]
            start = before
    sums[blocks] = total
    starts[blocks] = start
    starts[blocks + 1] = n
    return blocks + 1


@inlined
def cluster(
    value: Array,
    m: int,
    top: float,
    gamma: float,
    lam: float,
    ordered: Sorted,
    starts: Array,
    group: Array,
) -> tuple[float, float]:
    """Replace m scores by their ordered-weight isotonic prox less its largest, and name its groups.

    Up to a constant, which the projection removes, that is the decreasing fit to the ordered
    scores raised by lam (0, 1, ..., m - 1). Returns the fit's largest value, and the threshold of
    the projection that follows, for which the groups lie in order.
    """
    sort_descending(value, m, ordered)
    key, origin, sums = ordered.key, ordered.origin, ordered.spare_key
    scale(key, m, top, gamma)
    for k in range(m):
        key[k] += lam * k
    blocks = decreasing_regression(key, m, sums, starts)
    highest = sums[0] / starts[1]
    total = 0.0
    tau = -math.inf
    for b in range(blocks):
        size = starts[b + 1] - starts[b]
        mean = sums[b] / size - highest
        if mean > tau:
            total += size * mean
            tau = (total - 1.0) / starts[b + 1]
        for k in range(starts[b], starts[b + 1]):
            i = origin[k]
            value[i] = mean
            group[i] = b + 1
    return highest, tau


@inlined
def none_rises(
    scores: Array,
    n: int,
    least: float,
    m: int,
    tau: float,
    step: float,
    rank: Array,
    tally: Array,
) -> bool:
    """Whether oscarmax gives no weight to the scores below ``least``, the m others being settled.

    It gives none if none of them exceeds tau when raised by ``step`` for each score that is
    larger. Sorting can be spared: it is enough to count how many are raised above tau from which
    rank on, and that as many ranks come before.
    """
    rate = min(1.0 / step, 1e300)
    for i in range(n):
        steps = (tau - np.float64(scores[i])) * rate
        rank[i] = np.int32(smaller(larger(steps, 0.0), np.float64(n)))
    for j in range(n + 1):
        tally[j] = 0
    for i in range(n):
        tally[rank[i]] += int(scores[i] < least)
    last = m - 1
    enough = 1
    for j in range(n):
        last += tally[j]
        enough &= int(last <= j) | int(tally[j] == 0)
    return enough == 1
