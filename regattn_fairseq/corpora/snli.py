"""SNLI 1.0: image captions with hypotheses written and judged by people (Bowman et al. 2015)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.entailment import LABELS, EntailmentExample
from regattn_fairseq.corpora.fetching import Remote, find_folder
from regattn_fairseq.corpora.protocol import CorpusError
from regattn_fairseq.corpora.reading import find_file, iter_lines

ADVICE = "SNLI is at https://nlp.stanford.edu/projects/snli (CC BY-SA 4.0)"
ARCHIVE = Remote(
    "https://nlp.stanford.edu/projects/snli/snli_1.0.zip",
    advice=ADVICE,
    size=94_550_081,
    sha256="afb3d70a5af5d8de0d9d81e2637e0fb8c22d1235c2749d83125ca43dab0dbd3e",
)
FILES = {"train": "snli_1.0_train", "valid": "snli_1.0_dev", "test": "snli_1.0_test"}
NO_MAJORITY = "-"
COLUMNS = ("gold_label", "sentence1", "sentence2")


@dataclass(frozen=True)
class Snli:
    """549,367 training pairs, 9,842 for validation, 9,824 for the test.

    Pairs whose judges found no majority (gold label ``-``) are left out, as in the literature.
    ``raw_dir`` holds ``snli_1.0_{train,dev,test}`` as ``.jsonl`` or ``.txt``, plain or compressed,
    or the archive ``snli_1.0.zip``; otherwise the archive is downloaded there.
    """

    raw_dir: str | Path
    name: str = "snli"
    source_lang: str = "premise"
    target_lang: str = "hypothesis"

    def input_files(self) -> tuple[Path, ...]:
        """One file per split."""
        markers = [f"{FILES['train']}{end}" for end in (".jsonl", ".txt")]
        folder = find_folder(
            self.raw_dir, ["", "snli_1.0"], markers, archives=["snli_1.0.zip"], remote=ARCHIVE
        )
        return tuple(
            find_file(
                folder, [f"{stem}.jsonl", f"{stem}.txt"], option="data.raw_dir", advice=ADVICE
            )
            for stem in FILES.values()
        )

    def read(self) -> Mapping[str, Iterator[EntailmentExample]]:
        """The published splits."""
        return {
            split: read_snli(path) for split, path in zip(FILES, self.input_files(), strict=True)
        }


def read_snli(path: Path) -> Iterator[EntailmentExample]:
    """The examples of one file that have a label.

    Raises:
        CorpusError: the file cannot be read, or one of its lines is not in SNLI's format.
    """
    records = _json_records if ".jsonl" in path.suffixes else _table_records
    for number, (label, premise, hypothesis) in records(path):
        if label == NO_MAJORITY:
            continue
        if label not in LABELS:
            raise CorpusError(
                f"{path}, line {number}: the label is {label!r}, not one of {', '.join(LABELS)}; "
                "fetch the corpus again"
            )
        yield EntailmentExample(premise, hypothesis, label)


def _json_records(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    for number, line in _filled_lines(path):
        try:
            record = json.loads(line)
            label, premise, hypothesis = (record[column] for column in COLUMNS)
        except (ValueError, KeyError, TypeError) as error:
            raise _malformed(path, number) from error
        yield number, (label, premise, hypothesis)


def _table_records(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Tab-separated columns below a header line; quotation marks are ordinary text."""
    places: list[int] = []
    for number, line in _filled_lines(path):
        cells = line.split("\t")
        try:
            if not places:
                places = [cells.index(column) for column in COLUMNS]
                continue
            label, premise, hypothesis = (cells[place] for place in places)
        except (ValueError, IndexError) as error:
            raise _malformed(path, number) from error
        yield number, (label, premise, hypothesis)


def _filled_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1."""
    return ((n, line) for n, line in enumerate(iter_lines(path), start=1) if line.strip())


def _malformed(path: Path, number: int) -> CorpusError:
    return CorpusError(
        f"{path}, line {number}, has no {', '.join(COLUMNS)}: fetch the corpus again; {ADVICE}"
    )
