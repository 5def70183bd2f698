"""Draws, for one sentence of each test set, the attention of every normalizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.declared.naming import labelled
from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.heatmaps import choose_sentence, draw_heatmaps
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.systems import System
from regattn_fairseq.runs.result import Result

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Panel:
    """The attention of one normalizer.

    Attributes:
        label: the normalizer with its options.
        hypothesis: the model's output for the sentence; empty if the text is missing.
        png: the heat map; a PDF of the same name is beside it.
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
        png: all panels in one figure; a PDF of the same name is beside it.
    """

    block: tuple[str, str, str, str]
    index: int
    source: str
    reference: str
    question: str
    panels: list[Panel]
    png: Path


def file_name(*parts: str) -> str:
    """Join parts from configurations to a file name: no separators, no spaces, ASCII only.

    >>> file_name("attention", "../my data", "fusedmax (λ=0.1)")
    'attention_my-data_fusedmax-0.1'
    """
    safe = (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.") or "unnamed" for part in parts)
    return "_".join(part[:_LONGEST_NAME] for part in safe)


class FileNames:
    """Hands out file names that differ even on file systems that ignore case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, *parts: str) -> str:
        """A name made of these parts. If the name is taken, a number is added."""
        base = name = file_name(*parts)
        number = 2
        while name.lower() in self._taken:
            name = f"{base}-{number}"
            number += 1
        self._taken.add(name.lower())
        return name


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
    systems: Sequence[System], parts: Sequence[str], output_dir: Path, names: FileNames
) -> tuple[Example | None, list[str]]:
    """Choose a sentence of a test set and draw it under every normalizer.

    Writes ``attention_<parts>_<normalizer>`` for each normalizer and ``attention_<parts>`` for all
    of them, as PNG and PDF.

    Args:
        systems: at least one, of one test set.
        parts: the file names are made of these.
        output_dir: where the files go.
        names: the file names that are taken.

    Returns:
        ``(example, warnings)``; the example is None if the systems share no sentence.

    Raises:
        OSError: output_dir cannot be written to.
    """
    index = choose_sentence([system.records for system in systems])
    block = systems[0].row.block
    if index is None:
        return None, [f"no heat maps of {block[1]}: its runs share no sentence"]
    drawn = [(system.row.label, system.records[index]) for system in systems]
    overview = output_dir / names.take("attention", *parts)
    _, warnings = save_figure(draw_heatmaps(drawn), overview)
    panels = []
    rows = [system.row for system in systems]
    for system, panel in zip(systems, drawn, strict=True):
        stem = output_dir / names.take("attention", *parts, _normalizer_part(system.row, rows))
        written, _ = save_figure(draw_heatmaps([panel]), stem)
        panels.append(Panel(system.row.label, _line(system.run, "hypotheses", index), written[0]))
    first = systems[0].run
    return Example(
        block=block,
        index=index,
        source=_line(first, "sources", index),
        reference=_line(first, "references", index),
        question=_line(first, "questions", index),
        panels=panels,
        png=overview.with_name(f"{overview.name}.png"),
    ), warnings
