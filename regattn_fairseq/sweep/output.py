"""Keeps what a job prints apart from the lines that its sweep shows on the terminal."""

import os
import sys
from contextlib import suppress
from pathlib import Path

OUTPUT = "output.log"
"""The file in a run's folder to which that is added."""


class Output:
    """What this process prints goes into a file, until it is put away.

    Both streams are replaced where the system has them, so that a library finds no terminal there
    and draws no bars, and what a process below this one prints goes there too.

    Args:
        path: a file, to which is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _flush()
        self._terminal = [os.dup(1), os.dup(2)]
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.close(file)

    def put_away(self, folder: Path | None) -> None:
        """Give the streams back, and add what was printed to the file of a run.

        Args:
            folder: of the run; without one, what was printed is dropped with the sweep's records.
        """
        _flush()
        for stream, terminal in enumerate(self._terminal, start=1):
            os.dup2(terminal, stream)
            os.close(terminal)
        if folder is not None and folder.is_dir():
            with suppress(OSError), (folder / OUTPUT).open("ab") as kept:
                kept.write(self.path.read_bytes())
        self.path.unlink(missing_ok=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
