"""CPU kernels: one fused loop a direction, compiled by numba.

A kernel is told where its arrays begin: contiguous ``(rows, d)`` scores, weights and groups, the
first two of the type of ``like``; a mask of one byte an entry, or 0 for none; one lam a row, or 0
where ``lam`` holds for all. All maps' kernels take the same arguments and leave those alone that
they have no use for. They deal with rows ``start`` to ``stop``, which are independent, and do all
arithmetic in float64.

Only the candidates of a row, the scores so near to its largest that they may get weight, are
copied, shifted by the largest and divided by gamma, so that neither huge scores nor a tiny gamma
overflow. That a score which gets no weight may be lowered without changing anything is what keeps
the rest out of the work.

``labels`` name the group of each position as the algorithm formed it: 0 for none, otherwise
1, 2, ... with a negative sign where the group's value enters with a negative sign (only the
published composition has such members).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from ..kernels.arrays import Array, array_at, keep, larger, largest, part, smaller, smallest

# Sums may be reordered, so that they vectorize; NaN and infinity keep their meaning.
_flags = {"reassoc", "nsz", "contract"}
_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_flags)
# Handing over an array is handing over seven numbers: for what takes several, as long as its work.
_inlined = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath=_flags, forceinline=True
)
# Up to this length counting how many entries are larger is the quickest way to sort.
_SHORT = 64
# Up to this one looking at some more scores costs less than doing so a second time.
_VERY_SHORT = 32
# Up to this many the threshold is found by comparing all with all; scratch memory has room for it.
_FEW = 8
# What rounding may move a score by, where the simplex spans a unit, and how far that is in all.
_ROUNDING = 0.01
_FURTHEST = 1.0 + _ROUNDING
# What the difference of two float32 may be off by, in units of the larger one.
_EPSILON = 2.0**-22


@_inlined
def _mask(address: int, rows: int, d: int) -> Array:
    return array_at(address, np.uint8(0), rows if address != 0 else 0, d)


@_inlined
def _is_finite(x: Array, n: int) -> bool:
    nothing = x.dtype.type(0)
    total = nothing
    for j in range(n):
        total += x[j] * nothing
    return total == nothing


@_jit
def _compact(x: Array, mask: Array, r: int, kept: Array, position: Array) -> int:
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
    return n if _is_finite(kept, n) else -n


@_inlined
def _candidates(scores: Array, n: int, least: float, value: Array, where: Array) -> int:
    """Copy those of n scores that are at least ``least``, and their places; their number."""
    m = 0
    for i in range(n):
        v = np.float64(scores[i])
        value[m] = v
        where[m] = i
        m += int(v >= least)
    return m


@_inlined
def _scale(value: Array, m: int, top: float, gamma: float) -> None:
    for i in range(m):
        value[i] = (value[i] - top) / gamma


@_inlined
def _reach(scores: Array, n: int, top: float, gamma: float) -> float:
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
    return reach if 0.0 < reach < _FURTHEST else _FURTHEST


@_jit
def _radix_sort_descending(
    z: Array, n: int, key: Array, index: Array, spare_key: Array, spare_index: Array
) -> None:
    """Sort by one byte of the numbers after the other, from the lowest; all equal cost nothing.

    Flipping all bits but the sign of the positive numbers turns descending order into ascending
    order of the unsigned integers with the same bits.
    """
    flip = np.uint64(0x7FFFFFFFFFFFFFFF)
    sign = np.uint64(63)
    low = np.uint64(0xFF)
    numbers = z.view(np.uint64)
    source = sorted_bits = key.view(np.uint64)
    target = spare_key.view(np.uint64)
    source_index, target_index = index, spare_index
    tally = np.zeros((8, 256), np.int64)
    for i in range(n):
        u = numbers[i]
        if u >> sign == 0:
            u ^= flip
        source[i] = u
        index[i] = i
        for byte in range(8):
            tally[byte, (u >> np.uint64(8 * byte)) & low] += 1
    for byte in range(8):
        shift = np.uint64(8 * byte)
        if tally[byte, (source[0] >> shift) & low] == n:
            continue
        before = 0
        for value in range(256):
            count = tally[byte, value]
            tally[byte, value] = before
            before += count
        for i in range(n):
            u = source[i]
            value = (u >> shift) & low
            place = tally[byte, value]
            tally[byte, value] = place + 1
            target[place] = u
            target_index[place] = source_index[i]
        source, target = target, source
        source_index, target_index = target_index, source_index
    for k in range(n):
        u = source[k]
        sorted_bits[k] = u ^ flip if u >> sign == 0 else u
        index[k] = source_index[k]


@_inlined
def _sort_descending(
    z: Array, n: int, key: Array, index: Array, spare_key: Array, spare_index: Array
) -> None:
    """Set key to z in descending order and index to where each came from; z may be spare_key."""
    if n > _SHORT:
        _radix_sort_descending(z, n, key, index, spare_key, spare_index)
        return
    for i in range(n):
        index[i] = -1
    for i in range(n):
        v = z[i]
        place = 0
        for j in range(n):
            place += 1 if z[j] > v else 0
        # Equals come to the same place and move on to the next that is free.
        while index[place] >= 0:
            place += 1
        key[place] = v
        index[place] = i


@_inlined
def _simplex_threshold(z: Array, m: int, least: float) -> float:
    """Find the tau with sum(max(z - tau, 0)) = 1, which is at least ``least``; z has some to spare.

    Of few numbers it is the largest (s - 1) / k, s the sum of the k that are not below a number.
    All of that at once, for a fixed number of them, is what no processor needs long for.
    """
    if m > _FEW:
        return _threshold_of_many(z, m, least)
    for i in range(m, _FEW):
        z[i] = -1e300
    tau = least
    for i in range(_FEW):
        total = -1.0
        count = 0.0
        for j in range(_FEW):
            above = z[j] >= z[i]
            total += z[j] if above else 0.0
            count += 1.0 if above else 0.0
        tau = larger(total / count, tau)
    return tau


@_jit
def _threshold_of_many(z: Array, m: int, least: float) -> float:
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
    key = np.empty(m)
    spare = np.empty(m)
    index = np.empty(m, np.int32)
    spare_index = np.empty(m, np.int32)
    _sort_descending(z, m, key, index, spare, spare_index)
    total = 0.0
    for k in range(m):
        total += key[k]
        if 1.0 + (k + 1) * key[k] <= total:
            break
        tau = (total - 1.0) / (k + 1)
    return tau


@_jit
def _taut_string(
    z: Array, first: int, stop: int, lam: float, out: Array, label: Array, shift: int
) -> bool:
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]| in one pass with look-ahead.

    For the part of z from ``first`` to ``stop``, whose labels lie ``shift`` further on.

    The current run starts at ``start``; its value lies between low and high, and under / over are
    the dual variables that these two values lead to. Where neither value can be carried on, the
    run ends at the last point where the dual variable touched its bound, and the scan resumes
    behind it. Quick in practice, but quadratic at worst: False means that it gave up.

    Source: Condat 2013.
    """
    work = 16 * (stop - first) + 64
    k = start = end_low = end_high = first
    low, high = z[first] - lam, z[first] + lam
    under, over = lam, -lam
    group = 1
    while work > 0:
        work -= 1
        if k < stop - 1:
            v = z[k + 1]
            if v + under < low - lam:
                for i in range(start, end_low + 1):
                    out[i] = low
                    label[i + shift] = group
                group += 1
                k = start = end_high = end_low = end_low + 1
                low, high = z[k], z[k] + 2.0 * lam
                under, over = lam, -lam
            elif v + over > high + lam:
                for i in range(start, end_high + 1):
                    out[i] = high
                    label[i + shift] = group
                group += 1
                k = start = end_low = end_high = end_high + 1
                low, high = z[k] - 2.0 * lam, z[k]
                under, over = lam, -lam
            else:
                k += 1
                under += v - low
                over += v - high
                if under >= lam:
                    low += (under - lam) / (k - start + 1)
                    under = lam
                    end_low = k
                if over <= -lam:
                    high += (over + lam) / (k - start + 1)
                    over = -lam
                    end_high = k
        elif under < 0.0:
            for i in range(start, end_low + 1):
                out[i] = low
                label[i + shift] = group
            group += 1
            k = start = end_low = end_low + 1
            end_high = max(end_high, start)
            low = z[k]
            under = lam
            over = z[k] + lam - high
        elif over > 0.0:
            for i in range(start, end_high + 1):
                out[i] = high
                label[i + shift] = group
            group += 1
            k = start = end_high = end_high + 1
            end_low = max(end_low, start)
            high = z[k]
            over = -lam
            under = z[k] - lam - low
        else:
            value = low + under / (k - start + 1)
            for i in range(start, stop):
                out[i] = value
                label[i + shift] = group
            return True
    return False


@_jit
def _dynamic_program(z: Array, n: int, lam: float, out: Array, label: Array) -> None:
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]| in O(n), whatever z is.

    The derivative of the message from the first k entries is piecewise linear and increasing;
    a double-ended queue holds its knots. floor and ceiling clip the next entry's value on the way
    back, and an entry that is not clipped belongs to its successor's group.

    Source: Johnson 2013.
    """
    floor = np.empty(n)
    ceiling = np.empty(n)
    knot = np.empty(2 * n)
    slope = np.empty(2 * n)
    offset = np.empty(2 * n)
    floor[0] = z[0] - lam
    ceiling[0] = z[0] + lam
    left, right = n - 1, n
    knot[left], slope[left], offset[left] = floor[0], 1.0, lam - z[0]
    knot[right], slope[right], offset[right] = ceiling[0], -1.0, lam + z[0]
    for k in range(1, n - 1):
        a = 1.0
        c = -lam - z[k]
        while left <= right and a * knot[left] + c <= -lam:
            a += slope[left]
            c += offset[left]
            left += 1
        b = 1.0
        e = lam - z[k]
        while right >= left and b * knot[right] + e >= lam:
            b -= slope[right]
            e -= offset[right]
            right -= 1
        floor[k] = (-lam - c) / a
        ceiling[k] = (lam - e) / b
        left -= 1
        right += 1
        knot[left], slope[left], offset[left] = floor[k], a, c + lam
        knot[right], slope[right], offset[right] = ceiling[k], -b, lam - e
    a = 1.0
    c = -lam - z[n - 1]
    while left <= right and a * knot[left] + c <= 0.0:
        a += slope[left]
        c += offset[left]
        left += 1
    value = -c / a
    out[n - 1] = value
    group = 1
    label[n - 1] = group
    for k in range(n - 2, -1, -1):
        if value < floor[k]:
            value = floor[k]
            group += 1
        elif value > ceiling[k]:
            value = ceiling[k]
            group += 1
        out[k] = value
        label[k] = group
    for k in range(n):
        label[k] = group + 1 - label[k]


@_jit
def _prox_total_variation(
    z: Array, first: int, stop: int, lam: float, out: Array, label: Array, shift: int
) -> None:
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]|, and label the runs from 1 on.

    For the part of z from ``first`` to ``stop``, whose labels lie ``shift`` further on. It is not
    handed over as an array of its own, since counting references takes as long as a short run.
    """
    n = stop - first
    if lam == 0.0:
        for i in range(first, stop):
            out[i] = z[i]
            label[i + shift] = i - first + 1
        return
    mean = 0.0
    for i in range(first, stop):
        mean += z[i]
    mean /= n
    spread = 0.0
    for i in range(first, stop):
        spread += abs(z[i] - mean)
    if n == 1 or lam >= spread:
        # Settled without the scan, whose sums would lose the scores beside a huge lam.
        for i in range(first, stop):
            out[i] = mean
            label[i + shift] = 1
    elif not _taut_string(z, first, stop, lam, out, label, shift):
        labels = label[first + shift : stop + shift]
        _dynamic_program(z[first:stop], n, lam, out[first:stop], labels)


@_inlined
def _decreasing_regression(z: Array, n: int, sums: Array, starts: Array) -> int:
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


@_inlined
def _fuse(value: Array, where: Array, m: int, n: int, lam: float, out: Array, label: Array) -> None:
    """Set out to the total-variation prox of n scores at the candidates, the others at -infinity.

    Next to such a neighbour a score falls by lam, and runs of candidates do not touch each other.
    ``label`` gets the candidates' groups, their numbers rising from left to right, with at least
    one left free for what lies between two runs or before the first.
    """
    i = 0
    while i < m:
        k = i + 1
        while k < m and where[k] == where[k - 1] + 1:
            k += 1
        first = where[i]
        value[i] -= lam * int(first > 0)
        value[k - 1] -= lam * int(where[k - 1] + 1 < n)
        if k - i == 1:
            out[i] = value[i]
            label[first] = first + 1
        elif k - i == 2:
            change = 0.5 * (value[i + 1] - value[i])
            apart = abs(change) > lam
            shift = math.copysign(min(abs(change), lam), change)
            out[i] = value[i] + shift
            out[i + 1] = value[i + 1] - shift if apart else out[i]
            label[first] = first + 1
            label[first + 1] = first + 1 + int(apart)
        else:
            _prox_total_variation(value, i, k, lam, out, label, first - i)
            for j in range(first, first + k - i):
                label[j] += first
        i = k


@_inlined
def _label_gaps(label: Array, n: int) -> None:
    """Give what lies between two groups the number that was left free for it."""
    following = label[0]
    for j in range(n):
        following = max(following, label[j])
    following += 2
    for j in range(n - 1, -1, -1):
        if label[j] == 0:
            label[j] = following - 1
        else:
            following = label[j]


@_inlined
def _none_rises(
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


@_inlined
def _write(
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


@_inlined
def _spread(label: Array, n: int, position: Array) -> None:
    """Move the labels of n unmasked scores from the front of a row to their places."""
    i = n - 1
    for j in range(len(label) - 1, -1, -1):
        here = i >= 0 and position[i] == j
        label[j] = label[i] if here else 0
        i -= int(here)


@_inlined
def _skip(y: Array, r: int, n: int, position: Array) -> bool:
    """Deal with a row that holds NaN (n < 0) or nothing to attend to (n = 0); True if it was."""
    if n > 0:
        return False
    y[r, :] = 0.0
    for i in range(-n):
        y[r, position[i]] = math.nan
    return True


@_jit
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
    mask = _mask(mask_at, stop, d)
    memory = np.empty((4, d + _FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    where = part(memory, 2, np.uint32(0))
    position = part(memory, 3, np.uint32(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and _is_finite(x[r], d) else _compact(x, mask, r, kept, position)
        if _skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        m = _candidates(scores, n, top - gamma * _FURTHEST, value, where)
        _scale(value, m, top, gamma)
        tau = _simplex_threshold(value, m, -1.0)
        _write(y, r, n, position, value, where, m, tau)
    keep(memory)


@_jit
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
    mask = _mask(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((5, d + _FEW))
    kept = part(memory, 0, like)
    value = part(memory, 1, 0.0)
    prox = part(memory, 2, 0.0)
    where = part(memory, 3, np.uint32(0))
    position = part(memory, 4, np.uint32(0))
    for r in range(start, stop):
        n = d if mask_at == 0 and _is_finite(x[r], d) else _compact(x, mask, r, kept, position)
        if _skip(y, r, n, position):
            labels[r, :] = 0
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        # The prox moves no score by more than 2 lam.
        reach = _reach(scores, n, top, gamma) + 4.0 * lam
        m = _candidates(scores, n, top - gamma * reach, value, where)
        _scale(value, m, top, gamma)
        label = labels[r]
        label[:] = 0
        _fuse(value, where, m, n, lam, prox, label)
        if lams_at != 0:
            # The derivative by lam depends on which groups have neighbours.
            _label_gaps(label, n)
        if n < d:
            _spread(label, n, position)
        if lam > 1.0:
            # What lam takes from all alike would cost the sums their precision.
            _scale(prox, m, largest(prox, m), 1.0)
        # The largest falls by 2 lam at most.
        tau = _simplex_threshold(prox, m, -3.0)
        _write(y, r, n, position, prox, where, m, tau)
    keep(memory)


@_inlined
def _cluster(
    value: Array,
    m: int,
    top: float,
    gamma: float,
    lam: float,
    key: Array,
    spare: Array,
    index: Array,
    spare_index: Array,
    starts: Array,
    group: Array,
) -> tuple[float, float]:
    """Replace m scores by their ordered-weight isotonic prox less its largest, and name its groups.

    Up to a constant, which the projection removes, that is the decreasing fit to the ordered
    scores raised by lam (0, 1, ..., m - 1). Returns the fit's largest value, and the threshold of
    the projection that follows, for which the groups lie in order.
    """
    _sort_descending(value, m, key, index, spare, spare_index)
    _scale(key, m, top, gamma)
    for k in range(m):
        key[k] += lam * k
    blocks = _decreasing_regression(key, m, spare, starts)
    highest = spare[0] / starts[1]
    total = 0.0
    tau = -math.inf
    for b in range(blocks):
        size = starts[b + 1] - starts[b]
        mean = spare[b] / size - highest
        if mean > tau:
            total += size * mean
            tau = (total - 1.0) / starts[b + 1]
        for k in range(starts[b], starts[b + 1]):
            i = index[k]
            value[i] = mean
            group[i] = b + 1
    return highest, tau


@_jit
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
    mask = _mask(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((12, d + _FEW))
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
        n = d if mask_at == 0 and _is_finite(x[r], d) else _compact(x, mask, r, kept, position)
        labels[r, :] = 0
        if _skip(y, r, n, position):
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
            m = _candidates(scores, n, -math.inf, value, where)
            for i in range(n):
                value[i] = 0.0
                group[i] = 1
            tau = -1.0 / n
        else:
            # It is no use to leave any out if the lowest, raised by all others, tops the top.
            # In a very short row those that are raised are looked at right away.
            reach = gamma * _FURTHEST + (0.5 * step * n if n <= _VERY_SHORT else 0.0)
            least = top - reach if lowest + step * (n - 1) < top else -math.inf
            while True:
                m = _candidates(scores, n, least, value, where)
                highest, tau = _cluster(
                    value, m, top, gamma, lam, key, spare, index, spare_index, starts, group
                )
                level = top + gamma * (highest + tau)
                if (
                    m == n
                    or lam == 0.0
                    or least + step * (n - 1) <= level
                    or _none_rises(scores, n, least, m, level, step, rank, tally)
                ):
                    break
                least = -math.inf
        _write(y, r, n, position, value, where, m, tau)
        for i in range(m):
            j = where[i] if n == d else position[where[i]]
            labels[r, j] = group[i]
    keep(memory)


@_jit
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
    mask = _mask(mask_at, stop, d)
    labels = array_at(labels_at, np.int32(0), stop, d)
    lams = array_at(lams_at, 0.0, stop, 1)
    memory = np.empty((10, d + _FEW))
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
        n = d if mask_at == 0 and _is_finite(x[r], d) else _compact(x, mask, r, kept, position)
        labels[r, :] = 0
        if _skip(y, r, n, position):
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        _candidates(x[r] if n == d else kept, n, -math.inf, value, where)
        _scale(value, n, 0.0, gamma)
        for i in range(n):
            size[i] = abs(value[i])
        _sort_descending(size, n, key, index, spare, spare_index)
        for k in range(n):
            key[k] -= lam * (n - 1 - k)
        blocks = _decreasing_regression(key, n, spare, starts)
        for b in range(blocks):
            mean = max(spare[b] / (starts[b + 1] - starts[b]), 0.0)
            for k in range(starts[b], starts[b + 1]):
                i = index[k]
                sign = 1 if value[i] >= 0.0 else -1
                value[i] = sign * mean
                j = i if n == d else position[i]
                labels[r, j] = sign * (b + 1) if mean > 0.0 else 0
        _scale(value, n, largest(value, n), 1.0)
        tau = _simplex_threshold(value, n, -1.0)
        _write(y, r, n, position, value, where, n, tau)
    keep(memory)


@_jit
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


@_inlined
def _support(y: Array, r: int, out: Array, where: Array) -> int:
    """List the places of row r with weight; set out to 0, or to NaN where the row holds a NaN."""
    size = 0
    for j in range(y.shape[1]):
        where[size] = j
        size += int(y[r, j] > 0)
    for j in range(y.shape[1]):
        out[r, j] = y[r, j] * 0
    return size


@_jit
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
        size = _support(y, r, out, where)
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


@_jit
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


@_jit
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
    mask = _mask(mask_at, stop, d)
    memory = np.empty((4, d + _FEW))
    kept = part(memory, 0, like)
    z = part(memory, 1, 0.0)
    where = part(memory, 2, np.uint32(0))
    position = part(memory, 3, np.uint32(0))
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    for r in range(start, stop):
        n = d if mask_at == 0 and _is_finite(x[r], d) else _compact(x, mask, r, kept, position)
        if _skip(y, r, n, position):
            continue
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        m = _candidates(scores, n, top - gamma * _FURTHEST, z, where)
        _scale(z, m, top, gamma)
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
        _write(y, r, n, position, z, where, m, 0.0)
    keep(memory)


@_jit
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
        size = _support(y, r, out, where)
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
