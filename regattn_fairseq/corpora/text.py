"""The user's own parallel text, already split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, GivenSplits, SentencePair
from regattn_fairseq.corpora.reading import (
    existing_file,
    find_file,
    iter_lines,
    read_parallel,
    what_is_in,
)

# How the names of a split's files may begin; the first one found is used.
SPLITS = {
    "train": ("train",),
    "valid": ("valid", "dev", "val", "validation"),
    "test": ("test",),
}
ADVICE = "it needs train, valid and test, each with a source and a target file"


@dataclass(frozen=True)
class ParallelText:
    """``train``, ``valid`` and ``test`` in ``raw_dir``, each with a source and a target side.

    The two files of a split are named in one of the usual ways, for example with the languages
    ``de`` and ``en`` (or with ``src`` and ``tgt`` in place of them):

    - ``train.de`` and ``train.en``;
    - ``train.de-en.de`` and ``train.de-en.en``, or with ``en-de``, as fairseq's scripts have them;
    - ``train.de.txt`` and ``train.en.txt``;
    - ``de-train.txt`` and ``en-train.txt``, as OpenNMT's ``src-train.txt``;
    - ``train.tsv`` alone: source, a tab, target, and further columns that are ignored. A first line
      that names both languages tells which column is which.

    ``valid`` may be called ``dev``, ``val`` or ``validation``, and every file may be compressed.
    Validation and test sets are kept as they are; ``train`` is cleaned.
    """

    raw_dir: str | Path
    source_lang: str = "src"
    target_lang: str = "tgt"
    name: str = "text"

    def input_files(self) -> tuple[Path, ...]:
        """One or two files per split; an error names the first one that is missing."""
        return tuple(path for split in SPLITS for path in self._files(split))

    def read(self) -> GivenSplits:
        """The user's splits."""
        splits = {}
        for split in SPLITS:
            files = self._files(split)
            if len(files) == 1:
                splits[split] = read_table(*files, (self.source_lang, self.target_lang))
            else:
                splits[split] = read_parallel(*files)
        return splits

    def _files(self, split: str) -> tuple[Path, ...]:
        folder = Path(self.raw_dir)
        ways = list(_ways(split, self.source_lang, self.target_lang))
        found = {names: [existing_file(folder / name) for name in names] for names in ways}
        # If no way has all its files, one that has some of them tells which file is missing.
        for enough in (all, any):
            for names in filter(lambda names: enough(found[names]), ways):
                return tuple(
                    find_file(folder, [name], option="data.raw_dir", advice=ADVICE)
                    for name in names
                )
        codes = (
            "; if they are named by languages' codes, give these as data.source_lang=… and "
            "data.target_lang=…"
            if self.source_lang == "src"
            else ""
        )
        alternatives = dict.fromkeys([ways[0], (f"{split}.src", f"{split}.tgt")])
        wanted = ", or ".join(" and ".join(names) for names in alternatives)
        raise CorpusError(
            f"{folder / wanted} are missing: set data.raw_dir to the folder that holds them, or "
            f"give your files these names or others of docs/corpus.md{codes}; {what_is_in(folder)}"
        )


def _ways(split: str, source_lang: str, target_lang: str) -> Iterator[tuple[str, ...]]:
    """The names that a split's files may have, the likeliest first."""
    languages = dict.fromkeys([(source_lang, target_lang), ("src", "tgt")])
    for begin in SPLITS[split]:
        for both in languages:
            first, second = both
            for way in (
                "{begin}.{side}",
                f"{{begin}}.{first}-{second}.{{side}}",
                f"{{begin}}.{second}-{first}.{{side}}",
                "{begin}.{side}.txt",
                "{side}-{begin}.txt",
            ):
                yield tuple(way.format(begin=begin, side=side) for side in both)
        yield (f"{begin}.tsv",)


def read_table(path: Path, languages: tuple[str, str]) -> Iterator[SentencePair]:
    """Pairs of a tab-separated file, source first unless its first line says otherwise.

    Raises:
        CorpusError: as :func:`~regattn_fairseq.corpora.reading.iter_lines`, or a line has no tab.
    """
    source, target = 0, 1
    for number, line in enumerate(iter_lines(path), start=1):
        cells = line.split("\t")
        if number == 1 and set(languages) <= set(cells):
            source, target = (cells.index(language) for language in languages)
        elif not line.strip():
            continue
        elif max(source, target) >= len(cells):
            raise CorpusError(
                f"{path}, line {number}, has no tab: write source, a tab and target on each line"
            )
        else:
            yield SentencePair(cells[source], cells[target])
