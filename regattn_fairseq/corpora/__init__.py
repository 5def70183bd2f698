"""Where text comes from: one recipe per file, one protocol, one writer.

A recipe is a frozen dataclass that fulfils :class:`Corpus`. :func:`write_corpus` cleans, splits and
writes any of them in the same way, and leaves a manifest that :func:`read_manifest` reads back.
"""

from regattn_fairseq.corpora.folder import read_manifest
from regattn_fairseq.corpora.protocol import (
    Corpus,
    CorpusError,
    GivenSplits,
    PairStream,
    PublishedSplits,
    SentencePair,
)
from regattn_fairseq.corpora.writing import further_references, write_corpus

__all__ = [
    "Corpus",
    "CorpusError",
    "GivenSplits",
    "PairStream",
    "PublishedSplits",
    "SentencePair",
    "further_references",
    "read_manifest",
    "write_corpus",
]
