"""The tables of a report: built once, then shown as Markdown, LaTeX, HTML or on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from tabulate import tabulate

from regattn_fairseq.metrics import PairedResult
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
    """

    label: str
    meaning: str = ""
    detail: bool = False


@dataclass(frozen=True)
class Cell:
    """One figure as text.

    Attributes:
        text: what is shown.
        best: whether it is the best of its column.
    """

    text: str
    best: bool = False


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


def format_duration(seconds: float) -> str:
    """Seconds in a unit that is easy to read: ``42 s``, ``11.7 min``, ``2.3 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _marker(test: PairedResult | None) -> str:
    if test is None or test.p_holm >= 0.05:
        return ""
    return " ‡" if test.p_holm < 0.01 else " †"


def _score(summary: Summary | None, test: PairedResult | None) -> str:
    if summary is None:
        return _NOTHING
    deviation = "" if summary.deviation is None else f" ± {summary.deviation:.2f}"
    return f"{summary.mean:.2f}{deviation}{_marker(test)}"


def _difference(test: PairedResult | None) -> str:
    if test is None:
        return _NOTHING
    return f"{test.difference:+.2f} [{test.low:+.2f}, {test.high:+.2f}]".replace("-", "−")


def _mean(summary: Summary | None, form: Callable[[float], str]) -> str:
    return _NOTHING if summary is None else form(summary.mean)


# (section, figure, column, formatter) in the order of the table
_FIGURES: tuple[tuple[str, str, Column, Callable[[float], str]], ...] = (
    (
        "training",
        "target_tokens_per_s",
        Column("tokens/s", "tokens a second in training; of the target where there is one"),
        "{:,.0f}".format,
    ),
    ("training", "wall_s", Column("training", "wall time of the training"), format_duration),
    (
        "evaluation",
        "target_tokens_per_s",
        Column("decoding tokens/s", "target tokens a second in beam search", detail=True),
        "{:,.0f}".format,
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
        Column("zeros", "attention weights that are exactly zero"),
        "{:.1%}".format,
        0,
    ),
    (
        "attention",
        "support",
        Column("support", "source tokens with nonzero weight, a target token"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "segments",
        Column("segments", "stretches of neighbouring source tokens with nonzero weight"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "segment_length",
        Column("segment length", "source tokens in such a stretch", detail=True),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "fused_run_length",
        Column("run length", "mean length of stretches of equal nonzero weight"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "groups",
        Column("groups", "distinct nonzero weights, a target token"),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "group_size",
        Column("group size", "source tokens that share one weight", detail=True),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "entropy",
        Column("entropy", "of the weights, in nats", detail=True),
        "{:.2f}".format,
        0,
    ),
    (
        "attention",
        "coverage",
        Column(
            "coverage", "how much of the source was looked at: mean of min(1, weights got)", True
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


def build_attention_tables(rows: Sequence[Row]) -> list[Table]:
    """Tables of the attention and of the alignments, for one task, corpus, model and split."""
    tables = [_attention_table(rows, section) for section in _ATTENTION_TITLES]
    return [table for table in tables if table is not None]


def _attention_table(rows: Sequence[Row], wanted: str) -> Table | None:
    columns = [Column("Normalizer"), Column("n", "training runs (seeds)")]
    cells = [[Cell(row.label), Cell(str(len(row.runs)))] for row in rows]
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
                Cell(form(means[i]) + _marker(test) if i in means else _NOTHING, best=i == best)
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
    return Table(f"{_title(rows[0])}: {_ATTENTION_TITLES[wanted]}", columns, cells, notes, [])


def build_table(rows: Sequence[Row]) -> Table:
    """The table of quality and cost, for one task, corpus, model and split."""
    first = rows[0]
    columns = [Column("Normalizer"), Column("n", "training runs (seeds)")]
    cells = [[Cell(row.label), Cell(str(len(row.runs)))] for row in rows]

    def add(column: Column, texts: Sequence[str], best: int | None = None) -> None:
        columns.append(column)
        for index, text in enumerate(texts):
            cells[index].append(Cell(text, best=index == best))

    metrics = list(dict.fromkeys(metric for row in rows for metric in row.metrics))
    tested = [metric for metric in metrics if any(metric in row.significance for row in rows)]
    for metric in metrics:
        means = {i: row.metrics[metric].mean for i, row in enumerate(rows) if metric in row.metrics}
        comparable = metric in METRIC_LABELS and len(means) > 1
        add(
            Column(METRIC_LABELS.get(metric, metric)),
            [_score(row.metrics.get(metric), row.significance.get(metric)) for row in rows],
            best=max(means, key=means.__getitem__) if comparable else None,
        )
    baseline = next((row.baseline for row in rows if row.baseline), None)
    for metric in tested[:1]:
        label = METRIC_LABELS.get(metric, metric)
        tests = [row.significance.get(metric) for row in rows]
        add(
            Column("p", f"of {label}, by paired bootstrap against {baseline}, corrected"),
            [_NOTHING if test is None else f"{test.p_holm:.3f}" for test in tests],
        )
        add(
            Column(f"Δ {label}", f"difference from {baseline} with its 95 % interval", detail=True),
            [_difference(test) for test in tests],
        )
    for section, figure, column, form in _FIGURES:
        summaries = [getattr(row, section).get(figure) for row in rows]
        if any(summary is not None for summary in summaries):
            add(column, [_mean(summary, form) for summary in summaries])

    marks = Marks(run for row in rows for run in row.runs)
    if marks.needed:
        column = Column("from", "revision and machine of the runs", detail=True)
        add(column, [marks.of(row.runs) for row in rows])
    notes = []
    if tested:
        label = METRIC_LABELS.get(tested[0], tested[0])
        notes.append(MARKER_NOTE.format(baseline=baseline) + f" The column p is of {label}.")
    if any(len(row.runs) > 1 for row in rows):
        notes.append(DEVIATION_NOTE)
    notes += marks.notes
    return Table(_title(first), columns, cells, notes, _signatures(rows, metrics))


def _title(row: Row) -> str:
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


_MARKDOWN = str.maketrans(
    {
        "\\": "\\\\",
        "|": "\\|",
        "*": "\\*",
        "`": "\\`",
        "[": "\\[",
        "]": "\\]",
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
        "\n": " ",
    }
)


def escape_markdown(text: str) -> str:
    """Escape text, so that Markdown shows it unchanged in a table cell or a paragraph."""
    return text.translate(_MARKDOWN)


def to_markdown(table: Table) -> str:
    """A pipe table with a heading above and notes below. The best cell of a column is bold."""

    def show(cell: Cell) -> str:
        text = escape_markdown(cell.text)
        return f"**{text}**" if cell.best else text

    body = tabulate(
        [[show(cell) for cell in row] for row in table.cells],
        headers=[escape_markdown(column.label) for column in table.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left"] + ["right"] * (len(table.columns) - 1),
    )
    notes = "\n".join(f"- {escape_markdown(note)}" for note in (*table.notes, *table.signatures))
    return f"## {escape_markdown(table.title)}\n\n{body}\n" + (f"\n{notes}\n" if notes else "")


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "|": r"\textbar{}",
        "\n": " ",
        # pdfLaTeX cannot set these characters without a command.
        "γ": r"$\gamma$",
        "λ": r"$\lambda$",
        "Δ": r"$\Delta$",
        "±": r"$\pm$",
        "−": r"$-$",
        "†": r"$^\dagger$",
        "‡": r"$^\ddagger$",
        "–": "--",
    }
)


def to_latex(table: Table, number: int) -> str:
    """A booktabs table environment, labelled ``tab:regattn-<number>``, without detail columns."""
    shown = _essential(table)

    def show(cell: Cell) -> str:
        text = cell.text.translate(_LATEX).replace(" $^", "$^")
        return rf"\textbf{{{text}}}" if cell.best else text

    frame = pd.DataFrame([[show(row[index]) for index in shown] for row in table.cells])
    signatures = "".join(f"% {signature}\n" for signature in table.signatures)
    return signatures + frame.to_latex(
        index=False,
        header=[table.columns[index].label.translate(_LATEX) for index in shown],
        escape=False,
        column_format="l" + "r" * (len(shown) - 1),
        caption=" ".join([f"{table.title}.", *table.notes]).translate(_LATEX),
        label=f"tab:regattn-{number}",
        position="tb",
    )


def _essential(table: Table) -> list[int]:
    """The indices of the columns that are no details."""
    return [index for index, column in enumerate(table.columns) if not column.detail]


def to_rich(table: Table, console: Console) -> RichTable:
    """The table for a terminal: the columns from the left that fit without wrapping."""
    shown = _essential(table)
    rich_table = _rich_columns(table, shown)
    unlimited = console.options.update(width=10_000)
    while len(shown) > 2 and console.measure(rich_table, options=unlimited).maximum > console.width:
        shown.pop()
        rich_table = _rich_columns(table, shown)
    return rich_table


def _rich_columns(table: Table, shown: Sequence[int]) -> RichTable:
    rich_table = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index in shown:
        rich_table.add_column(
            Text(table.columns[index].label),
            justify="left" if index == 0 else "right",
            no_wrap=True,
        )
    for row in table.cells:
        rich_table.add_row(
            *(Text(row[i].text, style="bold green" if row[i].best else "") for i in shown)
        )
    return rich_table
