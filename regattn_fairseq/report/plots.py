"""Figures about a whole test set: sparsity, quality by sparsity, and the course of training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter

from regattn_fairseq.metrics import AttentionRecord, segment_lengths, support_sizes
from regattn_fairseq.report.figures import MARKERS, PALETTE, STYLE, tidy
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.tables import METRIC_LABELS
from regattn_fairseq.runs.train_log import TrainLog

_LONGEST = 12  # larger sizes are counted together
_LEGEND_INCHES = 1.4  # width of a legend's column: a normalizer with one or two options
# Measures of a training, in order of preference. The first one that all runs logged is drawn, and
# the loss.
_CURVES = (("bleu", "BLEU on valid"), ("accuracy", "accuracy on valid"), ("loss", "loss on valid"))

# What training logs about attention: see docs/learning.md.
_ATTENTION_CURVES = (
    ("attn_spread", "scores' deviation over γ"),
    ("attn_support", "words with weight"),
    ("attn_dead", "share of rows without gradient"),
)


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(3.5 * panels + 0.4, 3.5), layout=layout)
    return figure, list(figure.subplots(1, panels, squeeze=False).flat)


def _style(index: int) -> dict[str, Any]:
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": "-" if index < len(PALETTE) else "--",
    }


def draw_distributions(systems: Sequence[tuple[str, Sequence[AttentionRecord]]]) -> Figure:
    """How many source tokens a target token attends to, and how long the segments are.

    Args:
        systems: ``(label, attention of the test set)``, at least one.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _figure(2)
        for index, (label, records) in enumerate(systems):
            for panel, sizes in zip(
                axes, (support_sizes(records), segment_lengths(records)), strict=True
            ):
                counts = np.bincount(np.minimum(sizes, _LONGEST), minlength=_LONGEST + 1)[1:]
                shares = counts / max(counts.sum(), 1)
                panel.plot(
                    range(1, _LONGEST + 1), shares, label=label, markersize=4.5, **_style(index)
                )
        for panel, of_what, share in zip(
            axes,
            ("source tokens with weight", "source tokens in a segment"),
            ("target tokens", "segments"),
            strict=True,
        ):
            tidy(panel)
            panel.set_xlabel(of_what, fontsize=9)
            panel.set_ylabel(f"share of {share}", fontsize=9)
            panel.set_ylim(bottom=0)
            ticks = range(1, _LONGEST + 1)
            panel.set_xticks(ticks, [*map(str, ticks[:-1]), f"≥{_LONGEST}"])
            panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        _legend(figure, axes[0])
    return figure


def draw_quality_by_sparsity(rows: Sequence[Row], metric: str) -> Figure:
    """Each row's quality by its share of zero weights; a line joins the rows of one normalizer.

    Args:
        rows: of one test set, all with the metric and with ``zero_share``.
        metric: such as ``bleu``.
    """
    with mpl.rc_context(STYLE):
        figure, (axes,) = _figure(1)
        figure.set_size_inches(6.4, 3.9)
        names = list(dict.fromkeys(str(row.normalizer["name"]) for row in rows))
        for index, name in enumerate(names):
            of_name = sorted(
                (row for row in rows if row.normalizer["name"] == name),
                key=lambda row: (row.normalizer.get("lam") or 0, row.attention["zero_share"].mean),
            )
            deviations = [row.metrics[metric].deviation or 0 for row in of_name]
            axes.errorbar(
                [row.attention["zero_share"].mean for row in of_name],
                [row.metrics[metric].mean for row in of_name],
                yerr=deviations if any(deviations) else None,
                label=of_name[0].label if len(of_name) == 1 else name,
                capsize=3,
                markersize=6,
                linewidth=1.2,
                **_style(index),
            )
            for row in of_name if len(of_name) > 1 else []:
                axes.annotate(
                    row.label.partition(" ")[2].strip("()"),
                    (row.attention["zero_share"].mean, row.metrics[metric].mean),
                    xytext=(6, 6),
                    textcoords="offset points",
                    fontsize=8,
                    parse_math=False,
                )
        tidy(axes)
        axes.margins(x=0.18, y=0.15)
        low, high = axes.get_xlim()
        axes.set_xlim(max(low, -0.04), min(high, 1.04))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("attention weights that are exactly zero", fontsize=9)
        axes.set_ylabel(METRIC_LABELS.get(metric, metric), fontsize=9)
        _legend(figure, axes)
    return figure


def draw_learning_curves(rows: Sequence[Row]) -> Figure | None:
    """Quality and loss by update, one line for each run; None if no run has a training log.

    Where the runs were validated once, the loss is that of the training.
    """
    logs = _logs(rows, "valid")
    measured = [
        (key, label) for key, label in _CURVES if all(_has(records, key) for *_, records in logs)
    ]
    if logs and measured:
        return _draw_curves(logs, [measured[0], *(m for m in measured[1:] if m[0] == "loss")])
    logs = _logs(rows, "train_inner")
    return _draw_curves(logs, [("loss", "loss in training")]) if logs else None


def draw_attention_curves(rows: Sequence[Row]) -> Figure | None:
    """What training logged about attention, by update; None if no run has such figures."""
    names = {name for name, _ in _ATTENTION_CURVES}
    for split in ("train_inner", "train"):
        logs = [log for log in _logs(rows, split) if all(_has(log[2], name) for name in names)]
        if logs:
            return _draw_curves(logs, _ATTENTION_CURVES)
    return None


_Log = tuple[int, str, list[dict[str, Any]]]  # number and label of a row, and a run's records


def _logs(rows: Sequence[Row], split: str) -> list[_Log]:
    """The records of each run; none where no run has two of them: a point is no curve."""
    logs = [
        (index, row.label, records)
        for index, row in enumerate(rows)
        for run in row.runs
        if (records := TrainLog(run.folder / "train_log.jsonl", None).records(split))
    ]
    return logs if any(len(records) > 1 for *_, records in logs) else []


def _draw_curves(logs: Sequence[_Log], panels: Sequence[tuple[str, str]]) -> Figure:
    """By update, or by epoch where a log does not say the update."""
    by_update = all(_has(records, "num_updates") for *_, records in logs)
    with mpl.rc_context(STYLE):
        figure, axes = _figure(len(panels))
        for panel, (key, title) in zip(axes, panels, strict=True):
            named: set[str] = set()
            for index, label, records in logs:
                panel.plot(
                    [record["num_updates" if by_update else "epoch"] for record in records],
                    [record[key] for record in records],
                    label="_" if label in named else label,
                    markersize=4,
                    **_style(index),
                )
                named.add(label)
            tidy(panel)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            panel.set_xlabel("update" if by_update else "epoch", fontsize=9)
            panel.set_ylabel(title, fontsize=9)
        _legend(figure, axes[0])
    return figure


def _has(records: Iterable[dict[str, float]], key: str) -> bool:
    return all(key in record for record in records)


def _legend(figure: Figure, axes: Axes) -> None:
    """Put the legend below the panels, so that it covers no line."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=max(1, int(figure.get_figwidth() / _LEGEND_INCHES)),
        fontsize=8,
        frameon=False,
        labelcolor="linecolor",
    )
