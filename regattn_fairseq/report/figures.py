"""What all figures share: their style, their colours, and the way that they are written."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regattn_fairseq.files import new_file

INK = "#1f2430"
GRID = "#e3e5ea"

# Okabe and Ito's colours, which people with any colour vision can tell apart. Softmax is black.
PALETTE = ("#1f2430", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b")
MARKERS = "osD^vPXp"

# TrueType fonts instead of Type 3 fonts: then text in the PDF can be searched and edited.
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "pdf.fonttype": 42,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

# A PDF's text is laid out already. These tables of a font serve layout alone, and to cut them down
# to the characters of a figure would take most of the time of its PDF file.
_LAYOUT_TABLES = ["GDEF", "GPOS", "GSUB", "MATH", "kern"]


def tidy(axes: Axes) -> None:
    """Give the axes a light grid behind the data, and remove the frame."""
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.8)
    axes.tick_params(length=0, labelsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)


def save_figure(
    figure: Figure, stem: Path, formats: Sequence[str] = ("png", "pdf")
) -> tuple[list[Path], list[str]]:
    """Write a figure in some formats, each file complete or not at all.

    Args:
        figure: what to write.
        stem: the path without the suffix.
        formats: of the files, in this order.

    Returns:
        ``(paths, missing)``: the files that were written, and, if no installed font has some
        characters, a line that names them.
    """
    paths = []
    missing: dict[str, None] = {}
    # Dates and versions are left out, so that the same runs give the same bytes.
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        with (
            new_file(path) as file,
            warnings.catch_warnings(record=True) as caught,
            mpl.rc_context(STYLE),
            _without_layout_tables() if ending == "pdf" else nullcontext(),
        ):
            warnings.simplefilter("always")
            figure.savefig(file, format=ending, dpi=160, metadata=metadata[ending])
        for warning in caught:
            if glyph := re.match(r"Glyph (\d+) ", str(warning.message)):
                missing[chr(int(glyph[1]))] = None
        # The layout is done. Doing it again would take most of the time of the second file.
        figure.set_layout_engine("none")
        paths.append(path)
    return paths, [_missing_line(stem.name, list(missing))] if missing else []


def _without_layout_tables() -> AbstractContextManager[object]:
    from fontTools import subset  # takes long to import, and only a PDF needs it

    # matplotlib chooses which tables to leave out on top of fontTools' own choice.
    chosen = "_drop_tables_default"
    tables = [*getattr(subset.Options, chosen, ()), *_LAYOUT_TABLES]
    return patch.object(subset.Options, chosen, tables, create=True)


def _missing_line(name: str, characters: list[str]) -> str:
    shown = " ".join(characters[:8]) + (" …" if len(characters) > 8 else "")
    return (
        f"{name}: no installed font has {shown}, which the figure shows as boxes: install one, "
        "such as Debian's fonts-noto-cjk for Chinese, Japanese and Korean or fonts-noto-core for "
        "most other scripts, and make the report again"
    )
