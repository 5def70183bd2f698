"""DUC 2003 and 2004, task 1: articles' first sentences with four headlines written by people.

These are the test sets of headline generation since Rush et al. 2015. Their preparation writes a
folder with ``input.txt`` and ``task1_ref0.txt`` to ``task1_ref3.txt``, which is read here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, SentencePair
from regattn_fairseq.corpora.reading import find_file, parallel_lines

logger = logging.getLogger(__name__)

ARTICLES = {2003: 624, 2004: 500}
REFERENCES = 4
ADVICE = (
    "DUC's data are NIST's, https://duc.nist.gov/data.html, free for research after signing its "
    "agreements; prepare them as facebookarchive/NAMAS does"
)


def duc_files(raw_dir: str | Path, year: int) -> list[Path]:
    """The input and the four references of a year, in ``DUC2004`` or ``duc2004`` below a folder.

    Raises:
        CorpusError: there is no such year, or a file is missing.
    """
    if year not in ARTICLES:
        raise CorpusError(
            f"data.corpus.duc names {year}; choose of {', '.join(map(str, ARTICLES))}"
        )
    folders = [f"DUC{year}", f"sumdata/DUC{year}", f"duc{year}"]
    folder = next((x for x in folders if (Path(raw_dir) / x).is_dir()), folders[0])
    return [
        find_file(Path(raw_dir) / folder, [name], option="data.raw_dir", advice=ADVICE)
        for name in ("input.txt", *(f"task1_ref{number}.txt" for number in range(REFERENCES)))
    ]


def duc_pairs(files: list[Path], year: int) -> Iterator[SentencePair]:
    """Articles as Gigaword has them (lower case, ``#`` for digits), and their four references.

    References stay as they were written.
    """
    count = 0
    for source, *references in parallel_lines(files):
        count += 1
        yield SentencePair(
            re.sub("[0-9]", "#", source.lower()), references[0], more_targets=tuple(references[1:])
        )
    if count != ARTICLES[year]:
        logger.warning(
            "%s has %d articles, DUC %d task 1 has %d: scores are not comparable",
            files[0],
            count,
            year,
            ARTICLES[year],
        )
