"""The last stage: tables, figures and one HTML page, from `result.json` files alone.

It reads the runs under a folder and the files that their results name. It needs nothing
else of what produced them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from regattn_fairseq.report.examples import Example
from regattn_fairseq.report.page import render_page
from regattn_fairseq.report.pictures import Pictures
from regattn_fairseq.report.rows import BASELINE, Row, Summary, build_rows
from regattn_fairseq.report.sections import Section, build_sections
from regattn_fairseq.report.table_formats import (
    escape_markdown,
    to_latex,
    to_markdown,
    to_rich,
)
from regattn_fairseq.report.tables import Table
from regattn_fairseq.runs.files import write_text
from regattn_fairseq.runs.finding import find_runs
from regattn_fairseq.runs.result import ReportError, Result
from regattn_fairseq.runs.unfinished import find_unfinished

logger = logging.getLogger(__name__)

__all__ = [
    "Example",
    "Report",
    "ReportError",
    "Result",
    "Row",
    "Section",
    "Summary",
    "Table",
    "build_report",
    "render_terminal",
]

# The limit for the sentences of all test sets together. With tables and pictures added, the page
# stays below 15 MB.
_EXPLORER_BYTES = 11_000_000

# A run's row in runs.csv leaves these out: they are long, nested, or of use only beside the run.
_NOT_IN_RUNS_CSV = ("config", "files", "format", "heads")


@dataclass(frozen=True)
class Report:
    """The runs that were found, and the report on them.

    Attributes:
        root: the folder that was searched for runs.
        output_dir: where the report is.
        title: its heading.
        header: the line below the heading; None for none.
        runs: every run that was read.
        sections: tables, figures and sentences of each test set.
        warnings: what was left out and why. Each one names the file.
    """

    root: Path
    output_dir: Path
    title: str
    header: str | None
    runs: list[Result]
    sections: list[Section]
    warnings: list[str]

    @property
    def rows(self) -> list[Row]:
        """The runs, grouped by all but the seed; `Row.record` gives a row as plain values."""
        return [row for section in self.sections for row in section.rows]

    @property
    def tables(self) -> list[Table]:
        """The rows as they are shown."""
        return [table for section in self.sections for table in section.tables]


def build_report(
    root: Path,
    output_dir: Path,
    *,
    reuse: Sequence[Path] = (),
    header: str | None = None,
    title: str = "Attention normalizers compared",
    sentences: int = 1000,
    baseline: str = BASELINE,
    pdf: bool = False,
) -> Report:
    """Report on every run under a folder, and under further ones.

    Writes these files to output_dir: ``table.md``, ``table.tex`` and ``table.csv`` (a row for each
    task, corpus, model and normalizer), ``runs.csv`` (a row for each run), figures as PNG,
    and ``index.html``, which shows all of it and every sentence, and needs no other file. Each file
    is written completely or not at all. The same runs give the same files.

    Args:
        root: is searched for `result.json` files, subfolders included.
        reuse: further folders, such as those that
            :func:`~regattn_fairseq.runs.export.export_runs` wrote.
        output_dir: made if it is missing. Files of an earlier report are replaced; others stay.
        header: a line for the top of ``table.md`` and the page, such as the command that was
            given. ``table.md`` reads it as Markdown, the page as plain text.
        title: the heading of ``table.md`` and of the page.
        sentences: how many of each test set the page shows one by one; 0 for none.
        baseline: name of the normalizer that the others are tested against.
        pdf: whether each figure is also written as PDF.

    Raises:
        ReportError: there is no readable `result.json` under these folders, or a baseline was
            chosen that no run has.
        OSError: output_dir cannot be written to.
    """
    roots = [root, *reuse]
    runs, run_warnings = find_runs(*roots)
    names = sorted({run.normalizer["name"] for run in runs})
    if baseline not in names and baseline != BASELINE:
        raise ReportError(
            f"baseline={baseline}: no run has that normalizer; choose {', '.join(names)}"
        )
    logger.info("%d runs: significance tests of their outputs", len(runs))
    rows, row_warnings = build_rows(runs, baseline=baseline)
    output_dir.mkdir(parents=True, exist_ok=True)
    sections, section_warnings = build_sections(
        rows, Pictures(output_dir, pdf=pdf), sentences=sentences, page_bytes=_EXPLORER_BYTES
    )
    report = Report(
        root=root,
        output_dir=output_dir,
        title=title,
        header=header,
        runs=runs,
        sections=sections,
        warnings=[
            _one_line(warning)
            for warning in (
                *run_warnings,
                *(line for folder in roots for line in find_unfinished(folder)),
                *row_warnings,
                *section_warnings,
            )
        ],
    )
    for warning in report.warnings:
        logger.warning("%s", warning)
    _write_csv(output_dir / "table.csv", [row.record() for row in report.rows])
    _write_csv(output_dir / "runs.csv", [_run_record(run) for run in runs])
    write_text(output_dir / "table.md", _markdown(report))
    write_text(output_dir / "table.tex", _latex(report))
    write_text(output_dir / "index.html", render_page(report))
    return report


def render_terminal(report: Report, console: Console | None = None) -> None:
    """Print the tables, what they say, the warnings and the place of the other files.

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
    for section in report.sections:
        console.print(Text(section.title, style="bold"))
        for sentence in section.conclusions:
            console.print(Padding(Text(f"- {sentence}"), (0, 0, 0, 1)))
        console.print()
    for warning in report.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
    console.print(Text(f"Report: {report.output_dir / 'index.html'}"), soft_wrap=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _run_record(run: Result) -> dict[str, object]:
    kept = {key: value for key, value in run.content().items() if key not in _NOT_IN_RUNS_CSV}
    flat = pd.json_normalize(kept, sep="_").iloc[0].to_dict()
    return {"run": run.name, "label": run.label, **flat}


def _write_csv(path: Path, records: Sequence[dict[str, object]]) -> None:
    # A column that only some records have keeps its place among their columns.
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
    parts.append("## Conclusions\n")
    for section in report.sections:
        said = "\n".join(f"- {escape_markdown(sentence)}" for sentence in section.conclusions)
        parts.append(f"**{escape_markdown(section.title)}**\n\n{said}\n")
    for section in report.sections:
        parts += [to_markdown(table) for table in section.tables]
        if example := section.example:
            shown = f"on sentence {example.index + 1} of {escape_markdown(example.block[1])}"
            heatmaps = (
                f"![Attention of {escape_markdown(panel.label)} {shown}]({panel.png.name})\n"
                for panel in example.panels
            )
            parts.append("".join(heatmaps))
        parts += [f"![{plot.caption}]({plot.png.name})\n" for plot in section.plots]
    return "\n".join(parts)


def _latex(report: Report) -> str:
    tables = (to_latex(table, number) for number, table in enumerate(report.tables, start=1))
    return "% \\usepackage{booktabs}\n" + "\n".join(tables)
