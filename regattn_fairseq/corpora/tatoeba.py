"""Tatoeba's sentences with their English translations, as manythings.org/anki packs them.

An archive ``deu-eng.zip`` holds ``deu.txt``, one pair a line, tab-separated: the English sentence,
the other one, and in later archives the attribution. The text is under CC BY 2.0 FR.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from regattn_fairseq.corpora.cleaning import folded
from regattn_fairseq.corpora.protocol import CorpusError, PairStream, SentencePair
from regattn_fairseq.corpora.reading import existing_file, iter_lines, what_is_in

# Archives are named by ISO 639-3; Tatoeba has the individual languages of some macrolanguages.
CODES = {
    "af": "afr", "ar": "ara", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "ca": "cat",
    "cs": "ces", "cv": "chv", "da": "dan", "de": "deu", "el": "ell", "eo": "epo", "es": "spa",
    "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "ga": "gle", "gl": "glg",
    "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "hy": "hye", "id": "ind", "is": "isl",
    "it": "ita", "ja": "jpn", "ka": "kat", "ko": "kor", "la": "lat", "lt": "lit", "lv": "lvs",
    "mk": "mkd", "ml": "mal", "mr": "mar", "ms": "zsm", "nb": "nob", "nl": "nld", "pl": "pol",
    "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp",
    "sv": "swe", "th": "tha", "tl": "tgl", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie",
    "zh": "cmn",
}  # fmt: skip
ADVICE = "archives of pairs are at https://www.manythings.org/anki (Tatoeba, CC BY 2.0 FR)"


@dataclass(frozen=True)
class Tatoeba:
    """Sentences between English and another language.

    ``raw_dir`` is ``deu-eng.zip``, or ``deu.txt``, or a folder with either. One sentence often has
    several translations, and these have several in turn. Each such family of pairs is on one side
    of the split, and the test and validation sets take one pair of a family, so that their
    sentences are distinct; other translations of a test sentence are not used at all.

    Raises:
        CorpusError: neither language is English, or the other has no code of two or three letters.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"
    seed: int = 1
    valid: int = 1000
    test: int = 1000

    def __post_init__(self) -> None:
        """Reject what is no pair with English."""
        others = {self.source_lang, self.target_lang} - {"en"}
        if len(others) != 1 or "en" not in (self.source_lang, self.target_lang):
            raise CorpusError(
                f"data.source_lang={self.source_lang} and data.target_lang={self.target_lang} must "
                "be en and another language"
            )
        (other,) = others
        if other not in CODES and not (len(str(other)) == 3 and str(other).isalpha()):
            raise CorpusError(
                f"{other} is no language of Tatoeba's pairs: choose one of {', '.join(CODES)}, or "
                "write the code of three letters that the archive's name has, such as kab"
            )

    @property
    def name(self) -> str:
        """``tatoeba_de_en`` and the like."""
        return f"tatoeba_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """The archive or the text file."""
        path = Path(self.raw_dir)
        if not path.is_dir():
            return (self._given(path),)
        for place in (path, path / self._archive):
            if found := existing_file(place / self._member):
                return (found,)
        if (path / f"{self._archive}.zip").is_file():
            return (path / f"{self._archive}.zip",)
        raise CorpusError(
            f"{path / self._archive}.zip or {self._member} is missing: set data.raw_dir to one of "
            f"them, or to the folder that holds it; {ADVICE}; {what_is_in(path)}"
        )

    def read(self) -> PairStream:
        """All pairs."""
        return PairStream(
            self._pairs(),
            self.valid,
            self.test,
            seed=self.seed,
            sentence_key=folded,
            distinct=True,
        )

    @property
    def _code(self) -> str:
        other = self.source_lang if self.target_lang == "en" else self.target_lang
        return CODES.get(other, other)

    @property
    def _archive(self) -> str:
        return f"{self._code}-eng"

    @property
    def _member(self) -> str:
        return f"{self._code}.txt"

    def _given(self, path: Path) -> Path:
        """``data.raw_dir`` that is no folder."""
        if not path.is_file():
            raise CorpusError(
                f"data.raw_dir={path} does not exist: set it to {self._archive}.zip, to "
                f"{self._member}, or to a folder with one of them; {ADVICE}"
            )
        if not zipfile.is_zipfile(path) and not path.name.startswith(self._member):
            raise CorpusError(
                f"data.raw_dir={path} is neither a zip archive nor called {self._member}: set it "
                f"to {self._archive}.zip, to {self._member}, or to a folder with one of them; "
                f"{ADVICE}"
            )
        return path

    def _pairs(self) -> Iterator[SentencePair]:
        (path,) = self.input_files()
        try:
            text = self._text_in(path) if zipfile.is_zipfile(path) else path
            for number, line in enumerate(iter_lines(text), start=1):
                columns = line.split("\t")
                if len(columns) not in (2, 3):
                    raise CorpusError(
                        f"{text}, line {number}, has {len(columns)} columns: there must be the "
                        "English sentence, the other one, and perhaps the attribution, with tabs "
                        "between them"
                    )
                english, other = columns[:2]
                to_english = self.target_lang == "en"
                yield SentencePair(*((other, english) if to_english else (english, other)))
        except zipfile.BadZipFile as error:
            raise CorpusError(f"{path} is damaged ({error}): fetch it again; {ADVICE}") from error

    def _text_in(self, archive: Path) -> zipfile.Path:
        """The text file in an archive, in whatever folder; macOS adds files of a similar name."""
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
        for name in names:
            if PurePosixPath(name).name == self._member and "__MACOSX" not in name:
                return zipfile.Path(archive, name)
        raise CorpusError(
            f"{archive} holds no {self._member} but {', '.join(names[:5]) or 'nothing'}: set "
            f"data.raw_dir to {self._archive}.zip; {ADVICE}"
        )
