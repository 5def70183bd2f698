"""The folder of a report's pictures."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from regattn_fairseq.report.figures import save_figure

_LONGEST_NAME = 80


class Pictures:
    """Writes the figures of a report to its folder, under names that differ in every file system.

    Args:
        folder: where they go.
        pdf: whether each is a PDF, too.
    """

    def __init__(self, folder: Path, *, pdf: bool) -> None:
        self._folder = folder
        self._formats = ("png", "pdf") if pdf else ("png",)
        self._taken: set[str] = set()

    def save(self, figure: Figure, *parts: str) -> tuple[Path, list[str]]:
        """Write a figure under a name made of these parts. If it is taken, a number is added.

        Returns:
            ``(png, missing)``: as :func:`~regattn_fairseq.report.figures.save_figure` has it.

        Raises:
            OSError: the folder cannot be written to.
        """
        base = name = file_name(*parts)
        number = 2
        while name.lower() in self._taken:  # some file systems ignore case
            name = f"{base}-{number}"
            number += 1
        self._taken.add(name.lower())
        written, missing = save_figure(figure, self._folder / name, self._formats)
        return written[0], missing


def file_name(*parts: str) -> str:
    """Join parts from configurations to a file name: no separators, no spaces, ASCII only.

    >>> file_name("attention", "../my data", "fusedmax (λ=0.1)")
    'attention_my-data_fusedmax-0.1'
    """
    safe = (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.") or "unnamed" for part in parts)
    return "_".join(part[:_LONGEST_NAME] for part in safe)
