"""Summary quality: ROUGE-1, ROUGE-2 and ROUGE-L F1 as rouge-score computes them (Lin 2004)."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version

import numpy as np
from nltk.stem.porter import PorterStemmer
from rouge_score import tokenize
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from regattn_fairseq.metrics.pairs import check_pairs, remember_scores

logger = logging.getLogger(__name__)

ROUGE_KEYS = ("rouge1", "rouge2", "rougeL")


class _CachedStemmer:
    """Porter stemmer that stems each distinct word once.

    Stemming is nearly all of rouge-score's time, and a test set repeats its vocabulary.
    """

    def __init__(self) -> None:
        self.stem = lru_cache(maxsize=200_000)(PorterStemmer().stem)


class _StemmingTokenizer(Tokenizer):
    """rouge-score's own tokenization; with the cached stemmer, or with none."""

    def __init__(self, stemming: bool) -> None:
        self._stemmer = _CachedStemmer() if stemming else None

    def tokenize(self, text: str) -> list[str]:
        return list(tokenize.tokenize(text, self._stemmer))


def is_stemmed(language: str) -> bool:
    """Whether ROUGE compares stems: only for English, which Porter's rules are made for.

    Args:
        language: of the summaries. A name that is no two-letter code, such as ``title``, counts as
            English.
    """
    code = re.split("[-_]", language.lower())[0]
    return code == "en" or len(code) != 2


def is_stemmed_in(signature: str) -> bool:
    """Whether a signature of `score_summaries` says that stems were compared."""
    return "stemmer:none" not in signature


@remember_scores
def sentence_rouge(
    hypotheses: Sequence[str], references: Sequence[str], *, stemming: bool = True
) -> dict[str, np.ndarray]:
    """ROUGE F1 of every pair.

    As in the original ROUGE, text is lowercased and only ASCII letters and digits count: the ``#``
    that stands for digits in Gigaword is not scored, and a text in another script scores 0 (a
    warning is logged if this happens to more than half of the references).

    Args:
        hypotheses: one summary per document.
        references: the reference for each summary, in the same order.
        stemming: compare Porter's stems of the words; turn it off for languages besides English.

    Returns:
        For each key of `ROUGE_KEYS` a float64 array [pair], in points from 0 to 100.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
    """
    check_pairs(hypotheses, references)
    tokenizer = _StemmingTokenizer(stemming)
    silent = sum(not tokenizer.tokenize(reference) for reference in references)
    if 2 * silent > len(references):
        logger.warning(
            "%d of %d references have no ASCII letter or digit, which is all that ROUGE compares; "
            "they score 0",
            silent,
            len(references),
        )
    scorer = RougeScorer(list(ROUGE_KEYS), tokenizer=tokenizer)
    scores = np.zeros((len(references), len(ROUGE_KEYS)))
    for row, (hypothesis, reference) in enumerate(zip(hypotheses, references, strict=True)):
        pair = scorer.score(target=reference, prediction=hypothesis)
        scores[row] = [pair[key].fmeasure for key in ROUGE_KEYS]
    return {key: 100 * scores[:, column] for column, key in enumerate(ROUGE_KEYS)}


def score_summaries(
    hypotheses: Sequence[str], references: Sequence[str], *, stemming: bool = True
) -> tuple[dict[str, float], dict[str, str]]:
    """Mean ROUGE-1, ROUGE-2 and ROUGE-L F1.

    Args:
        hypotheses: one summary per document.
        references: the reference for each summary, in the same order.
        stemming: as in `sentence_rouge`.

    Returns:
        ``(metrics, signatures)``, both with the keys of `ROUGE_KEYS`. Metrics are the mean over
        pairs of `sentence_rouge`, in points from 0 to 100; a signature names the package, its
        version and the settings.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.
    """
    scores = sentence_rouge(hypotheses, references, stemming=stemming)
    stemmer = "porter" if stemming else "none"
    signature = f"stemmer:{stemmer}|score:f1|agg:mean|nrefs:1|rouge-score:{version('rouge-score')}"
    metrics = {key: float(values.mean()) for key, values in scores.items()}
    return metrics, dict.fromkeys(metrics, signature)
