"""Finds the results under folders, and tells runs of one normalizer apart."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regattn_fairseq.declared import normalizer_names
from regattn_fairseq.declared.loss_options import idle_loss_options
from regattn_fairseq.declared.naming import arguments, declared_options, is_idle
from regattn_fairseq.runs.identity import by_content, switched_on
from regattn_fairseq.runs.result import ReportError, Result, reason
from regattn_fairseq.runs.unfinished import find_unfinished


def read_run(path: Path, root: Path) -> Result:
    """Read one `result.json`.

    Args:
        path: the file.
        root: a folder above it. The path from there to the file's folder is the name of the run.

    Raises:
        ReportError: the file cannot be read, it is no result, or its format is another version's.
    """
    shown = path.relative_to(root).as_posix()
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{shown}: not readable ({reason(error)})") from error
    try:
        return Result.from_content(content, path.parent, path.parent.relative_to(root).as_posix())
    except ReportError as error:
        raise ReportError(f"{shown}: {error}") from error


def _its_own(normalizer: str) -> set[str]:
    """The model's arguments that a run's ``normalizer`` also holds, or that have no effect."""
    options = declared_options()
    told = {"name", *options, *(f"learn_{option}" for option in options)}
    known = normalizer in normalizer_names()
    return {
        argument
        for name, argument in arguments().items()
        if name in told or (known and is_idle(name, normalizer))
    }


def _choices(run: Result) -> dict[str, Any]:
    """The options of model, criterion and training that a run was made with, but those off."""
    criterion = dict(run.config.get("criterion") or {})
    criterion["criterion"] = criterion.pop("_name", None)
    nodes = [by_content(node, run.config.get(node) or {}) for node in ("model", "training")]
    its_own = _its_own(run.normalizer["name"]) | idle_loss_options(run.config.get("model") or {})
    return {
        name: value
        for node in (criterion, *nodes)
        for name, value in switched_on(node).items()
        if name not in its_own and not isinstance(value, dict | list)
    }


def _told_apart(runs: Sequence[Result]) -> list[Result]:
    """Set `odd` if a run differs from most of the runs that would share its row."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    chosen = [(run, _choices(run)) for run in runs]
    for run, choices in chosen:
        groups[_shared_row(run)].append(choices)
    usual = {row: _usual(of_row) for row, of_row in groups.items()}
    return [
        replace(
            run,
            odd={
                name: choices.get(name, False)
                for name, value in usual[_shared_row(run)].items()
                if choices.get(name) != value
            },
        )
        for run, choices in chosen
    ]


def _usual(chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What most runs have of each option that one of them has; None for an option that is off.

    Of values that equally many runs have, that is off, or else the first one.
    """
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for choices in chosen for name in choices):
        values = Counter(choices.get(name) for choices in chosen)
        most = values.most_common(1)[0]
        found[name] = None if values[None] == most[1] else most[0]
    return found


def _shared_row(run: Result) -> tuple[Any, ...]:
    """What runs share that differ in nothing but the seed and what `odd` tells."""
    return (*run.block, run.normalizer["name"], run.options)


def find_results(roots: Sequence[Path]) -> tuple[list[Result], list[str]]:
    """Read the results of every split of every run under some folders, in the order of their paths.

    Returns:
        ``(results, warnings)``; each warning names the file that was left out, and why.
    """
    found: dict[tuple[Path, str], Result] = {}
    warnings: list[str] = []
    for _, run in _read_all(roots, "*result.json", warnings):
        # `result.json` repeats the file of the last split.
        kept = found.setdefault((run.folder, run.split), run)
        if run.created > kept.created:
            found[run.folder, run.split] = run
    return list(found.values()), warnings


def _read_all(
    roots: Sequence[Path], pattern: str, warnings: list[str]
) -> Iterator[tuple[Path, Result]]:
    """Read the results under some folders; a line is added to the warnings for each unreadable."""
    for root in roots:
        for path in sorted(root.rglob(pattern)):
            try:
                run = read_run(path, root)
            except ReportError as error:
                warnings.append(f"{error}; left out")
            else:
                yield path, run


def find_runs(*roots: Path) -> tuple[list[Result], list[str]]:
    """Read every `result.json` under some folders, in the order of their paths.

    If two runs differ only in their time, the later one counts. An exported run and the run that it
    was made of count once.

    Returns:
        ``(runs, warnings)``; each warning names the file that was left out, and why.

    Raises:
        ReportError: no `result.json` under the folders could be read.
    """
    found: dict[Any, Result] = {}
    warnings: list[str] = []
    for path, run in _read_all(roots, "result.json", warnings):
        copies = (*_row(run), run.created, tuple(_choices(run).items()))
        found.setdefault(copies if run.created else path, run)
    runs: dict[tuple[Any, ...], Result] = {}
    for run in _told_apart(list(found.values())):
        earlier = runs.get(_row(run))
        if earlier is None:
            runs[_row(run)] = run
            continue
        kept, dropped = (run, earlier) if run.created >= earlier.created else (earlier, run)
        runs[_row(run)] = kept
        warnings.append(
            f"{dropped.name}: the same run (seed {run.seed}) as {kept.name}, which is later; "
            "left out"
        )
    if not runs:
        unreadable = f" ({len(warnings)} unreadable: {warnings[0]})" if warnings else ""
        unfinished = [line for root in roots for line in find_unfinished(root)]
        if unfinished:
            unreadable += f" ({len(unfinished)} unfinished: {unfinished[0]})"
        raise ReportError(
            f"no result.json under {' and '.join(map(str, roots))}{unreadable}: run `regattn-run` "
            "first, or name the folder that its runs are in"
        )
    return list(runs.values()), warnings


def _row(run: Result) -> tuple[Any, ...]:
    """What two runs share if one table can hold only one of them."""
    return (*run.block, run.normalizer["name"], run.options, run.seed)
