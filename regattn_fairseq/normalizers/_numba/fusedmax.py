"""Fusedmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.arrays import keep, largest, part
from .jit import jit
from .rows import (
    OWN,
    arrays_at,
    candidates,
    groups_at,
    reach_of_sparsemax,
    row_parts,
    scale,
    scratch,
    skip,
    spread,
    unmasked,
    write,
)
from .simplex import simplex_threshold
from .total_variation import fuse, label_gaps

_PROX, _PARTS = range(OWN, OWN + 2)


@jit
def fusedmax_forward(
    like: Any,
    start: int,
    stop: int,
    d: int,
    x_at: int,
    mask_at: int,
    y_at: int,
    gamma: float,
    lam: float,
    lams_at: int,
    labels_at: int,
) -> None:
    """Set y to the projection onto the simplex of the total-variation prox of x / gamma."""
    x, mask, y = arrays_at(like, stop, d, x_at, mask_at, y_at)
    lams, labels = groups_at(stop, d, lams_at, labels_at)
    memory = scratch(_PARTS, d)
    kept, position, value, where = row_parts(memory, like)
    prox = part(memory, _PROX, 0.0)
    for r in range(start, stop):
        n = unmasked(x, mask, r, kept, position)
        if skip(y, r, n, position):
            labels[r, :] = 0
            continue
        if lams_at != 0:
            lam = lams[r, 0]
        scores = x[r] if n == d else kept
        top = np.float64(largest(scores, n))
        # The prox moves no score by more than 2 lam.
        reach = reach_of_sparsemax(scores, n, top, gamma) + 4.0 * lam
        m = candidates(scores, n, top - gamma * reach, value, where)
        scale(value, m, top, gamma)
        label = labels[r]
        label[:] = 0
        fuse(value, where, m, n, lam, prox, label)
        if lams_at != 0:
            # The derivative by lam depends on which groups have neighbours.
            label_gaps(label, n)
        if n < d:
            spread(label, n, position)
        if lam > 1.0:
            # What lam takes from all alike would cost the sums their precision.
            scale(prox, m, largest(prox, m), 1.0)
        # The largest falls by 2 lam at most.
        tau = simplex_threshold(prox, m, -3.0)
        write(y, r, n, position, prox, where, m, tau)
    keep(memory)
