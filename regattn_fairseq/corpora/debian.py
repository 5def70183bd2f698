"""Debian's package descriptions and their translations, from the index that apt downloads.

The index has one file per language, with one stanza per package. If a stanza of the English file
and one of another file have the same ``Description-md5``, they describe the same package:

    Package: hello
    Description-md5: 6daa…
    Description-de: Beispielpaket
     Das Programm gibt …
     .
     Nächster Absatz.

The text is written and translated by Debian's contributors, under the licences of the packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.apt import index_files
from regattn_fairseq.corpora.cleaning import folded
from regattn_fairseq.corpora.protocol import CorpusError, PairStream, SentencePair
from regattn_fairseq.corpora.reading import read_lines
from regattn_fairseq.corpora.sentences import split_sentences


@dataclass(frozen=True)
class DebianTranslations:
    """Sentences of package descriptions with their translations.

    Languages have Debian's codes, such as ``it`` and ``pt_BR``; which there are is up to the
    sources of apt. ``raw_dir`` keeps ``Translation-en.gz`` and its siblings, plain or compressed.
    apt fetches what is missing there, without root and with a state of its own in place of the
    system's.

    Raises:
        CorpusError: a language is not written as a code, or both are the same.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"
    seed: int = 1
    valid: int = 1000
    test: int = 1000

    def __post_init__(self) -> None:
        """Reject what cannot be a pair of languages."""
        for option in ("source_lang", "target_lang"):
            language = getattr(self, option)
            if not _LANGUAGE.fullmatch(str(language)):
                raise CorpusError(
                    f"data.{option}={language} is no language code of Debian's: write it as in "
                    "it or pt_BR"
                )
        if self.source_lang == self.target_lang:
            raise CorpusError(
                f"data.source_lang and data.target_lang are both {self.source_lang}: "
                "choose two languages"
            )

    @property
    def name(self) -> str:
        """``debian_de_en`` and the like."""
        return f"debian_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """The index of either language, fetched if need be."""
        return index_files(Path(self.raw_dir), [self.source_lang, self.target_lang])

    def read(self) -> PairStream:
        """Synopses and sentences, in the order of the target language's index."""
        return PairStream(
            self._pairs(),
            self.valid,
            self.test,
            seed=self.seed,
            sentence_key=folded,
            distinct=True,
        )

    def _pairs(self) -> Iterator[SentencePair]:
        source_file, target_file = self.input_files()
        sources = {d.md5: d for d in parse_index(read_lines(source_file))}
        for target in parse_index(read_lines(target_file)):
            # Many packages share one description: use it only once.
            source = sources.pop(target.md5, None)
            if source is not None:
                yield from align(source, target, self.source_lang, self.target_lang)


@dataclass(frozen=True)
class DebianHeadlines:
    """The first sentence of a package's description, and its synopsis as the headline.

    ``raw_dir`` is as in :class:`DebianTranslations`.
    """

    raw_dir: str | Path
    seed: int = 1
    valid: int = 1000
    test: int = 1000
    name: str = "debian_headlines"
    source_lang: str = "article"
    target_lang: str = "title"

    def input_files(self) -> tuple[Path, ...]:
        """The English index, fetched if need be."""
        return index_files(Path(self.raw_dir), ["en"])

    def read(self) -> PairStream:
        """One pair for each description that has prose."""
        return PairStream(
            self._pairs(), self.valid, self.test, seed=self.seed, sentence_key=without_numbers
        )

    def _pairs(self) -> Iterator[SentencePair]:
        (path,) = self.input_files()
        for description in parse_index(read_lines(path)):
            prose = next((p for p in description.paragraphs if p.startswith(tuple(_CAPITALS))), "")
            if prose:
                yield SentencePair(split_sentences(prose)[0], description.synopsis)


_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?(@[a-z]+)?")
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def without_numbers(sentence: str) -> str:
    """The form in which sentences are compared: versions of a package differ only in numbers."""
    return re.sub(r"\d+", "0", sentence.casefold())


# Parsing


@dataclass(frozen=True)
class Description:
    """A stanza of the index: one line of synopsis, and paragraphs or list items of prose."""

    md5: str
    synopsis: str
    paragraphs: tuple[str, ...]


_BULLET = re.compile(r"^\s+(?:[*+•–—-]|o|\d+[.)])\s+")
# Between two Chinese or Japanese characters a line break stands for no space; nor does it after a
# hyphen, unless that stands for the rest of a word, as in "Ein- und Ausgabe".
_WIDE = "[\u3000-\u9fff\uff00-\uffef]"
_CONJUNCTION = (
    r"(?:and|or|to|und|oder|bis|og|eller|til|samt|och|en|of|et|ou|e|ed|o|oppure|y|i|oraz|lub|a|aj|"
    r"alebo|nebo|či|и|или|і|й|та|або)\b"
)
_NO_SPACE = re.compile(rf"(?<={_WIDE})\n(?={_WIDE})|(?<=\w-)\n(?=\w)(?!{_CONJUNCTION})")


def parse_index(lines: Iterable[str]) -> Iterator[Description]:
    """The descriptions in an index file; stanzas without one are passed over."""
    stanza: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            stanza.append(line)
        elif stanza:
            description = _parse_stanza(stanza)
            if description is not None:
                yield description
            stanza = []


def _parse_stanza(stanza: Sequence[str]) -> Description | None:
    md5, synopsis, body = "", "", []
    in_body = False
    for line in stanza:
        if line.startswith(" "):
            if in_body:
                body.append(line)
            continue
        field, _, value = line.partition(":")
        in_body = field.startswith("Description-") and field != "Description-md5"
        if in_body:
            synopsis = _spaced(value)
        elif field == "Description-md5":
            md5 = value.strip()
    if not md5 or not synopsis:
        return None
    return Description(md5, synopsis, tuple(_paragraphs(body)))


def _paragraphs(body: Sequence[str]) -> Iterator[str]:
    """Join lines to paragraphs.

    By Debian's policy, `` .`` separates paragraphs, and a line that is indented by more than one
    blank is shown as it stands: an item of a list, or its continuation.
    """
    current: list[str] = []
    in_item = False
    for line in [*body, " ."]:
        bullet = _BULLET.match(line)
        separates = line.strip() == "."
        indented = line.startswith("  ")
        if current and (separates or bullet or (indented and not in_item)):
            yield _spaced(_NO_SPACE.sub("", "\n".join(current)).replace("\n", " "))
            current = []
        if separates:
            in_item = False
            continue
        in_item = bool(bullet) or (in_item and indented)
        current.append(line[bullet.end() :].strip() if bullet else line.strip())


def _spaced(text: str) -> str:
    # The translators' web form shows no-break spaces as dot operators, and some texts kept these.
    # Spaces without width and soft hyphens are invisible.
    return re.sub("[\u200b\u00ad\ufeff]", "", text.replace("\u22c5", " ")).strip()


def align(
    source: Description, target: Description, source_lang: str, target_lang: str
) -> Iterator[SentencePair]:
    """Synopsis with synopsis; then, if both have as many paragraphs, sentence with sentence.

    Paragraphs with different numbers of sentences are skipped, and so are sentences that were left
    untranslated, have no words, or were damaged on their way through another encoding.
    """
    found = [(source.synopsis, target.synopsis)]
    if len(source.paragraphs) == len(target.paragraphs):
        for left, right in zip(source.paragraphs, target.paragraphs, strict=True):
            sources, targets = (
                split_sentences(left, source_lang),
                split_sentences(right, target_lang),
            )
            if len(sources) == len(targets):
                found += zip(sources, targets, strict=True)
    for left, right in found:
        if _is_prose(left) and _is_prose(right) and folded(left) != folded(right):
            yield SentencePair(left, right)


# UTF-8 that was read as Latin-1 and encoded again: "für" becomes "fÃ¼r".
_DAMAGE = re.compile("[ÃÂ][\x80-\xbf]")


def _is_prose(sentence: str) -> bool:
    letters = sum(character.isalpha() for character in sentence)
    return 2 * letters > len(sentence) and not _DAMAGE.search(sentence)
