"""The last stage: tables, figures and one HTML page, from `result.json` files alone.

It reads the runs under a folder and the files that they name, and needs none of what made them.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.text import Text

from regattn_fairseq.pipeline.files import write_text
from regattn_fairseq.pipeline.report.examples import Example, draw_examples
from regattn_fairseq.pipeline.report.rows import Row, Summary, build_rows
from regattn_fairseq.pipeline.report.runs import ReportError, Run, find_runs
from regattn_fairseq.pipeline.report.tables import (
    Table,
    build_tables,
    escape_markdown,
    to_latex,
    to_markdown,
    to_rich,
)
from regattn_fairseq.pipeline.report.unfinished import find_unfinished

logger = logging.getLogger(__name__)

__all__ = [
    "Example",
    "Report",
    "ReportError",
    "Row",
    "Run",
    "Summary",
    "Table",
    "build_report",
    "render_terminal",
]

# What a run's row in runs.csv leaves out: it is long, nested, or only of use beside the run.
_NOT_IN_RUNS_CSV = ("config", "files", "format")


@dataclass(frozen=True)
class Report:
    """What was found and written.

    Attributes:
        root: the folder that was searched for runs.
        output_dir: where the report is.
        title: its heading.
        header: the line below the heading; None for none.
        runs: every run that was read.
        rows: the runs by everything but the seed; `Row.record` gives one as plain values.
        tables: the rows as they are shown.
        examples: the sentences whose attention is drawn.
        warnings: what was left out and why, each with the file's name.
    """

    root: Path
    output_dir: Path
    title: str
    header: str | None
    runs: list[Run]
    rows: list[Row]
    tables: list[Table]
    examples: list[Example]
    warnings: list[str]


def build_report(
    root: Path,
    output_dir: Path,
    *,
    header: str | None = None,
    title: str = "Attention normalizers compared",
) -> Report:
    """Report on every run under a folder.

    Writes to output_dir, each file complete or not at all: ``table.md``, ``table.tex`` and
    ``table.csv`` (a row for each task, corpus, model and normalizer), ``runs.csv`` (a row for
    each run), heat maps as PNG and PDF, and ``index.html``, which shows all of it and needs no
    other file. The same runs give the same files.

    Args:
        root: searched for `result.json` files, folders in folders included.
        output_dir: made if it is missing. Files of an earlier report are replaced; others stay.
        header: a line for the top of ``table.md`` and the page, such as the command that was
            given; Markdown in the one, plain text in the other.
        title: the heading of both.

    Raises:
        ReportError: there is no readable `result.json` under root.
        OSError: output_dir cannot be written to.
    """
    runs, run_warnings = find_runs(root)
    rows, row_warnings = build_rows(runs)
    output_dir.mkdir(parents=True, exist_ok=True)
    examples, example_warnings = draw_examples(rows, output_dir)
    report = Report(
        root=root,
        output_dir=output_dir,
        title=title,
        header=header,
        runs=runs,
        rows=rows,
        tables=build_tables(rows),
        examples=examples,
        warnings=[
            _one_line(warning)
            for warning in (
                *run_warnings,
                *find_unfinished(root),
                *row_warnings,
                *example_warnings,
            )
        ],
    )
    for warning in report.warnings:
        logger.warning("%s", warning)
    _write_csv(output_dir / "table.csv", [row.record() for row in rows])
    _write_csv(output_dir / "runs.csv", [_run_record(run) for run in runs])
    write_text(output_dir / "table.md", _markdown(report))
    write_text(output_dir / "table.tex", _latex(report))
    write_text(output_dir / "index.html", _html(report))
    return report


def render_terminal(report: Report, console: Console | None = None) -> None:
    """Print the tables, the warnings and where the rest is.

    Args:
        report: from `build_report`.
        console: where to print; standard output if None.
    """
    console = console or Console()
    for table in report.tables:
        console.print(to_rich(table, console))
        for note in (*table.notes, *table.signatures):
            console.print(Text(note, style="dim"))
        console.print()
    for warning in report.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
    console.print(Text(f"Report: {report.output_dir / 'index.html'}"), soft_wrap=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _run_record(run: Run) -> dict[str, object]:
    kept = {key: value for key, value in run.raw.items() if key not in _NOT_IN_RUNS_CSV}
    flat = pd.json_normalize(kept, sep="_").iloc[0].to_dict()
    return {"run": run.name, "label": run.label, **flat}


def _write_csv(path: Path, records: Sequence[dict[str, object]]) -> None:
    # A column that only some records have stands where they have it, not at the end.
    columns: list[str] = []
    for record in records:
        new: list[str] = []
        for column in record:
            if column in columns:
                place = columns.index(column)
                columns[place:place] = new
                new = []
            else:
                new.append(column)
        columns += new
    frame = pd.DataFrame.from_records(records, columns=columns)
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def _markdown(report: Report) -> str:
    parts = [f"# {escape_markdown(report.title)}\n"]
    if report.header:
        parts.append(f"{_one_line(report.header)}\n")
    parts += [f"> {escape_markdown(warning)}\n" for warning in report.warnings]
    images = {example.block: example for example in report.examples}
    for block, table in _by_block(report):
        parts.append(to_markdown(table))
        if example := images.get(block):
            parts.append(
                f"![Attention on sentence {example.index + 1} of {escape_markdown(block[1])}]"
                f"({example.png.name})\n"
            )
    return "\n".join(parts)


def _latex(report: Report) -> str:
    tables = (to_latex(table, number) for number, table in enumerate(report.tables, start=1))
    return "% \\usepackage{booktabs}\n" + "\n".join(tables)


def _by_block(report: Report) -> list[tuple[tuple[str, str, str, str], Table]]:
    blocks = dict.fromkeys(row.block for row in report.rows)
    return list(zip(blocks, report.tables, strict=True))


def _html(report: Report) -> str:
    # The page is made of corpus text and config values, none of which may become markup.
    environment = Environment(
        loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    examples = {example.block: example for example in report.examples}
    sections = [(table, examples.get(block)) for block, table in _by_block(report)]
    return environment.get_template("index.html.j2").render(report=report, sections=sections)
