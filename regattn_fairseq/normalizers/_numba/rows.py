"""A row's scores on their way in, and its weights on their way out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.arrays import Array, array_at, larger, part
from .jit import inlined, jit
from .simplex import FEW

# What rounding may move a score by, where the simplex spans a unit, and how far that is in all.
_ROUNDING = 0.01
FURTHEST = 1.0 + _ROUNDING
# What the difference of two float32 may be off by, in units of the larger one.
_EPSILON = 2.0**-22
# The parts of scratch memory that every map has; those of its own begin with OWN.
_KEPT, _POSITION, _VALUE, _WHERE, OWN = range(5)


@inlined
def arrays_at(like: Any, rows: int, d: int, x: int, mask: int, y: int) -> tuple[Array, ...]:
    """Scores, mask and weights at their addresses; a mask without rows where its address is 0."""
    bytes_ = array_at(mask, np.uint8(0), rows if mask != 0 else 0, d)
    return array_at(x, like, rows, d), bytes_, array_at(y, like, rows, d)


@inlined
def groups_at(rows: int, d: int, lams: int, labels: int) -> tuple[Array, ...]:
    """One lam a row, of no use where its address is 0, and labels, at their addresses."""
    return array_at(lams, 0.0, rows, 1), array_at(labels, np.int32(0), rows, d)


@inlined
def scratch(own: int, d: int) -> Array:
    """Memory for a row's parts, so many of a map's own, for :func:`row_parts` to name."""
    return np.empty((own, d + FEW))


@inlined
def row_parts(memory: Array, like: Any) -> tuple[Array, ...]:
    """The parts that every map has.

    The unmasked scores and their positions; the candidates' values, and where among the unmasked
    scores they stand.
    """
    return (
        part(memory, _KEPT, like),
        part(memory, _POSITION, np.uint32(0)),
        part(memory, _VALUE, 0.0),
        part(memory, _WHERE, np.uint32(0)),
    )


@inlined
def is_finite(x: Array, n: int) -> bool:
    """Whether none of n numbers is NaN or infinite."""
    nothing = x.dtype.type(0)
    total = nothing
    for j in range(n):
        total += x[j] * nothing
    return total == nothing


@inlined
def unmasked(x: Array, mask: Array, r: int, kept: Array, position: Array) -> int:
    """The number of unmasked scores of row r, negated where one is NaN or +inf.

    Where that is all of the row, they are as good where they are; else they are copied.
    """
    d = x.shape[1]
    return d if mask.shape[0] == 0 and is_finite(x[r], d) else _compact(x, mask, r, kept, position)


@jit
def _compact(x: Array, mask: Array, r: int, kept: Array, position: Array) -> int:
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
