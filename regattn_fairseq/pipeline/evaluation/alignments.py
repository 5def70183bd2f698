"""Which words of a test set correspond: from the corpus, from a file, or from an aligner."""

import logging
import re
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from regattn_fairseq.installation import how_to_install
from regattn_fairseq.metrics import Alignment, parse_alignment, words_of_tokens
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
    write_lines,
)
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData

logger = logging.getLogger(__name__)

GOLD = "gold"


# A link of the NAACL 2003 shared task: sentence, source word, target word, sure or possible.
_NAACL = re.compile(r"(\d+)\s+(\d+)\s+(\d+)(?:\s+([SP]))?(?:\s+[\d.]+)?")


@dataclass(frozen=True)
class ReferenceAlignment:
    """Links between the words of each source sentence and its reference.

    Attributes:
        origin: ``gold``, the name of a file, or the aligner with its version.
        path: a file in Pharaoh's format, one sentence a line, or in NAACL's, one link a line.
        one_based: whether a file in Pharaoh's format counts words from 1.
    """

    origin: str
    path: Path
    one_based: bool = False

    @property
    def key(self) -> str:
        """A fingerprint of the links."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return fingerprint([self.origin, text, *(["from 1"] if self.one_based else [])])

    def read(self, sources: Sequence[str], targets: Sequence[str]) -> list[Alignment]:
        """The links of each sentence.

        Args:
            sources: the sentences. White space separates words.
            targets: their references.

        Raises:
            PipelineError: the file has neither format or another number of sentences, or it links
                words that do not exist.
        """
        try:
            lines = list(enumerate(read_lines(self.path), start=1))
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(
                f"{self.path} cannot be read ({error}): name another with alignment.file=…"
            ) from error
        first = int(self.one_based)
        if all(_NAACL.fullmatch(line.strip()) for _, line in lines if line.strip()):
            lines, first = _as_pharaoh(lines, len(sources), self.path), 1
        if len(lines) != len(sources):
            raise PipelineError(
                f"{self.path} has {len(lines)} lines, but the split has {len(sources)} "
                "sentences: one line a sentence, empty where nothing corresponds"
            )
        alignments = []
        for (number, line), source, target in zip(lines, sources, targets, strict=True):
            try:
                alignment = parse_alignment(line, first=first)
            except ValueError as error:
                raise PipelineError(f"{self.path}, line {number}: {error}") from error
            words = len(source.split()), len(target.split())
            for i, j in sorted(alignment.possible):
                if i >= words[0] or j >= words[1]:
                    raise PipelineError(
                        f"{self.path}, line {number}: the link of source word {i + first} and "
                        f"target word {j + first} is past the end of {words[0]} and {words[1]} "
                        f"words: {_REMEDIES[first]}"
                    )
            alignments.append(alignment)
        return alignments


_REMEDIES = (
    "count from 0, or set alignment.one_based=true",
    "the source's words come first, and the text is the corpus's",
)


def _as_pharaoh(
    lines: Sequence[tuple[int, str]], sentences: int, path: Path
) -> list[tuple[int, str]]:
    """NAACL's links in Pharaoh's format, one entry a sentence, with the number of a line.

    A link with the word 0 says that a word corresponds to none. Such links are left out.

    Raises:
        PipelineError: a link is of a sentence that the split does not have.
    """
    found: list[tuple[int, list[str]]] = [(1, []) for _ in range(sentences)]
    for number, line in lines:
        match = _NAACL.fullmatch(line.strip())
        if match is None:
            continue
        sentence = int(match[1])
        if not 1 <= sentence <= sentences:
            raise PipelineError(
                f"{path}, line {number}: a link of sentence {sentence}, but the split has "
                f"{sentences}, counted from 1"
            )
        if "0" not in (match[2], match[3]):
            link = f"{match[2]}{'?' if match[4] == 'P' else '-'}{match[3]}"
            found[sentence - 1] = number, [*found[sentence - 1][1], link]
    return [(number, " ".join(links)) for number, links in found]


def given_alignment(options: Any, data: PreparedData, split: str) -> ReferenceAlignment | None:
    """The alignment of a split in ``alignment.file``, else the corpus's own; None without either.

    Raises:
        PipelineError: the file does not exist.
    """
    if options.file is not None:
        path = Path(options.file)
        if not path.is_file():
            raise PipelineError(f"alignment.file={path} is not there, or is no file")
        return ReferenceAlignment(path.name, path, bool(options.one_based))
    return _gold_alignment(data, split)


def _gold_alignment(data: PreparedData, split: str) -> ReferenceAlignment | None:
    gold = data.text / f"{split}.align"
    return ReferenceAlignment(GOLD, gold) if gold.is_file() else None


def training_alignment(
    aligner: str | None, data: PreparedData, split: str, *, lowercase: bool
) -> ReferenceAlignment | None:
    """The links that attention may be trained towards: the corpus's own, else an aligner's.

    Args:
        aligner: ``alignment.aligner``; None for none.
        data: the preprocessed corpus.
        split: train or valid.
        lowercase: whether an aligner reads lowercased text, as the model does.

    Raises:
        PipelineError: as :func:`reference_alignment` says.
    """
    _check_aligner(aligner)
    if gold := _gold_alignment(data, split):
        return gold
    return None if aligner is None else _aligned(aligner, data, split, lowercase=lowercase)


def _check_aligner(aligner: str | None) -> None:
    if aligner is not None and aligner not in ALIGNERS:
        raise PipelineError(
            f"alignment.aligner is {aligner!r}; choose {', '.join(ALIGNERS)} or null"
        )


def check_alignment(options: Any, data: PreparedData, split: str) -> None:
    """Check, before a training, that the evaluation after it can read the alignment.

    Raises:
        PipelineError: there is no such split, or `ReferenceAlignment.read` refuses the file.
    """
    data.fairseq_subset(split)
    if options.file is not None and (alignment := given_alignment(options, data, split)):
        sides = (list(read_lines(data.text / f"{split}.{side}")) for side in ("src", "tgt"))
        alignment.read(*sides)


def reference_alignment(
    options: Any, data: PreparedData, split: str, *, lowercase: bool
) -> ReferenceAlignment | None:
    """Find, or make, the alignment that a split's attention is compared with.

    Args:
        options: the node ``alignment``. ``file`` comes first (``one_based`` says how it counts),
            then the corpus's own gold alignment, then ``aligner``.
        data: the preprocessed corpus.
        split: the part of the corpus.
        lowercase: whether an aligner reads lowercased text, as the model does.

    Returns:
        The alignment; None if the options name no file and no aligner, and the corpus has none.

    Raises:
        PipelineError: the file or the aligner does not exist, or the aligner fails.
    """
    _check_aligner(options.aligner)
    if given := given_alignment(options, data, split):
        return given
    if options.aligner is None:
        return None
    return _aligned(options.aligner, data, split, lowercase=lowercase)


def _aligned(
    aligner: str, data: PreparedData, split: str, *, lowercase: bool
) -> ReferenceAlignment:
    """An aligner's links. All runs on a corpus share them: they are made once, and kept."""
    folder = data.directory / "alignments"
    path = folder / f"{split}.{aligner}.align"
    about = path.with_suffix(".json")
    with clear_write_errors(folder, "cache_dir"):
        folder.mkdir(exist_ok=True)
        with lease(folder / f"{split}.{aligner}.lock", f"the alignment of {split}"):
            if not about.is_file():
                logger.info("%s: aligning train and %s of %s", aligner, split, data.directory)
                align, version = ALIGNERS[aligner]
                splits = tuple(dict.fromkeys(("train", split)))
                links = _links_between_words(data, splits, align, lowercase=lowercase)
                held_out = sum(1 for _ in read_lines(data.text / f"{split}.src"))
                write_lines(path, list(links)[-held_out:])
                write_json(about, {"origin": version(), "symmetrized": "grow-diag-final-and"})
    return ReferenceAlignment(read_json(about)["origin"], path)


Aligner = Callable[[list[list[str]], list[list[str]]], Iterable[set[tuple[int, int]]]]


def _links_between_words(
    data: PreparedData, splits: tuple[str, ...], align: Aligner, *, lowercase: bool
) -> Iterator[str]:
    """Align words without their punctuation, and return links between the words of the text."""
    texts = []
    for suffix in ("src", "tgt"):
        lines = chain.from_iterable(read_lines(data.text / f"{s}.{suffix}") for s in splits)
        texts.append([line.lower() if lowercase else line for line in lines])
    source, target = ([_units(line) for line in lines] for lines in texts)
    for number, links in enumerate(align(source, target)):
        sources, targets = (
            words_of_tokens(units[number], lines[number])
            for units, lines in zip((source, target), texts, strict=True)
        )
        owned = {(sources[i], targets[j]) for i, j in links}
        yield " ".join(
            f"{i}-{j}" for i, j in sorted((i, j) for i, j in owned if None not in (i, j))
        )


def _units(line: str) -> list[str]:
    """Words and punctuation, separated: to an aligner ``truck.`` is another word than ``truck``."""
    return re.findall(r"\w+|[^\w\s]+", line)


def eflomal(source: list[list[str]], target: list[list[str]]) -> Iterator[set[tuple[int, int]]]:
    """Links by eflomal, in both directions, symmetrized by grow-diag-final-and.

    Raises:
        PipelineError: eflomal is not installed, or it fails.

    Source: Östling and Tiedemann 2016, "Efficient Word Alignment with Markov Chain Monte Carlo";
    Koehn et al. 2005 for the symmetrization.
    """
    program = Path(sysconfig.get_path("scripts")) / "eflomal-align"
    if not program.is_file():
        raise PipelineError(
            "alignment.aligner=eflomal needs the package eflomal and a C compiler to build it: "
            f"{how_to_install('align')}"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {kind: folder / kind for kind in ("source", "target", "forward", "reverse")}
        write_lines(files["source"], map(" ".join, source))
        write_lines(files["target"], map(" ".join, target))
        command = [str(program), "--model", "3"]
        command += ["--source", str(files["source"]), "--target", str(files["target"])]
        command += ["--forward-links", str(files["forward"])]
        command += ["--reverse-links", str(files["reverse"])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise PipelineError(f"eflomal-align failed: {(said or ['it did not say why'])[-1]}")
        forward, reverse = (list(read_lines(files[kind])) for kind in ("forward", "reverse"))
    from nltk.translate.gdfa import grow_diag_final_and  # takes seconds, and is rarely needed

    for units, others, there, back in zip(source, target, forward, reverse, strict=True):
        yield grow_diag_final_and(len(units), len(others), there, back)


def _eflomal_version() -> str:
    from importlib.metadata import version

    return f"eflomal {version('eflomal')}"


ALIGNERS: dict[str, tuple[Aligner, Callable[[], str]]] = {"eflomal": (eflomal, _eflomal_version)}
"""Aligners by name: the function that makes the links, and one that gives the version."""
