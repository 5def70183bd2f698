"""Reading parallel text files, plain or gzipped, and saying precisely what is wrong with them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, SentencePair


def find_file(directory: Path, names: Iterable[str], *, option: str, advice: str) -> Path:
    """The first of ``names`` that is a file in ``directory``, each tried plain, then with ``.gz``.

    Raises:
        CorpusError: there is none; the message names the first, ``option`` and ``advice``.
    """
    names = list(names)
    for name in names:
        for candidate in (directory / name, directory / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    alternatives = "".join(f" or {name}" for name in names[1:])
    raise CorpusError(
        f"{directory / names[0]}{alternatives} (or the same with .gz) is missing: "
        f"set {option} to the folder that holds it; {advice}"
    )


def read_lines(path: Path) -> list[str]:
    r"""The lines of a UTF-8 file, gzipped if its name ends in ``.gz``.

    Only ``\n`` ends a line (a ``\r`` before it is dropped): Unicode's other separators occur inside
    sentences, and breaking there would shift one side of a parallel text against the other.

    Raises:
        CorpusError: the file cannot be read, is empty, or is not UTF-8 (with the line number).
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "not a complete gzip file"
        raise CorpusError(
            f"{path} cannot be read ({reason}): check its permissions or fetch it again"
        ) from error
    if not content.strip():
        raise CorpusError(f"{path} is empty: put one sentence on each line")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}, line {line}, is not UTF-8: convert the file, for example with iconv"
        ) from error
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.rstrip("\r") for line in lines]


def read_parallel(source: Path, target: Path) -> Iterator[SentencePair]:
    """Line ``i`` of ``source`` with line ``i`` of ``target``.

    Raises:
        CorpusError: as :func:`read_lines`, or the two files differ in their number of lines.
    """
    source_lines, target_lines = read_lines(source), read_lines(target)
    if len(source_lines) != len(target_lines):
        raise CorpusError(
            f"{source} has {len(source_lines)} lines but {target} has {len(target_lines)}: "
            "line n of one must be the translation of line n of the other"
        )
    yield from map(SentencePair, source_lines, target_lines)
