"""The user's own parallel text, already split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.protocol import GivenSplits
from regattn_fairseq.corpora.reading import find_file, read_parallel

SPLITS = ("train", "valid", "test")
ADVICE = "it needs train, valid and test, each with a source and a target file"


@dataclass(frozen=True)
class ParallelText:
    """Six files in ``raw_dir``: ``train``, ``valid`` and ``test``, each for both sides.

    A file ends in the language's code (``train.de``) or in ``.src`` or ``.tgt``, and may be
    gzipped. Validation and test sets are kept as they are; ``train`` is cleaned.
    """

    raw_dir: str | Path
    source_lang: str = "src"
    target_lang: str = "tgt"
    name: str = "text"

    def input_files(self) -> tuple[Path, ...]:
        """Six files, the first missing one reported by its name."""
        return tuple(path for split in SPLITS for path in self._files(split))

    def read(self) -> GivenSplits:
        """The user's splits."""
        return {split: read_parallel(*self._files(split)) for split in SPLITS}

    def _files(self, split: str) -> tuple[Path, Path]:
        return self._file(split, self.source_lang, "src"), self._file(
            split, self.target_lang, "tgt"
        )

    def _file(self, split: str, language: str, side: str) -> Path:
        names = dict.fromkeys([f"{split}.{language}", f"{split}.{side}"])
        return find_file(Path(self.raw_dir), names, option="data.raw_dir", advice=ADVICE)
