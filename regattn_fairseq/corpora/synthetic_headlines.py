"""News-wire-like leads and their headlines, written by templates; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from regattn_fairseq.corpora.newswire.conventions import gigaword, mask, rare_words
from regattn_fairseq.corpora.newswire.events import Newsroom
from regattn_fairseq.corpora.protocol import CorpusError, PairStream, SentencePair, check_counts

LEAD_WORDS = range(15, 33)


@dataclass(frozen=True)
class SyntheticHeadlines:
    """``pairs`` leads (15 to 32 tokens) with headlines, in the conventions of annotated Gigaword.

    Both are lowercased and tokenized, digits are written ``#``, and words that occur fewer than
    ``min_count`` times in the whole corpus are written ``UNK``. A headline selects from its lead
    and rewrites it: present tense for past, ``# killed`` for *seven people were killed*, surnames
    for titles and full names; dates, sources and background are left out.

    Raises:
        CorpusError: fewer pairs than are held out, or ``min_count`` is not positive.
    """

    seed: int = 1
    pairs: int = 24000
    valid: int = 500
    test: int = 500
    min_count: int = 5
    name: str = "synthetic_headlines"
    source_lang: str = "article"
    target_lang: str = "title"

    def __post_init__(self) -> None:
        """Check the counts."""
        if self.min_count < 1:
            raise CorpusError(f"data.corpus.min_count={self.min_count} must be at least 1")
        check_counts(self.pairs, self.valid, self.test)

    def input_files(self) -> tuple[Path, ...]:
        """No files: the text is generated."""
        return ()

    def read(self) -> PairStream:
        """The pairs, in the order in which they were written."""
        return PairStream(self._masked(), self.valid, self.test, seed=self.seed, total=self.pairs)

    def _masked(self) -> Iterator[SentencePair]:
        stories = list(self._write())
        rare = rare_words((f"{lead} {headline}" for lead, headline in stories), self.min_count)
        for lead, headline in stories:
            yield SentencePair(mask(lead, rare), mask(headline, rare))

    def _write(self) -> Iterator[tuple[str, str]]:
        newsroom = Newsroom(Random(self.seed))
        leads: set[str] = set()
        while len(leads) < self.pairs:
            story = newsroom.story()
            lead, headline = gigaword(story.lead), gigaword(story.headline)
            if len(lead.split()) in LEAD_WORDS and lead not in leads:
                leads.add(lead)
                yield lead, headline
