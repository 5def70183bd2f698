"""German–English from a grammar of our own, with gold word alignments; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from regattn_fairseq.corpora.grammar.generator import SentenceGenerator
from regattn_fairseq.corpora.protocol import PairStream, SentencePair, check_counts


@dataclass(frozen=True)
class SyntheticDeEn:
    """``pairs`` distinct sentence pairs, ``valid`` and ``test`` of which are held out.

    Sentences are spelled naturally, with capitals and with punctuation attached to words. German
    has its cases, genders and word orders (verb second, verb final, separable verbs, participles at
    the end), so that the alignments cross as real ones do. A German sentence has one translation.

    Raises:
        CorpusError: fewer pairs than are held out.
    """

    seed: int = 1
    pairs: int = 24000
    valid: int = 500
    test: int = 500
    name: str = "synthetic_de_en"
    source_lang: str = "de"
    target_lang: str = "en"

    def __post_init__(self) -> None:
        """Check the counts."""
        check_counts(self.pairs, self.valid, self.test)

    def input_files(self) -> tuple[Path, ...]:
        """No files: the text is generated."""
        return ()

    def read(self) -> PairStream:
        """The pairs, drawn one after another."""
        return PairStream(self._draw(), self.valid, self.test, seed=self.seed, total=self.pairs)

    def _draw(self) -> Iterator[SentencePair]:
        generator = SentenceGenerator(Random(self.seed))
        said: set[str] = set()
        while len(said) < self.pairs:
            pair = generator.sentence()
            if pair.source not in said:
                said.add(pair.source)
                yield pair
