"""Sorting float64 numbers in descending order."""

from __future__ import annotations

import numpy as np

from ...kernels.arrays import Array
from .jit import inlined, jit

# Up to this length counting how many entries are larger is the quickest way to sort.
_SHORT = 64


@jit
def radix_sort_descending(
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


@inlined
def sort_descending(
    z: Array, n: int, key: Array, index: Array, spare_key: Array, spare_index: Array
) -> None:
    """Set key to z in descending order and index to where each came from; z may be spare_key."""
    if n > _SHORT:
        radix_sort_descending(z, n, key, index, spare_key, spare_index)
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
