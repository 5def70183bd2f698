"""Which words of a test set correspond: from the corpus, from a file, or from an aligner."""

import logging
import re
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from regattn_fairseq.installation import how_to_install
from regattn_fairseq.metrics import Alignment, parse_alignment, words_of_tokens
from regattn_fairseq.pipeline.errors import PipelineError
from regattn_fairseq.pipeline.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
    write_lines,
)
from regattn_fairseq.pipeline.leases import lease
from regattn_fairseq.pipeline.prepared import PreparedData

logger = logging.getLogger(__name__)

GOLD = "gold"


@dataclass(frozen=True)
class ReferenceAlignment:
    """Links between the words of each source sentence and its reference.

    Attributes:
        origin: who says so: ``gold``, the name of a file, or the aligner with its version.
        path: the links, in Pharaoh's format, one sentence a line.
    """

    origin: str
    path: Path

    @property
    def key(self) -> str:
        """Changes with the links."""
        return fingerprint([self.origin, self.path.read_text(encoding="utf-8", errors="replace")])

    def read(self, sentences: int) -> list[Alignment]:
        """The links of each sentence.

        Raises:
            PipelineError: the file is not in that format, or is about another number of sentences.
        """
        alignments = []
        try:
            for number, line in enumerate(read_lines(self.path), start=1):
                try:
                    alignments.append(parse_alignment(line))
                except ValueError as error:
                    raise PipelineError(f"{self.path}, line {number}: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(
                f"{self.path} cannot be read ({error}): name another with alignment.file=…"
            ) from error
        if len(alignments) != sentences:
            raise PipelineError(
                f"{self.path} has {len(alignments)} lines, but the split has {sentences} "
                "sentences: one line a sentence, empty where nothing corresponds"
            )
        return alignments


def reference_alignment(
    options: Any, data: PreparedData, split: str, *, lowercase: bool
) -> ReferenceAlignment | None:
    """Find, or make, the alignment that a split's attention is compared with.

    Args:
        options: the node ``alignment``: ``file`` comes first, then the corpus's own gold
            alignment, then ``aligner``.
        data: the preprocessed corpus.
        split: which part of it.
        lowercase: whether an aligner is to see the text as the model does.

    Returns:
        None where there is none and no aligner was asked for.

    Raises:
        PipelineError: no such file or aligner, or it fails.
    """
    if options.aligner is not None and options.aligner not in ALIGNERS:
        raise PipelineError(
            f"alignment.aligner is {options.aligner!r}; choose {', '.join(ALIGNERS)} or null"
        )
    if options.file is not None:
        path = Path(options.file)
        if not path.is_file():
            raise PipelineError(f"alignment.file={path} is not there, or is no file")
        return ReferenceAlignment(path.name, path)
    gold = data.text / f"{split}.align"
    if gold.is_file():
        return ReferenceAlignment(GOLD, gold)
    if options.aligner is None:
        return None
    return _aligned(options.aligner, data, split, lowercase=lowercase)


def _aligned(
    aligner: str, data: PreparedData, split: str, *, lowercase: bool
) -> ReferenceAlignment:
    """An aligner's links, which every run on the corpus is held against: made once, and kept."""
    folder = data.directory / "alignments"
    path = folder / f"{split}.{aligner}.align"
    about = path.with_suffix(".json")
    with clear_write_errors(folder, "cache_dir"):
        folder.mkdir(exist_ok=True)
        with lease(folder / f"{split}.{aligner}.lock", f"the alignment of {split}"):
            if not about.is_file():
                logger.info("%s: aligning train and %s of %s", aligner, split, data.directory)
                align, version = ALIGNERS[aligner]
                links = _links_between_words(data, ("train", split), align, lowercase=lowercase)
                held_out = sum(1 for _ in read_lines(data.text / f"{split}.src"))
                write_lines(path, list(links)[-held_out:])
                write_json(about, {"origin": version(), "symmetrized": "grow-diag-final-and"})
    return ReferenceAlignment(read_json(about)["origin"], path)


Aligner = Callable[[list[list[str]], list[list[str]]], Iterable[set[tuple[int, int]]]]


def _links_between_words(
    data: PreparedData, splits: tuple[str, ...], align: Aligner, *, lowercase: bool
) -> Iterator[str]:
    """Align letters apart from marks, then say it of the words that both stand in."""
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
    """Words and, apart from them, marks: an aligner takes ``truck.`` for a word of its own."""
    return re.findall(r"\w+|[^\w\s]+", line)


def eflomal(source: list[list[str]], target: list[list[str]]) -> Iterator[set[tuple[int, int]]]:
    """Links by eflomal, in both directions, symmetrized by grow-diag-final-and.

    Raises:
        PipelineError: it is not installed, or fails.

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
"""Aligners by name: what makes the links, and what to call it."""
