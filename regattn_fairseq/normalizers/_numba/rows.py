"""A row's scores on their way in, and its weights on their way out."""

from __future__ import annotations

import math

import numpy as np

from ...kernels.arrays import Array, array_at, larger
from .jit import inlined, jit

# What rounding may move a score by, where the simplex spans a unit, and how far that is in all.
_ROUNDING = 0.01
FURTHEST = 1.0 + _ROUNDING
# What the difference of two float32 may be off by, in units of the larger one.
_EPSILON = 2.0**-22


@inlined
def mask_rows(address: int, rows: int, d: int) -> Array:
    """The mask at an address, one byte an entry; without rows where the address is 0."""
    return array_at(address, np.uint8(0), rows if address != 0 else 0, d)


@inlined
def is_finite(x: Array, n: int) -> bool:
    """Whether none of n numbers is NaN or infinite."""
    nothing = x.dtype.type(0)
    total = nothing
    for j in range(n):
        total += x[j] * nothing
    return total == nothing


@jit
def compact(x: Array, mask: Array, r: int, kept: Array, position: Array) -> int:
    """Copy the unmasked scores of row r; return their number, negated where one is NaN or +inf.

    Where nothing is masked and all are finite, they are as good where they are. Each kernel asks so
    itself: behind this call the question takes several times as long.
    """
    row = x[r]
    masked = mask.shape[0] > 0
    n = 0
    for j in range(row.size):
        kept[n] = row[j]
        position[n] = j
        n += int(row[j] != -math.inf and not (masked and mask[r, j] != 0))
    return n if is_finite(kept, n) else -n


@inlined
def skip(y: Array, r: int, n: int, position: Array) -> bool:
    """Deal with a row that holds NaN (n < 0) or nothing to attend to (n = 0); True if it was."""
    if n > 0:
        return False
    y[r, :] = 0.0
    for i in range(-n):
        y[r, position[i]] = math.nan
    return True


@inlined
def candidates(scores: Array, n: int, least: float, value: Array, where: Array) -> int:
    """Copy those of n scores that are at least ``least``, and their places; their number."""
    m = 0
    for i in range(n):
        v = np.float64(scores[i])
        value[m] = v
        where[m] = i
        m += int(v >= least)
    return m


@inlined
def scale(value: Array, m: int, top: float, gamma: float) -> None:
    """Set m numbers to their distances from the top, in units of gamma."""
    for i in range(m):
        value[i] = (value[i] - top) / gamma


@inlined
def reach_of_sparsemax(scores: Array, n: int, top: float, gamma: float) -> float:
    """How far below the top, over gamma, scores may lie that sparsemax would give weight.

    One Newton step for the threshold, from below and over all n scores: it looks up nothing and
    never branches, so that it takes less time than the candidates which it spares.
    """
    zero = scores.dtype.type(0.0)
    one = scores.dtype.type(1.0)
    peak = scores.dtype.type(top)
    unit = scores.dtype.type(gamma)
    excess = zero
    count = zero
    for i in range(n):
        above = scores[i] - peak + unit
        excess += larger(above, zero)
        count += one if above >= zero else zero
    reach = 1.0 - (np.float64(excess) / gamma - 1.0) / np.float64(count)
    reach += _ROUNDING + abs(top) / gamma * _EPSILON
    # Otherwise a number was out of the type's range.
    return reach if 0.0 < reach < FURTHEST else FURTHEST


@inlined
def support(y: Array, r: int, out: Array, where: Array) -> int:
    """List the places of row r with weight; set out to 0, or to NaN where the row holds a NaN."""
    size = 0
    for j in range(y.shape[1]):
        where[size] = j
        size += int(y[r, j] > 0)
    for j in range(y.shape[1]):
        out[r, j] = y[r, j] * 0
    return size


@inlined
def write(
    y: Array, r: int, n: int, position: Array, value: Array, where: Array, m: int, tau: float
) -> None:
    """Set row r of y to max(value - tau, 0) at the candidates and to 0 elsewhere."""
    row = y[r]
    for j in range(len(row)):
        row[j] = 0
    for i in range(m):
        weight = value[i] - tau
        j = where[i] if n == len(row) else position[where[i]]
        row[j] = weight if weight > 0.0 else 0.0


@inlined
def spread(label: Array, n: int, position: Array) -> None:
    """Move the labels of n unmasked scores from the front of a row to their places."""
    i = n - 1
    for j in range(len(label) - 1, -1, -1):
        here = i >= 0 and position[i] == j
        label[j] = label[i] if here else 0
        i -= int(here)
