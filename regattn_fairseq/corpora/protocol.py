"""What a corpus recipe is, and the values that it hands over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Alignment = tuple[tuple[int, int], ...]
"""Pairs ``(i, j)``: source word ``i`` corresponds to target word ``j``, both from 0."""


class CorpusError(ValueError):
    """A corpus cannot be built. The message is one line: the file or option, and what to do."""


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A source sentence with its target, each on one line.

    ``alignment`` counts whitespace-separated words, so that a punctuation mark belongs to the word
    it is attached to. It is ``None`` if the recipe knows no gold alignment. ``more_targets`` holds
    the further references if a test set has several.
    """

    source: str
    target: str
    alignment: Alignment | None = None
    more_targets: tuple[str, ...] = ()


GivenSplits = Mapping[str, Iterable[SentencePair]]
"""Splits that the corpus comes with: ``train``, ``valid``, ``test``, and further ``test_*``."""


@dataclass(frozen=True)
class PublishedSplits:
    """Splits that the literature trains and tests on as they are.

    No pair is dropped because it is repeated or because it is in a held-out set too: figures are
    comparable only on the same text. The manifest counts the pairs of ``valid`` and ``train`` that
    share a sentence with a held-out set.
    """

    splits: GivenSplits


@dataclass(frozen=True)
class PairStream:
    """Pairs without splits; the shared code holds out ``valid`` and ``test`` pairs of them.

    ``sentence_key`` maps a sentence to the key by which sentences are compared: two sentences with
    the same key never end up in different splits. With ``distinct``, the held-out pairs have no
    sentence in common with each other either: of pairs that do, valid and test take one, and the
    others are dropped. ``total`` only scales the progress bar.
    """

    pairs: Iterable[SentencePair]
    valid: int
    test: int
    seed: int
    sentence_key: Callable[[str], str] = str.casefold
    distinct: bool = False
    total: int | None = None


class Corpus(Protocol):
    """A recipe: a frozen dataclass whose fields are its parameters.

    The parameters and the bytes of :meth:`input_files` decide the text completely. A field named
    ``raw_dir`` only says where the files are and is left out of the manifest.
    """

    @property
    def name(self) -> str:
        """Short name, as in ``data=…``."""

    @property
    def source_lang(self) -> str:
        """Language code, or another file extension, of the source side."""

    @property
    def target_lang(self) -> str:
        """Language code, or another file extension, of the target side."""

    def input_files(self) -> tuple[Path, ...]:
        """Files that the text is made from; their checksums go into the manifest.

        Raises:
            CorpusError: one of them is missing and cannot be obtained.
        """

    def read(self) -> GivenSplits | PublishedSplits | PairStream:
        """The text, not yet cleaned.

        Raises:
            CorpusError: an input file is missing, empty, misaligned or not UTF-8; it may be raised
                only when the pairs are iterated over.
        """


def check_counts(pairs: int, valid: int, test: int) -> None:
    """Check that a generated corpus of ``pairs`` leaves something for training.

    Raises:
        CorpusError: it does not.
    """
    if min(valid, test) < 1 or pairs <= valid + test:
        raise CorpusError(
            f"data.corpus.pairs={pairs} must exceed data.corpus.valid={valid} and "
            f"data.corpus.test={test} together, and these must be at least 1"
        )
