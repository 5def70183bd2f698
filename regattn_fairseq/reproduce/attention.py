"""Heat maps of the paper: what each mechanism attends to, in trained runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from regattn_fairseq.metrics import AttentionFileError, AttentionRecord, load_attention
from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.heatmaps import choose_sentence, draw_heatmaps
from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.reproduce.execution import Outcome
from regattn_fairseq.runs.files import write_text
from regattn_fairseq.runs.result import Result, reason


class _System(NamedTuple):
    """A run and the attention of its test set."""

    run: Result
    records: list[AttentionRecord]


def write_heatmaps(outcomes: Sequence[Outcome], cfg: DictConfig, stem: Path) -> str:
    """Draw one sentence of each corpus, write its weights as CSV, and return the Markdown.

    Of each mechanism, the first seed is drawn.
    """
    parts: list[str] = []
    weights: list[dict[str, object]] = []
    corpora = dict.fromkeys(outcome.planned.data for outcome in outcomes)
    for data in corpora:
        parts.append(f"## {escape_markdown(data)}\n")
        systems: list[_System] = []
        for normalizer in cfg.normalizers:
            of_normalizer = [
                outcome
                for outcome in outcomes
                if (outcome.planned.data, outcome.planned.system) == (data, normalizer)
            ]
            found = _first(of_normalizer)
            if isinstance(found, str):
                parts.append(f"- {escape_markdown(f'{normalizer}, not drawn: {found}')}\n")
            else:
                systems.append(found)
        index = choose_sentence([system.records for system in systems]) if systems else None
        if index is None:
            continue
        picture = stem if len(corpora) == 1 else stem.with_name(f"{stem.name}_{data}")
        panels = _panels(systems, index)
        save_figure(draw_heatmaps(panels), picture)
        parts += _caption(systems, index, picture)
        weights += _weights(data, index, systems)
    if not outcomes:
        why = cfg.absent.get(cfg.corpora) or "its file in configs/reproduce names no corpus"
        parts.append(f"Not drawn with corpora={cfg.corpora}: {why}.\n")
    columns = ("data", "sentence", "normalizer", "target", "source", "weight")
    frame = pd.DataFrame(weights, columns=list(columns))
    write_text(stem.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
    return "\n".join(parts)


def _first(outcomes: Sequence[Outcome]) -> _System | str:
    """The first run with readable attention, or why there is none."""
    why = "no run was planned"
    for outcome in outcomes:
        if outcome.run is None:
            why = outcome.reason
            continue
        try:
            return _System(outcome.run, load_attention(outcome.run.path("attention")))
        except (OSError, AttentionFileError) as error:
            why = f"its attention cannot be read ({reason(error)})"
    return why


def _panels(systems: Sequence[_System], index: int) -> list[tuple[str, AttentionRecord]]:
    """A panel for each mechanism. Where each has only one row, one panel holds them all."""
    chosen = [(system.run.label, system.records[index]) for system in systems]
    if any(len(record.target_tokens) != 1 for _, record in chosen):
        return chosen
    labels = [label for label, _ in chosen]
    weights = np.concatenate([record.weights for _, record in chosen])
    stacked = AttentionRecord(chosen[0][1].source_tokens, labels, weights)
    return [(_line(systems[0].run, "questions", index), stacked)]


def _caption(systems: Sequence[_System], index: int, picture: Path) -> Iterator[str]:
    first = systems[0].run
    title = f"Attention in sentence {index + 1} of {escape_markdown(first.data)}"
    yield f"![{title}]({picture.name}.png)\n"
    for heading, kind in (
        ("Source", "sources"),
        ("Hypothesis", "questions"),
        ("Reference", "references"),
    ):
        if text := _line(first, kind, index):
            yield f"- {heading}: {escape_markdown(text)}\n"
    for system in systems:
        if text := _line(system.run, "hypotheses", index):
            yield f"- {escape_markdown(f'{system.run.label}: {text}')}\n"


def _line(run: Result, kind: str, index: int) -> str:
    try:
        return run.lines(kind)[index]
    except (OSError, UnicodeDecodeError, IndexError):
        return ""  # the heat map stands by itself


def _weights(data: str, index: int, systems: Sequence[_System]) -> Iterator[dict[str, object]]:
    for system in systems:
        record = system.records[index]
        for target, row in zip(record.target_tokens, record.weights, strict=True):
            for source, weight in zip(record.source_tokens, row, strict=True):
                yield {
                    "data": data,
                    "sentence": index + 1,
                    "normalizer": system.run.label,
                    "target": target,
                    "source": source,
                    "weight": float(weight),
                }
