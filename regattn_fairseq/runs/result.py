"""Finished runs, read from their `result.json` files."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from regattn_fairseq.metrics import ALIGNMENT_FIGURES
from regattn_fairseq.normalizers import normalizer_names, normalizer_options
from regattn_fairseq.normalizers.naming import (
    arguments,
    declared_options,
    is_idle,
    labelled,
    symbol,
)
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.unfinished import find_unfinished

_FORMAT = 1
_REQUIRED = ("task", "data", "model", "normalizer", "metrics")


class ReportError(PipelineError):
    """There is nothing to report on."""


@dataclass(frozen=True)
class Result:
    """One evaluated model: the content of one `result.json`.

    Attributes:
        folder: the folder of the file; the paths in `files` are relative to it.
        name: the folder below the one that was searched, with forward slashes.
        task: such as ``translation`` or ``summarization``.
        data: name of the corpus.
        model: name of the model.
        split: which part of the corpus was evaluated.
        normalizer: its ``name`` and those options that are set; with them the options of model and
            training in which the run differs from most others of that normalizer.
        seed: of the training.
        metrics: text quality, in points.
        attention: what `metrics.attention_statistics` returns.
        alignment: attention as a word alignment: `metrics.ALIGNMENT_FIGURES`; empty where it was
            not compared with any.
        alignment_reference: what it was compared with, such as ``gold``; None for nothing.
        training: figures of the training (``wall_s``, ``target_tokens_per_s``, …).
        evaluation: figures of the evaluation, likewise.
        signatures: how each metric was computed.
        lowercase: whether the metrics disregard case.
        files: names of the run's other files by what they hold.
        raw: the whole content of the file.
    """

    folder: Path
    name: str
    task: str
    data: str
    model: str
    split: str
    normalizer: dict[str, Any]
    seed: int | None
    metrics: dict[str, float]
    attention: dict[str, float]
    alignment: dict[str, float]
    alignment_reference: str | None
    training: dict[str, float]
    evaluation: dict[str, float]
    signatures: dict[str, str]
    lowercase: bool
    files: dict[str, str]
    raw: dict[str, Any] = field(repr=False)

    @property
    def block(self) -> tuple[str, str, str, str]:
        """What runs must share to be compared: task, data, model and split."""
        return self.task, self.data, self.model, self.split

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """The normalizer's options in a fixed order, as a key to group runs by."""
        return tuple(sorted((k, v) for k, v in self.normalizer.items() if k != "name"))

    @property
    def label(self) -> str:
        """The normalizer as tables show it, such as ``fusedmax (λ=0.1)``; γ = 1 is left out."""
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
        # A result.json that came from elsewhere must not pull other files into a published page.
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise FileNotFoundError(
                f"its result.json names a {kind} file outside its folder: {name}"
            )
        return self.folder / name

    def lines(self, kind: str) -> list[str]:
        """The lines of a text file of the run.

        Raises:
            OSError: it is missing or cannot be read.
            UnicodeDecodeError: it is not UTF-8.
        """
        text = self.path(kind).read_bytes().decode("utf-8")
        # Not splitlines(): a corpus line may hold U+2028 and the like, which end no line here.
        return text.removesuffix("\n").split("\n") if text else []


def reason(error: Exception) -> str:
    """What went wrong, without the path: a report may be published, this machine's paths not."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _numbers(section: Any) -> dict[str, float]:
    """The finite numbers of a section; whatever else stands in it is not for tables."""
    if not isinstance(section, Mapping):
        return {}
    return {
        str(key): float(value)
        for key, value in section.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _strings(section: Any) -> dict[str, str]:
    if not isinstance(section, Mapping):
        return {}
    return {str(key): value for key, value in section.items() if isinstance(value, str)}


def _effective(normalizer: Mapping[str, Any]) -> dict[str, Any]:
    """Name, those options that are set and that a map of this name takes, and which are learned.

    A configuration may carry λ for softmax too; it must not tell two softmax runs apart.
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


def read_run(path: Path, root: Path) -> Result:
    """Read one `result.json`. Keys that are not known here are ignored.

    Args:
        path: the file.
        root: a folder that it is under; the run is named by its place there.

    Raises:
        ReportError: the file cannot be read, is not such a file, or is of a later format.
    """
    shown = path.relative_to(root).as_posix()
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{shown}: not readable ({reason(error)})") from error
    if not isinstance(content, dict):
        raise ReportError(f"{shown}: not a result of a run (no JSON object)")
    if content.get("format", _FORMAT) != _FORMAT:
        raise ReportError(
            f"{shown}: result format {content['format']!r}, but this version reads {_FORMAT}"
        )
    if missing := [key for key in _REQUIRED if not content.get(key)]:
        raise ReportError(f"{shown}: not a result of a run (without {', '.join(missing)})")
    normalizer = content["normalizer"]
    if isinstance(normalizer, str):
        normalizer = {"name": normalizer}
    if not isinstance(normalizer, dict) or not isinstance(normalizer.get("name"), str):
        raise ReportError(f"{shown}: not a result of a run (its normalizer has no name)")
    metrics = _numbers(content["metrics"])
    if not metrics:
        raise ReportError(f"{shown}: not a result of a run (no number among its metrics)")
    seed, alignment = content.get("seed"), content.get("alignment")
    return Result(
        folder=path.parent,
        name=path.parent.relative_to(root).as_posix(),
        task=str(content["task"]),
        data=str(content["data"]),
        model=str(content["model"]),
        split=str(content.get("split") or "test"),
        normalizer=_effective(normalizer),
        seed=seed if isinstance(seed, int) else None,
        metrics=metrics,
        attention=_numbers(content.get("attention")),
        alignment={
            name: value for name, value in _numbers(alignment).items() if name in ALIGNMENT_FIGURES
        },
        alignment_reference=_strings(alignment).get("reference"),
        training=_numbers(content.get("training")),
        evaluation=_numbers(content.get("evaluation")),
        signatures=_strings(content.get("signatures")),
        lowercase=bool(content.get("lowercase", False)),
        files=_strings(content.get("files")),
        raw=content,
    )


def _its_own(normalizer: str) -> set[str]:
    """The model's arguments that a run's ``normalizer`` tells of anyway, or that have no effect."""
    options = declared_options()
    told = {"name", *options, *(f"learn_{option}" for option in options)}
    known = normalizer in normalizer_names()
    return {
        argument
        for name, argument in arguments().items()
        if name in told or (known and is_idle(name, normalizer))
    }


def _choices(run: Result) -> dict[str, Any]:
    """The options of model and training that a run was made with."""
    config = run.raw.get("config")
    nodes = [config.get(node) for node in ("model", "training")] if isinstance(config, dict) else []
    its_own = _its_own(run.normalizer["name"])
    return {
        name: value
        for node in nodes
        if isinstance(node, dict)
        for name, value in node.items()
        if name not in its_own and not isinstance(value, dict | list)
    }


def _told_apart(runs: Sequence[Result]) -> list[Result]:
    """Add to a run's options those in which it differs from most that would share its row."""
    usual: dict[tuple[Any, ...], Counter[Any]] = defaultdict(Counter)

    def counter(run: Result, choice: str) -> Counter[Any]:
        return usual[*run.block, run.normalizer["name"], run.options, choice]

    for run in runs:
        for name, value in _choices(run).items():
            counter(run, name)[value] += 1
    told = []
    for run in runs:
        odd = {
            name: value
            for name, value in _choices(run).items()
            if value != counter(run, name).most_common(1)[0][0]
        }
        told.append(replace(run, normalizer={**run.normalizer, **odd}))
    return told


def find_runs(root: Path) -> tuple[list[Result], list[str]]:
    """Read every `result.json` under a folder, in the order of their paths.

    Of two runs that differ in nothing but when they were made, the later one counts.

    Returns:
        ``(runs, warnings)``; each warning names the file that was left out, and why.

    Raises:
        ReportError: no `result.json` under root could be read.
    """
    found: list[Result] = []
    warnings: list[str] = []
    for path in sorted(root.rglob("result.json")):
        try:
            found.append(read_run(path, root))
        except ReportError as error:
            warnings.append(f"{error}; left out")
    runs: dict[tuple[Any, ...], Result] = {}
    for run in _told_apart(found):
        key = (*run.block, run.normalizer["name"], run.options, run.seed)
        earlier = runs.get(key)
        if earlier is None:
            runs[key] = run
            continue
        kept, dropped = (
            (run, earlier)
            if str(run.raw.get("created", "")) >= str(earlier.raw.get("created", ""))
            else (earlier, run)
        )
        runs[key] = kept
        warnings.append(
            f"{dropped.name}: the same run (seed {run.seed}) as {kept.name}, which is later; "
            "left out"
        )
    if not runs:
        unreadable = f" ({len(warnings)} unreadable: {warnings[0]})" if warnings else ""
        unfinished = find_unfinished(root)
        if unfinished:
            unreadable += f" ({len(unfinished)} unfinished: {unfinished[0]})"
        raise ReportError(
            f"no result.json under {root}{unreadable}: run `regattn-run` first, or name the "
            "folder that its runs are in"
        )
    return list(runs.values()), warnings
