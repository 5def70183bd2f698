"""Finished runs in few bytes: what tables, figures and significance tests read, to be kept.

An exported run is a run without its model. Its folder has a ``result.json`` like any other, so that
the same code reads both. Texts that runs share, such as the references, are written once:

.. code-block:: text

    <corpus>/texts/test.references-<digits>.gz
    <corpus>/<normalizer>-<digits>/seed1/result.json, test.hypotheses.gz, …
"""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from regattn_fairseq.files import new_file
from regattn_fairseq.metrics import (
    SENTENCE_FIGURES,
    WORD_FIGURES,
    AttentionRecord,
    attention_bytes,
    load_attention,
)
from regattn_fairseq.runs.files import clear_write_errors
from regattn_fairseq.runs.finding import find_results
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import portable, run_label
from regattn_fairseq.runs.result import ReportError, Result, content_digits, reason

logger = logging.getLogger(__name__)

# Heat maps are drawn of sentences of about this many tokens.
_SHOWN_LENGTH = 10
_SHOWN_SENTENCES = 16

_OWN_TEXTS = ("hypotheses",)
_SHARED_TEXTS = re.compile(r"references|ref\d+")  # no table needs a corpus's other side
# Five digits of a sentence's figure are enough for a test of the figure of the corpus.
_DIGITS = "%.5g"


@dataclass(frozen=True)
class Exported:
    """What became of an export.

    Attributes:
        destination: the folder.
        written: the folders of runs that were new there.
        replaced: the folders of runs that were there with another content.
        unchanged: how many runs were there already.
        warnings: what was left out and why.
    """

    destination: Path
    written: list[Path]
    replaced: list[Path]
    unchanged: int
    warnings: list[str]

    def __str__(self) -> str:
        return (
            f"{self.destination}: {len(self.written)} runs are new, {len(self.replaced)} are "
            f"replaced, {self.unchanged} were there"
        )


def export_runs(roots: Sequence[Path], destination: Path) -> Exported:
    """Write every finished run under some folders to a folder that is kept.

    Where the same run is there already, the later evaluation counts. What is there as it should be
    is not written again, and nothing there is deleted.

    Args:
        roots: are searched for results, subfolders included.
        destination: made if it is missing.

    Raises:
        ReportError: there is no result under the roots.
        PipelineError: the destination cannot be written to.
    """
    found, warnings = find_results(roots)
    if not found:
        raise ReportError(
            f"no result.json under {', '.join(map(str, roots))}: run `regattn-run` first, or name "
            "the folder that its runs are in"
        )
    done = Exported(destination, [], [], 0, warnings)
    for run in sorted(found, key=lambda run: run.created):
        try:
            done = _export(run, done)
        except ReportError as error:
            warnings.append(f"{run.name}: {error}; left out")
    for warning in warnings:
        logger.warning("%s", warning)
    return done


def _export(run: Result, done: Exported) -> Exported:
    """Write one run, and count it.

    Raises:
        ReportError: it cannot be exported.
        PipelineError: the destination cannot be written to.
    """
    try:
        label = run_label(portable(run.config))
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError("its result.json has no configuration") from error
    folder = done.destination / _plain(run.data) / label / f"seed{run.seed}"
    there = _there(folder).get(run.split)
    if there is not None and there.created > run.created:
        raise ReportError(f"{folder} is a later evaluation of it")
    try:
        content = _Content.of(run)
    except (OSError, ValueError) as error:
        raise ReportError(reason(error)) from error
    if there is not None and content.is_at(there):
        return replace(done, unchanged=done.unchanged + 1)
    with clear_write_errors(done.destination, "export"):
        content.write(folder)
        size = _size(folder) / 1000
    if there is None:
        logger.info("%s: %.0f KB", folder, size)
        return replace(done, written=[*done.written, folder])
    logger.info("%s: replaces the run of %s there", folder, there.created or "before")
    return replace(done, replaced=[*done.replaced, folder])


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "unnamed"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _there(folder: Path) -> dict[str, Result]:
    """The exported results of a folder, by split."""
    return {run.split: run for run in find_results([folder])[0]}


@dataclass(frozen=True)
class _Content:
    """An exported run in memory: its result, and the content of each file that it names."""

    run: Result
    files: dict[str, bytes]

    @classmethod
    def of(cls, run: Result) -> _Content:
        split = _plain(run.split)
        names, files = {}, {}
        for kind in run.files:
            if _SHARED_TEXTS.fullmatch(kind):
                text = run.read(kind)
                names[kind] = f"../../texts/{split}.{kind}-{content_digits(text)}.gz"
            elif kind in _OWN_TEXTS:
                text = run.read(kind)
                names[kind] = f"{split}.{kind}.gz"
            elif kind == "sentences":
                text = _counts(run)
                names[kind] = f"{split}.{kind}.csv.gz"
            elif kind == "attention":
                text = _attention(run)
                names[kind] = f"{split}.{kind}.npz"
            else:
                continue
            files[kind] = text
        config = portable(run.config)
        return cls(replace(run, files=names, config=config, other={}), files)

    def is_at(self, there: Result) -> bool:
        """Whether a result has this content, whatever program compressed its files."""
        if there.content() != self.run.content():
            return False
        try:
            return all(there.read(kind) == content for kind, content in self.files.items())
        except OSError:
            return False

    def write(self, folder: Path) -> None:
        """Write all files to a folder. ``result.json``, which names the others, comes last."""
        (folder.parent.parent / "texts").mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        for kind, content in self.files.items():
            path = folder / self.run.files[kind]
            if path.suffix == ".gz":
                content = gzip.compress(content, compresslevel=9, mtime=0)
            _write(path, content)
        log = RunFolder(self.run.folder).log
        if log.is_file() and log != RunFolder(folder).log:
            _write(RunFolder(folder).log, log.read_bytes())
        self._write_result(folder)

    def _write_result(self, folder: Path) -> None:
        """``result.json`` is the last evaluation of a run; those of other splits stay beside it."""
        others = _there(folder)
        others.pop(self.run.split, None)
        target = RunFolder(folder)
        last = all(other.created <= self.run.created for other in others.values())
        if last:
            for split, other in others.items():
                other.write(target.result_of(_plain(split)))
        self.run.write(target.result if last else target.result_of(_plain(self.run.split)))


def _write(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        with new_file(path) as file:
            file.write(content)


def _counts(run: Result) -> bytes:
    """The table of the sentences, with no more than what tests of figures are computed from."""
    table = pd.read_csv(BytesIO(run.read("sentences")))
    names = {part for figure in (SENTENCE_FIGURES | WORD_FIGURES).values() for part in figure}
    kept = table[[name for name in table.columns if name in names]]
    return kept.to_csv(index=False, lineterminator="\n", float_format=_DIGITS).encode()


def _attention(run: Result) -> bytes:
    """The attention of a few sentences, the same ones in every run on a corpus.

    The others keep their places, without tokens and weights. Heads are left out: ``result.json``
    has their figures.
    """
    records = load_attention(run.path("attention"))
    shown = sorted(
        (abs(len(record.source_tokens) - _SHOWN_LENGTH), index)
        for index, record in enumerate(records)
        if record.source_tokens
    )[:_SHOWN_SENTENCES]
    kept = {index for _, index in shown}
    nothing = AttentionRecord([], [], np.zeros((0, 0)))
    return attention_bytes(
        replace(record, heads={}) if index in kept else nothing
        for index, record in enumerate(records)
    )
