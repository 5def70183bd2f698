"""From planned runs to their results: finished runs are found, the others are made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.reproduce.jobs import Stage, make_runs
from regattn_fairseq.reproduce.plan import PlannedRun, compose_run, resolve_run
from regattn_fairseq.runs.errors import PipelineError, one_line
from regattn_fairseq.runs.finding import find_results
from regattn_fairseq.runs.identity import portable, run_differences
from regattn_fairseq.runs.result import Result

logger = logging.getLogger(__name__)

# Options of generation do not count in what a run was trained with, so they are compared apart.
_EVALUATION = ("generation", "evaluation")


@dataclass(frozen=True)
class Outcome:
    """What became of a planned run.

    Attributes:
        planned: the run.
        run: its result; None if there is none.
        reason: why there is none, in one line; empty otherwise.
        trained: whether this call made it.
    """

    planned: PlannedRun
    run: Result | None
    reason: str = ""
    trained: bool = False


def carry_out(planned: Sequence[PlannedRun], cfg: DictConfig, run: Stage) -> list[Outcome]:
    """Find each planned run, or make it. A run that cannot be made is an outcome, too.

    The corpora of the missing runs are preprocessed first, one after the other, since each takes
    all cores. Where a corpus cannot be preprocessed, its runs are not tried. Then ``cfg.jobs`` runs
    are made at once.

    Args:
        planned: the runs.
        cfg: the target's.
        run: see :func:`~regattn_fairseq.reproduce.jobs.make_runs`.

    Returns:
        An outcome for each planned run, in their order.
    """
    runs_dir = Path(cfg.runs_dir)
    finished, _ = find_results([*map(Path, cfg.reuse), runs_dir])
    outcomes = {wanted: _look_up(wanted, finished) for wanted in planned}
    for wanted, outcome in outcomes.items():
        if outcome.run is not None:
            logger.info("%s: reused, %s", wanted, outcome.run.folder)
    missing = [wanted for wanted, outcome in outcomes.items() if outcome.reason == _NOT_THERE]
    if not cfg.train:
        return list(outcomes.values())
    unusable = _prepare_corpora(missing)
    for wanted in missing:
        outcomes[wanted] = Outcome(wanted, None, unusable.get(wanted.data, ""))
    usable = [wanted for wanted in missing if wanted.data not in unusable]
    failures = make_runs(usable, cfg.runs_dir, cfg.jobs, run)
    made, _ = find_results([runs_dir] if usable else [])
    for wanted, failure in failures.items():
        outcome = _look_up(wanted, made)
        outcomes[wanted] = (
            replace(outcome, trained=True)
            if outcome.run
            else Outcome(wanted, None, failure or outcome.reason)
        )
    return list(outcomes.values())


_NOT_THERE = "not trained yet: leave out train=false"


def _look_up(wanted: PlannedRun, finished: Sequence[Result]) -> Outcome:
    try:
        resolved = resolve_run(wanted)
    except PipelineError as error:
        return Outcome(wanted, None, str(error))
    same = (run for run in finished if is_made_so(run, resolved))
    # An exported run and the run that it was made of are one.
    found = max(same, key=lambda run: run.created, default=None)
    return Outcome(wanted, found, "" if found else _NOT_THERE)


def _prepare_corpora(missing: Sequence[PlannedRun]) -> dict[str, str]:
    """Preprocess the corpora of some runs; say of each that cannot be preprocessed why."""
    unusable = {}
    for wanted in {wanted.data: wanted for wanted in missing}.values():
        try:
            preprocess(compose_run(wanted))
        except Exception as error:  # any error concerns this corpus alone
            reason = one_line(error).replace("data.raw_dir", f"raw_dir.{wanted.raw_dir}")
            logger.warning("%s cannot be used: %s", wanted.data, reason)
            unusable[wanted.data] = reason
    return unusable


def is_made_so(run: Result, resolved: dict[str, Any]) -> bool:
    """Whether a finished run was made with exactly these options."""
    try:
        saved = portable(run.config)
    except (KeyError, TypeError):
        return False  # another program or version wrote it
    wanted = portable(resolved)
    if saved["data"].get("name") != wanted["data"]["name"]:
        return False
    same = all(_chosen(saved.get(node)) == _chosen(wanted[node]) for node in _EVALUATION)
    return same and not run_differences(saved, wanted)


def _chosen(options: dict[str, Any] | None) -> dict[str, Any]:
    """The options that are set."""
    return {name: value for name, value in (options or {}).items() if value is not None}
