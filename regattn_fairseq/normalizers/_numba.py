"""CPU kernels: one fused loop a direction, compiled by numba.

Every kernel works on contiguous ``(rows, d)`` arrays and does all arithmetic in float64, whatever
the storage type is. Rows are independent. A row is read once into a scratch buffer that holds
its unmasked scores as one contiguous sequence, shifted by their maximum and divided by gamma, so
that neither huge scores nor a tiny gamma overflow.

``labels`` name the group of each position as the algorithm formed it: 0 for none, otherwise
1, 2, ... with a negative sign where the group's value enters with a negative sign (only the
published composition has such members).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Sums may be reordered, so that they vectorize; NaN and infinity keep their meaning.
_flags = {"reassoc", "nsz", "contract"}
_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_flags)
# Below this length counting how many entries are larger sorts faster than merging does.
_RUN = 64


@_jit
def _largest(z: Array, n: int) -> float:
    """Find the largest of n finite numbers; four chains, since one waits for itself."""
    a = b = c = e = z[0]
    whole = n - n % 4
    for i in range(0, whole, 4):
        a = max(a, z[i])
        b = max(b, z[i + 1])
        c = max(c, z[i + 2])
        e = max(e, z[i + 3])
    for i in range(whole, n):
        a = max(a, z[i])
    return max(max(a, b), max(c, e))


@_jit
def _gather(
    x: Array, mask: Array, r: int, gamma: float, shift: bool, z: Array, position: Array
) -> int:
    """Copy the unmasked scores of row r; return their number, negated where one is NaN or +inf."""
    d = x.shape[1]
    n = d
    poison = 0.0
    for j in range(d):
        v = np.float64(x[r, j])
        z[j] = v
        poison += v * 0.0
    if mask.shape[0] > 0 or poison != 0.0:
        masked = mask.shape[0] > 0
        n = 0
        poison = 0.0
        for j in range(d):
            v = np.float64(x[r, j])
            z[n] = v
            position[n] = j
            n += int(v != -math.inf and not (masked and mask[r, j]))
        for i in range(n):
            poison += z[i] * 0.0
        if poison != 0.0:
            return -n
        if n == 0:
            return 0
    base = _largest(z, n) if shift else 0.0
    for i in range(n):
        z[i] = (z[i] - base) / gamma
    return n


@_jit
def _write_simplex(
    z: Array, n: int, y: Array, r: int, position: Array, key: Array, spare: Array, index: Array
) -> None:
    """Project z onto the simplex and write it to row r of y, at ``position`` unless it is full."""
    top = _largest(z, n)
    # In a pass of its own: sums of (z - top) must not be reordered into differences of sums.
    for i in range(n):
        z[i] -= top
    tau = _simplex_threshold(z, n, key, spare, index)
    d = y.shape[1]
    if n == d:
        for j in range(d):
            y[r, j] = max(z[j] - tau, 0.0)
        return
    y[r, :] = 0.0
    for i in range(n):
        y[r, position[i]] = max(z[i] - tau, 0.0)


@_jit
def _simplex_threshold(z: Array, n: int, key: Array, spare: Array, index: Array) -> float:
    """Find the tau with sum(max(z - tau, 0)) = 1; the largest of z must be 0.

    Newton's method on that convex, decreasing function of tau, from below: the active set only
    shrinks, and once it stays the same tau is exact.
    """
    total = 0.0
    for i in range(n):
        total += z[i]
    tau = max((total - 1.0) / n, -1.0)
    m = 0
    total = 0.0
    for i in range(n):
        v = z[i]
        key[m] = v
        m += int(v > tau)
    for i in range(m):
        total += key[i]
    tau = (total - 1.0) / m
    size = m * 1.0
    for _ in range(20):
        total = 0.0
        count = 0.0
        # Multiplied by 0 or 1 rather than chosen: branches here could not be predicted.
        for i in range(m):
            active = np.float64(key[i] > tau)
            total += key[i] * active
            count += active
        tau = (total - 1.0) / count
        if count == size:
            return tau
        size = count
    # Sorting bounds the worst case, where each Newton step drops a single entry.
    for i in range(m):
        spare[i] = key[i]
    _sort_descending(spare, m, key, index[0], spare, index[1])
    total = 0.0
    for k in range(m):
        total += key[k]
        if 1.0 + (k + 1) * key[k] <= total:
            break
        tau = (total - 1.0) / (k + 1)
    return tau


@_jit
def _sort_descending(
    z: Array, n: int, key: Array, index: Array, spare_key: Array, spare_index: Array
) -> None:
    """Set key to z in descending order and index to where each came from; z may be spare_key."""
    for start in range(0, n, _RUN):
        stop = min(start + _RUN, n)
        for i in range(start, stop):
            index[i] = -1
        for i in range(start, stop):
            v = z[i]
            place = start
            for j in range(start, stop):
                place += 1 if z[j] > v else 0
            # Equals come to the same place and move on to the next that is free.
            while index[place] >= 0:
                place += 1
            key[place] = v
            index[place] = i
    width = _RUN
    while width < n:
        for start in range(0, n, 2 * width):
            middle = min(start + width, n)
            stop = min(start + 2 * width, n)
            i = start
            j = middle
            k = start
            while i < middle and j < stop:
                first = int(key[i] >= key[j])
                source = j + (i - j) * first
                spare_key[k] = key[source]
                spare_index[k] = index[source]
                i += first
                j += 1 - first
                k += 1
            for left in range(i, middle):
                spare_key[k] = key[left]
                spare_index[k] = index[left]
                k += 1
            for left in range(j, stop):
                spare_key[k] = key[left]
                spare_index[k] = index[left]
                k += 1
        for k in range(n):
            key[k] = spare_key[k]
            index[k] = spare_index[k]
        width *= 2


@_jit
def _taut_string(z: Array, n: int, lam: float, out: Array, label: Array) -> bool:
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]| in one pass with look-ahead.

    The current run starts at ``start``; its value lies between low and high, and under / over are
    the dual variables that these two values lead to. Where neither value can be carried on, the
    run ends at the last point where the dual variable touched its bound, and the scan resumes
    behind it. Quick in practice, but quadratic at worst: False means that it gave up.

    Source: Condat 2013.
    """
    work = 16 * n + 64
    k = start = end_low = end_high = 0
    low, high = z[0] - lam, z[0] + lam
    under, over = lam, -lam
    group = 1
    while work > 0:
        work -= 1
        if k < n - 1:
            v = z[k + 1]
            if v + under < low - lam:
                for i in range(start, end_low + 1):
                    out[i] = low
                    label[i] = group
                group += 1
                k = start = end_high = end_low = end_low + 1
                low, high = z[k], z[k] + 2.0 * lam
                under, over = lam, -lam
            elif v + over > high + lam:
                for i in range(start, end_high + 1):
                    out[i] = high
                    label[i] = group
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
                label[i] = group
            group += 1
            k = start = end_low = end_low + 1
            end_high = max(end_high, start)
            low = z[k]
            under = lam
            over = z[k] + lam - high
        elif over > 0.0:
            for i in range(start, end_high + 1):
                out[i] = high
                label[i] = group
            group += 1
            k = start = end_high = end_high + 1
            end_low = max(end_low, start)
            high = z[k]
            over = -lam
            under = z[k] - lam - low
        else:
            value = low + under / (k - start + 1)
            for i in range(start, n):
                out[i] = value
                label[i] = group
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
def _prox_total_variation(z: Array, n: int, lam: float, out: Array, label: Array) -> None:
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]|, and label the runs."""
    if lam == 0.0:
        for i in range(n):
            out[i] = z[i]
            label[i] = i + 1
        return
    mean = 0.0
    for i in range(n):
        mean += z[i]
    mean /= n
    spread = 0.0
    for i in range(n):
        spread += abs(z[i] - mean)
    if n == 1 or lam >= spread:
        # Settled without the scan, whose sums would lose the scores beside a huge lam.
        for i in range(n):
            out[i] = mean
            label[i] = 1
    elif not _taut_string(z, n, lam, out, label):
        _dynamic_program(z, n, lam, out, label)


@_jit
def _decreasing_regression(z: Array, n: int, sums: Array, starts: Array) -> int:
    """Pool adjacent violators: block sums and starts of the decreasing fit to z; their number."""
    blocks = 0
    for i in range(n):
        total = z[i]
        start = i
        while blocks > 0:
            before = start - starts[blocks - 1]
            if sums[blocks - 1] * (i + 1 - start) >= total * before:
                break
            blocks -= 1
            total += sums[blocks]
            start = starts[blocks]
        sums[blocks] = total
        starts[blocks] = start
        blocks += 1
    starts[blocks] = n
    return blocks


@_jit
def _write_labels(labels: Array, r: int, label: Array, n: int, position: Array) -> None:
    if n == labels.shape[1]:
        for j in range(n):
            labels[r, j] = label[j]
        return
    labels[r, :] = 0
    for i in range(n):
        labels[r, position[i]] = label[i]


@_jit
def _skip(y: Array, r: int, n: int, position: Array) -> bool:
    """Deal with a row that holds NaN (n < 0) or nothing to attend to (n = 0); True if it was."""
    if n > 0:
        return False
    y[r, :] = 0.0
    for i in range(-n):
        y[r, position[i]] = math.nan
    return True


@_jit
def sparsemax_forward(x: Array, mask: Array, gamma: float, y: Array) -> None:
    """Set y to the projection of x / gamma onto the simplex."""
    rows, d = x.shape
    z = np.empty(d)
    key = np.empty(d)
    spare = np.empty(d)
    index = np.empty((2, d), np.int32)
    position = np.empty(d, np.int32)
    for r in range(rows):
        n = _gather(x, mask, r, gamma, True, z, position)
        if not _skip(y, r, n, position):
            _write_simplex(z, n, y, r, position, key, spare, index)


@_jit
def fusedmax_forward(
    x: Array, mask: Array, gamma: float, lams: Array, y: Array, labels: Array
) -> None:
    """Set y to the projection onto the simplex of the total-variation prox of x / gamma."""
    rows, d = x.shape
    z = np.empty(d)
    prox = np.empty(d)
    key = np.empty(d)
    index = np.empty((2, d), np.int32)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    for r in range(rows):
        n = _gather(x, mask, r, gamma, True, z, position)
        lam = lams[r] if lams.shape[0] > 1 else lams[0]
        if _skip(y, r, n, position):
            labels[r, :] = 0
            continue
        # Lowering a score that gets no weight changes nothing, so the range can be bounded: the
        # prox moves no entry by more than 2 lam, and the support is at most one unit wide.
        floor = -(4.0 * lam + 1.001)
        for i in range(n):
            z[i] = max(z[i], floor)
        _prox_total_variation(z, n, lam, prox, label)
        _write_simplex(prox, n, y, r, position, key, z, index)
        _write_labels(labels, r, label, n, position)


@_jit
def oscarmax_forward(
    x: Array, mask: Array, gamma: float, lams: Array, y: Array, labels: Array
) -> None:
    """Set y to the projection onto the simplex of the ordered-weight isotonic prox of x / gamma."""
    rows, d = x.shape
    z = np.empty(d)
    key = np.empty(d)
    spare = np.empty(d)
    index = np.empty((2, d), np.int32)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    starts = np.empty(d + 1, np.int64)
    for r in range(rows):
        n = _gather(x, mask, r, gamma, True, z, position)
        lam = lams[r] if lams.shape[0] > 1 else lams[0]
        if _skip(y, r, n, position):
            labels[r, :] = 0
            continue
        _sort_descending(z, n, key, index[0], spare, index[1])
        # Up to a constant, which the projection removes, this is key - lam (n-1, ..., 1, 0).
        for k in range(n):
            key[k] += lam * k
        blocks = _decreasing_regression(key, n, spare, starts)
        for b in range(blocks):
            mean = spare[b] / (starts[b + 1] - starts[b])
            for k in range(starts[b], starts[b + 1]):
                i = index[0, k]
                z[i] = mean
                label[i] = b + 1
        _write_simplex(z, n, y, r, position, key, spare, index)
        _write_labels(labels, r, label, n, position)


@_jit
def oscarmax_published_forward(
    x: Array, mask: Array, gamma: float, lams: Array, y: Array, labels: Array
) -> None:
    """Set y to the projection onto the simplex of the OSCAR prox of x / gamma, on |x|."""
    rows, d = x.shape
    z = np.empty(d)
    size = np.empty(d)
    key = np.empty(d)
    spare = np.empty(d)
    index = np.empty((2, d), np.int32)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    starts = np.empty(d + 1, np.int64)
    for r in range(rows):
        n = _gather(x, mask, r, gamma, False, z, position)
        lam = lams[r] if lams.shape[0] > 1 else lams[0]
        if _skip(y, r, n, position):
            labels[r, :] = 0
            continue
        for i in range(n):
            size[i] = abs(z[i])
        _sort_descending(size, n, key, index[0], spare, index[1])
        for k in range(n):
            key[k] -= lam * (n - 1 - k)
        blocks = _decreasing_regression(key, n, spare, starts)
        for b in range(blocks):
            mean = spare[b] / (starts[b + 1] - starts[b])
            for k in range(starts[b], starts[b + 1]):
                i = index[0, k]
                sign = 1 if z[i] >= 0.0 else -1
                z[i] = sign * max(mean, 0.0)
                label[i] = sign * (b + 1) if mean > 0.0 else 0
        _write_simplex(z, n, y, r, position, key, spare, index)
        _write_labels(labels, r, label, n, position)


@_jit
def sparsemax_backward(g: Array, y: Array, gamma: float, out: Array) -> None:
    """Set out to (diag(s) - s s' / |s|) g / gamma, s the support of y."""
    rows, d = y.shape
    for r in range(rows):
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


@_jit
def grouped_backward(g: Array, y: Array, labels: Array, gamma: float, out: Array) -> None:
    """Set out to J_prox (diag(s) - s s' / |s|) g / gamma, J_prox averaging over groups.

    For groups that lie in the support whole or not at all, so that J_prox keeps the mean.
    """
    rows, d = y.shape
    sums = np.empty(d + 1)
    counts = np.empty(d + 1, np.int32)
    for r in range(rows):
        sums[:] = 0.0
        counts[:] = 0
        total = 0.0
        size = 0
        for j in range(d):
            if y[r, j] > 0.0:
                k = labels[r, j]
                sums[k] += g[r, j]
                counts[k] += 1
                total += g[r, j]
                size += 1
        mean = total / max(size, 1)
        for j in range(d):
            if y[r, j] > 0.0:
                k = labels[r, j]
                out[r, j] = (sums[k] / counts[k] - mean) / gamma
            else:
                out[r, j] = y[r, j] * 0.0


@_jit
def signed_backward(g: Array, y: Array, labels: Array, gamma: float, out: Array) -> None:
    """Set out to J_prox (diag(s) - s s' / |s|) g / gamma, J_prox averaging over signed groups."""
    rows, d = y.shape
    sums = np.empty(d + 1)
    counts = np.empty(d + 1, np.int32)
    for r in range(rows):
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
def pnormmax_forward(x: Array, mask: Array, gamma: float, p: float, y: Array) -> None:
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau the root of the optimality condition."""
    rows, d = x.shape
    z = np.empty(d)
    position = np.empty(d, np.int32)
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    for r in range(rows):
        n = _gather(x, mask, r, gamma, True, z, position)
        if _skip(y, r, n, position):
            continue
        # With z_max = 0 and gamma divided out, the root lies in [-1, -n^(-2(p-1)/p)].
        low = -1.0
        high = -(float(n) ** (-2.0 * (p - 1.0) / p))
        tau = low
        for _ in range(100):
            s0 = 0.0
            s1 = 0.0
            s2 = 0.0
            if q == 2.0:
                for i in range(n):
                    t = max(z[i] - tau, 0.0)
                    s0 += t
                    s1 += t * t
                    s2 += t * t * t
            else:
                for i in range(n):
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
        for i in range(n):
            t = max(z[i] - tau, 0.0)
            z[i] = t * t if q == 2.0 else t**q
            total += z[i]
        if n == d:
            for i in range(n):
                y[r, i] = z[i] / total
        else:
            y[r, :] = 0.0
            for i in range(n):
                y[r, position[i]] = z[i] / total


@_jit
def pnormmax_backward(g: Array, y: Array, gamma: float, p: float, out: Array) -> None:
    """Set out to M g, M = H^-1 - H^-1 1 1' H^-1 / (1' H^-1 1) on the support of y."""
    rows, d = y.shape
    weight = np.empty(d)
    for r in range(rows):
        power = 0.0
        dot = 0.0
        for j in range(d):
            v = np.float64(y[r, j])
            w = 0.0
            if v > 0.0:
                w = math.sqrt(v) if p == 1.5 else v ** (2.0 - p)
                # y^p = y^2 / y^(2-p)
                power += v * v / w
            weight[j] = w
            dot += v * g[r, j]
        if not power > 0.0:
            for j in range(d):
                out[r, j] = y[r, j] * 0.0
            continue
        lean = (2.0 - p) / power ** (2.0 / p)
        scale = power ** ((p - 2.0) / p)
        a = 0.0
        b = 0.0
        for j in range(d):
            weight[j] *= scale
            h = weight[j] - lean * y[r, j]
            a += h * g[r, j]
            b += h
        ratio = a / b if b > 0.0 else 0.0
        for j in range(d):
            m = weight[j] * (g[r, j] - ratio) - lean * y[r, j] * (dot - ratio)
            out[r, j] = m / (gamma * (p - 1.0))
