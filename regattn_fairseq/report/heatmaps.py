"""Heat maps of attention: the same sentence under each normalizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from regattn_fairseq.metrics import AttentionRecord, equal_groups, stretches
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.report.figures import GRID, STYLE
from regattn_fairseq.report.fonts import font_families

_CELL_INCHES = 0.3
_MOST_TOKENS = 40
_MOST_INCHES = 13  # the width of several panels side by side that a page still shows legibly
_BAR_INCHES = 4
_TARGET_LENGTHS = range(6, 15)
_SOURCE_LENGTHS = range(6, 19)
# Outline colours for groups of equal weights: they differ clearly from each other and from the map.
_OUTLINES = ("#00a6a6", "#2f6fde", "#5f9e1f")


def _colour_map() -> Colormap:
    """Perceptually uniform from light to dark; whatever is below its range is white.

    A part of a perceptually uniform map is perceptually uniform, too. magma's lightest colours are
    left out, because next to white they would look like zero.
    """
    colours = mpl.colormaps["magma_r"](np.linspace(0.07, 0.9, 256))
    return ListedColormap(colours, name="attention").with_extremes(under="white")


def choose_sentence(systems: Sequence[Sequence[AttentionRecord]]) -> int | None:
    """The sentence that shows best: short enough to read, long enough to show structure.

    Args:
        systems: the attention of each normalizer over the same test set.

    Returns:
        Its index, the same for all systems; None if the systems share no sentence with weights.
    """
    best: tuple[tuple[int, int, float], int] | None = None
    for index, records in enumerate(zip(*systems, strict=False)):
        source = records[0].source_tokens
        if any(r.source_tokens != source or not r.weights.size for r in records):
            continue
        lengths = [len(record.target_tokens) for record in records]
        unsuitable = sum(length not in _TARGET_LENGTHS for length in lengths)
        unsuitable += len(source) not in _SOURCE_LENGTHS
        tokens = {token.lower() for r in records for token in (*source, *r.target_tokens)}
        unknown = len(tokens & {"<unk>", "unk", "⁇"})
        middle = (_TARGET_LENGTHS[0] + _TARGET_LENGTHS[-1]) / 2
        distance = sum(abs(length - middle) for length in (*lengths, len(source)))
        cost = (unsuitable, unknown, distance)
        if best is None or cost < best[0]:
            best = cost, index
    return None if best is None else best[1]


def _labels(record: AttentionRecord) -> list[str]:
    return [*token_labels(record.source_tokens), *token_labels(record.target_tokens)]


def _outline_groups(axes: Axes, weights: np.ndarray) -> None:
    """Frame equal weights of a row; if a group is in several parts, a line joins the parts."""
    for row, groups in enumerate(equal_groups(weights)):
        for number, group in enumerate(groups):
            colour = _OUTLINES[number % len(_OUTLINES)]
            parts = stretches(group)
            for start, stop in parts:
                axes.add_patch(
                    Rectangle(
                        (start + 0.08, row + 0.08),
                        stop - start - 0.16,
                        0.84,
                        fill=False,
                        edgecolor=colour,
                        linewidth=1.8,
                        zorder=3,
                    )
                )
            for (_, stop), (start, _) in pairwise(parts):
                axes.plot(
                    [stop - 0.08, start + 0.08],
                    [row + 0.5, row + 0.5],
                    color=colour,
                    linewidth=1.2,
                    linestyle=(0, (2, 1.5)),
                    zorder=3,
                )


def _draw(
    axes: Axes, record: AttentionRecord, title: str, colour_map: Colormap, norm: Normalize
) -> QuadMesh:
    weights = record.weights[:_MOST_TOKENS, :_MOST_TOKENS]  # [target, source]
    mesh = axes.pcolormesh(weights, cmap=colour_map, norm=norm, edgecolors=GRID, linewidth=0.6)
    _outline_groups(axes, weights)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    # Without parse_math=False, matplotlib would read a token such as $5 as a formula.
    axes.set_xticks(
        np.arange(weights.shape[1]) + 0.5,
        token_labels(record.source_tokens[:_MOST_TOKENS]),
        rotation=55,
        ha="right",
        rotation_mode="anchor",
        fontsize=9,
        parse_math=False,
    )
    axes.set_yticks(
        np.arange(weights.shape[0]) + 0.5,
        token_labels(record.target_tokens[:_MOST_TOKENS]),
        fontsize=9,
        parse_math=False,
    )
    axes.tick_params(length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_edgecolor("#b9bdc7")
        spine.set_linewidth(0.8)
    axes.set_title(title, fontsize=11, loc="left", pad=8, parse_math=False)
    return mesh


def _panel_inches(record: AttentionRecord) -> tuple[float, float]:
    targets, sources = (min(n, _MOST_TOKENS) for n in record.weights.shape)
    target_label = max(map(len, token_labels(record.target_tokens)), default=0)
    source_label = max(map(len, token_labels(record.source_tokens)), default=0)
    return (
        sources * _CELL_INCHES + 0.085 * target_label + 0.5,
        targets * _CELL_INCHES + 0.075 * source_label + 0.6,
    )


def draw_heatmaps(panels: Sequence[tuple[str, AttentionRecord]]) -> Figure:
    """Draw one heat map for each panel: source tokens along x, target tokens down y.

    All panels share one scale from 0 to 1. Only a weight of exactly 0 is white. Equal weights of a
    row are framed together: these are fusedmax's segments and oscarmax's groups.

    Args:
        panels: ``(title, record)``, at least one.
    """
    sizes = [_panel_inches(record) for _, record in panels]
    panel_width, panel_height = (max(inches) for inches in zip(*sizes, strict=True))
    columns = len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))
    columns = max(1, min(columns, int(_MOST_INCHES / panel_width)))
    lines = math.ceil(len(panels) / columns)
    width = max(columns * panel_width, _BAR_INCHES) + 0.2
    height = lines * panel_height + 0.8
    labels = [label for title, record in panels for label in (title, *_labels(record))]
    with mpl.rc_context(STYLE | {"font.family": font_families(labels)}):
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, wspace=0.03, hspace=0.04)
        figure = Figure(figsize=(width, height), layout=layout)
        # The range starts at the smallest positive number, so every weight above zero is in it.
        norm = Normalize(vmin=float(np.finfo(np.float32).tiny), vmax=1)
        colour_map = _colour_map()
        grid = figure.subplots(lines, columns, squeeze=False)
        for (title, record), axes in zip(panels, grid.flat, strict=False):
            mesh = _draw(axes, record, title, colour_map, norm)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        bar = figure.colorbar(
            mesh,
            ax=grid.ravel().tolist(),
            location="bottom",
            shrink=_BAR_INCHES / width,
            aspect=32,
            pad=0.02,
            ticks=[0, 0.5, 1],
        )
        bar.ax.set_xticklabels(["> 0", "0.5", "1"])
        bar.set_label("attention weight (white: exactly 0; framed together: equal)", fontsize=9)
        bar.ax.tick_params(labelsize=9, length=0)
        bar.outline.set_visible(False)
    return figure
