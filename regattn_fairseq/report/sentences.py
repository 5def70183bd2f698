"""Figures of single sentences: counts of their attention, and the quality of each output."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pandas as pd

from regattn_fairseq.metrics import (
    ALIGNMENT_FIGURES,
    SENTENCE_FIGURES,
    WORD_FIGURES,
    AttentionFileError,
    Counts,
    PairedResult,
    attention_counts,
    load_attention,
    paired_bootstrap_ratios,
    sentence_accuracy,
    sentence_bleu,
    tokenizer_of_signature,
)
from regattn_fairseq.runs.result import Result

SENTENCE_METRICS = {"bleu": "BLEU", "rougeL": "ROUGE-L", "accuracy": "Right"}
"""By what sentences are compared, in order of preference, and what to call it."""


def read_counts(run: Result) -> Counts:
    """The counts of each sentence, which sum up to the run's figures.

    If the run has no table of them, those of its attention are computed anew.

    Raises:
        OSError: both files are missing.
        ValueError: the files cannot be read.
    """
    try:
        table = pd.read_csv(BytesIO(run.read("sentences")))
    except FileNotFoundError:
        return attention_counts(load_attention(run.path("attention")))
    names = {part for figure in (SENTENCE_FIGURES | WORD_FIGURES).values() for part in figure}
    return {name: table[name].to_numpy(np.float64) for name in table.columns if name in names}


def compare_attention(
    system: Sequence[Result], baseline: Sequence[Result], warnings: list[str]
) -> dict[str, PairedResult]:
    """Test the attention figures of two groups of runs, on the seeds that both have.

    Args:
        system: runs that differ in nothing but the seed.
        baseline: the runs to compare with, which differ in nothing but the seed.
        warnings: a line is added for each pair that cannot be compared.
    """
    by_seed = {run.seed: run for run in baseline}
    pairs: list[tuple[Counts, Counts]] = []
    for run in system:
        other = by_seed.get(run.seed)
        if other is None:
            continue
        try:
            mine, theirs = read_counts(run), read_counts(other)
        except (OSError, ValueError, AttentionFileError):
            continue  # the code that draws the attention warns about this
        if len(next(iter(mine.values()))) != len(next(iter(theirs.values()))):
            warnings.append(
                f"{run.name}: its attention is not tested for seed {run.seed} (not over the same "
                f"sentences as {other.name})"
            )
            continue
        pairs.append((mine, theirs))
    if not pairs:
        return {}
    shared = set.intersection(*({*mine} & {*theirs} for mine, theirs in pairs))
    if any(run.alignment_reference != baseline[0].alignment_reference for run in system):
        shared -= {part for figure in ALIGNMENT_FIGURES.values() for part in figure}
    figures = {
        name: figure for name, figure in SENTENCE_FIGURES.items() if shared.issuperset(figure)
    }
    joined = [
        {name: np.concatenate([pair[side][name] for pair in pairs]) for name in shared}
        for side in (0, 1)
    ]
    return paired_bootstrap_ratios(joined[0], joined[1], figures)


def sentence_scores(run: Result) -> tuple[str, np.ndarray] | None:
    """The metric that sentences of the run are compared by, and its values [sentence].

    None if the run has no such metric, or lacks the text to compute it from.
    """
    metric = next((name for name in SENTENCE_METRICS if name in run.metrics), None)
    if metric is None:
        return None
    try:
        hypotheses, references = run.lines("hypotheses"), run.lines("references")
        if metric == "bleu":
            tokenizer = tokenizer_of_signature(run.signatures.get(metric, ""))
            return metric, sentence_bleu(
                hypotheses, references, lowercase=run.lowercase, tokenizer=tokenizer
            )
        if metric == "rougeL":
            from regattn_fairseq.metrics.rouge import is_stemmed_in, sentence_rouge

            stemming = is_stemmed_in(run.signatures.get(metric, ""))
            return metric, sentence_rouge(hypotheses, references, stemming=stemming)[metric]
        return metric, sentence_accuracy(hypotheses, references)
    except (OSError, ValueError):
        return None
