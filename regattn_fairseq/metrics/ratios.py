"""Figures of a test set that are ratios of sums over its sentences, as BLEU's precisions are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Counts = dict[str, np.ndarray]
"""What is summed, by name: float64 [sentence]."""


class Ratio(NamedTuple):
    """A figure: the sum of one count over the sum of another."""

    numerator: str
    denominator: str


def ratios(counts: Counts, figures: Mapping[str, Ratio]) -> dict[str, float]:
    """Each figure over all sentences; 0 where there is nothing to divide by."""
    return {
        name: float(divide(counts[top].sum(), counts[bottom].sum()))
        for name, (top, bottom) in figures.items()
    }


def sentence_ratios(counts: Counts, figures: Mapping[str, Ratio]) -> dict[str, np.ndarray]:
    """Each figure of each sentence: [sentence]."""
    return {name: divide(counts[top], counts[bottom]) for name, (top, bottom) in figures.items()}


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Elementwise, 0 where the denominator is 0."""
    nothing = np.zeros(np.shape(numerator))
    return np.divide(numerator, denominator, out=nothing, where=np.asarray(denominator) != 0)
