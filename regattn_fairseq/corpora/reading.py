"""Reading parallel text files, and saying precisely what is wrong with them."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, NamedTuple

from regattn_fairseq.corpora.protocol import CorpusError, SentencePair

ENDINGS = ("", ".gz", ".bz2", ".xz")
"""Endings that a file's name may have; only its first bytes decide how it is decompressed."""


def existing_file(path: Path) -> Path | None:
    """``path`` if it is a file, else the same with one of :data:`ENDINGS`, else ``None``.

    Raises:
        CorpusError: there is no permission to look into its folder.
    """
    candidates = (path.with_name(path.name + ending) for ending in ENDINGS)
    try:
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be looked for ({error.strerror}): check data.raw_dir=… and the "
            "folder's permissions"
        ) from error


def find_file(directory: Path, names: Iterable[str], *, option: str, advice: str) -> Path:
    """The first of ``names`` that is a file in ``directory``, each tried plain, then compressed.

    Raises:
        CorpusError: there is none; the message names the first, ``option``, ``advice``, and what
            there is instead.
    """
    names = list(names)
    for name in names:
        if found := existing_file(directory / name):
            return found
    alternatives = "".join(f" or {name}" for name in names[1:])
    raise CorpusError(
        f"{directory / names[0]}{alternatives} (or the same, compressed) is missing: "
        f"set {option} to the folder that holds it; {advice}; {what_is_in(directory)}"
    )


def what_is_in(directory: Path) -> str:
    """What a folder holds, for the end of a message."""
    if not directory.exists():
        return f"{directory} does not exist"
    if not directory.is_dir():
        return f"{directory} is no folder"
    names = sorted(path.name for path in directory.iterdir())
    if not names:
        return f"{directory} is empty"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{directory} holds {', '.join(names[:12])}{more}"


def iter_lines(path: Path | zipfile.Path) -> Iterator[str]:
    r"""The lines of a text file, or of one in a zip archive, one at a time.

    The file may be compressed with gzip, bzip2 or xz, whatever its name. It is UTF-8, or UTF-16 or
    UTF-32 with a byte order mark. Only ``\n`` ends a line (a ``\r`` before it is dropped), since
    Unicode's other separators occur inside sentences, and breaking there would shift one side of a
    parallel text against the other.

    Raises:
        CorpusError: the file cannot be read, is empty, is in another encoding (with the line
            number), or has no ``\n`` between its lines.
    """
    number, text, blank = 0, "", True
    kind: str | None = None
    try:
        kind = _compression(path)
        with _opened(path, kind) as file:
            for text in _decoded_lines(file, path):
                number += 1
                blank = blank and not text.strip()
                yield text
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or f"not a complete {kind} file"
        raise CorpusError(
            f"{path} cannot be read ({reason}): check its permissions or fetch it again"
        ) from error
    if blank:
        raise CorpusError(f"{path} is empty: put one sentence on each line")
    if number == 1 and "\r" in text:
        raise CorpusError(
            f"{path} ends its lines with carriage returns alone, as old Macintosh programs did: "
            r"convert it with tr '\r' '\n' < old > new"
        )


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
    """Line ``i`` of every file; ``lines`` reads the lines of a file.

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


class _Compression(NamedTuple):
    magic: bytes
    open: Callable[..., Any]


_COMPRESSIONS = {
    "gzip": _Compression(b"\x1f\x8b", gzip.open),
    "bzip2": _Compression(b"BZh", bz2.open),
    "xz": _Compression(b"\xfd7zXZ\x00", lzma.open),
}
# UTF-32 comes first: its mark for little-endian text begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _compression(path: Path | zipfile.Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(6)
    return next((k for k, c in _COMPRESSIONS.items() if start.startswith(c.magic)), None)


@contextmanager
def _opened(path: Path | zipfile.Path, kind: str | None) -> Iterator[IO[bytes]]:
    with _COMPRESSIONS[kind].open(path) if kind else path.open("rb") as file:
        yield file


def _decoded_lines(file: IO[bytes], path: Path | zipfile.Path) -> Iterator[str]:
    """The decoded lines, without their line breaks."""
    first = file.readline()
    file.seek(0)
    encoding = next((e for mark, e in _MARKS.items() if first.startswith(mark)), None)
    if encoding:
        try:
            for line in io.TextIOWrapper(file, encoding, newline="\n"):
                yield _without_end(line)
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path} begins as {encoding.upper()} does, but is not: save it as UTF-8"
            ) from error
        return
    if b"\0" in first:
        raise CorpusError(
            f"{path} looks like UTF-16 without a byte order mark: convert it with "
            "iconv -f utf-16le -t utf-8"
        )
    for number, raw_line in enumerate(file, start=1):
        try:
            yield _without_end(raw_line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path}, line {number}, is not UTF-8: convert the file, for example with iconv"
            ) from error


def _without_end(line: str) -> str:
    return line.rstrip("\n").rstrip("\r")
