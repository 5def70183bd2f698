"""Classification: how often the label is right, and which labels are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from regattn_fairseq.metrics.pairs import check_pairs


def score_labels(
    predicted: Sequence[str], gold: Sequence[str], labels: Sequence[str]
) -> tuple[dict[str, float], list[list[int]]]:
    """Accuracy and confusion matrix.

    Args:
        predicted: one label per example.
        gold: the right label of each, in the same order.
        labels: all labels, in the order of the matrix.

    Returns:
        ``(metrics, confusion)``: ``accuracy`` in points from 0 to 100, and counts
        [gold label, predicted label].

    Raises:
        ValueError: there is nothing to score, the two differ in length, or a label is unknown.
    """
    check_pairs(predicted, gold)
    if unknown := {*predicted, *gold} - set(labels):
        raise ValueError(f"unknown label {min(unknown)!r}; the labels are {', '.join(labels)}")
    counts = Counter(zip(gold, predicted, strict=True))
    right = sum(counts[label, label] for label in labels)
    confusion = [[counts[row, column] for column in labels] for row in labels]
    return {"accuracy": 100 * right / len(gold)}, confusion


def sentence_accuracy(predicted: Sequence[str], gold: Sequence[str]) -> np.ndarray:
    """100 for each example whose label is right, 0 for the others.

    Args:
        predicted: one label per example.
        gold: the right label of each, in the same order.

    Returns:
        A float64 array [example].

    Raises:
        ValueError: the two differ in length.
    """
    pairs = zip(predicted, gold, strict=True)
    return np.array([100.0 * (label == right) for label, right in pairs])
