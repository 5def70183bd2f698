"""Multi30k: image captions translated by people (Elliott et al. 2016, 2017), task 1, raw text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, GivenSplits
from regattn_fairseq.corpora.reading import find_file, read_parallel

LANGUAGES = ("de", "en", "fr")
FILES = {
    "train": "train",
    "valid": "val",
    "test": "test_2016_flickr",
    "test_2017": "test_2017_flickr",
}
ADVICE = "Multi30k is at https://github.com/multi30k/dataset, under data/task1/raw"


@dataclass(frozen=True)
class Multi30k:
    """29,000 training captions, 1,014 for validation, and the Flickr test sets of 2016 and 2017.

    ``raw_dir`` holds ``train.de.gz``, ``val.de.gz``, ``test_2016_flickr.de.gz``,
    ``test_2017_flickr.de.gz`` and the same for the other language, gzipped or plain. Split ``test``
    is the test set of 2016.

    Raises:
        CorpusError: a language is not one of de, en, fr, or both are the same.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"

    def __post_init__(self) -> None:
        """Reject directions that the data set does not have."""
        for option in ("source_lang", "target_lang"):
            if getattr(self, option) not in LANGUAGES:
                raise CorpusError(
                    f"data.{option}={getattr(self, option)} is not in Multi30k: "
                    f"choose one of {', '.join(LANGUAGES)}"
                )
        if self.source_lang == self.target_lang:
            raise CorpusError(
                f"data.source_lang and data.target_lang are both {self.source_lang}: "
                "choose two languages"
            )

    @property
    def name(self) -> str:
        """``multi30k_de_en`` and the like."""
        return f"multi30k_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """Eight files; an error names the first one that is missing."""
        return tuple(self._file(s, lang) for s in FILES for lang in self._languages)

    def read(self) -> GivenSplits:
        """The published splits."""
        return {
            split: read_parallel(*(self._file(split, lang) for lang in self._languages))
            for split in FILES
        }

    @property
    def _languages(self) -> tuple[str, str]:
        return self.source_lang, self.target_lang

    def _file(self, split: str, language: str) -> Path:
        names = [f"{FILES[split]}.{language}"]
        return find_file(Path(self.raw_dir), names, option="data.raw_dir", advice=ADVICE)
