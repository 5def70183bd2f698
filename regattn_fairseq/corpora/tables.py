"""Tables of words: tab-separated files that lie beside the code that uses them."""

from __future__ import annotations

import csv
from pathlib import Path


def read_rows(path: Path) -> list[tuple[str, ...]]:
    """The rows below the header line, each with a cell for every column.

    A row may leave out cells at its end, which are then empty.

    Raises:
        ValueError: a row has more cells than the header line.
    """
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        if len(row) > len(head):
            raise ValueError(f"{path}: the row {row} has more cells than the head line {head}")
    return [(*row, *[""] * (len(head) - len(row))) for row in rows]


def read_lists(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each list in a table; the first column names the list and is left out.

    Raises:
        ValueError: as :func:`read_rows`.
    """
    lists: dict[str, list[tuple[str, ...]]] = {}
    for name, *cells in read_rows(path):
        lists.setdefault(name, []).append(tuple(cells))
    return lists


def read_words(path: Path) -> dict[str, list[str]]:
    """Like :func:`read_lists`, for a table with a single further column."""
    return {name: [word for (word,) in rows] for name, rows in read_lists(path).items()}


def read_pairs(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Like :func:`read_lists`, for a table with two further columns."""
    return {
        name: [(first, second) for first, second in rows] for name, rows in read_lists(path).items()
    }
