"""A table as Markdown, as LaTeX, or on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from tabulate import tabulate

from regattn_fairseq.report.tables import Cell, Table

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
        "≤": r"$\leq$",
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
