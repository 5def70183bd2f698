"""The prox of total variation: runs of neighbours that fuse."""

from __future__ import annotations

import math

import numpy as np

from ...kernels.arrays import Array
from .jit import inlined, jit


@jit
def taut_string(
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


@jit
def dynamic_program(z: Array, n: int, lam: float, out: Array, label: Array) -> None:
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


@jit
def prox_total_variation(
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
    elif not taut_string(z, first, stop, lam, out, label, shift):
        labels = label[first + shift : stop + shift]
        dynamic_program(z[first:stop], n, lam, out[first:stop], labels)


@inlined
def fuse(value: Array, where: Array, m: int, n: int, lam: float, out: Array, label: Array) -> None:
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
            prox_total_variation(value, i, k, lam, out, label, first - i)
            for j in range(first, first + k - i):
                label[j] += first
        i = k


@inlined
def label_gaps(label: Array, n: int) -> None:
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
