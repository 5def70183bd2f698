"""F1 of words by their number in training, against counts made by hand and another formula."""

import itertools
from collections import Counter

import numpy as np

from regattn_fairseq.metrics import WORD_FIGURES, match_counts, ratios, word_frequencies

TRAINING = ["the the the a", *["the"] * 1200, *["dog"] * 12, *["Fast dog"] * 3]
OUTPUTS = ["The dog ran", "the the cat", "fast"]
REFERENCES = ["the dog ran fast", "the cat", "Fast"]


def test_counts_by_hand():
    frequencies = word_frequencies(TRAINING, lowercase=True)
    assert frequencies == {"the": 1203, "a": 1, "dog": 15, "fast": 3}
    counts = match_counts(OUTPUTS, REFERENCES, frequencies, lowercase=True)
    assert counts["exact"].tolist() == [0, 0, 1]
    assert counts["doubled_hits_1000"].tolist() == [2, 2, 0]
    assert counts["words_1000"].tolist() == [2, 3, 0], "the: one of two in the second output"
    assert counts["words_10"].tolist() == [2, 0, 0], "dog"
    assert counts["words_1"].tolist() == [1, 0, 2], "fast"
    assert counts["doubled_hits_0"].tolist() == [2, 2, 0], "ran and cat, which training never had"
    figures = ratios(counts, WORD_FIGURES)
    assert figures["word_f1_1000"] == 4 / 5
    assert figures["exact_share"] == 1 / 3
    assert figures["word_f1_100"] == 0, "there are no such words"


def test_case_counts_where_the_model_has_it():
    frequencies = word_frequencies(TRAINING, lowercase=False)
    counts = match_counts(OUTPUTS, REFERENCES, frequencies, lowercase=False)
    assert counts["exact"].sum() == 0
    assert frequencies["Fast"] == 3
    assert counts["words_1"].tolist() == [0, 0, 1]
    assert counts["words_0"].sum() == 1 + 2 + 2 + 1 + 1, "The, ran twice, cat twice, fast twice"


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    draw = np.random.default_rng(0)
    words = [f"w{number}" for number in range(30)]
    frequencies = Counter({word: int(10 ** draw.uniform(-1, 4)) for word in words})
    lines = [[" ".join(draw.choice(words, draw.integers(1, 12))) for _ in range(50)] for _ in "ab"]
    figures = ratios(match_counts(*lines, frequencies, lowercase=False), WORD_FIGURES)
    bounds = [0, 1, 10, 100, 1000, 10**9]
    for low, high in itertools.pairwise(bounds):
        hits = wrote = wanted = 0
        for output, reference in zip(*lines, strict=True):
            for word in words:
                if low <= frequencies[word] < high:
                    wrote += output.split().count(word)
                    wanted += reference.split().count(word)
                    hits += min(output.split().count(word), reference.split().count(word))
        precision, recall = hits / wrote, hits / wanted
        np.testing.assert_allclose(
            figures[f"word_f1_{low}"], 2 * precision * recall / (precision + recall)
        )
