"""Draws, for one sentence of each test set, the attention of every normalizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.declared.naming import labelled
from regattn_fairseq.report.heatmaps import choose_sentence, draw_heatmaps
from regattn_fairseq.report.pictures import Pictures
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.systems import System
from regattn_fairseq.runs.result import Result


@dataclass(frozen=True)
class Panel:
    """The attention of one normalizer.

    Attributes:
        label: the normalizer with its options.
        hypothesis: the model's output for the sentence; empty if the text is missing.
        png: the heat map.
    """

    label: str
    hypothesis: str
    png: Path


@dataclass(frozen=True)
class Example:
    """The sentence that stands for a test set.

    Attributes:
        block: task, data, model and split.
        index: position in the test set, from 0.
        source: its text; empty if the text is missing.
        reference: the reference output; empty if the text is missing.
        question: the hypothesis that was judged; empty for other tasks.
        panels: one for each normalizer.
    """

    block: tuple[str, str, str, str]
    index: int
    source: str
    reference: str
    question: str
    panels: list[Panel]


def _normalizer_part(row: Row, rows: Sequence[Row]) -> str:
    """The normalizer's name, and its options if several rows share that name."""
    name = str(row.normalizer["name"])
    if sum(other.normalizer["name"] == name for other in rows) == 1:
        return name
    told = labelled(row.normalizer)
    options = (f"{option}{value}{'_learned' if learned else ''}" for option, value, learned in told)
    return "_".join([name, *options])


def _line(run: Result, kind: str, index: int) -> str:
    try:
        lines = run.lines(kind)
    except (OSError, UnicodeDecodeError):
        # The heat map can be read without the text.
        return ""
    return lines[index] if index < len(lines) else ""


def draw_example(
    systems: Sequence[System], parts: Sequence[str], pictures: Pictures
) -> tuple[Example | None, list[str]]:
    """Choose a sentence of a test set and draw it under every normalizer.

    Writes ``attention_<parts>_<normalizer>`` for each normalizer.

    Args:
        systems: at least one, of one test set.
        parts: the file names are made of these.
        pictures: where they go.

    Returns:
        ``(example, warnings)``; the example is None if the systems share no sentence.

    Raises:
        OSError: a picture cannot be written.
    """
    index = choose_sentence([system.records for system in systems])
    block = systems[0].row.block
    if index is None:
        return None, [f"no heat maps of {block[1]}: its runs share no sentence"]
    panels = []
    warnings = []
    rows = [system.row for system in systems]
    for system in systems:
        heatmap = draw_heatmaps([(system.row.label, system.records[index])])
        name = ("attention", *parts, _normalizer_part(system.row, rows))
        png, missing = pictures.save(heatmap, *name)
        panels.append(Panel(system.row.label, _line(system.run, "hypotheses", index), png))
        warnings += missing
    first = systems[0].run
    return Example(
        block=block,
        index=index,
        source=_line(first, "sources", index),
        reference=_line(first, "references", index),
        question=_line(first, "questions", index),
        panels=panels,
    ), warnings
