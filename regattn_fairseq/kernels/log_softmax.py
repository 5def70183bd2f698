"""The logarithm of a softmax, in place, compiled by numba."""

from __future__ import annotations

import math
from typing import Any

import numba

from regattn_fairseq.kernels.arrays import Array, array_at, largest
from regattn_fairseq.kernels.exponentials import constants_of, exponential


# Sums may be reordered, so that they vectorize.
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
def _log_sum(x: Array, top: Any, c: Any) -> Any:
    """The logarithm of Σ e^(x − top)."""
    total = c.zero
    for j in range(x.size):
        total += exponential(x[j] - top, c)
    return math.log(total)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def log_softmax(like: Any, start: int, stop: int, d: int, scores_at: int) -> None:
    """Subtract log Σ eˣ from each row. One NaN makes its whole row NaN, since the sum is NaN."""
    scores = array_at(scores_at, like, stop, d)
    c = constants_of(like)
    for r in range(start, stop):
        row = scores[r]
        top = largest(row, d)
        log_sum = _log_sum(row, top, c)
        # Subtract top first: added to a large top, log_sum would be lost to rounding.
        for j in range(d):
            row[j] = (row[j] - top) - log_sum
