"""What the cells of the tables say, and the tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

NOTHING = "–"


def number(value: float | None, *, sign: bool = False) -> str:
    """Two decimals, with a minus sign that is none of a hyphen; a dash for what is not known."""
    if value is None:
        return NOTHING
    return f"{value:{'+' if sign else ''}.2f}".replace("-", "−")


def score(mean: float | None, deviation: float | None, missing: str) -> str:
    """A figure with its deviation over seeds; else whether it is ``missing`` for want of runs."""
    if mean is None:
        return "not run" if missing else NOTHING
    return f"{mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")


def gain(difference: float | None, low: float | None, high: float | None) -> str:
    """A difference with the ends of its interval."""
    if difference is None:
        return NOTHING
    return f"{number(difference, sign=True)} [{number(low, sign=True)}, {number(high, sign=True)}]"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    return tabulate(
        rows,
        headers=headings,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left"] + ["right"] * (len(headings) - 1),
    )
