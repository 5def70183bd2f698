"""The heads of transformers: how sparse each of them is."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from regattn_fairseq.declared.naming import symbol
from regattn_fairseq.metrics import HEAD_FIGURES, HEAD_KINDS, HEAD_TITLES
from regattn_fairseq.report.figures import STYLE
from regattn_fairseq.report.rows import Row

_CELL_INCHES = (0.62, 0.42)


def draw_heads(rows: Sequence[Row]) -> Figure | None:
    """The zeros of every head of every layer, and what it has learned; None without heads.

    A line of panels is a row of the table, by its first run with heads; a panel is one kind of
    attention, with a cell a head: across the heads, down the layers.

    Args:
        rows: of one test set.
    """
    lines = [
        (row.label, str(row.normalizer["name"]), run.heads)
        for row in rows
        for run in [next((run for run in row.runs if run.heads), None)]
        if run is not None
    ]
    if not lines:
        return None
    shapes = [np.shape(kind["zero_share"]) for *_, heads in lines for kind in heads.values()]
    layers, heads = np.max(shapes, axis=0)
    across, down = _CELL_INCHES
    size = (3 * (across * heads + 0.5) + 1.2, len(lines) * (down * layers + 0.55) + 0.5)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06))
        panels = figure.subplots(len(lines), len(HEAD_KINDS), squeeze=False)
        for line, (label, name, found) in zip(panels, lines, strict=True):
            for panel, kind in zip(line, HEAD_KINDS, strict=True):
                _draw(panel, name, found.get(kind, {}))
            line[0].set_ylabel(f"{label}\nlayer", fontsize=8, parse_math=False)
        for panel, kind in zip(panels[0], HEAD_KINDS, strict=True):
            panel.set_title(HEAD_TITLES[kind], fontsize=9)
        for panel in panels[-1]:
            panel.set_xlabel("head", fontsize=8)
    return figure


def _draw(panel: Axes, normalizer: str, figures: dict[str, list[list[float]]]) -> None:
    panel.tick_params(length=0, labelsize=8)
    if "zero_share" not in figures:
        panel.set_axis_off()
        return
    zeros = np.asarray(figures["zero_share"])  # [layers, heads]
    panel.imshow(zeros, vmin=0, vmax=1, cmap="magma_r", aspect="auto")
    learned = [option for option in figures if option not in HEAD_FIGURES]
    for (layer, head), share in np.ndenumerate(zeros):
        parts = [f"{100 * share:.0f} %"]
        parts += [
            f"{symbol(normalizer, option)} {figures[option][layer][head]:.2f}" for option in learned
        ]
        colour = "white" if share > 0.55 else "black"
        text = "\n".join(parts)
        panel.text(head, layer, text, ha="center", va="center", fontsize=6.5, color=colour)
    layers, heads = zeros.shape
    panel.set_xticks(range(heads), [str(head + 1) for head in range(heads)])
    panel.set_yticks(range(layers), [str(layer + 1) for layer in range(layers)])
