"""Accuracy and the confusion matrix."""

import pytest

from regattn_fairseq.metrics import score_labels

LABELS = ("yes", "no", "maybe")


def test_counts_by_gold_and_predicted_label():
    gold = ["yes", "yes", "no", "no", "no"]
    predicted = ["yes", "no", "no", "no", "yes"]
    metrics, confusion = score_labels(predicted, gold, LABELS)
    assert metrics == {"accuracy": 60.0}
    assert confusion == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_an_unknown_label_is_named():
    with pytest.raises(ValueError, match="perhaps"):
        score_labels(["perhaps"], ["yes"], LABELS)


def test_nothing_to_score():
    with pytest.raises(ValueError, match="no sentences"):
        score_labels([], [], LABELS)
