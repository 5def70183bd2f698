"""What is said twice, and what is left out."""

import numpy as np
import pytest

from regattn_fairseq.metrics import COVERAGE_FIGURES, AttentionRecord, coverage_counts, ratios


def figures(hypothesis, reference, weights=((1.0,),)):
    record = AttentionRecord(["s"] * len(weights[0]), ["t"] * len(weights), np.array(weights))
    return ratios(coverage_counts([hypothesis], [reference], [record]), COVERAGE_FIGURES)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "words", "pairs"),
    [
        ("a b c", "x", 0, 0),
        ("a a a b", "x", 2 / 4, 1 / 3),
        ("a A b", "x", 1 / 3, 0),
        ("a a b", "a c a", 0, 0),  # the reference says it twice, too
        ("a b a b", "a", 2 / 4, 1 / 3),
        ("", "x", 0, 0),
        ("a", "x", 0, 0),
    ],
)
def test_repetitions_are_what_the_reference_has_not(hypothesis, reference, words, pairs):
    found = figures(hypothesis, reference)
    assert found["repeated_words"] == pytest.approx(words)
    assert found["repeated_bigrams"] == pytest.approx(pairs)


def test_dropped_are_the_source_tokens_that_no_output_token_looks_at():
    weights = [[0.95, 0.05, 0.0, 0.0], [0.85, 0.05, 0.1, 0.0], [1.0, 0.0, 0.0, 0.0]]
    assert figures("a b", "a b", weights)["dropped"] == pytest.approx(1 / 4)
