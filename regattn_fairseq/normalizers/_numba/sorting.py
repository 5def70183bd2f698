"""Sorting float64 numbers in descending order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...kernels.arrays import Array, part
from .jit import inlined, jit

# Up to this length counting how many entries are larger is the quickest way to sort.
_SHORT = 64


class Sorted(NamedTuple):
    """Room for sorted numbers.

    Attributes:
        key: float64, the numbers in order.
        origin: int32, where each came from.
        spare_key: as large, for the sort itself.
        spare_origin: as large, for the sort itself.
    """

    key: Array
    origin: Array
    spare_key: Array
    spare_origin: Array


# How many parts of scratch memory it takes.
SORTED = len(Sorted._fields)


@inlined
def sorted_part(memory: Array, first: int) -> Sorted:
    """Room in scratch memory, from a part on."""
    return Sorted(
        part(memory, first, 0.0),
        part(memory, first + 1, np.int32(0)),
        part(memory, first + 2, 0.0),
        part(memory, first + 3, np.int32(0)),
    )


@inlined
def room_to_sort(n: int) -> Sorted:
    """Room of its own for n numbers."""
    return Sorted(np.empty(n), np.empty(n, np.int32), np.empty(n), np.empty(n, np.int32))


@jit
def radix_sort_descending(z: Array, n: int, out: Sorted) -> None:
    """Sort by one byte of the numbers after the other, from the lowest; all equal cost nothing.

    Flipping all bits but the sign of the positive numbers turns descending order into ascending
    order of the unsigned integers with the same bits.
    """
    flip = np.uint64(0x7FFFFFFFFFFFFFFF)
    sign = np.uint64(63)
    low = np.uint64(0xFF)
    numbers = z.view(np.uint64)
    source = sorted_bits = out.key.view(np.uint64)
    target = out.spare_key.view(np.uint64)
    origin = out.origin
    source_index, target_index = origin, out.spare_origin
    tally = np.zeros((8, 256), np.int64)
    for i in range(n):
        u = numbers[i]
        if u >> sign == 0:
            u ^= flip
        source[i] = u
        origin[i] = i
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
        origin[k] = source_index[k]


@inlined
def sort_descending(z: Array, n: int, out: Sorted) -> None:
    """Set out's key to z in descending order, and its origin; z may be its spare key."""
    if n > _SHORT:
        radix_sort_descending(z, n, out)
        return
    key, origin = out.key, out.origin
    for i in range(n):
        origin[i] = -1
    for i in range(n):
        v = z[i]
        place = 0
        for j in range(n):
            place += 1 if z[j] > v else 0
        # Equals come to the same place and move on to the next that is free.
        while origin[place] >= 0:
            place += 1
        key[place] = v
        origin[place] = i
