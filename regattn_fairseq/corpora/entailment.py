"""What an entailment corpus is made of: a premise, a hypothesis, and how they relate."""

from typing import NamedTuple

LABELS = ("entailment", "neutral", "contradiction")
"""Whether the hypothesis follows from the premise, is left open by it, or is excluded by it."""


class EntailmentExample(NamedTuple):
    """Two sentences, each on one line, and one of :data:`LABELS`."""

    premise: str
    hypothesis: str
    label: str
