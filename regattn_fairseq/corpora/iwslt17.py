"""IWSLT 2017, TED talks between English and other languages (Cettolo et al. 2017), raw text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.fetching import Remote, find_folder
from regattn_fairseq.corpora.protocol import CorpusError, PublishedSplits, SentencePair
from regattn_fairseq.corpora.wit3 import segment_pairs, side_files, training_pairs

LANGUAGES = ("ar", "de", "fr", "ja", "ko", "zh")
URL = "https://huggingface.co/datasets/IWSLT/iwslt2017/resolve/main/data/2017-01-trnted/texts"
DROPPED_TAGS = (
    "<url>", "<talkid>", "<keywords>", "<speaker>", "<reviewer", "<translator", "<doc", "</doc>",
)  # fmt: skip
VALID_SETS = ("dev2010",)
TEST_SETS = tuple(f"tst{year}" for year in range(2010, 2016))


@dataclass(frozen=True)
class Iwslt17:
    """200 thousand pairs; dev2010 is for validation, tst2010 to tst2015 together are the test set.

    Metadata is dropped as fairseq's ``prepare-iwslt17-multilingual.sh`` drops it; titles and
    descriptions stay. ``raw_dir`` holds ``train.tags.de-en.de``,
    ``IWSLT17.TED.dev2010.de-en.de.xml`` and their siblings, or the archive ``de-en.tgz`` or
    ``de-en.zip``; otherwise the archive is downloaded there. Files of the other direction
    (``train.tags.en-de.de``) can be used too.

    Raises:
        CorpusError: neither language is English, or the other is not in the data set.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"

    def __post_init__(self) -> None:
        """Reject directions that the data set does not have."""
        others = {self.source_lang, self.target_lang} - {"en"}
        if len(others) != 1 or "en" not in self._languages or not others <= set(LANGUAGES):
            raise CorpusError(
                f"data.source_lang={self.source_lang} and data.target_lang={self.target_lang} must "
                f"be en and one of {', '.join(LANGUAGES)}"
            )

    @property
    def name(self) -> str:
        """``iwslt17_de_en`` and the like."""
        return f"iwslt17_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """The training files and seven sets, two files each."""
        training, valid, test = self._files()
        return (*training, *(path for both in (*valid, *test) for path in both))

    def read(self) -> PublishedSplits:
        """Untokenized text."""
        training, valid, test = self._files()
        pairs = training_pairs(training, DROPPED_TAGS)
        return PublishedSplits(
            {
                "train": (SentencePair(p.source.strip(), p.target.strip()) for p in pairs),
                "valid": segment_pairs(valid),
                "test": segment_pairs(test),
            }
        )

    @property
    def _languages(self) -> tuple[str, str]:
        return self.source_lang, self.target_lang

    def _files(
        self,
    ) -> tuple[tuple[Path, Path], list[tuple[Path, Path]], list[tuple[Path, Path]]]:
        pair = f"{self.source_lang}-{self.target_lang}"
        names = (pair, f"{self.target_lang}-{self.source_lang}")
        advice = (
            f"IWSLT 2017 is {pair}.tgz of WIT3, https://wit3.fbk.eu, release 2017-01-trnted (TED "
            "talks, CC BY-NC-ND 4.0)"
        )
        url = f"{URL}/{self.source_lang}/{self.target_lang}/{pair}.zip"
        folder = find_folder(
            self.raw_dir,
            ["", *names],
            [f"train.tags.{name}.{self.source_lang}" for name in names],
            archives=[f"{name}.{end}" for name in names for end in ("tgz", "zip")],
            remote=Remote(url, advice=advice),
        )
        name = next(n for n in names if any(folder.glob(f"train.tags.{n}.{self.source_lang}*")))

        def sets(wanted: tuple[str, ...]) -> list[tuple[Path, Path]]:
            stems = [f"IWSLT17.TED.{x}.{name}" for x in wanted]
            return [side_files(folder, s, self._languages, ".xml", advice=advice) for s in stems]

        training = side_files(folder, f"train.tags.{name}", self._languages, advice=advice)
        return training, sets(VALID_SETS), sets(TEST_SETS)
