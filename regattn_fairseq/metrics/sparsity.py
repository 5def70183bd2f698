"""How sparse and how structured attention is: counts for each sentence, and figures from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regattn_fairseq.metrics.attention import AttentionRecord
from regattn_fairseq.metrics.ratios import Counts, Ratio, ratios

# Two weights count as equal when they differ by at most this, relative to the larger one. Tied
# weights come out of one pooled value and differ at most by the rounding of the few float32
# operations after the pooling: 8 units in the last place (2**-23 each) cover those. Unrelated
# weights fall that close together about once in a million pairs.
_EQUAL_RTOL = 8 * float(np.finfo(np.float32).eps)

ATTENTION_FIGURES: dict[str, Ratio] = {
    "zero_share": Ratio("zeros", "weights"),
    "support": Ratio("nonzeros", "rows"),
    "segments": Ratio("segments", "rows"),
    "segment_length": Ratio("nonzeros", "segments"),
    "fused_run_length": Ratio("nonzeros", "fused_runs"),
    "groups": Ratio("groups", "rows"),
    "group_size": Ratio("nonzeros", "groups"),
    "entropy": Ratio("entropy_nats", "rows"),
    "coverage": Ratio("covered", "columns"),
}
"""Figures of `attention_statistics`, each a ratio of two sums of `attention_counts`."""


def attention_counts(records: Sequence[AttentionRecord]) -> Counts:
    """The counts that the figures are computed from, for each sentence.

    A weight is zero when it is exactly 0. Two weights are equal when they agree to float32
    rounding. Each target token's row of weights is one distribution over the source tokens.

    Args:
        records: the attention of a test set.

    Returns:
        Arrays [sentence]: ``weights``; ``zeros`` and ``nonzeros`` among them; ``rows`` (target
        tokens) and ``columns`` (source tokens); ``segments``, maximal stretches of neighbouring
        source tokens with nonzero weight, equal or not; ``fused_runs``, maximal stretches of
        neighbouring source tokens with equal nonzero weight, which may be one token long;
        ``groups``, distinct nonzero weights of a row, wherever they stand; ``entropy_nats``, the
        rows' −Σ w log w; and ``covered``, Σ over source tokens of min(1, Σ of its weights).
    """
    from scipy.special import entr  # takes as long as all else here

    names = sorted({part for figure in ATTENTION_FIGURES.values() for part in figure})
    counts = {name: np.zeros(len(records)) for name in names}
    for index, record in enumerate(records):
        weights = record.weights  # [target, source]
        if not weights.size:
            continue
        nonzero = weights > 0
        nonzeros = int(np.count_nonzero(nonzero))
        # A stretch is counted where it begins: at a nonzero weight whose left neighbour does not
        # continue it.
        begins_segment = nonzero.copy()
        begins_segment[:, 1:] &= ~nonzero[:, :-1]
        found = {
            "weights": weights.size,
            "zeros": weights.size - nonzeros,
            "nonzeros": nonzeros,
            "rows": weights.shape[0],
            "columns": weights.shape[1],
            "segments": np.count_nonzero(begins_segment),
            "fused_runs": nonzeros - np.count_nonzero(_continues_run(weights)),
            # After sorting, equal weights are neighbours, wherever they were before.
            "groups": nonzeros - np.count_nonzero(_continues_run(np.sort(weights, axis=1))),
            "entropy_nats": entr(weights.astype(np.float64)).sum(),
            "covered": np.minimum(weights.sum(axis=0, dtype=np.float64), 1).sum(),
        }
        for name, count in found.items():
            counts[name][index] = count
    return counts


def attention_statistics(records: Sequence[AttentionRecord]) -> dict[str, float]:
    """How sparse and how structured attention is, over all target tokens of all records.

    Args:
        records: at least one, with at least one weight among them.

    Returns:
        - ``zero_share``: zero weights among all weights, from 0 to 1.
        - ``support``: mean over target tokens of the number of nonzero weights.
        - ``segments``: mean over target tokens of the number of segments.
        - ``segment_length``: mean over all segments of their length, in source tokens.
        - ``fused_run_length``: mean over all fused runs of their length, in source tokens (what
          fusedmax makes longer).
        - ``groups``: mean over target tokens of the number of distinct nonzero weights (what
          oscarmax makes fewer).
        - ``group_size``: mean over all those groups of their size, in source tokens.
        - ``entropy``: mean over target tokens of −Σ w log w, in nats.
        - ``coverage``: mean over source tokens of min(1, the sum of the weights that the token
          gets), from 0 to 1: how much of the source was attended to (the terms of GNMT's coverage
          penalty).

        Means over segments, runs and groups are 0 when there are none. `attention_counts` says
        what each of these is.

    Raises:
        ValueError: no record has a weight.

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", for the coverage.
    """
    counts = attention_counts(records)
    if not counts["rows"].sum():
        raise ValueError("no attention weights: there is nothing to describe")
    return ratios(counts, ATTENTION_FIGURES)


def equal_groups(weights: np.ndarray) -> list[list[list[int]]]:
    """For each target token its groups of two or more source positions with equal nonzero weight.

    Args:
        weights: float32 [T, S].

    Returns:
        T lists of groups, by their first position. The positions of a group ascend.
    """
    order = np.argsort(weights, axis=1, kind="stable")
    joined = _continues_run(np.take_along_axis(weights, order, axis=1))
    groups: list[list[list[int]]] = [[] for _ in weights]
    for row in np.flatnonzero(joined.any(axis=1)).tolist():
        groups[row] = _chains(order[row].tolist(), joined[row].tolist())
    return groups


def _chains(positions: list[int], joined: list[bool]) -> list[list[int]]:
    """Parts of two or more of a list, each entry of which is joined to the one before."""
    chains: list[list[int]] = []
    for last, position, continues in zip(positions, positions[1:], joined, strict=False):
        if not continues:
            continue
        if chains and chains[-1][-1] == last:
            chains[-1].append(position)
        else:
            chains.append([last, position])
    return sorted(sorted(chain) for chain in chains)


def stretches(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending positions as half-open ranges of neighbours.

    >>> stretches([0, 1, 2, 5])
    [(0, 3), (5, 6)]
    """
    breaks = np.flatnonzero(np.diff(positions) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(positions, breaks) if len(run)]


def support_sizes(records: Sequence[AttentionRecord]) -> np.ndarray:
    """How many source tokens each target token attends to: [target token of any record]."""
    sizes = [np.count_nonzero(record.weights, axis=1) for record in records]
    return np.concatenate([np.zeros(0, np.int64), *sizes])


def segment_lengths(records: Sequence[AttentionRecord]) -> np.ndarray:
    """How long each segment is, in source tokens: [segment of any record]."""
    lengths = [np.zeros(0, np.int64)]
    for record in records:
        # A column of zeros on both sides gives every segment a beginning and an end.
        nonzero = np.pad(record.weights > 0, ((0, 0), (1, 1))).astype(np.int8).ravel()
        changes = np.flatnonzero(np.diff(nonzero))
        lengths.append(changes[1::2] - changes[::2])
    return np.concatenate(lengths)


def _continues_run(weights: np.ndarray) -> np.ndarray:
    """Where a weight is nonzero and equals its left neighbour: [T, S] → bool [T, S − 1]."""
    left, right = weights[:, :-1], weights[:, 1:]
    larger = np.maximum(left, right)
    return (left > 0) & (right > 0) & (np.abs(left - right) <= _EQUAL_RTOL * larger)
