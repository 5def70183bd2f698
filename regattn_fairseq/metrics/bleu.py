"""Translation quality: corpus BLEU and chrF as sacrebleu computes them (Post 2018)."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from sacrebleu.metrics.bleu import BLEU, BLEUScore
from sacrebleu.metrics.chrf import CHRF

from regattn_fairseq.metrics.pairs import check_pairs, remember_scores

logger = logging.getLogger(__name__)

# First sacrebleu's own choices, then languages that also write no spaces between words, but for
# which sacrebleu has no choice.
_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
_TOKENIZERS |= dict.fromkeys(("th", "lo", "km", "my"), "char")
_TWO_LETTERS = {
    **{"zho": "zh", "chi": "zh", "cmn": "zh", "yue": "zh", "jpn": "ja", "kor": "ko"},
    **{"tha": "th", "lao": "lo", "khm": "km", "mya": "my", "bur": "my"},
}
DEFAULT_TOKENIZER = BLEU.TOKENIZER_DEFAULT


@cache
def bleu_tokenizer(language: str, wanted: str | None = None) -> str:
    """Sacrebleu's name of the tokenizer that BLEU of a language uses.

    Args:
        language: of the text, by ISO's code, such as ``zh``, ``zh_CN`` or ``zho_Hans``; any other
            name is a language that has spaces between words.
        wanted: the tokenizer, whatever the language is; ``None``: as sacrebleu chooses, ``13a``
            for most. If this choice is not installed, characters take the place of words, and a
            warning says so. They do too for a language without spaces that has no tokenizer.

    Raises:
        ValueError: there is no tokenizer ``wanted``, or it is not installed; the message lists the
            tokenizers or tells how to install it.
    """
    if wanted is not None:
        return _check_tokenizer(wanted)
    code = re.split("[-_]", language.lower())[0]
    name = _TOKENIZERS.get(_TWO_LETTERS.get(code, code), DEFAULT_TOKENIZER)
    try:
        return _check_tokenizer(name)
    except ValueError as error:
        logger.warning("BLEU of %s is computed over characters: %s", language, error)
        return "char"


def _check_tokenizer(name: str) -> str:
    if name not in BLEU.TOKENIZERS:
        raise ValueError(f"{name!r} is no tokenizer: choose {', '.join(sorted(BLEU.TOKENIZERS))}")
    try:
        BLEU(tokenize=name)
    except (ImportError, RuntimeError) as error:
        extra = name.partition("-")[0]
        raise ValueError(
            f"the tokenizer {name} is not installed: pip install 'sacrebleu[{extra}]'"
        ) from error
    return name


def bleu_scorer(lowercase: bool, tokenizer: str, *, effective_order: bool = False) -> BLEU:
    """Sacrebleu's scorer.

    Raises:
        ValueError: the tokenizer is not installed.
    """
    _check_tokenizer(tokenizer)
    return BLEU(lowercase=lowercase, tokenize=tokenizer, effective_order=effective_order)


def tokenizer_of_signature(signature: str) -> str:
    """The tokenizer that a signature of `score_translation` names; the default where it has none.

    >>> tokenizer_of_signature("nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:2.6.0")
    'zh'
    """
    match = re.search(r"\btok:([^|]*)", signature)
    found = match[1] if match else DEFAULT_TOKENIZER
    # In some signatures, a version follows the tokenizer's name.
    names = (name for name in BLEU.TOKENIZERS if found == name or found.startswith(f"{name}-"))
    return max(names, key=len, default=DEFAULT_TOKENIZER)


def score_translation(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    lowercase: bool,
    tokenizer: str = DEFAULT_TOKENIZER,
) -> tuple[dict[str, float], dict[str, str]]:
    """Corpus BLEU and chrF of detokenized text, one reference per sentence.

    BLEU uses sacrebleu's exponential smoothing, chrF is chrF2 over character 6-grams.

    Args:
        hypotheses: system output, detokenized, one string per sentence.
        references: the reference for each hypothesis, in the same order.
        lowercase: compare without regard to case; the signatures say ``case:lc`` then.
        tokenizer: of BLEU, as `bleu_tokenizer` chooses it; the signature says which.

    Returns:
        ``(metrics, signatures)``, both with the keys ``bleu`` and ``chrf``. Metrics are in points
        from 0 to 100; signatures are sacrebleu's, to be quoted beside the numbers.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.

    Source: Papineni et al. 2002 (BLEU), Popović 2015 (chrF), Post 2018 (signatures).
    """
    check_pairs(hypotheses, references)
    bleu = bleu_scorer(lowercase, tokenizer)
    scorers = {"bleu": bleu, "chrf": CHRF(lowercase=lowercase)}
    metrics: dict[str, float] = {}
    signatures: dict[str, str] = {}
    for key, scorer in scorers.items():
        metrics[key] = float(scorer.corpus_score(list(hypotheses), [list(references)]).score)
        signatures[key] = str(scorer.get_signature())
    return metrics, signatures


def sentence_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    lowercase: bool,
    tokenizer: str = DEFAULT_TOKENIZER,
) -> np.ndarray:
    """BLEU of each sentence by itself, as sacrebleu's `sentence_bleu` computes it.

    Meant for finding sentences that systems differ on; a system is judged by corpus BLEU.

    Args:
        hypotheses: system output, detokenized, one string per sentence.
        references: the reference for each hypothesis, in the same order.
        lowercase: compare without regard to case.
        tokenizer: as in `score_translation`.

    Returns:
        float64 [sentence], in points from 0 to 100.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.
    """
    scores = count_matches(hypotheses, references, lowercase=lowercase, tokenizer=tokenizer)
    return np.array([score.score for score in scores])


@remember_scores
def count_matches(
    hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool, tokenizer: str
) -> list[BLEUScore]:
    """Sacrebleu's score of each sentence, with the counts that corpus BLEU sums.

    Args:
        hypotheses: system output, detokenized, one string per sentence.
        references: the reference for each hypothesis, in the same order.
        lowercase: compare without regard to case.
        tokenizer: as in `score_translation`.

    Raises:
        ValueError: there is nothing to score, or the two lists differ in length.
    """
    check_pairs(hypotheses, references)
    # Effective order changes the score of a short sentence, and none of its counts.
    scorer = bleu_scorer(lowercase, tokenizer, effective_order=True)
    pairs = zip(hypotheses, references, strict=True)
    return [scorer.sentence_score(hypothesis, [reference]) for hypothesis, reference in pairs]
