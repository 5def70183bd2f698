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

import gzip
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError, PairStream, SentencePair
from regattn_fairseq.corpora.reading import existing_file, read_lines
from regattn_fairseq.files import new_file

logger = logging.getLogger(__name__)

LANGUAGES = ("en", "de", "fr")
UPDATE_SECONDS = 900


@dataclass(frozen=True)
class DebianTranslations:
    """Sentences of package descriptions with their translations.

    ``raw_dir`` keeps ``Translation-en.gz`` and its siblings, plain or compressed. apt fetches what
    is missing there, without root and with a state of its own in place of the system's.

    Raises:
        CorpusError: a language is not one of en, de, fr, or both are the same.
    """

    raw_dir: str | Path
    source_lang: str = "de"
    target_lang: str = "en"
    seed: int = 1
    valid: int = 1000
    test: int = 1000

    def __post_init__(self) -> None:
        """Reject languages without an index."""
        known = self.source_lang in LANGUAGES and self.target_lang in LANGUAGES
        if not known or self.source_lang == self.target_lang:
            raise CorpusError(
                f"data.source_lang={self.source_lang} and data.target_lang={self.target_lang} must "
                f"be two of {', '.join(LANGUAGES)}"
            )

    @property
    def name(self) -> str:
        """``debian_de_en`` and the like."""
        return f"debian_{self.source_lang}_{self.target_lang}"

    def input_files(self) -> tuple[Path, ...]:
        """The index of either language, fetched if need be."""
        return tuple(
            index_file(Path(self.raw_dir), x) for x in (self.source_lang, self.target_lang)
        )

    def read(self) -> PairStream:
        """Synopses and sentences, in the order of the target language's index."""
        return PairStream(
            self._pairs(), self.valid, self.test, seed=self.seed, sentence_key=without_numbers
        )

    def _pairs(self) -> Iterator[SentencePair]:
        source_file, target_file = self.input_files()
        sources = {d.md5: d for d in parse_index(read_lines(source_file))}
        for target in parse_index(read_lines(target_file)):
            # Many packages share one description: use it only once.
            source = sources.pop(target.md5, None)
            if source is not None:
                yield from align(source, target)


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
        return (index_file(Path(self.raw_dir), "en"),)

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


_BULLET = re.compile(r"^\s+(?:[*+•–-]|o|\d+[.)])\s+")


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
            yield _spaced(" ".join(current))
            current = []
        if separates:
            in_item = False
            continue
        in_item = bool(bullet) or (in_item and indented)
        current.append(line[bullet.end() :].strip() if bullet else line.strip())


def _spaced(text: str) -> str:
    # The translators' web form shows no-break spaces as dot operators, and some texts kept these.
    return text.replace("\u22c5", " ").strip()


_ABBREVIATIONS = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|cf|resp|incl|approx|no|Dr|Mr|Mrs|St|Inc|Ltd|Co|z\.\s?B|d\.\s?h|u\.\s?a|"
    r"bzw|usw|ca|evtl|ggf|inkl|Nr|o\.\s?ä|p\.\s?ex|c\.-à-d|env|n°|[A-Za-z])\.$"
)
_BOUNDARY = re.compile(r"(?<=[.!?])[\"'»“)]?\s+(?=[\"'«„(]?[A-ZÄÖÜÀÂÇÉÈÊÎÔ0-9])")


def split_sentences(paragraph: str) -> list[str]:
    """Split at final marks before a capital or a digit, but not after abbreviations."""
    sentences: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(paragraph):
        sentence = paragraph[start : boundary.end()].rstrip()
        if not _ABBREVIATIONS.search(sentence):
            sentences.append(sentence)
            start = boundary.end()
    if paragraph[start:].strip():
        sentences.append(paragraph[start:].strip())
    return sentences


def align(source: Description, target: Description) -> Iterator[SentencePair]:
    """Synopsis with synopsis; then, if both have as many paragraphs, sentence with sentence.

    Paragraphs with different numbers of sentences are skipped, and so are sentences that were left
    untranslated or have no words.
    """
    found = [(source.synopsis, target.synopsis)]
    if len(source.paragraphs) == len(target.paragraphs):
        for pair in zip(source.paragraphs, target.paragraphs, strict=True):
            sentences = [split_sentences(paragraph) for paragraph in pair]
            if len(sentences[0]) == len(sentences[1]):
                found += zip(*sentences, strict=True)
    for left, right in found:
        if left != right and _is_prose(left) and _is_prose(right):
            yield SentencePair(left, right)


def _is_prose(sentence: str) -> bool:
    letters = sum(character.isalpha() for character in sentence)
    return 2 * letters > len(sentence)


# Fetching


def index_file(raw_dir: Path, language: str) -> Path:
    """The index of ``language`` in ``raw_dir``; if it is missing, all missing ones are fetched.

    Raises:
        CorpusError: it is missing and cannot be fetched.
    """
    path = raw_dir / f"Translation-{language}"
    if existing_file(path) is None:
        fetch_indices(raw_dir)
    return existing_file(path) or path


def fetch_indices(raw_dir: Path) -> None:
    """Have apt download the translation indices that ``raw_dir`` lacks from this system's sources.

    apt works in a temporary folder: of the system's state it reads only the list of sources, and it
    changes nothing. Sources that do not answer are skipped with a warning, as long as others have
    the translations.

    Raises:
        CorpusError: there is no apt, the download fails, the sources have no translations, or
            ``raw_dir`` cannot be written.
    """
    programs = {name: _apt_program(name) for name in ("apt-get", "apt-helper")}
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = _private_state(Path(folder))
            failure = None
            try:
                _run([programs["apt-get"], "-c", str(config), "--error-on=any", "update"])
            except CorpusError as error:
                failure = error
            missing = [x for x in LANGUAGES if not existing_file(raw_dir / f"Translation-{x}")]
            indices = {x: _index_content(x, programs, config, failure) for x in missing}
        if failure is not None:
            logger.warning("the text comes only from the sources that answered: %s", failure)
        raw_dir.mkdir(parents=True, exist_ok=True)
        for language, content in indices.items():
            with new_file(raw_dir / f"Translation-{language}.gz") as file:
                # mtime=0: the same index gives the same bytes.
                file.write(gzip.compress(content, mtime=0))
    except OSError as error:
        raise CorpusError(
            f"{raw_dir} cannot be written ({error.strerror}): choose another data.raw_dir"
        ) from error


def _index_content(
    language: str, programs: dict[str, str], config: Path, failure: CorpusError | None
) -> bytes:
    """What apt has for a language after an update, which may have ended in ``failure``."""
    query = ["indextargets", "--format", "$(FILENAME)", "Created-By: Translations"]
    listed = _run([programs["apt-get"], "-c", str(config), *query, f"Language: {language}"])
    files = sorted(line for line in listed.decode().split("\n") if line and Path(line).is_file())
    if not files:
        if failure is not None:
            raise failure
        raise CorpusError(
            f"apt's sources have no Translation-{language}: add a Debian or Ubuntu archive "
            "to them, or choose another data="
        )
    return _run([programs["apt-helper"], "-c", str(config), "cat-file", *files])


def _apt_program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/lib/apt")
    if found is None:
        raise CorpusError(
            f"the debian corpora need {name}, which this system does not have: set data.raw_dir "
            "to a folder filled by a system with apt, or choose another data="
        )
    return found


def _private_state(folder: Path) -> Path:
    """A configuration file that moves apt's state into ``folder``, and asks for all languages.

    apt reads a file given by ``-c`` after the system's files, so that it can clear the system's
    lists. Container images often switch translations off and add hooks with commands that need
    root.
    """
    for subfolder in ("state/lists/partial", "cache/archives/partial", "log"):
        (folder / subfolder).mkdir(parents=True)
    (folder / "status").touch()
    languages = " ".join(f'"{language}";' for language in LANGUAGES)
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::State "{folder}/state";\n'
        f'Dir::State::lists "{folder}/state/lists";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\n'
        f'Dir::Log "{folder}/log";\n'
        'APT::Sandbox::User "";\n'
        "#clear APT::Update::Pre-Invoke;\n"
        "#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
        "#clear Acquire::Languages;\n"
        f"Acquire::Languages {{ {languages} }};\n",
        encoding="utf-8",
    )
    return config


def _run(command: list[str]) -> bytes:
    try:
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=UPDATE_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        ).stdout
    except subprocess.TimeoutExpired as error:
        reason = f"no answer within {UPDATE_SECONDS} s"
        raise CorpusError(_apt_failed(command, reason)) from error
    except subprocess.CalledProcessError as error:
        complaints = error.stderr.decode(errors="replace").strip().split("\n")
        reason = next((c for c in complaints if c.startswith("E:")), complaints[0])
        raise CorpusError(_apt_failed(command, reason.strip())) from error


def _apt_failed(command: list[str], reason: str) -> str:
    return (
        f"{Path(command[0]).name} failed ({reason}): check the network and apt's sources, or set "
        "data.raw_dir to a folder that is already filled"
    )
