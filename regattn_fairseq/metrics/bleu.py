"""Translation quality: corpus BLEU and chrF as sacrebleu computes them (Post 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from regattn_fairseq.metrics.pairs import check_pairs


def score_translation(
    hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool
) -> tuple[dict[str, float], dict[str, str]]:
    """Corpus BLEU and chrF of detokenized text, one reference a sentence.

    BLEU uses sacrebleu's defaults (13a tokenization, exponential smoothing), chrF is chrF2 over
    character 6-grams.

    Args:
        hypotheses: system output, detokenized, one string a sentence.
        references: the reference for each hypothesis, in the same order.
        lowercase: compare without regard to case; the signatures say ``case:lc`` then.

    Returns:
        ``(metrics, signatures)``, both with the keys ``bleu`` and ``chrf``. Metrics are in points
        from 0 to 100; signatures are sacrebleu's, to be quoted beside the numbers.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.

    Source: Papineni et al. 2002 (BLEU), Popović 2015 (chrF), Post 2018 (signatures).
    """
    check_pairs(hypotheses, references)
    scorers = {"bleu": BLEU(lowercase=lowercase), "chrf": CHRF(lowercase=lowercase)}
    metrics: dict[str, float] = {}
    signatures: dict[str, str] = {}
    for key, scorer in scorers.items():
        metrics[key] = float(scorer.corpus_score(list(hypotheses), [list(references)]).score)
        signatures[key] = str(scorer.get_signature())
    return metrics, signatures


def sentence_bleu(
    hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool
) -> np.ndarray:
    """BLEU of each sentence by itself, as sacrebleu's `sentence_bleu` computes it.

    Meant for finding sentences that systems differ on; a system is judged by corpus BLEU.

    Args:
        hypotheses: system output, detokenized, one string a sentence.
        references: the reference for each hypothesis, in the same order.
        lowercase: compare without regard to case.

    Returns:
        float64 [sentence], in points from 0 to 100.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.
    """
    check_pairs(hypotheses, references)
    scorer = BLEU(lowercase=lowercase, effective_order=True)
    pairs = zip(hypotheses, references, strict=True)
    return np.array(
        [scorer.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs]
    )
