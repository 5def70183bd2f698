"""The results of finished runs: one class reads and writes their `result.json`."""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from regattn_fairseq.declared import normalizer_names, normalizer_options
from regattn_fairseq.declared.naming import (
    labelled,
    symbol,
)
from regattn_fairseq.metrics import ALIGNMENT_FIGURES, HEAD_KINDS
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import write_json

RESULT_FORMAT = 1
"""The version of ``result.json``. Raise it when the meaning of a key changes."""
_REQUIRED = ("task", "data", "model", "normalizer", "metrics")
# A text that several exported runs share. Its name holds the first digits of its checksum.
_SHARED = re.compile(r"\.\./\.\./texts/[\w.-]+-([0-9a-f]{12})\.gz")
# Attributes that say where a result is, or that `content` writes under another key.
_NOT_IN_FILE = (
    *("folder", "name", "other", "odd"),
    *("alignment_sentences", "alignment_reference"),
)


class ReportError(PipelineError):
    """A result cannot be read or exported, or there is nothing to report on."""


@dataclass(frozen=True)
class Result:
    """One evaluated model: the content of its `result.json`, and the folder of that file.

    Attributes:
        folder: the folder of the file; the paths in `files` are relative to it.
        name: the folder below the one that was searched, with forward slashes.
        task: such as ``translation`` or ``summarization``.
        data: name of the corpus.
        model: name of the model.
        normalizer: its ``name`` and its options.
        seed: of the training.
        split: which part of the corpus was evaluated.
        metrics: text quality, in points.
        signatures: how each metric was computed.
        confusion: the confusion matrix of a classifier.
        evaluation: figures of the evaluation (``wall_s``, ``sentences``, …).
        lowercase: whether the metrics ignore case.
        versions: versions of the packages that made the result.
        git_revision: of this package's checkout; None in an installed wheel.
        created: the time of the evaluation, in ISO 8601.
        machine: the machine that made it, in a few words.
        key: identifies the options of the evaluation.
        training: figures of the training (``wall_s``, ``target_tokens_per_s``, …); None if the
            training has no such figure.
        measures: the version of the attention's figures, and the key of the alignment.
        attention: what `metrics.attention_statistics` returns.
        alignment: quality of the attention as a word alignment: `metrics.ALIGNMENT_FIGURES`;
            empty without a reference alignment.
        alignment_sentences: how many sentences have a reference alignment.
        alignment_reference: the source of the reference, such as ``gold``; None without one.
        heads: of a transformer, figures of each head: what `metrics.head_statistics` returns, and
            the options that the head has learned.
        files: the names of the run's other files, by kind. A name that ends in ``.gz`` is that of
            a compressed file.
        config: the configuration of the run, and that of the evaluation.
        other: keys of the file that this version does not know.
        odd: options of model and training in which the run differs from most other runs of its
            normalizer. `runs.finding.find_runs` sets them; the file does not hold them.
    """

    folder: Path
    name: str
    task: str
    data: str
    model: str
    normalizer: dict[str, Any]
    seed: int | None
    split: str
    metrics: dict[str, float]
    signatures: dict[str, str]
    confusion: dict[str, Any]
    evaluation: dict[str, float]
    lowercase: bool
    versions: dict[str, str]
    git_revision: str | None
    created: str
    machine: str
    key: str
    training: dict[str, float | None]
    measures: dict[str, Any] = field(default_factory=dict)
    attention: dict[str, float] = field(default_factory=dict)
    alignment: dict[str, float] = field(default_factory=dict)
    alignment_sentences: int | None = None
    alignment_reference: str | None = None
    heads: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict, repr=False)
    other: dict[str, Any] = field(default_factory=dict, repr=False)
    odd: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_content(cls, content: Any, folder: Path, name: str) -> Result:
        """Build the result from a file's content, without numbers that are not finite.

        Args:
            content: the file's content, as plain values.
            folder: the file's folder.
            name: the run's name.

        Raises:
            ReportError: the content is not that of a result, or its format is another version's.
        """
        if not isinstance(content, dict):
            raise ReportError("not a result of a run (no JSON object)")
        if content.get("format", RESULT_FORMAT) != RESULT_FORMAT:
            raise ReportError(
                f"result format {content['format']!r}, but this version reads {RESULT_FORMAT}"
            )
        if missing := [key for key in _REQUIRED if not content.get(key)]:
            raise ReportError(f"not a result of a run (without {', '.join(missing)})")
        normalizer = content["normalizer"]
        if isinstance(normalizer, str):
            normalizer = {"name": normalizer}
        if not isinstance(normalizer, dict) or not isinstance(normalizer.get("name"), str):
            raise ReportError("not a result of a run (its normalizer has no name)")
        metrics = _numbers(content["metrics"])
        if not metrics:
            raise ReportError("not a result of a run (no number among its metrics)")
        seed, revision = content.get("seed"), content.get("git_revision")
        trained, alignment = _numbers(content.get("training")), content.get("alignment")
        compared = _numbers(alignment)
        known = {"format", *(each.name for each in fields(cls))}.difference(_NOT_IN_FILE)
        return cls(
            folder=folder,
            name=name,
            task=str(content["task"]),
            data=str(content["data"]),
            model=str(content["model"]),
            normalizer=normalizer,
            seed=seed if isinstance(seed, int) else None,
            split=str(content.get("split") or "test"),
            metrics=metrics,
            signatures=_strings(content.get("signatures")),
            confusion=_mapping(content.get("confusion")),
            evaluation=_numbers(content.get("evaluation")),
            lowercase=bool(content.get("lowercase", False)),
            versions=_strings(content.get("versions")),
            git_revision=revision if isinstance(revision, str) else None,
            created=str(content.get("created") or ""),
            machine=str(content.get("machine") or ""),
            key=str(content.get("key") or ""),
            training={
                key: value
                for key, value in _mapping(content.get("training")).items()
                if value is None or key in trained
            },
            measures=_mapping(content.get("measures")),
            attention=_numbers(content.get("attention")),
            alignment={key: compared[key] for key in compared if key in ALIGNMENT_FIGURES},
            alignment_sentences=int(compared["sentences"]) if "sentences" in compared else None,
            alignment_reference=_strings(alignment).get("reference"),
            heads=_heads(content.get("heads")),
            files=_strings(content.get("files")),
            config=_mapping(content.get("config")),
            other={key: value for key, value in content.items() if key not in known},
        )

    def content(self) -> dict[str, Any]:
        """The content of `result.json`, as plain values; `from_content` reads it."""
        sections: dict[str, Any] = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name not in _NOT_IN_FILE
        }
        if self.alignment:
            sections["alignment"] = {
                **self.alignment,
                "sentences": self.alignment_sentences,
                "reference": self.alignment_reference,
            }
        for optional in ("confusion", "alignment", "heads"):
            if not sections[optional]:
                del sections[optional]
        return {"format": RESULT_FORMAT, **sections, **self.other}

    def write(self, path: Path) -> None:
        """Write `content` as JSON. A reader never sees an incomplete file."""
        write_json(path, self.content())

    @property
    def block(self) -> tuple[str, str, str, str]:
        """Task, data, model and split. Only runs that share all of them can be compared."""
        return self.task, self.data, self.model, self.split

    @property
    def variant(self) -> dict[str, Any]:
        """The normalizer's name and the options that it takes, and the options in `odd`."""
        return _effective(self.normalizer) | self.odd

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """The options of `variant` in a fixed order: a key to group runs by."""
        return tuple(sorted((k, v) for k, v in self.variant.items() if k != "name"))

    @property
    def label(self) -> str:
        """The normalizer as tables show it, such as ``fusedmax (λ=0.1)``. γ = 1 is not shown."""
        name = str(self.normalizer["name"])
        shown = [
            f"{symbol(name, option)}={value}{' learned' if learned else ''}"
            for option, value, learned in labelled(dict(self.options))
        ]
        return f"{name} ({', '.join(shown)})" if shown else name

    def path(self, kind: str) -> Path:
        """Where the file of this kind is (``sources``, ``hypotheses``, ``attention``, …).

        Raises:
            FileNotFoundError: the run names no such file, or one outside its own folder.
        """
        name = self.files.get(kind)
        if name is None:
            raise FileNotFoundError(f"its result.json names no {kind} file")
        # A result.json from an unknown source must not put other files into a published page.
        outside = PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
        if outside and not _SHARED.fullmatch(name):
            raise FileNotFoundError(
                f"its result.json names a {kind} file outside its folder: {name}"
            )
        return self.folder / name

    def read(self, kind: str) -> bytes:
        """The content of a file of the run, decompressed.

        Raises:
            OSError: it is missing or cannot be read, or it is a shared text with another content
                than its name says.
        """
        path = self.path(kind)
        content = path.read_bytes()
        if path.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (EOFError, zlib.error) as error:
                raise OSError(f"{path.name} is damaged ({error})") from error
        shared = _SHARED.fullmatch(self.files[kind])
        if shared and shared[1] != content_digits(content):
            raise OSError(f"{path.name} has another content than its name says")
        return content

    def lines(self, kind: str) -> list[str]:
        """The lines of a text file of the run.

        Raises:
            OSError: it is missing or cannot be read.
            UnicodeDecodeError: it is not UTF-8.
        """
        text = self.read(kind).decode("utf-8")
        # Not splitlines(): it would also split at characters such as U+2028 within a corpus line.
        return text.removesuffix("\n").split("\n") if text else []


def content_digits(content: bytes) -> str:
    """The digits of a content's checksum that the name of a shared text holds."""
    return hashlib.sha256(content).hexdigest()[:12]


def reason(error: Exception) -> str:
    """The error's reason without a path: a published report must not show paths of this machine."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _mapping(section: Any) -> dict[str, Any]:
    return section if isinstance(section, dict) else {}


def _heads(section: Any) -> dict[str, dict[str, list[list[float]]]]:
    """Of each kind of heads the figures that have a finite number for each head of each layer."""
    return {
        str(kind): {
            str(name): values for name, values in _mapping(figures).items() if _is_table(values)
        }
        for kind, figures in _mapping(section).items()
        if kind in HEAD_KINDS
    }


def _is_table(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(layer, list)
        and layer
        and all(isinstance(value, int | float) and math.isfinite(value) for value in layer)
        for layer in values
    )


def _numbers(section: Any) -> dict[str, float]:
    """The finite numbers of a section. Tables show nothing else."""
    return {
        str(key): value
        for key, value in _mapping(section).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _strings(section: Any) -> dict[str, str]:
    return {str(key): value for key, value in _mapping(section).items() if isinstance(value, str)}


def _effective(normalizer: Mapping[str, Any]) -> dict[str, Any]:
    """The name, the options that are set and that the map takes, and which of them are learned.

    A configuration may also hold λ for softmax. It must not tell two softmax runs apart.
    """
    name = normalizer["name"]
    taken = normalizer_options(name) if name in normalizer_names() else tuple(normalizer)
    learned = (f"learn_{option}" for option in taken if normalizer.get(f"learn_{option}"))
    told = {*taken, *learned} - {"name"}
    return {"name": name} | {
        option: value
        for option, value in normalizer.items()
        if option in told and isinstance(value, str | int | float)
    }
