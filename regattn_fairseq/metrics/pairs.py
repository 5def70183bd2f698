"""The one precondition that every text metric shares."""

from __future__ import annotations

from collections.abc import Sized


def check_pairs(hypotheses: Sized, references: Sized) -> None:
    """Require as many hypotheses as references, and at least one of each.

    Raises:
        ValueError: naming both counts.
    """
    if len(hypotheses) != len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses but {len(references)} references: "
            "each hypothesis needs exactly one reference, in the same order"
        )
    if not len(hypotheses):
        raise ValueError("no sentences to score: hypotheses and references are empty")
