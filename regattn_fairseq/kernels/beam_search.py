"""Picking the best candidates of beam search in one pass, compiled by numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from regattn_fairseq.kernels.arrays import Array, array_at, largest

_BLOCK = 128


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _insert(values: Array, indices: Array, value: Any, index: int) -> None:
    """Insert a number into a descending row, whose last number must be smaller and drops out."""
    place = values.size - 1
    while place > 0 and values[place - 1] < value:
        values[place] = values[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    values[place] = value
    indices[place] = index


@numba.njit(cache=True, nogil=True, error_model="numpy")
def best(
    like: Any,
    start: int,
    stop: int,
    d: int,
    scores_at: int,
    before_at: int,
    beams: int,
    used: int,
    count: int,
    values_at: int,
    indices_at: int,
) -> None:
    """Find the ``count`` best candidates of each sentence, and look at few of them closely.

    A row is a sentence with ``beams`` hypotheses. Each of the first ``used`` hypotheses has one
    candidate for each word. No score may be NaN.
    """
    scores = array_at(scores_at, like, stop, d)
    before = array_at(before_at, like, stop, beams)
    values = array_at(values_at, like, stop, count)
    indices = array_at(indices_at, np.int64(0), stop, count)
    words = d // beams
    for r in range(start, stop):
        row, found, where = scores[r], values[r], indices[r]
        for k in range(count):
            found[k] = -math.inf
            where[k] = k
        for beam in range(used):
            offset = before[r, beam]
            end = (beam + 1) * words
            j = beam * words
            while j < end:
                block = row[j : min(j + _BLOCK, end)]
                if largest(block, block.size) + offset > found[count - 1]:
                    for i in range(block.size):
                        value = block[i] + offset
                        if value > found[count - 1]:
                            _insert(found, where, value, j + i)
                j += _BLOCK
