"""IWSLT 2014, German and English, prepared as the literature does (Cettolo et al. 2014)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.cleaning import LengthFilter, one_line
from regattn_fairseq.corpora.fetching import Remote, find_folder
from regattn_fairseq.corpora.moses import MosesTokenizer
from regattn_fairseq.corpora.protocol import CorpusError, PublishedSplits, SentencePair
from regattn_fairseq.corpora.reading import existing_file, find_file, read_parallel
from regattn_fairseq.corpora.wit3 import segment_pairs, side_files, training_pairs

ADVICE = (
    "IWSLT 2014 is de-en.tgz of WIT3, https://wit3.fbk.eu, release 2014-01 (TED talks, "
    "CC BY-NC-ND 4.0)"
)
ARCHIVE = Remote("https://dl.fbaipublicfiles.com/fairseq/data/iwslt14/de-en.tgz", advice=ADVICE)
DROPPED_TAGS = ("<url>", "<talkid>", "<keywords>")
TEST_SETS = ("TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012")
LENGTHS = LengthFilter(min_length=1, max_length=175, max_ratio=1.5)
MAX_WORD_LENGTH = 1000
VALID_EVERY = 23
PLACES = ("", "de-en", "orig/de-en")
PREPARED_PLACES = ("", "tmp", "iwslt14.tokenized.de-en/tmp", "iwslt14.tokenized.de-en")


@dataclass(frozen=True)
class Iwslt14:
    """160 thousand training pairs, tokenized and lowercased; the test set joins five sets of talks.

    The preparation is that of fairseq's ``prepare-iwslt14.sh``, which most papers follow. Metadata
    is dropped. Both sides are tokenized by Moses' rules, with escapes such as ``&apos;``. Pairs are
    dropped if a side is longer than 175 words or more than 1.5 times as long as the other. Text is
    lowercased. Then every 23rd pair is for validation, the others for training. The text is the
    same as the script's, line by line.

    ``raw_dir`` holds the files of ``de-en.tgz`` or the archive itself; otherwise the archive is
    downloaded there. A folder that the script already made (``train.de``, ``valid.de``,
    ``test.de``, the same for English, also compressed) is used as it is, except that BPE is undone.
    ``escape=False`` leaves ``'`` and the like alone.

    Raises:
        CorpusError: the languages are not German and English.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"
    escape: bool = True

    def __post_init__(self) -> None:
        """Reject directions that the data set does not have."""
        if {self.source_lang, self.target_lang} != {"de", "en"}:
            raise CorpusError(
                f"data.source_lang={self.source_lang} and data.target_lang={self.target_lang} must "
                "be de and en"
            )

    @property
    def name(self) -> str:
        """``iwslt14_de_en`` or ``iwslt14_en_de``."""
        return f"iwslt14_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """Twelve files of WIT3, or six prepared ones."""
        folder = self._folder()
        if _is_raw(folder):
            held_out = [path for both in self._test_files(folder) for path in both]
            return (*self._training_files(folder), *held_out)
        return tuple(
            path for split in ("train", "valid", "test") for path in self._prepared(folder, split)
        )

    def read(self) -> PublishedSplits:
        """Tokenized, lowercased text."""
        folder = self._folder()
        if not _is_raw(folder):
            return PublishedSplits(
                {
                    split: _without_bpe(read_parallel(*self._prepared(folder, split)))
                    for split in ("train", "valid", "test")
                }
            )
        # Both splits need the whole file tokenized, so that is done once for both.
        clean: list[SentencePair] = []

        def split(wanted: bool) -> Iterator[SentencePair]:
            if not clean:
                clean.extend(self._clean(self._training_files(folder)))
            for number, pair in enumerate(clean, start=1):
                if (number % VALID_EVERY == 0) == wanted:
                    yield pair

        test = map(self._tokenized(), segment_pairs(self._test_files(folder)))
        return PublishedSplits(
            {"train": split(False), "valid": split(True), "test": map(_lowercased, test)}
        )

    def _folder(self) -> Path:
        prepared = next(
            (
                Path(self.raw_dir) / place
                for place in PREPARED_PLACES
                if existing_file(Path(self.raw_dir) / place / f"train.{self.source_lang}")
            ),
            None,
        )
        return prepared or find_folder(
            self.raw_dir, PLACES, ["train.tags.de-en.de"], archives=["de-en.tgz"], remote=ARCHIVE
        )

    def _training_files(self, folder: Path) -> tuple[Path, Path]:
        return side_files(folder, "train.tags.de-en", self._languages, advice=ADVICE)

    def _test_files(self, folder: Path) -> list[tuple[Path, Path]]:
        return [
            side_files(folder, f"IWSLT14.{name}.de-en", self._languages, ".xml", advice=ADVICE)
            for name in TEST_SETS
        ]

    def _prepared(self, folder: Path, split: str) -> tuple[Path, Path]:
        source, target = (
            find_file(folder, [f"{split}.{lang}"], option="data.raw_dir", advice=ADVICE)
            for lang in self._languages
        )
        return source, target

    @property
    def _languages(self) -> tuple[str, str]:
        return self.source_lang, self.target_lang

    def _clean(self, files: tuple[Path, Path]) -> Iterator[SentencePair]:
        tokenized = map(self._tokenized(), training_pairs(files, DROPPED_TAGS))
        for pair in map(one_line, tokenized):
            words = pair.source.split() + pair.target.split()
            long_word = any(len(word) > MAX_WORD_LENGTH for word in words)
            if LENGTHS.rejects(pair) is None and not long_word:
                yield _lowercased(pair)

    def _tokenized(self) -> _MosesPairs:
        return _MosesPairs(self._languages, self.escape)


class _MosesPairs:
    """Tokenizes both sides of a pair by Moses' rules of their languages."""

    def __init__(self, languages: tuple[str, str], escape: bool) -> None:
        self._source, self._target = (MosesTokenizer(lang=lang) for lang in languages)
        self._escape = escape

    def __call__(self, pair: SentencePair) -> SentencePair:
        return SentencePair(
            self._source.tokenize(pair.source, return_str=True, escape=self._escape),
            self._target.tokenize(pair.target, return_str=True, escape=self._escape),
        )


def _is_raw(folder: Path) -> bool:
    return existing_file(folder / "train.tags.de-en.de") is not None


def _lowercased(pair: SentencePair) -> SentencePair:
    # Character by character, as Perl's lc does it: for a whole text, Python's lower writes another
    # sigma at the end of a word.
    source, target = ("".join(map(str.lower, side)) for side in (pair.source, pair.target))
    return SentencePair(source, target)


def _without_bpe(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    for pair in pairs:
        source, target = (f"{side} ".replace("@@ ", "") for side in (pair.source, pair.target))
        yield SentencePair(source, target)
