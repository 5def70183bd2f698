"""The files of WIT3, transcribed and translated TED talks (Cettolo et al. 2012).

Training text has a talk's metadata in tagged lines among its sentences. Development and test sets
are XML with one ``<seg>`` per line:

    <url>http://www.ted.com/talks/…</url>
    <title>A title is a sentence too</title>
    A sentence.

    <seg id="1"> A sentence. </seg>
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, SentencePair
from regattn_fairseq.corpora.reading import find_file, iter_lines, parallel_lines

_KEPT_TAGS = re.compile("</?(?:title|description)>")
_SEGMENT_START = re.compile(r'<seg id="[0-9]*">\s*')
_SEGMENT_END = re.compile(r"\s*</seg>\s*")


def training_lines(path: Path, dropped: Sequence[str]) -> Iterator[str]:
    """Sentences, titles and descriptions; lines with a tag of ``dropped`` are skipped."""
    for line in iter_lines(path):
        if not any(tag in line for tag in dropped):
            yield _KEPT_TAGS.sub("", line)


def segments(path: Path) -> Iterator[str]:
    """The text of every ``<seg>``, with plain apostrophes in place of typographic ones.

    Raises:
        CorpusError: there is none.
    """
    found = False
    for line in iter_lines(path):
        if "<seg id" in line:
            found = True
            yield _SEGMENT_END.sub("", _SEGMENT_START.sub("", line)).replace("’", "'")
    if not found:
        raise CorpusError(f"{path} has no line with <seg id=…>: fetch the corpus again")


def training_pairs(files: Sequence[Path], dropped: Sequence[str]) -> Iterator[SentencePair]:
    """Pairs of the two training files, source first."""
    for source, target in parallel_lines(files, lambda path: training_lines(path, dropped)):
        yield SentencePair(source, target)


def segment_pairs(files: Sequence[tuple[Path, Path]]) -> Iterator[SentencePair]:
    """Pairs of several development or test sets, one after another."""
    for both in files:
        for source, target in parallel_lines(both, segments):
            yield SentencePair(source, target)


def side_files(
    folder: Path, stem: str, languages: tuple[str, str], suffix: str = "", *, advice: str
) -> tuple[Path, Path]:
    """``stem.de.xml`` and ``stem.en.xml`` of a folder, or the same gzipped.

    Raises:
        CorpusError: one is missing.
    """
    source, target = (
        find_file(folder, [f"{stem}.{lang}{suffix}"], option="data.raw_dir", advice=advice)
        for lang in languages
    )
    return source, target
