"""What an output says twice, and what it leaves out: signs of attention without a memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from regattn_fairseq.metrics.attention import AttentionRecord
from regattn_fairseq.metrics.ratios import Counts, Ratio

DROPPED_BELOW = 0.1
"""A source token counts as dropped if all output tokens together give it less weight than this."""

COVERAGE_FIGURES: dict[str, Ratio] = {
    "repeated_words": Ratio("repeated_1grams", "1grams"),
    "repeated_bigrams": Ratio("repeated_2grams", "2grams"),
    "dropped": Ratio("dropped", "columns"),
}
"""Figures of `coverage_counts`, each a ratio of two sums.

- ``repeated_words``: share of the outputs' words that repeat a word of the same output more often
  than the reference has it. ``repeated_bigrams``: the same for pairs of neighbouring words.
- ``dropped``: share of source tokens whose total attention is below `DROPPED_BELOW`.
"""


def coverage_counts(
    hypotheses: Sequence[str], references: Sequence[str], records: Sequence[AttentionRecord]
) -> Counts:
    """The counts that the figures are computed from, for each sentence.

    An n-gram that the output has h times and the reference r times is repeated
    h − max(1, r) times, at least 0. Words are what spaces separate, and case does not count.

    Args:
        hypotheses: the outputs.
        references: what they should be.
        records: the attention of the outputs.

    Returns:
        Arrays [sentence], by name.
    """
    counts: Counts = {
        "dropped": np.array(
            [
                np.count_nonzero(record.weights.sum(axis=0, dtype=np.float64) < DROPPED_BELOW)
                for record in records
            ],
            np.float64,
        ),
        "columns": np.array([record.weights.shape[1] for record in records], np.float64),
    }
    for n in (1, 2):
        pairs = [
            (_ngrams(hypothesis, n), _ngrams(reference, n))
            for hypothesis, reference in zip(hypotheses, references, strict=True)
        ]
        counts[f"{n}grams"] = np.array([output.total() for output, _ in pairs], np.float64)
        counts[f"repeated_{n}grams"] = np.array(
            [
                sum(max(0, times - max(1, wanted[each])) for each, times in output.items())
                for output, wanted in pairs
            ],
            np.float64,
        )
    return counts


def _ngrams(line: str, n: int) -> Counter[tuple[str, ...]]:
    words = line.lower().split()
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))
