"""Figures of the maps themselves: max_Ω and Π_Ω of two and of three scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from omegaconf import DictConfig

from regattn_fairseq.declared.naming import symbol
from regattn_fairseq.normalizers import build_normalizer, normalizer_options, smoothed_max
from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.runs.files import write_text

_COLOURS = ("#1f2430", "#7a1f80", "#1b7f79", "#d1495b", "#2e6fbb", "#b07d12")
_LINES = ("-", "--", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))
_HEIGHT = 3**0.5 / 2  # of an equilateral triangle of side 1

Drawing = tuple[Figure, pd.DataFrame]


def write_map_figure(draw: Callable[[DictConfig], Drawing], cfg: DictConfig, stem: Path) -> str:
    """Write picture and figures beside each other, and return the Markdown that shows them."""
    figure, values = draw(cfg)
    save_figure(figure, stem)
    csv = values.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_text(stem.with_suffix(".csv"), csv)
    return f"![{escape_markdown(cfg.title)}]({stem.name}.png)\n"


def _options(cfg: DictConfig, normalizer: str) -> dict[str, Any]:
    taken = normalizer_options(normalizer)
    return {name: cfg[name] for name in taken if name in cfg}


def _label(cfg: DictConfig, normalizer: str) -> str:
    shown = [
        f"{symbol(normalizer, name)}={value:g}"
        for name, value in _options(cfg, normalizer).items()
        if name != "gamma"
    ]
    return f"{normalizer} ({', '.join(shown)})" if shown else normalizer


def draw_curves(cfg: DictConfig) -> Drawing:
    """max_Ω((t, 0)), up to the constant that its limits differ by, and Π_Ω((t, 0))₁.

    The constant is γΩ of a corner of the simplex: with it, max_Ω meets max(t, 0) far from 0.
    """
    t = torch.linspace(-cfg.reach, cfg.reach, cfg.points, dtype=torch.float64)
    scores = torch.stack((t, torch.zeros_like(t)), dim=1)  # [points, 2]
    far = torch.tensor([1e4, 0.0], dtype=torch.float64)
    values: dict[str, Any] = {"t": t.numpy()}
    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(t, t.clamp(min=0), color="#b9bdc7", linewidth=4, label="max(t, 0)")
    for normalizer, colour, line in zip(cfg.normalizers, _COLOURS, _LINES, strict=False):
        options = _options(cfg, normalizer)
        constant = 1e4 - smoothed_max(far, normalizer=normalizer, **options)
        smooth = smoothed_max(scores, normalizer=normalizer, **options) + constant
        weight = build_normalizer(normalizer, **options)(scores)[:, 0]
        label = _label(cfg, normalizer)
        left.plot(t, smooth, color=colour, linestyle=line, label=label)
        right.plot(t, weight, color=colour, linestyle=line, label=label)
        values[f"max {label}"] = smooth.numpy()
        values[f"weight {label}"] = weight.numpy()
    left.set_title("max_Ω(t, 0), up to a constant", fontsize=10, loc="left")
    right.set_title("Π_Ω(t, 0)₁", fontsize=10, loc="left")
    for axes in (left, right):
        axes.set_xlabel("t")
        axes.grid(color="#e1e4ea")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(fontsize=8, frameon=False)
    return figure, pd.DataFrame(values)


def draw_triangles(cfg: DictConfig) -> Drawing:
    """Π_Ω((t₁, t₂, 0)): its second weight over (t₁, t₂), and the grid's image on the simplex."""
    t = torch.linspace(-cfg.reach, cfg.reach, cfg.points, dtype=torch.float64)
    first, second = torch.meshgrid(t, t, indexing="ij")
    scores = torch.stack((first, second, torch.zeros_like(first)), dim=2)  # [points, points, 3]
    count = len(cfg.normalizers)
    figure = Figure(figsize=(2.9 * count, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, count, squeeze=False)
    tables = []
    for place, normalizer in enumerate(cfg.normalizers):
        weights = build_normalizer(normalizer, **_options(cfg, normalizer))(scores).numpy()
        label = _label(cfg, normalizer)
        contours = upper[place].contourf(
            first, second, weights[..., 1], levels=np.linspace(0, 1, 21), cmap="magma_r"
        )
        upper[place].set_title(label, fontsize=10)
        upper[place].set_xlabel("t₁", fontsize=9)
        upper[place].set_aspect("equal")
        _draw_on_simplex(lower[place], weights)
        columns = {f"y{number + 1}": weights[..., number].ravel() for number in range(3)}
        scored = {"normalizer": label, "t1": first.ravel(), "t2": second.ravel()}
        tables.append(pd.DataFrame(scored | columns))
    upper[0].set_ylabel("t₂", fontsize=9)
    bar = figure.colorbar(contours, ax=list(upper), shrink=0.8, pad=0.01, ticks=[0, 0.5, 1])
    bar.set_label("Π_Ω(t₁, t₂, 0)₂", fontsize=9)
    return figure, pd.concat(tables)


def _draw_on_simplex(axes: Axes, weights: np.ndarray) -> None:
    """Lines of equal t₁ and of equal t₂, where their weights [points, points, 3] lie."""
    across = weights[..., 1] + weights[..., 2] / 2  # corners: y₁ left, y₂ right, y₃ top
    up = weights[..., 2] * _HEIGHT
    axes.fill([0, 1, 0.5], [0, 0, _HEIGHT], facecolor="#f4f5f7", edgecolor="#b9bdc7")
    for line in range(weights.shape[0]):
        axes.plot(across[line], up[line], color="#7a1f80", linewidth=0.6, alpha=0.7)
        axes.plot(across[:, line], up[:, line], color="#1b7f79", linewidth=0.6, alpha=0.7)
    axes.plot(across.ravel(), up.ravel(), "o", color="#1f2430", markersize=1.4, alpha=0.5)
    for text, x, y in (("y₁ = 1", 0, -0.08), ("y₂ = 1", 1, -0.08), ("y₃ = 1", 0.5, _HEIGHT + 0.03)):
        axes.text(x, y, text, ha="center", fontsize=8)
    axes.set_aspect("equal")
    axes.set_axis_off()
