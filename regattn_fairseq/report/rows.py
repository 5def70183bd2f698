"""Groups the runs of one experiment: means over seeds, and significance tests against softmax."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from regattn_fairseq.declared import normalizer_names
from regattn_fairseq.metrics import (
    PairedResult,
    correct,
    paired_bootstrap,
    paired_bootstrap_bleu,
    sentence_accuracy,
    tokenizer_of_signature,
)
from regattn_fairseq.report.origins import listed
from regattn_fairseq.runs.result import Result, reason
from regattn_fairseq.runs.task_facts import TASK_FACTS

BASELINE = "softmax"
_TASK_ORDER = tuple(facts.name for facts in TASK_FACTS)


@dataclass(frozen=True)
class Summary:
    """One figure of several runs.

    Attributes:
        mean: the mean over the runs.
        deviation: the sample standard deviation; None if there is only one run.
        runs: how many runs have the figure.
    """

    mean: float
    deviation: float | None
    runs: int


@dataclass(frozen=True)
class Row:
    """All runs that differ in nothing but the seed.

    Attributes:
        task: shared by the runs, as are data, model and split.
        data: name of the corpus.
        model: name of the model.
        split: part of the corpus.
        label: the normalizer with its options, for people.
        normalizer: name and options.
        runs: the runs, ordered by seed.
        metrics: text quality over the runs.
        attention: attention statistics over the runs.
        alignment: figures of the attention as a word alignment.
        training: figures of the trainings.
        evaluation: figures of the evaluations.
        baseline: the label of the row that `significance` compares with; None for the baseline
            itself, and if there is nothing to compare.
        significance: for each metric that was tested, the result of the test against the baseline.
            The test uses the output of the seeds that both have, and is corrected for the number
            of the block's rows.
        attention_significance: the same for figures of the attention and of the alignment.
    """

    task: str
    data: str
    model: str
    split: str
    label: str
    normalizer: dict[str, Any]
    runs: tuple[Result, ...]
    metrics: dict[str, Summary]
    attention: dict[str, Summary]
    alignment: dict[str, Summary]
    training: dict[str, Summary]
    evaluation: dict[str, Summary]
    baseline: str | None
    significance: dict[str, PairedResult]
    attention_significance: dict[str, PairedResult] = field(default_factory=dict)

    @property
    def block(self) -> tuple[str, str, str, str]:
        """Task, data, model and split: rows that share them make one table."""
        return self.task, self.data, self.model, self.split

    def record(self) -> dict[str, Any]:
        """The row as one flat mapping of column names to plain values, as in table.csv."""
        flat: dict[str, Any] = {
            "task": self.task,
            "data": self.data,
            "split": self.split,
            "model": self.model,
            "label": self.label,
        }
        flat |= {
            "normalizer" if option == "name" else f"normalizer_{option}": value
            for option, value in self.normalizer.items()
        }
        flat["runs"] = len(self.runs)
        flat["seeds"] = " ".join(str(run.seed) for run in self.runs if run.seed is not None)
        flat |= listed(self.runs)
        flat["baseline"] = self.baseline
        for metric, summary in self.metrics.items():
            flat |= {f"{metric}_mean": summary.mean, f"{metric}_std": summary.deviation}
            if test := self.significance.get(metric):
                flat |= {
                    f"{metric}_difference": test.difference,
                    f"{metric}_low": test.low,
                    f"{metric}_high": test.high,
                    f"{metric}_p": test.p_value,
                    f"{metric}_p_holm": test.p_holm,
                }
        for section in ("training", "evaluation", "attention", "alignment"):
            for figure, summary in getattr(self, section).items():
                name = f"{section}_{figure.removeprefix('alignment_')}"
                flat |= {f"{name}_mean": summary.mean, f"{name}_std": summary.deviation}
                if section in ("training", "evaluation"):
                    continue
                if test := self.attention_significance.get(figure):
                    flat |= {f"{name}_p": test.p_value, f"{name}_p_holm": test.p_holm}
        return flat


def summarize(sections: Sequence[Mapping[str, float | None]]) -> dict[str, Summary]:
    """Mean and deviation of each figure that any of the runs has."""
    figures = dict.fromkeys(figure for section in sections for figure in section)
    summaries = {}
    for figure in figures:
        found = (section.get(figure) for section in sections)
        values = [value for value in found if value is not None]
        if not values:
            continue
        deviation = statistics.stdev(values) if len(values) > 1 else None
        summaries[figure] = Summary(statistics.fmean(values), deviation, len(values))
    return summaries


def _rank(value: str, order: Sequence[str]) -> tuple[int, str]:
    return (order.index(value) if value in order else len(order), value)


def _sort_key(run: Result) -> tuple[Any, ...]:
    options = tuple((option, str(type(value)), value) for option, value in run.options)
    return (
        _rank(run.task, _TASK_ORDER),
        run.data,
        run.model,
        run.split,
        _rank(run.normalizer["name"], normalizer_names()),
        options,
        run.seed if run.seed is not None else -1,
    )


@dataclass(frozen=True)
class _Pair:
    """A run and the baseline's run of the same seed, on the same sentences."""

    run: Result
    output: list[str]
    baseline_output: list[str]
    references: list[str]


def compare_output(
    system: Sequence[Result], baseline: Sequence[Result], warnings: list[str]
) -> dict[str, PairedResult]:
    """Test the metrics of two groups of runs, on the output of the seeds that both have.

    Args:
        system: runs that differ in nothing but the seed.
        baseline: the runs to compare with, which differ in nothing but the seed.
        warnings: a line is added for each pair that cannot be compared.
    """
    pairs = list(_pairs(system, baseline, warnings))
    if not pairs:
        return {}
    last = pairs[-1].run
    hypotheses = [line for pair in pairs for line in pair.output]
    baseline_hypotheses = [line for pair in pairs for line in pair.baseline_output]
    references = [line for pair in pairs for line in pair.references]
    results: dict[str, PairedResult] = {}
    if "bleu" in last.metrics:
        try:
            results["bleu"] = paired_bootstrap_bleu(
                hypotheses,
                baseline_hypotheses,
                references,
                lowercase=last.lowercase,
                tokenizer=_bleu_tokenizer(last),
            )
        except ValueError as error:
            warnings.append(f"{last.name}: no significance test of BLEU ({error})")
    if "accuracy" in last.metrics:
        results["accuracy"] = paired_bootstrap(
            sentence_accuracy(hypotheses, references),
            sentence_accuracy(baseline_hypotheses, references),
        )
    if any(name.startswith("rouge") for name in last.metrics):
        results |= _test_rouge(pairs, warnings)
    return results


def _pairs(
    system: Sequence[Result], baseline: Sequence[Result], warnings: list[str]
) -> Iterator[_Pair]:
    baseline_by_seed = {run.seed: run for run in baseline}
    for run in system:
        other = baseline_by_seed.get(run.seed)
        if other is None:
            continue
        try:
            output, baseline_output = run.lines("hypotheses"), other.lines("hypotheses")
            expected, baseline_expected = run.lines("references"), other.lines("references")
        except (OSError, UnicodeDecodeError) as error:
            warnings.append(
                f"{run.name}: no significance test for seed {run.seed} ({reason(error)})"
            )
            continue
        if (
            expected != baseline_expected
            or run.lowercase != other.lowercase
            or _bleu_tokenizer(run) != _bleu_tokenizer(other)
            or not len(output) == len(baseline_output) == len(expected) > 0
        ):
            warnings.append(
                f"{run.name}: no significance test for seed {run.seed} (not evaluated on the "
                f"same sentences in the same way as {other.name})"
            )
            continue
        yield _Pair(run, output, baseline_output, expected)


def _bleu_tokenizer(run: Result) -> str:
    return tokenizer_of_signature(run.signatures.get("bleu", ""))


def _test_rouge(pairs: Sequence[_Pair], warnings: list[str]) -> dict[str, PairedResult]:
    """Test each sentence's ROUGE, computed as for the figures beside the tests."""
    from regattn_fairseq.metrics.rouge import ROUGE_KEYS  # imports nltk, which takes a second

    scores, baseline_scores = defaultdict(list), defaultdict(list)
    for pair in pairs:
        try:
            score = _sentence_rouge(pair.run, pair.references)
            ours, theirs = score(pair.output), score(pair.baseline_output)
        except (OSError, ValueError) as error:
            warnings.append(
                f"{pair.run.name}: no significance test of ROUGE for seed {pair.run.seed} "
                f"({reason(error)})"
            )
            continue
        for key in ROUGE_KEYS:
            scores[key].append(ours[key])
            baseline_scores[key].append(theirs[key])
    return {
        key: paired_bootstrap(np.concatenate(scores[key]), np.concatenate(baseline_scores[key]))
        for key in scores
        if key in pairs[-1].run.metrics
    }


def _sentence_rouge(
    run: Result, references: list[str]
) -> Callable[[list[str]], dict[str, np.ndarray]]:
    """A function that scores each line of an output just as the run's own figure was computed.

    Raises:
        ValueError: further references do not fit the figure, or a file is not UTF-8.
        OSError: one of them cannot be read.
    """
    from regattn_fairseq.metrics.rouge import is_stemmed_in, sentence_rouge
    from regattn_fairseq.metrics.rouge_published import PublishedRouge, published_sentence_rouge

    published = PublishedRouge.of_signature(run.signatures.get("rouge1", ""))
    if published is None:
        stemming = is_stemmed_in(run.signatures.get("rouge1", ""))
        return partial(sentence_rouge, references=references, stemming=stemming)
    further = [run.lines(f"ref{number}") for number in range(1, published.references)]
    every = list(zip(references, *further, strict=True))
    return partial(
        published_sentence_rouge,
        references=every,
        measure=published.measure,
        max_bytes=published.max_bytes,
    )


def _choose_baseline(groups: Iterable[Sequence[Result]], name: str) -> Sequence[Result] | None:
    """The runs of a block with this normalizer; of several, those with γ = 1 and usual options."""
    candidates = [runs for runs in groups if runs[0].normalizer["name"] == name]
    candidates.sort(key=lambda runs: (runs[0].normalizer.get("gamma", 1) != 1, len(runs[0].odd)))
    return candidates[0] if candidates else None


def build_rows(runs: Iterable[Result], *, baseline: str = BASELINE) -> tuple[list[Row], list[str]]:
    """Group runs that differ only in the seed, and test each group against one normalizer's.

    Args:
        runs: of any tasks, corpora and models.
        baseline: name of the normalizer that the others are tested against.

    Returns:
        ``(rows, warnings)``: rows by task, data, model and normalizer, softmax first; warnings
        about comparisons that could not be made or should be read with care.
    """
    blocks: dict[tuple[str, ...], dict[tuple[Any, ...], list[Result]]] = defaultdict(dict)
    for run in sorted(runs, key=_sort_key):
        group = (run.normalizer["name"], run.options)
        blocks[run.block].setdefault(group, []).append(run)

    rows: list[Row] = []
    warnings: list[str] = []
    for groups in blocks.values():
        warnings += _differing_signatures([run for members in groups.values() for run in members])
        made: list[Row] = []
        tested_against = _choose_baseline(groups.values(), baseline)
        for members in groups.values():
            first = members[0]
            tested = (
                compare_output(members, tested_against, warnings)
                if tested_against is not None and members is not tested_against
                else {}
            )
            made.append(
                Row(
                    *first.block,
                    label=first.label,
                    normalizer=first.variant,
                    runs=tuple(members),
                    metrics=summarize([run.metrics for run in members]),
                    attention=summarize([run.attention for run in members]),
                    alignment=summarize([run.alignment for run in members]),
                    training=summarize([run.training for run in members]),
                    evaluation=summarize([run.evaluation for run in members]),
                    baseline=tested_against[0].label if tested_against and tested else None,
                    significance=tested,
                )
            )
        rows += corrected(made)
    return rows, warnings


def corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows, whose tests against the baseline are corrected for all of these rows together."""
    tests = correct([row.significance for row in rows])
    return [replace(row, significance=test) for row, test in zip(rows, tests, strict=True)]


def _differing_signatures(runs: Sequence[Result]) -> list[str]:
    warnings = []
    for metric in dict.fromkeys(metric for run in runs for metric in run.signatures):
        found = dict.fromkeys(run.signatures[metric] for run in runs if metric in run.signatures)
        if len(found) > 1:
            task, data, model, _ = runs[0].block
            warnings.append(
                f"{task}, {data}, {model}: {metric} was computed in different ways, so its rows "
                f"cannot be compared ({'; '.join(found)})"
            )
    return warnings
