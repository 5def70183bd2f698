"""The tables of a report: what they show, in whatever format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from regattn_fairseq.metrics import SMALLEST_P, PairedResult
from regattn_fairseq.report.origins import Marks
from regattn_fairseq.report.rows import Row, Summary

METRIC_LABELS = {
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "accuracy": "Accuracy",
}
METRIC_MEANINGS = {
    "bleu": "overlap of words and phrases with the reference, from 0 to 100; of the whole test set",
    "chrf": "overlap of character sequences with the reference, from 0 to 100",
    "rouge1": "F1 of the words shared with the reference, from 0 to 100",
    "rouge2": "F1 of the word pairs shared with the reference, from 0 to 100",
    "rougeL": "F1 of the longest common subsequence with the reference, from 0 to 100",
    "accuracy": "examples classified rightly, in percent",
}
_NOTHING = "–"

MARKER_NOTE = (
    "† p < 0.05, ‡ p < 0.01 against {baseline}: two-sided paired bootstrap over the output of the "
    "seeds that both have, with Holm's correction for the comparisons of one figure in this table."
)
ALIGNMENT_NOTE = (
    "AER, precision, recall and aligned mass: attention while the model is made to write the "
    "references, against the word alignment of: {origin}. Each target word is linked to the source "
    "word of its largest weight, to all of them where fused words tie."
)
DEVIATION_NOTE = "± is the sample standard deviation over seeds."


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        label: its heading.
        meaning: one phrase for readers who do not know the figure; empty if none is needed.
        detail: whether the column may be left out if there is little room.
        group: what it and its neighbours of the same group are about; empty for none.
    """

    label: str
    meaning: str = ""
    detail: bool = False
    group: str = ""


@dataclass(frozen=True)
class Cell:
    """One figure as text.

    Attributes:
        text: what is shown.
        best: whether it is the best of its column.
        value: the number, by which a reader may sort; None where there is none.
    """

    text: str
    best: bool = False
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """The runs that can be compared with one another: one task, corpus, model and split.

    Attributes:
        title: task, corpus, model and split.
        columns: the first one holds the normalizers.
        cells: one list for each row.
        notes: what the marks mean, one sentence each.
        signatures: how the metrics were computed.
    """

    title: str
    columns: list[Column]
    cells: list[list[Cell]]
    notes: list[str]
    signatures: list[str]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The columns' groups and how many columns each has; empty if no column has one."""
        if not any(column.group for column in self.columns):
            return []
        by_group = groupby(self.columns, key=lambda column: column.group)
        return [(group, len(list(members))) for group, members in by_group]


def format_duration(seconds: float) -> str:
    """Seconds in a unit that is easy to read: ``42 s``, ``11.7 min``, ``2.3 h``."""
    return duration_format(seconds)(seconds)


def duration_format(longest: float) -> Callable[[float], str]:
    """How to write durations of at most so many seconds, all in one unit.

    >>> [duration_format(600)(seconds) for seconds in (42, 600)]
    ['0.7 min', '10.0 min']
    """
    if longest < 100:
        return "{:.0f} s".format
    unit, name = (60, "min") if longest < 100 * 60 else (3600, "h")
    return lambda seconds: f"{seconds / unit:.1f} {name}"


def marker(test: PairedResult | None) -> str:
    """A dagger after a significant figure, two after a highly significant one."""
    if test is None or test.p_holm >= 0.05:
        return ""
    return " ‡" if test.p_holm < 0.01 else " †"


def _score(summary: Summary | None, test: PairedResult | None) -> str:
    if summary is None:
        return _NOTHING
    deviation = "" if summary.deviation is None else f" ± {summary.deviation:.2f}"
    return f"{summary.mean:.2f}{deviation}{marker(test)}"


def difference_text(test: PairedResult) -> str:
    """A difference with its 95 % interval: ``+0.40 [−1.05, +1.66]``."""
    return f"{test.difference:+z.2f} [{test.low:+z.2f}, {test.high:+z.2f}]".replace("-", "−")


def p_text(p_value: float, p_holm: float) -> str:
    """A corrected p-value, as a bound where the resamples can show no smaller one: ``≤ 0.003``."""
    return f"{'≤ ' if p_value <= SMALLEST_P else ''}{p_holm:.3f}"


# (section, figure, column, formatter) in the order of the table. Without a formatter it is a
# duration in seconds.
_FIGURES: tuple[tuple[str, str, Column, Callable[[float], str] | None], ...] = (
    (
        "training",
        "target_tokens_per_s",
        Column("tokens/s", "tokens a second in training; of the target where there is one"),
        "{:,.0f}".format,
    ),
    ("training", "wall_s", Column("training", "wall time of the training"), None),
    (
        "evaluation",
        "target_tokens_per_s",
        Column("decoding tokens/s", "target tokens a second in beam search", detail=True),
        "{:,.0f}".format,
    ),
    (
        "evaluation",
        "choices",
        Column("choices", "words with a probability above zero, at each step of the search"),
        "{:.1f}".format,
    ),
    (
        "evaluation",
        "single_choice_share",
        Column("single choice", "steps of the search at which one word alone had a probability"),
        "{:.1%}".format,
    ),
    (
        "evaluation",
        "exact_search_share",
        Column(
            "exact search",
            "sentences of which every output with a probability above zero was found",
        ),
        "{:.1%}".format,
    ),
    (
        "evaluation",
        "sentences_per_s",
        Column("examples/s", "examples classified a second", detail=True),
        "{:,.0f}".format,
    ),
)

_ATTENTION_TITLES = {"attention": "attention", "alignment": "attention as word alignment"}

# (section, figure, column, formatter, better: 1 if higher, −1 if lower, 0 if neither)
_ATTENTION_FIGURES: tuple[tuple[str, str, Column, Callable[[float], str], int], ...] = (
    (
        "attention",
        "zero_share",
        Column("zeros", "attention weights that are exactly zero", group="sparsity"),
        "{:.1%}".format,
        0,
    ),
    (
        "attention",
        "support",
        Column("support", "source tokens with nonzero weight, a target token", group="sparsity"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "entropy",
        Column("entropy", "of the weights, in nats", detail=True, group="sparsity"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "segments",
        Column(
            "segments",
            "stretches of neighbouring source tokens with nonzero weight",
            group="segments",
        ),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "segment_length",
        Column("segment length", "source tokens in such a stretch", detail=True, group="segments"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "fused_run_length",
        Column("run length", "mean length of stretches of equal nonzero weight", group="segments"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "groups",
        Column("groups", "distinct nonzero weights, a target token", group="equal weights"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "group_size",
        Column(
            "group size", "source tokens that share one weight", detail=True, group="equal weights"
        ),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "coverage",
        Column(
            "coverage",
            "how much of the source was looked at: mean of min(1, weights got)",
            detail=True,
            group="whole source",
        ),
        "{:.1%}".format,
        0,
    ),
    (
        "attention",
        "dropped",
        Column("dropped", "source tokens whose weights sum up to less than 0.1", detail=True),
        "{:.1%}".format,
        0,
    ),
    (
        "attention",
        "repeated_words",
        Column("repeated words", "output words said more often than in the reference", True),
        "{:.1%}".format,
        -1,
    ),
    (
        "attention",
        "repeated_bigrams",
        Column("repeated pairs", "the same for pairs of neighbouring words", detail=True),
        "{:.1%}".format,
        -1,
    ),
    (
        "attention",
        "gate",
        Column("g", "mean probability of generating a word instead of copying one"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "copied_share",
        Column("copied", "output tokens that were more likely copied than generated"),
        "{:.1%}".format,
        0,
    ),
    (
        "attention",
        "copyable",
        Column("copyable", "source tokens that an output token could be copied from"),
        "{:.2f}".format,
        0,
    ),
    (
        "alignment",
        "aer",
        Column("AER", "alignment error rate of the largest weights; less is better"),
        "{:.1%}".format,
        -1,
    ),
    (
        "alignment",
        "alignment_precision",
        Column("precision", "links of largest weights that are right"),
        "{:.1%}".format,
        1,
    ),
    (
        "alignment",
        "alignment_recall",
        Column("recall", "right links that the largest weights find"),
        "{:.1%}".format,
        1,
    ),
    (
        "alignment",
        "aligned_mass",
        Column("aligned mass", "share of the attention that lies on right links"),
        "{:.1%}".format,
        1,
    ),
)


def attention_labels() -> dict[str, tuple[str, bool]]:
    """Each figure of attention: its column's heading, and whether it is a share."""
    return {
        figure: (column.label, form(1.0).endswith("%"))
        for _, figure, column, form, _ in _ATTENTION_FIGURES
    }


def build_attention_tables(rows: Sequence[Row]) -> list[Table]:
    """Tables of the attention and of the alignments, for one task, corpus, model and split."""
    tables = [_attention_table(rows, section) for section in _ATTENTION_TITLES]
    return [table for table in tables if table is not None]


def _first_columns(rows: Sequence[Row]) -> tuple[list[Column], list[list[Cell]]]:
    columns = [Column("Normalizer"), Column("n", "training runs (seeds)")]
    runs = [len(row.runs) for row in rows]
    return columns, [
        [Cell(row.label), Cell(str(count), value=count)]
        for row, count in zip(rows, runs, strict=True)
    ]


def _attention_table(rows: Sequence[Row], wanted: str) -> Table | None:
    columns, cells = _first_columns(rows)
    tested = False
    for section, figure, column, form, better in _ATTENTION_FIGURES:
        means = {
            i: summary.mean
            for i, row in enumerate(rows)
            if (summary := getattr(row, section).get(figure)) is not None
        }
        if section != wanted or not means:
            continue
        best = max(means, key=lambda i: better * means[i]) if better and len(means) > 1 else None
        columns.append(column)
        for i, row in enumerate(rows):
            test = row.attention_significance.get(figure)
            tested = tested or test is not None
            cells[i].append(
                Cell(form(means[i]) + marker(test), best=i == best, value=means[i])
                if i in means
                else Cell(_NOTHING)
            )
    if len(columns) == 2:
        return None
    baseline = next((row.baseline for row in rows if row.baseline), None)
    notes = [MARKER_NOTE.format(baseline=baseline)] if tested else []
    if wanted == "alignment":
        origins = dict.fromkeys(
            run.alignment_reference for row in rows for run in row.runs if run.alignment_reference
        )
        notes.append(ALIGNMENT_NOTE.format(origin=" and ".join(origins) or "an unnamed"))
    return Table(f"{block_title(rows[0])}: {_ATTENTION_TITLES[wanted]}", columns, cells, notes, [])


def build_table(rows: Sequence[Row]) -> Table:
    """The table of quality and cost, for one task, corpus, model and split."""
    first = rows[0]
    columns, cells = _first_columns(rows)

    def add(column: Column, added: Sequence[Cell]) -> None:
        columns.append(column)
        for row_cells, cell in zip(cells, added, strict=True):
            row_cells.append(cell)

    metrics = list(dict.fromkeys(metric for row in rows for metric in row.metrics))
    for metric in metrics:
        label = METRIC_LABELS.get(metric, metric)
        add(Column(label, METRIC_MEANINGS.get(metric, "")), _metric_cells(rows, metric))
    baseline = next((row.baseline for row in rows if row.baseline), None)
    tested = [metric for metric in metrics if any(metric in row.significance for row in rows)]
    for metric in tested[:1]:
        label = METRIC_LABELS.get(metric, metric)
        tests = [row.significance.get(metric) for row in rows]
        add(
            Column("p", f"of {label}, by paired bootstrap against {baseline}, corrected"),
            [
                Cell(_NOTHING)
                if test is None
                else Cell(p_text(test.p_value, test.p_holm), value=test.p_holm)
                for test in tests
            ],
        )
        add(
            Column(f"Δ {label}", f"difference from {baseline} with its 95 % interval", detail=True),
            [
                Cell(_NOTHING)
                if test is None
                else Cell(difference_text(test), value=test.difference)
                for test in tests
            ],
        )
    for section, figure, column, form in _FIGURES:
        summaries = [getattr(row, section).get(figure) for row in rows]
        means = [summary.mean for summary in summaries if summary is not None]
        if not means:
            continue
        write = form or duration_format(max(means))
        add(
            column,
            [
                Cell(_NOTHING) if summary is None else Cell(write(summary.mean), value=summary.mean)
                for summary in summaries
            ],
        )

    marks = Marks(run for row in rows for run in row.runs)
    if marks.needed:
        column = Column("from", "revision and machine of the runs", detail=True)
        add(column, [Cell(marks.of(row.runs)) for row in rows])
    notes = []
    if tested:
        label = METRIC_LABELS.get(tested[0], tested[0])
        notes.append(MARKER_NOTE.format(baseline=baseline) + f" The column p is of {label}.")
    if any(len(row.runs) > 1 for row in rows):
        notes.append(DEVIATION_NOTE)
    notes += marks.notes
    return Table(block_title(first), columns, cells, notes, _signatures(rows, metrics))


def _metric_cells(rows: Sequence[Row], metric: str) -> list[Cell]:
    means = {i: row.metrics[metric].mean for i, row in enumerate(rows) if metric in row.metrics}
    comparable = metric in METRIC_LABELS and len(means) > 1
    best = max(means, key=means.__getitem__) if comparable else None
    return [
        Cell(
            _score(row.metrics.get(metric), row.significance.get(metric)),
            best=i == best,
            value=means.get(i),
        )
        for i, row in enumerate(rows)
    ]


def block_title(row: Row) -> str:
    """Task, corpus, model and split of a row."""
    split = "" if row.split == "test" else f" ({row.split})"
    return f"{row.task}: {row.data}, {row.model}{split}"


def _signatures(rows: Sequence[Row], metrics: Sequence[str]) -> list[str]:
    """Each distinct signature once, after the metrics that it belongs to."""
    users: dict[str, dict[str, None]] = {}
    for metric in metrics:
        for run in (run for row in rows for run in row.runs if metric in run.signatures):
            label = METRIC_LABELS.get(metric, metric)
            users.setdefault(run.signatures[metric], {})[label] = None
    return [f"{', '.join(labels)}: {signature}" for signature, labels in users.items()]
