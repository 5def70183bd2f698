"""Fonts that have the characters of a figure's labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

BASE = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Arabic, Hebrew, Georgian, …


def font_families(labels: Iterable[str]) -> list[str]:
    """The base font, and installed fonts that have the characters that it lacks.

    matplotlib takes a character from the first of them that has it. If no font has a character, it
    is drawn as a box, and `save_figure` reports that.
    """
    missing = {
        character
        for label in labels
        for character in label
        if unicodedata.category(character)[0] not in "CZ"
    }
    missing -= _characters(font_manager.findfont(BASE))
    families = [BASE]
    while missing:
        path = max(_installed(), key=lambda path: len(missing & _characters(path)), default=None)
        if path is None or not missing & _characters(path):
            break
        missing -= _characters(path)
        font_manager.fontManager.addfont(path)
        families.append(font_manager.FontProperties(fname=path).get_name())
    return families


@cache
def _installed() -> tuple[str, ...]:
    # Regular faces come first: if two fonts have as many of the characters, the first is taken.
    return tuple(
        sorted(font_manager.findSystemFonts(), key=lambda path: ("Regular" not in path, path))
    )


@cache
def _characters(path: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):  # no font after all, or of a kind that FreeType cannot read
        return frozenset()
