"""Where systems differ: by words' frequency in training, the source's length, and attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from regattn_fairseq.metrics import (
    FREQUENCIES,
    WORD_FIGURES,
    Counts,
    PairedResult,
    Ratio,
    correct,
    paired_bootstrap_ratios,
    ratios,
)
from regattn_fairseq.report.by_attention import quality_by_attention
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.sentences import (
    SENTENCE_METRICS,
    read_counts,
    sentence_scores,
)
from regattn_fairseq.report.tables import MARKER_NOTE, Cell, Column, Table, block_title, marker
from regattn_fairseq.runs.result import Result

_LENGTHS = 4  # buckets of sentences, of about the same size
_NOTE = (
    "In brackets: the 95 % interval of the difference from {baseline}, in points, by paired "
    "bootstrap over the sentences of the seeds that both have."
)


def build_difference_tables(rows: Sequence[Row]) -> list[Table]:
    """Tables for one task, corpus, model and split; none of what the runs have no counts of.

    Args:
        rows: those of the block.
    """
    counts = {row.label: [_counts(run) for run in row.runs] for row in rows}
    known = [each for of_row in counts.values() for each in of_row]
    tables = []
    for heading, (figures, columns) in (
        ("words", _by_frequency(known)),
        ("length", _by_length(known, rows)),
    ):
        needed = {part for figure in figures.values() for part in figure}
        if figures and all(needed <= each.keys() for each in known):
            tables.append(_table(rows, counts, heading, figures, columns))
    by_attention = quality_by_attention(rows, counts)
    return [*tables, *([by_attention] if by_attention is not None else [])]


def _counts(run: Result) -> Counts:
    """The counts of each sentence, with its score as ``score``; empty if they cannot be read."""
    try:
        counts = dict(read_counts(run))
    except (OSError, ValueError):
        return {}
    scored = sentence_scores(run)
    if scored is not None and len(scored[1]) == len(next(iter(counts.values()))):
        counts["score"] = np.asarray(scored[1], dtype=np.float64)
    return counts


def _by_frequency(known: Sequence[Counts]) -> tuple[dict[str, Ratio], list[Column]]:
    """Buckets of words that occur."""
    figures = {"exact_share": WORD_FIGURES["exact_share"]}
    columns = [Column("exact", "outputs whose words are those of the reference, in their order")]
    for least, beyond in zip(FREQUENCIES, [*FREQUENCIES[1:], None], strict=True):
        figure = f"word_f1_{least}"
        words = sum(int(each[f"words_{least}"].sum()) for each in known if f"words_{least}" in each)
        if not words:
            continue
        figures[figure] = WORD_FIGURES[figure]
        columns.append(
            Column(
                _span(least, None if beyond is None else beyond - 1),
                f"F1 of words that training had so often; {words:,} in outputs and references",
                group="F1 of words, by their number in training",
            )
        )
    return figures, columns


def _span(low: int, high: int | None) -> str:
    if high is None:
        return f"≥ {low:,}"
    return f"{low}–{high}" if high > low else f"{low}"


def _by_length(
    known: Sequence[Counts], rows: Sequence[Row]
) -> tuple[dict[str, Ratio], list[Column]]:
    """Buckets of the source's length, whose sums are added to the counts."""
    metric = next((name for name in SENTENCE_METRICS if name in rows[0].metrics), None)
    if metric is None or not all({"columns", "score"} <= each.keys() for each in known):
        return {}, []
    lengths = known[0]["columns"]
    quantiles = np.quantile(lengths, np.linspace(0, 1, _LENGTHS + 1))
    bounds = np.unique(np.ceil(quantiles).astype(int))
    if len(bounds) < 3:
        return {}, []
    figures, columns = {}, []
    for number, (low, high) in enumerate(zip(bounds[:-1], bounds[1:] - 1, strict=True)):
        last = number == len(bounds) - 2
        top = int(high) + last
        for each in known:
            inside = (each["columns"] >= low) & (each["columns"] <= top)
            each[f"sentences_{number}"] = inside.astype(np.float64)
            each[f"score_{number}"] = np.where(inside, each["score"], 0.0)
        figures[f"length_{number}"] = Ratio(f"score_{number}", f"sentences_{number}")
        inside = (lengths >= low) & (lengths <= top)
        columns.append(
            Column(
                _span(int(low), top),
                f"sources of so many tokens; {np.count_nonzero(inside):,} sentences",
                group=f"{SENTENCE_METRICS[metric]} of sentences, by the source's length",
            )
        )
    return figures, columns


def _table(
    rows: Sequence[Row],
    counts: Mapping[str, Sequence[Counts]],
    heading: str,
    figures: Mapping[str, Ratio],
    columns: Sequence[Column],
) -> Table:
    name = next((row.baseline for row in rows if row.baseline), None)
    baseline = next((row for row in rows if row.label == name), None)
    tests = correct([_test(row, baseline, counts, figures) for row in rows])
    cells = []
    for row, tested in zip(rows, tests, strict=True):
        joined = _joined(counts[row.label], figures)
        means = ratios(joined, figures)
        cells.append(
            [Cell(row.label), *(_cell(figure, means, joined, tested) for figure in figures)]
        )
    notes = []
    if baseline is not None and any(tests):
        notes = [_NOTE.format(baseline=baseline.label), MARKER_NOTE.format(baseline=baseline.label)]
    return Table(
        f"{block_title(rows[0])}: differences by {heading}",
        [Column("Normalizer"), *columns],
        cells,
        notes,
        [],
    )


def _cell(
    figure: str, means: Mapping[str, float], joined: Counts, tested: Mapping[str, PairedResult]
) -> Cell:
    scale = 1.0 if figure.startswith("length") else 100.0
    value = scale * means[figure]
    test = tested.get(figure)
    if test is None:
        return Cell(f"{value:.1f}", value=value)
    interval = f"[{scale * test.low:+.1f}, {scale * test.high:+.1f}]".replace("-", "−")
    return Cell(f"{value:.1f} {interval}{marker(test)}", value=value)


def _test(
    row: Row,
    baseline: Row | None,
    counts: Mapping[str, Sequence[Counts]],
    figures: Mapping[str, Ratio],
) -> dict[str, PairedResult]:
    if baseline is None or row is baseline:
        return {}
    others = {
        run.seed: each for run, each in zip(baseline.runs, counts[baseline.label], strict=True)
    }
    pairs = [
        (each, others[run.seed])
        for run, each in zip(row.runs, counts[row.label], strict=True)
        if run.seed in others
    ]
    pairs = [(mine, theirs) for mine, theirs in pairs if _length(mine) == _length(theirs)]
    if not pairs:
        return {}
    mine, theirs = (_joined([pair[side] for pair in pairs], figures) for side in (0, 1))
    return paired_bootstrap_ratios(mine, theirs, figures)


def _length(counts: Counts) -> int:
    return len(next(iter(counts.values())))


def _joined(counts: Sequence[Counts], figures: Mapping[str, Ratio]) -> Counts:
    names = sorted({part for figure in figures.values() for part in figure})
    return {name: np.concatenate([each[name] for each in counts]) for name in names}
