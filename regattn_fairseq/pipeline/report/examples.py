"""One sentence of each test set, as every normalizer attended to it, drawn into files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from regattn_fairseq.metrics import AttentionFileError, AttentionRecord, load_attention
from regattn_fairseq.pipeline.report.heatmaps import choose_sentence, draw_heatmaps, save_figure
from regattn_fairseq.pipeline.report.rows import Row
from regattn_fairseq.pipeline.report.runs import Run, reason

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Panel:
    """The attention of one normalizer.

    Attributes:
        label: the normalizer with its options.
        hypothesis: what the model wrote for the sentence; empty where the text is not at hand.
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
        source: its text; empty where the text is not at hand.
        reference: likewise.
        question: the hypothesis that was judged; empty for other tasks.
        panels: one a normalizer.
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
    """Parts from configurations as one file name: no separators, no spaces, ASCII only.

    >>> file_name("attention", "../my data", "fusedmax (λ=0.1)")
    'attention_my-data_fusedmax-0.1'
    """
    safe = (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.") or "unnamed" for part in parts)
    return "_".join(part[:_LONGEST_NAME] for part in safe)


class _Names:
    """Hands out file names that differ even where case is disregarded."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, *parts: str) -> str:
        base = name = file_name(*parts)
        number = 2
        while name.lower() in self._taken:
            name = f"{base}-{number}"
            number += 1
        self._taken.add(name.lower())
        return name


def _normalizer_part(row: Row, rows: Sequence[Row]) -> str:
    """The normalizer's name, with its options where the name alone is shared by several rows."""
    name = str(row.normalizer["name"])
    if sum(other.normalizer["name"] == name for other in rows) == 1:
        return name
    options = [
        f"{option}{value:g}" if isinstance(value, float) else f"{option}{value}"
        for option, value in row.normalizer.items()
        if option != "name" and not (option == "gamma" and value == 1)
    ]
    return "_".join([name, *options])


def _load(rows: Sequence[Row], warnings: list[str]) -> list[tuple[Row, Run, list[AttentionRecord]]]:
    """The attention of one run a row: of a seed that every row has, where there is one."""
    shared = set.intersection(*({run.seed for run in row.runs} for row in rows))
    loaded = []
    for row in rows:
        run = next((run for run in row.runs if run.seed in shared), row.runs[0])
        try:
            path = run.path("attention")
            loaded.append((row, run, load_attention(path)))
        except AttentionFileError as error:
            cause = str(error).removeprefix(f"{path}: ")
            warnings.append(f"{run.name}: no heat map, {path.name} is damaged ({cause})")
        except OSError as error:
            warnings.append(f"{run.name}: no heat map, its attention is missing ({reason(error)})")
    return loaded


def _line(run: Run, kind: str, index: int) -> str:
    try:
        lines = run.lines(kind)
    except (OSError, UnicodeDecodeError):
        # The heat map stands by itself; the text is a courtesy.
        return ""
    return lines[index] if index < len(lines) else ""


def draw_examples(rows: Sequence[Row], output_dir: Path) -> tuple[list[Example], list[str]]:
    """Choose a sentence for each test set and draw it under every normalizer.

    Writes ``attention_<data>_<normalizer>`` for each normalizer and ``attention_<data>`` for all
    of them, as PNG and PDF. Where several models share a corpus, the model's name follows the
    data's.

    Returns:
        ``(examples, warnings)``; an example for each test set whose attention could be read.

    Raises:
        OSError: output_dir cannot be written to.
    """
    names = _Names()
    examples: list[Example] = []
    warnings: list[str] = []
    models = {(row.data, row.block) for row in rows}
    for block, members in groupby(rows, key=lambda row: row.block):
        systems = _load(list(members), warnings)
        index = choose_sentence([records for _, _, records in systems]) if systems else None
        if index is None:
            if systems:
                warnings.append(f"no heat maps of {block[1]}: its runs share no sentence")
            continue
        shared = [row for row, _, _ in systems]
        _, data, model, split = block
        parts = ["attention", data]
        if sum(other == data for other, _ in models) > 1:
            parts.append(model if split == "test" else f"{model}_{split}")
        drawn = [(row.label, records[index]) for row, _, records in systems]
        overview = output_dir / names.take(*parts)
        _, missing = save_figure(draw_heatmaps(drawn), overview)
        warnings += missing
        panels = []
        for (row, run, _), panel in zip(systems, drawn, strict=True):
            stem = output_dir / names.take(*parts, _normalizer_part(row, shared))
            written, _ = save_figure(draw_heatmaps([panel]), stem)
            panels.append(Panel(row.label, _line(run, "hypotheses", index), written[0]))
        examples.append(
            Example(
                block=block,
                index=index,
                source=_line(systems[0][1], "sources", index),
                reference=_line(systems[0][1], "references", index),
                question=_line(systems[0][1], "questions", index),
                panels=panels,
                png=overview.with_name(f"{overview.name}.png"),
            )
        )
    return examples, warnings
