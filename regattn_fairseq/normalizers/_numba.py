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

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy", boundscheck=False)


@_jit
def _gather(x, mask, r, gamma, shift, buffer, position):
    """Copy the unmasked scores of row r; return their number, or -1 where one is NaN or +inf."""
    d = x.shape[1]
    masked = mask.shape[0] > 0
    top = -math.inf
    n = 0
    bad = False
    for j in range(d):
        if masked and mask[r, j]:
            continue
        v = np.float64(x[r, j])
        if v == -math.inf:
            continue
        if not v < math.inf:
            bad = True
        if v > top:
            top = v
        buffer[n] = v
        position[n] = j
        n += 1
    if bad:
        for i in range(n):
            buffer[i] = math.nan
        return -n
    base = top if shift else 0.0
    for i in range(n):
        buffer[i] = (buffer[i] - base) / gamma
    return n


@_jit
def _simplex_threshold(z, n, scratch):
    """The tau with sum(max(z - tau, 0)) = 1, by Newton steps on a shrinking active set."""
    top = z[0]
    for i in range(1, n):
        top = max(top, z[i])
    total = 0.0
    m = 0
    # An entry a whole unit below the largest one can never be in the support.
    for i in range(n):
        if z[i] > top - 1.0:
            scratch[m] = z[i] - top
            total += scratch[m]
            m += 1
    tau = (total - 1.0) / m
    for _ in range(24):
        kept = 0
        total = 0.0
        for i in range(m):
            v = scratch[i]
            if v > tau:
                scratch[kept] = v
                total += v
                kept += 1
        if kept == m:
            return tau + top
        m = kept
        tau = (total - 1.0) / m
    # Sorting bounds the worst case, where each Newton step drops a single entry.
    ordered = np.sort(scratch[:m])
    total = 0.0
    for k in range(m):
        v = ordered[m - 1 - k]
        if 1.0 + (k + 1) * v <= total + v:
            break
        total += v
        tau = (total - 1.0) / (k + 1)
    return tau + top


@_jit
def _prox_total_variation(z, n, lam, out, label, knot, slope, offset, low, high):
    """Minimize 1/2 ||b - z||^2 + lam sum |b[k+1] - b[k]| by dynamic programming in O(n).

    The derivative of the message from the first k entries is piecewise linear and increasing;
    a double-ended queue holds its knots. low and high clip the next entry's value on the way
    back, and an entry that is not clipped belongs to its successor's group.
    """
    mean = 0.0
    for i in range(n):
        mean += z[i]
    mean /= n
    spread = 0.0
    for i in range(n):
        spread += abs(z[i] - mean)
    if n == 1 or lam >= spread:
        for i in range(n):
            out[i] = mean
            label[i] = 1
        return
    if lam == 0.0:
        for i in range(n):
            out[i] = z[i]
            label[i] = i + 1
        return
    low[0] = z[0] - lam
    high[0] = z[0] + lam
    left, right = n - 1, n
    knot[left], slope[left], offset[left] = low[0], 1.0, lam - z[0]
    knot[right], slope[right], offset[right] = high[0], -1.0, lam + z[0]
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
        low[k] = (-lam - c) / a
        high[k] = (lam - e) / b
        left -= 1
        right += 1
        knot[left], slope[left], offset[left] = low[k], a, c + lam
        knot[right], slope[right], offset[right] = high[k], -b, lam - e
    a = 1.0
    c = -lam - z[n - 1]
    while left <= right and a * knot[left] + c <= 0.0:
        a += slope[left]
        c += offset[left]
        left += 1
    value = -c / a
    out[n - 1] = value
    current = 1
    label[n - 1] = current
    for k in range(n - 2, -1, -1):
        if value < low[k]:
            value = low[k]
            current += 1
        elif value > high[k]:
            value = high[k]
            current += 1
        out[k] = value
        label[k] = current


@_jit
def _decreasing_regression(z, n, sums, starts):
    """Pool adjacent violators: block sums and starts of the decreasing fit to z; their number."""
    blocks = 0
    for i in range(n):
        sums[blocks] = z[i]
        starts[blocks] = i
        blocks += 1
        while blocks > 1:
            size = i + 1 - starts[blocks - 1]
            before = starts[blocks - 1] - starts[blocks - 2]
            if sums[blocks - 2] * size >= sums[blocks - 1] * before:
                break
            sums[blocks - 2] += sums[blocks - 1]
            blocks -= 1
    return blocks


@_jit
def _fail(y, r, n, position):
    for i in range(n):
        y[r, position[i]] = math.nan


@_jit
def sparsemax_forward(x, mask, gamma, y):
    """Set y to the projection of x / gamma onto the simplex."""
    rows, d = x.shape
    z = np.empty(d)
    scratch = np.empty(d)
    position = np.empty(d, np.int32)
    for r in range(rows):
        y[r, :] = 0.0
        n = _gather(x, mask, r, gamma, True, z, position)
        if n == 0:
            continue
        if n < 0:
            _fail(y, r, -n, position)
            continue
        tau = _simplex_threshold(z, n, scratch)
        for i in range(n):
            y[r, position[i]] = max(z[i] - tau, 0.0)


@_jit
def fusedmax_forward(x, mask, gamma, lams, y, labels):
    """Set y to the projection onto the simplex of the total-variation prox of x / gamma."""
    rows, d = x.shape
    z = np.empty(d)
    prox = np.empty(d)
    scratch = np.empty(d)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    knot = np.empty(2 * d)
    slope = np.empty(2 * d)
    offset = np.empty(2 * d)
    high = np.empty(d)
    for r in range(rows):
        y[r, :] = 0.0
        labels[r, :] = 0
        n = _gather(x, mask, r, gamma, True, z, position)
        if n == 0:
            continue
        lam = lams[r % lams.shape[0]]
        if n < 0 or lam != lam:
            _fail(y, r, abs(n), position)
            continue
        # Lowering a score that gets no weight changes nothing, so the range can be bounded: the
        # prox moves no entry by more than 2 lam, and the support is at most one unit wide.
        floor = -(4.0 * lam + 2.0)
        for i in range(n):
            z[i] = max(z[i], floor)
        _prox_total_variation(z, n, lam, prox, label, knot, slope, offset, scratch, high)
        tau = _simplex_threshold(prox, n, scratch)
        for i in range(n):
            y[r, position[i]] = max(prox[i] - tau, 0.0)
            labels[r, position[i]] = label[i]


@_jit
def oscarmax_forward(x, mask, gamma, lams, y, labels):
    """Set y to the projection onto the simplex of the ordered-weight isotonic prox of x / gamma."""
    rows, d = x.shape
    z = np.empty(d)
    prox = np.empty(d)
    scratch = np.empty(d)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    starts = np.empty(d + 1, np.int32)
    for r in range(rows):
        y[r, :] = 0.0
        labels[r, :] = 0
        n = _gather(x, mask, r, gamma, True, z, position)
        if n == 0:
            continue
        lam = lams[r % lams.shape[0]]
        if n < 0 or lam != lam:
            _fail(y, r, abs(n), position)
            continue
        order = np.argsort(-z[:n])
        for k in range(n):
            scratch[k] = z[order[k]] + lam * k
        blocks = _decreasing_regression(scratch, n, prox, starts)
        starts[blocks] = n
        for b in range(blocks - 1, -1, -1):
            mean = prox[b] / (starts[b + 1] - starts[b])
            for k in range(starts[b], starts[b + 1]):
                z[order[k]] = mean
                label[order[k]] = b + 1
        tau = _simplex_threshold(z, n, scratch)
        for i in range(n):
            y[r, position[i]] = max(z[i] - tau, 0.0)
            labels[r, position[i]] = label[i]


@_jit
def oscarmax_published_forward(x, mask, gamma, lams, y, labels):
    """Set y to the projection onto the simplex of the OSCAR prox of x / gamma, on |x|."""
    rows, d = x.shape
    z = np.empty(d)
    prox = np.empty(d)
    scratch = np.empty(d)
    position = np.empty(d, np.int32)
    label = np.empty(d, np.int32)
    starts = np.empty(d + 1, np.int32)
    for r in range(rows):
        y[r, :] = 0.0
        labels[r, :] = 0
        n = _gather(x, mask, r, gamma, False, z, position)
        if n == 0:
            continue
        lam = lams[r % lams.shape[0]]
        if n < 0 or lam != lam:
            _fail(y, r, abs(n), position)
            continue
        order = np.argsort(-np.abs(z[:n]))
        for k in range(n):
            scratch[k] = abs(z[order[k]]) - lam * (n - 1 - k)
        blocks = _decreasing_regression(scratch, n, prox, starts)
        starts[blocks] = n
        for b in range(blocks - 1, -1, -1):
            mean = prox[b] / (starts[b + 1] - starts[b])
            for k in range(starts[b], starts[b + 1]):
                i = order[k]
                sign = 1 if z[i] >= 0.0 else -1
                if mean > 0.0:
                    z[i] = sign * mean
                    label[i] = sign * (b + 1)
                else:
                    z[i] = 0.0
                    label[i] = 0
        tau = _simplex_threshold(z, n, scratch)
        for i in range(n):
            y[r, position[i]] = max(z[i] - tau, 0.0)
            labels[r, position[i]] = label[i]


@_jit
def sparsemax_backward(g, y, gamma, out):
    """Set out to (diag(s) - s s' / |s|) g / gamma, s the support of y."""
    rows, d = y.shape
    for r in range(rows):
        total = 0.0
        count = 0
        for j in range(d):
            if not y[r, j] <= 0.0:
                total += g[r, j]
                count += 1
        mean = total / max(count, 1)
        for j in range(d):
            if y[r, j] > 0.0:
                out[r, j] = (g[r, j] - mean) / gamma
            else:
                # y * 0 is 0, or NaN in a row that holds a NaN.
                out[r, j] = y[r, j] * 0.0


@_jit
def grouped_backward(g, y, labels, gamma, out):
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
            if not y[r, j] <= 0.0:
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
            if k == 0:
                out[r, j] = y[r, j] * 0.0
            else:
                v = sums[abs(k)] / counts[abs(k)] / gamma
                out[r, j] = v if k > 0 else -v


@_jit
def pnormmax_forward(x, mask, gamma, p, y):
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau the root of the optimality condition."""
    rows, d = x.shape
    z = np.empty(d)
    position = np.empty(d, np.int32)
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    for r in range(rows):
        y[r, :] = 0.0
        n = _gather(x, mask, r, gamma, True, z, position)
        if n == 0:
            continue
        if n < 0:
            _fail(y, r, -n, position)
            continue
        # With z_max = 0 and gamma divided out, the root lies in [-1, -n^(-2(p-1)/p)].
        low = -1.0
        high = -(float(n) ** (-2.0 * (p - 1.0) / p))
        tau = low
        for _ in range(100):
            s0 = 0.0
            s1 = 0.0
            s2 = 0.0
            for i in range(n):
                t = z[i] - tau
                if t > 0.0:
                    if q == 2.0:
                        w = t
                    elif q == 1.0:
                        w = 1.0
                    else:
                        w = t ** (q - 1.0)
                    s0 += w
                    s1 += w * t
                    s2 += w * t * t
            ratio = s1 / s2**e
            # d ratio / d tau, by (s1)' = -q s0 and (s2)' = -(q + 1) s1
            change = ratio * (-q * s0 / s1 + e * (q + 1.0) * s1 / s2)
            if ratio >= 1.0:
                low = max(low, tau)
            else:
                high = min(high, tau)
            step = tau - (ratio - 1.0) / change if change < 0.0 else low - 1.0
            if not (low <= step <= high):
                step = 0.5 * (low + high)
            if abs(step - tau) <= 1e-16 * abs(tau) or step == tau:
                break
            tau = step
        total = 0.0
        for i in range(n):
            t = max(z[i] - tau, 0.0)
            z[i] = t * t if q == 2.0 else (t if q == 1.0 else t**q)
            total += z[i]
        for i in range(n):
            y[r, position[i]] = z[i] / total


@_jit
def pnormmax_backward(g, y, gamma, p, out):
    """Set out to M g, M = H^-1 - H^-1 1 1' H^-1 / (1' H^-1 1) on the support of y."""
    rows, d = y.shape
    weight = np.empty(d)
    for r in range(rows):
        power = 0.0
        nan = False
        for j in range(d):
            v = np.float64(y[r, j])
            if v > 0.0:
                weight[j] = math.sqrt(v) if p == 1.5 else v ** (2.0 - p)
                # y^p = y^2 / y^(2-p)
                power += v * v / weight[j]
            elif v != v:
                nan = True
        if nan or power == 0.0:
            for j in range(d):
                out[r, j] = y[r, j] * 0.0
            continue
        square = power ** (2.0 / p)
        scale = power ** ((p - 2.0) / p)
        yg = 0.0
        for j in range(d):
            yg += np.float64(y[r, j]) * g[r, j]
        a = 0.0
        b = 0.0
        for j in range(d):
            v = np.float64(y[r, j])
            if v > 0.0:
                weight[j] *= scale
                h = weight[j] - (2.0 - p) * v / square
                a += h * g[r, j]
                b += h
        ratio = a / b if b > 0.0 else 0.0
        for j in range(d):
            v = np.float64(y[r, j])
            if v > 0.0:
                w = weight[j]
                m = w * (g[r, j] - ratio) - (2.0 - p) * v / square * (yg - ratio)
                out[r, j] = m / (gamma * (p - 1.0))
            else:
                out[r, j] = 0.0
