"""What the figures of one task, corpus, model and split say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from regattn_fairseq.metrics import PairedResult
from regattn_fairseq.report.origins import origins
from regattn_fairseq.report.rows import Row, Summary
from regattn_fairseq.report.tables import METRIC_LABELS, p_text
from regattn_fairseq.runs.train_log import TrainLog

_LEVEL = 0.05


def conclude(rows: Sequence[Row]) -> list[str]:
    """Which normalizer is best, what is significant, what it costs, and what limits all this.

    Args:
        rows: of one block, at least one.

    Returns:
        Sentences, the most important one first.
    """
    baseline = next((row for row in rows if row.label == _baseline(rows)), None)
    return [
        *_quality(rows, baseline),
        *_attention(rows),
        *_cost(rows, baseline),
        *_limits(rows),
    ]


def _baseline(rows: Sequence[Row]) -> str | None:
    return next((row.baseline for row in rows if row.baseline), None)


def _metric(rows: Sequence[Row]) -> str:
    """The first metric that has a name of its own: BLEU, ROUGE-1 or accuracy."""
    names = dict.fromkeys(name for row in rows for name in row.metrics)
    return next((name for name in names if name in METRIC_LABELS), next(iter(names)))


def _quality(rows: Sequence[Row], baseline: Row | None) -> Iterator[str]:
    metric = _metric(rows)
    label = METRIC_LABELS.get(metric, metric)
    scored = [row for row in rows if metric in row.metrics]
    best, *others = sorted(scored, key=lambda row: row.metrics[metric].mean, reverse=True)
    mean = f"{label} {best.metrics[metric].mean:.2f}"
    if not others:
        yield f"{best.label} has {mean}. There is nothing to compare it with."
        return
    if baseline is None:
        lead = best.metrics[metric].mean - others[0].metrics[metric].mean
        yield (
            f"{best.label} is best: {mean}, {lead:.2f} above {others[0].label}. The difference is "
            "not tested, for want of a baseline on the same sentences and seeds."
        )
        return
    tests = {row.label: test for row in rows if (test := row.significance.get(metric))}
    if best is baseline:
        second = others[0]
        yield f"{best.label} is best: {mean}. Next is {second.label}{_apart(tests, second, 'it')}."
    else:
        yield f"{best.label} is best: {mean}{_apart(tests, best, baseline.label)}."
    yield _significance(tests, baseline.label)


def _apart(tests: dict[str, PairedResult], row: Row, baseline: str) -> str:
    test = tests.get(row.label)
    if test is None:
        return ""
    side = "above" if test.difference >= 0 else "below"
    return (
        f", {abs(test.difference):.2f} {side} {baseline} (95 % interval of the difference "
        f"{_signed(test.low)} to {_signed(test.high)}, corrected p "
        f"{p_text(test.p_value, test.p_holm)})"
    )


def _significance(tests: dict[str, PairedResult], baseline: str) -> str:
    found = {label: test for label, test in tests.items() if test.p_holm < _LEVEL}
    if not found:
        return (
            f"No difference from {baseline} is significant (corrected p < {_LEVEL:g}), which does "
            "not show that they are equal: the intervals say how large it may be."
        )
    sides = [
        ("above", {label: test for label, test in found.items() if test.difference > 0}),
        ("below", {label: test for label, test in found.items() if test.difference <= 0}),
    ]
    said = [
        f"{side} {baseline}: "
        + ", ".join(f"{label} ({_signed(test.difference)})" for label, test in those.items())
        for side, those in sides
        if those
    ]
    rest = [label for label in tests if label not in found]
    open_ones = f" Not significant: {', '.join(rest)}." if rest else ""
    return f"Significantly (corrected p < {_LEVEL:g}) {'; '.join(said)}.{open_ones}"


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "−")


def _attention(rows: Sequence[Row]) -> Iterator[str]:
    zeros = {row.label: row.attention.get("zero_share") for row in rows}
    sparse = [f"{label} {of.mean:.0%}" for label, of in zeros.items() if of and of.mean > 0]
    if sparse:
        yield f"Attention weights that are exactly zero: {', '.join(sparse)}."
    errors = {row.label: of for row in rows if (of := row.alignment.get("aer"))}
    if len(errors) > 1:
        best = min(errors, key=lambda label: errors[label].mean)
        others = ", ".join(
            f"{label} {of.mean:.1%}" for label, of in errors.items() if label != best
        )
        yield f"As word alignment {best} is best: AER {errors[best].mean:.1%} ({others})."


def _cost(rows: Sequence[Row], baseline: Row | None) -> Iterator[str]:
    if baseline is None or len(rows) < 2:
        return
    if len({origin.machine for row in rows for origin in origins(row.runs)}) > 1:
        yield "Speeds are not compared: the runs come from different machines."
        return
    for section, what in (("training", "Training"), ("evaluation", "Decoding")):
        figure = "target_tokens_per_s"
        own: Summary | None = getattr(baseline, section).get(figure)
        speeds = [
            f"{row.label} {of.mean / own.mean:.2f}"
            for row in rows
            if row is not baseline and own and (of := getattr(row, section).get(figure))
        ]
        if speeds:
            yield f"{what} speed, {baseline.label}'s being 1: {', '.join(speeds)}."


def _limits(rows: Sequence[Row]) -> Iterator[str]:
    trainings = sorted({len(row.runs) for row in rows})
    if trainings[-1] == 1:
        yield (
            "One training of each: the tests say whether these models differ, not whether models "
            "of other seeds would."
        )
    elif trainings[0] != trainings[-1]:
        yield (
            f"From {trainings[0]} to {trainings[-1]} trainings of each: the means are not equally "
            "sure."
        )
    logs = [
        losses
        for row in rows
        for run in row.runs
        if len(losses := _validation_losses(run.folder)) > 1
    ]
    learning = sum(losses[-1] == min(losses) for losses in logs)
    if learning:
        yield (
            f"{learning} of {len(logs)} trainings had their lowest validation loss at their end: "
            "longer ones may change the order."
        )


def _validation_losses(folder: Path) -> list[float]:
    records = TrainLog(folder / "train_log.jsonl", None).records("valid")
    return [record["loss"] for record in records if "loss" in record]
