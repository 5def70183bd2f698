"""Text and JSON files that are written completely or not at all; configurations' fingerprints."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regattn_fairseq.files import new_file
from regattn_fairseq.runs.errors import PipelineError


def fingerprint(value: Any) -> str:
    """Twelve hexadecimal digits that identify a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8."""
    with new_file(path) as file:
        file.write(text.encode())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write each string on a line of its own."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        PipelineError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"cannot read {path} ({error}): delete it and run again") from error


def read_lines(path: Path) -> Iterator[str]:
    """The lines without their newline. Only a newline ends a line, as in every parallel corpus."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")


@contextmanager
def clear_write_errors(directory: Path, option: str) -> Iterator[None]:
    """Turn an error while writing into a one-line error that names the folder and its option."""
    try:
        yield
    except OSError as error:
        raise PipelineError(
            f"cannot write to {directory}: {error.strerror or error}; choose another folder with "
            f"{option}=…, or make room there"
        ) from error
