"""Reading parallel text files, plain or gzipped, and saying precisely what is wrong with them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
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


def iter_lines(path: Path) -> Iterator[str]:
    r"""The lines of a UTF-8 file, gzipped if its name ends in ``.gz``, one at a time.

    Only ``\n`` ends a line (a ``\r`` before it is dropped): Unicode's other separators occur inside
    sentences, and breaking there would shift one side of a parallel text against the other.

    Raises:
        CorpusError: the file cannot be read, is empty, or is not UTF-8 (with the line number).
    """
    blank = True
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file):
                text = _decoded(line, path, number)
                blank = blank and not text.strip()
                yield text
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "not a complete gzip file"
        raise CorpusError(
            f"{path} cannot be read ({reason}): check its permissions or fetch it again"
        ) from error
    if blank:
        raise CorpusError(f"{path} is empty: put one sentence on each line")


def read_lines(path: Path) -> list[str]:
    """All lines of a file, as :func:`iter_lines` reads them."""
    return list(iter_lines(path))


def read_parallel(source: Path, target: Path) -> Iterator[SentencePair]:
    """Line ``i`` of ``source`` with line ``i`` of ``target``.

    Raises:
        CorpusError: as :func:`iter_lines`, or the two files differ in their number of lines.
    """
    for source_line, target_line in parallel_lines([source, target]):
        yield SentencePair(source_line, target_line)


def parallel_lines(
    paths: Sequence[Path], lines: Callable[[Path], Iterator[str]] = iter_lines
) -> Iterator[tuple[str, ...]]:
    """Line ``i`` of every file, whatever ``lines`` takes for the lines of a file.

    Raises:
        CorpusError: as ``lines``, or the files differ in their number of lines.
    """
    readers = [lines(path) for path in paths]
    for number, row in enumerate(zip_longest(*readers)):
        if None in row:
            counts = [
                number + (line is not None) + sum(1 for _ in reader)
                for line, reader in zip(row, readers, strict=True)
            ]
            other = next(i for i, count in enumerate(counts) if count != counts[0])
            raise CorpusError(
                f"{paths[0]} has {counts[0]} lines but {paths[other]} has {counts[other]}: "
                "line n of one must belong to line n of the other"
            )
        yield row


def _decoded(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\n").rstrip("\r")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}, line {number + 1}, is not UTF-8: convert the file, for example with iconv"
        ) from error
