"""Is a difference between two systems more than chance? Paired bootstrap tests (Koehn 2004).

Each test takes the two systems' output on the same sentences. Several training seeds are combined
by concatenation: the output of seed 1, then of seed 2, for both systems in the same order, with
the references repeated likewise. The bootstrap then resamples (sentence, seed) pairs; it answers
for these trained models, and treats the seeds' outputs on one sentence as separate draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from sacrebleu.metrics.bleu import BLEU, BLEUScore
from sacrebleu.significance import PairedTest, Result

from regattn_fairseq.metrics.bleu import DEFAULT_TOKENIZER, bleu_scorer, count_matches
from regattn_fairseq.metrics.pairs import check_pairs
from regattn_fairseq.metrics.ratios import Counts, Ratio, divide

RESAMPLES = 1000
SMALLEST_P = 1 / (RESAMPLES + 1)
"""The p-value if no resample is as extreme as what was observed: the true one may be smaller."""

# sacrebleu's own default, so that its resamples and ours are the same draws.
BOOTSTRAP_SEED = 12345
# Resample indices are drawn in slices of at most this many, which bounds memory at 64 MiB.
_DRAWS_AT_ONCE = 2**23


@dataclass(frozen=True)
class PairedResult:
    """Outcome of a paired test of a system against a baseline.

    Attributes:
        difference: system minus baseline, in points of the metric.
        p_value: two-sided; the chance of a difference this large if the systems were equal.
        low: lower end of the 95 % bootstrap percentile interval of the difference.
        high: its upper end.
        sentences: how many sentence pairs were tested (over all seeds).
        p_holm: the p-value, corrected by `correct` for the number of comparisons; equal to
            `p_value` before that.
    """

    difference: float
    p_value: float
    low: float
    high: float
    sentences: int
    p_holm: float = math.nan

    def __post_init__(self) -> None:
        """One comparison alone needs no correction."""
        if math.isnan(self.p_holm):
            object.__setattr__(self, "p_holm", self.p_value)


def correct(tests: Sequence[Mapping[str, PairedResult]]) -> list[dict[str, PairedResult]]:
    """Correct p-values for the number of comparisons, by Holm's step-down method.

    With the m p-values of one metric in rising order, the k-th becomes the largest of
    (m − j + 1) p_j over j ≤ k, at most 1. If what is below α is rejected, the probability of any
    false rejection is at most α, however the comparisons depend on each other.

    Args:
        tests: for each comparison its result by metric. Each metric is a family of its own.

    Returns:
        The same, with `PairedResult.p_holm` set.

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    corrected = [dict(by_metric) for by_metric in tests]
    for metric in {metric for by_metric in corrected for metric in by_metric}:
        family = [by_metric for by_metric in corrected if metric in by_metric]
        family.sort(key=lambda by_metric: by_metric[metric].p_value)
        highest = 0.0
        for place, by_metric in enumerate(family):
            result = by_metric[metric]
            highest = max(highest, min(1.0, (len(family) - place) * result.p_value))
            by_metric[metric] = replace(result, p_holm=highest)
    return corrected


def _resample_sums(statistics: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Sums over bootstrap resamples of rows: statistics [n, ...k] → [resamples, ...k]."""
    rows = len(statistics)
    rng = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // rows)
    sums = []
    for start in range(0, resamples, step):
        draws = rng.choice(rows, size=(min(step, resamples - start), rows), replace=True)
        # How often each row was drawn turns every resample's sum into one matrix product.
        counts = np.stack([np.bincount(draw, minlength=rows) for draw in draws])
        sums.append(np.tensordot(counts.astype(np.float64), statistics, axes=1))
    return np.concatenate(sums)


def _interval(differences: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def paired_bootstrap(
    system: ArrayLike,
    baseline: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> PairedResult:
    """Paired bootstrap for a metric that is a mean of sentence scores (ROUGE, accuracy).

    With d the mean difference and d* that of a resample of the sentences, the two-sided p-value is
    (#{|d* − d| ≥ |d|} + 1) / (resamples + 1): the bootstrap distribution shifted to the null
    hypothesis of no difference.

    Args:
        system: scores [sentence] of the system.
        baseline: scores [sentence] of the baseline on the same sentences.
        resamples: number of bootstrap resamples.
        seed: of the resampling; the same input and seed give the same result.

    Raises:
        ValueError: the two differ in length, or are empty.

    Source: Koehn 2004; Efron and Tibshirani 1993, chapter 16 (shift to the null).
    """
    system = np.asarray(system, dtype=np.float64)
    baseline = np.asarray(baseline, dtype=np.float64)
    check_pairs(system, baseline)
    differences = system - baseline
    resampled = _resample_sums(differences[:, None], resamples, seed)[:, 0] / len(differences)
    return _shifted_to_null(
        float(differences.mean()),
        resampled,
        # Sums of the same numbers in another order differ by rounding. The result must not depend
        # on that for identical systems, or for systems that differ by a constant.
        slack=1e-12 * max(1.0, float(np.abs(differences).max())),
        sentences=len(differences),
    )


def _shifted_to_null(
    observed: float, resampled: np.ndarray, *, slack: float, sentences: int
) -> PairedResult:
    """The test of `paired_bootstrap`, from the differences [resample] of the resamples."""
    extreme = int(np.count_nonzero(np.abs(resampled - observed) >= abs(observed) - slack))
    low, high = _interval(resampled)
    return PairedResult(
        observed, (extreme + 1) / (len(resampled) + 1), low, high, sentences=sentences
    )


def paired_bootstrap_ratios(
    system: Counts,
    baseline: Counts,
    figures: Mapping[str, Ratio],
    *,
    resamples: int = RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> dict[str, PairedResult]:
    """Paired bootstrap of figures that are ratios of sums (sparsity, alignment error rate).

    Sentences are resampled, and the ratio is computed anew from the sums over each resample, as
    for corpus BLEU. The p-value is that of `paired_bootstrap`.

    Args:
        system: counts [sentence] of the system, by name.
        baseline: the same counts of the baseline on the same sentences.
        figures: which counts to divide by which.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        A result for each figure, in its own unit.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    names = sorted({part for figure in figures.values() for part in figure})
    columns = []
    for counts in (system, baseline):
        columns.append(np.stack([counts[name] for name in names], axis=1))
    check_pairs(*columns)
    statistics = np.stack(columns, axis=1)  # [sentence, 2, count]
    sums = np.concatenate(
        [statistics.sum(axis=0)[None], _resample_sums(statistics, resamples, seed)]
    )
    at = {name: sums[:, :, index] for index, name in enumerate(names)}  # [1 + resample, 2]
    results = {}
    for figure, (top, bottom) in figures.items():
        values = divide(at[top], at[bottom])
        differences = values[:, 0] - values[:, 1]
        results[figure] = _shifted_to_null(
            float(differences[0]),
            differences[1:],
            slack=1e-12 * max(1.0, float(np.abs(values).max())),
            sentences=len(statistics),
        )
    return results


def bootstrap_ratios(
    counts: Counts,
    figures: Mapping[str, Ratio],
    *,
    resamples: int = RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap percentile intervals of one system's figures that are ratios of sums.

    Args:
        counts: counts [sentence] of the system, by name; at least one sentence.
        figures: which counts to divide by which.
        resamples: number of bootstrap resamples of the sentences.
        seed: of the resampling.

    Returns:
        ``(low, high)`` for each figure. A resample in which there is nothing to divide by has no
        part in it; both are nan if none is left.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    names = sorted({part for figure in figures.values() for part in figure})
    sums = _resample_sums(np.stack([counts[name] for name in names], axis=1), resamples, seed)
    at = {name: sums[:, index] for index, name in enumerate(names)}
    intervals = {}
    for figure, (top, bottom) in figures.items():
        kept = at[bottom] != 0
        values = at[top][kept] / at[bottom][kept]
        intervals[figure] = _interval(values) if values.size else (math.nan, math.nan)
    return intervals


def _bleu_statistics(scores: Sequence[BLEUScore]) -> np.ndarray:
    """What corpus BLEU sums over sentences: lengths, matches and totals [n, 2 + 2·order]."""
    return np.array([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores], dtype=float)


def _bleu_of_sums(sums: np.ndarray, metric: BLEU) -> np.ndarray:
    """Corpus BLEU of each row of sums of `_bleu_statistics`: [n, 2 + 2·order] → [n]."""
    order = metric.max_ngram_order
    return np.array(
        [
            BLEU.compute_bleu(
                correct=row[2 : 2 + order].tolist(),
                total=row[2 + order :].tolist(),
                sys_len=int(row[0]),
                ref_len=int(row[1]),
                smooth_method=metric.smooth_method,
                smooth_value=metric.smooth_value,
                effective_order=False,
                max_ngram_order=order,
            ).score
            for row in sums
        ]
    )


def paired_bootstrap_bleu(
    system: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[str],
    *,
    lowercase: bool,
    tokenizer: str = DEFAULT_TOKENIZER,
    resamples: int = RESAMPLES,
) -> PairedResult:
    """Paired bootstrap of corpus BLEU by sacrebleu's own `PairedTest`.

    sacrebleu gives the p-value and the difference; the interval of the difference, which it does
    not report, is the percentile interval over the same resamples. The environment variable
    ``SACREBLEU_SEED`` changes sacrebleu's draws as its documentation says.

    Args:
        system: translations by the system, detokenized.
        baseline: translations by the baseline of the same sentences.
        references: one reference per sentence.
        lowercase: as in `bleu.score_translation`.
        tokenizer: likewise.
        resamples: number of bootstrap resamples. sacrebleu keeps
            ``resamples × sentences × 40`` bytes in memory.

    Raises:
        ValueError: the lists differ in length, or are empty; the tokenizer is not installed.

    Source: Koehn 2004; Post 2018.
    """
    check_pairs(system, references)
    check_pairs(baseline, references)
    scorer = bleu_scorer(lowercase, tokenizer)
    counted = (
        count_matches(texts, references, lowercase=lowercase, tokenizer=tokenizer)
        for texts in (system, baseline)
    )
    statistics = np.stack([_bleu_statistics(scores) for scores in counted], axis=1)
    sums = _resample_sums(statistics, resamples, BOOTSTRAP_SEED)
    low, high = _interval(_bleu_of_sums(sums[:, 0], scorer) - _bleu_of_sums(sums[:, 1], scorer))

    _, results = PairedTest(
        [("baseline", list(baseline)), ("system", list(system))],
        metrics={"BLEU": scorer},
        references=[list(references)],
        test_type="bs",
        n_samples=resamples,
    )()
    baseline_result, system_result = results["BLEU"]
    assert isinstance(baseline_result, Result)
    assert isinstance(system_result, Result)
    difference = system_result.score - baseline_result.score
    if np.array_equal(statistics[:, 0], statistics[:, 1]):
        # sacrebleu counts only strictly larger differences, so it would call two systems whose
        # every resample ties significantly different.
        p_value = 1.0
    else:
        assert system_result.p_value is not None
        p_value = system_result.p_value
    return PairedResult(float(difference), float(p_value), low, high, sentences=len(references))
