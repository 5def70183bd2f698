"""What the metrics of text share: a precondition, and a memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from functools import lru_cache, wraps
from typing import Any, TypeVar

Scores = TypeVar("Scores")


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


def remember_scores(score: Callable[..., Scores]) -> Callable[..., Scores]:
    """Let a function of hypotheses and references remember what it returned for the last texts.

    A report needs the same scores in its tests, its tables and its pages of sentences. Who gets
    them must not change them.
    """

    @lru_cache(maxsize=64)
    def of_texts(
        hypotheses: tuple[str, ...], references: tuple[str, ...], options: tuple[Any, ...]
    ) -> Scores:
        return score(hypotheses, references, **dict(options))

    @wraps(score)
    def remembering(hypotheses: Sequence[str], references: Sequence[str], **options: Any) -> Scores:
        return of_texts(tuple(hypotheses), tuple(references), tuple(sorted(options.items())))

    return remembering
