"""The part of a report about one test set: tables, figures and sentences."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from matplotlib.figure import Figure

from regattn_fairseq.metrics import correct
from regattn_fairseq.report.conclusions import conclude
from regattn_fairseq.report.copied import copied_words_table
from regattn_fairseq.report.differences import build_difference_tables
from regattn_fairseq.report.examples import Example, draw_example
from regattn_fairseq.report.explorer import Explorer, build_explorer
from regattn_fairseq.report.heads import draw_heads
from regattn_fairseq.report.intervals import IntervalPlot, interval_plots
from regattn_fairseq.report.pictures import Pictures
from regattn_fairseq.report.plots import (
    draw_attention_curves,
    draw_distributions,
    draw_learning_curves,
    draw_quality_by_sparsity,
)
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.sentences import compare_attention
from regattn_fairseq.report.systems import System, load_systems
from regattn_fairseq.report.tables import Table, build_attention_tables, build_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plot:
    """A figure about a whole test set.

    Attributes:
        caption: what it shows.
        png: the picture.
        inches: its width at the size for which its letters were chosen.
    """

    caption: str
    png: Path
    inches: float


@dataclass(frozen=True)
class Section:
    """One task, corpus, model and split.

    Attributes:
        rows: the rows that are compared.
        conclusions: what their figures say, in sentences.
        intervals: their differences from the baseline, by one figure each: quality first.
        tables: the rows' quality and cost, and what they attend to.
        example: a sentence, drawn; None if no attention could be read.
        plots: figures about all sentences.
        explorer: the sentences for the page; None if there is nothing to show.
    """

    rows: list[Row]
    conclusions: list[str]
    intervals: list[IntervalPlot]
    tables: list[Table]
    example: Example | None
    plots: list[Plot]
    explorer: Explorer | None

    @property
    def title(self) -> str:
        """Task, corpus, model and split."""
        return self.tables[0].title


def build_sections(
    rows: Sequence[Row], pictures: Pictures, *, sentences: int, page_bytes: int
) -> tuple[list[Section], list[str]]:
    """Compare the rows, draw the figures and pack the sentences of each test set.

    Args:
        rows: from `rows.build_rows`.
        pictures: where the figures go. If several models share a corpus, the file names have the
            model's name after the data's.
        sentences: the largest number of sentences in the explorer of a test set.
        page_bytes: the largest number of bytes that all explorers together take in the page.

    Returns:
        ``(sections, warnings)``.

    Raises:
        OSError: a picture cannot be written.
    """
    blocks = [list(members) for _, members in groupby(rows, key=lambda row: row.block)]
    shared = [members[0].data for members in blocks]
    sections: list[Section] = []
    warnings: list[str] = []
    for number, members in enumerate(blocks, start=1):
        task, data, model, split = members[0].block
        place = f"{number} of {len(blocks)}: {task}, {data}, {model}, {split}"
        logger.info("%s: attention of %d rows", place, len(members))
        parts = [data]
        if shared.count(data) > 1:
            parts.append(model if split == "test" else f"{model}_{split}")
        systems, unreadable = load_systems(members)
        warnings += unreadable
        tested = _tested(members, warnings)
        logger.info("%s: pictures and sentences", place)
        example = None
        if systems:
            example, more = draw_example(systems, parts, pictures)
            warnings += more
        quality = build_table(tested)
        copied = copied_words_table(systems, quality.title)
        sections.append(
            Section(
                rows=tested,
                conclusions=conclude(tested),
                intervals=interval_plots(tested),
                tables=[
                    quality,
                    *build_attention_tables(tested),
                    *build_difference_tables(tested),
                    *([copied] if copied is not None else []),
                ],
                example=example,
                plots=_plots(tested, systems, parts, pictures),
                explorer=build_explorer(
                    systems,
                    sentences=sentences,
                    limit=page_bytes // len(blocks),
                )
                if sentences
                else None,
            )
        )
    return sections, warnings


def _tested(rows: Sequence[Row], warnings: list[str]) -> list[Row]:
    """The rows with their attention tested against the baseline's."""
    label = next((row.baseline for row in rows if row.baseline), None)
    baseline = next((row for row in rows if row.label == label), None)
    if baseline is None:
        return list(rows)
    tests = correct(
        [
            {} if row is baseline else compare_attention(row.runs, baseline.runs, warnings)
            for row in rows
        ]
    )
    return [
        replace(row, attention_significance=test) for row, test in zip(rows, tests, strict=True)
    ]


def _plots(
    rows: Sequence[Row], systems: Sequence[System], parts: Sequence[str], pictures: Pictures
) -> list[Plot]:
    plots: list[Plot] = []

    def add(kind: str, caption: str, figure: Figure) -> None:
        png, _ = pictures.save(figure, kind, *parts)
        plots.append(Plot(caption, png, figure.get_figwidth()))

    if complete := [system for system in systems if system.is_complete]:
        figure = draw_distributions([(system.row.label, system.records) for system in complete])
        caption = "How many source tokens get weight, and how long the segments are"
        add("sparsity", caption, figure)
    metric = next(iter(rows[0].metrics))
    placed = [row for row in rows if metric in row.metrics and "zero_share" in row.attention]
    if len(placed) > 1:
        figure = draw_quality_by_sparsity(placed, metric)
        add("quality", "Quality against sparsity; settings of one normalizer are joined", figure)
    heads = draw_heads(rows)
    if heads is not None:
        caption = (
            "Weights of each head that are exactly zero (the future, which no output may attend "
            "to, does not count), and what the head has learned"
        )
        add("heads", caption, heads)
    curves = draw_learning_curves(rows)
    if curves is not None:
        add("learning", "Learning curves, one line a run", curves)
    attention = draw_attention_curves(rows)
    if attention is not None:
        add("training", "Attention while it was trained, one line a run", attention)
    return plots
