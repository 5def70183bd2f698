"""IWSLT 2015, English and Vietnamese, as Stanford preprocessed it (Luong and Manning 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.fetching import Remote, fetch, unpack
from regattn_fairseq.corpora.protocol import CorpusError, PublishedSplits
from regattn_fairseq.corpora.reading import existing_file, read_parallel

LANGUAGES = ("en", "vi")
FILES = {"train": "train", "valid": "tst2012", "test": "tst2013"}
URL = "https://nlp.stanford.edu/projects/nmt/data/iwslt15.en-vi"
ADVICE = (
    f"the six files are at {URL} (TED talks by way of WIT3, CC BY-NC-ND 4.0; preprocessed by "
    "Stanford)"
)
PLACES = ("", "iwslt15.en-vi", "en-vi")
ARCHIVES = ("train-en-vi.tgz", "dev-2012-en-vi.tgz", "test-2013-en-vi.tgz")


@dataclass(frozen=True)
class Iwslt15:
    """133 thousand training pairs, tokenized; validation set tst2012 and test set tst2013.

    ``raw_dir`` holds ``train.en``, ``tst2012.en``, ``tst2013.en`` and the same for ``vi``, plain or
    compressed, or archives of them (``train-en-vi.tgz``, ``dev-2012-en-vi.tgz``,
    ``test-2013-en-vi.tgz``); what is missing is downloaded there.

    Raises:
        CorpusError: the languages are not English and Vietnamese.
    """

    raw_dir: str | Path
    source_lang: str = "en"
    target_lang: str = "vi"

    def __post_init__(self) -> None:
        """Reject directions that the data set does not have."""
        if {self.source_lang, self.target_lang} != set(LANGUAGES):
            raise CorpusError(
                f"data.source_lang={self.source_lang} and data.target_lang={self.target_lang} must "
                "be en and vi"
            )

    @property
    def name(self) -> str:
        """``iwslt15_en_vi`` or ``iwslt15_vi_en``."""
        return f"iwslt15_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """Six files, fetched if need be."""
        return tuple(path for split in FILES for path in self._files(split))

    def read(self) -> PublishedSplits:
        """The published splits."""
        return PublishedSplits({split: read_parallel(*self._files(split)) for split in FILES})

    def _files(self, split: str) -> tuple[Path, Path]:
        return self._file(split, self.source_lang), self._file(split, self.target_lang)

    def _file(self, split: str, language: str) -> Path:
        name = f"{FILES[split]}.{language}"
        directory = Path(self.raw_dir)
        if found := _find(directory, name):
            return found
        for archive in (directory / x for x in ARCHIVES):
            if archive.is_file() and (found := _find(unpack(archive), name)):
                return found
        return fetch(Remote(f"{URL}/{name}", advice=ADVICE), directory / name)


def _find(directory: Path, name: str) -> Path | None:
    found = (existing_file(directory / place / name) for place in PLACES)
    return next((path for path in found if path), None)
