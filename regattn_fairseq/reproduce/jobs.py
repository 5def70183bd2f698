"""Several runs at once, by the engine of ``regattn-run -m``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from regattn_fairseq.reproduce.plan import PlannedRun, own_hydra
from regattn_fairseq.runs.errors import one_line
from regattn_fairseq.sweep import Failure, KilledError, Stopped
from regattn_fairseq.sweep.callback import SweepCallback

logger = logging.getLogger(__name__)

Stage = Callable[[DictConfig], Any]


def make_runs(
    wanted: Sequence[PlannedRun], runs_dir: str, jobs: int, run: Stage
) -> dict[PlannedRun, str]:
    """Make each planned run, ``jobs`` of them at once. They share the cores.

    One run at a time is made in this process, more in processes of their own. On Ctrl-C or SIGTERM
    the runs save a checkpoint first.

    Args:
        wanted: the runs.
        runs_dir: where they go.
        jobs: at least 1.
        run: what ``regattn-run`` does with a configuration. It returns a
            :class:`~regattn_fairseq.sweep.Failure` where it cannot do it.

    Returns:
        For each run why it failed, in one line; empty where it did not.

    Raises:
        KeyboardInterrupt: somebody asked the runs to stop, and they have stopped.
    """
    if not wanted:
        return {}
    at_once = min(jobs, len(wanted))
    logger.info("%d runs to make, %d at once", len(wanted), at_once)
    try:
        ended = _sweep([[*each.options, *each.folders] for each in wanted], runs_dir, at_once, run)
    except KilledError:
        reason = "a process was killed, perhaps for want of memory: try a smaller jobs=…"
        return dict.fromkeys(wanted, reason)
    return {each: _failure(job) for each, job in zip(wanted, ended, strict=True)}


def _sweep(
    jobs: Sequence[list[str]], runs_dir: str, at_once: int, run: Stage
) -> Sequence[JobReturn]:
    """What Hydra does for ``-m``, but with a list of jobs in the place of a product of options."""
    # Of these options a job takes over those that are Hydra's own, and engine=joblib is not.
    engine = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={at_once}"]
    engine += ["hydra.launcher.batch_size=1"]
    if at_once == 1:
        engine = ["hydra/launcher=basic"]
    with own_hydra():
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        cfg = hydra.compose_config(
            "run",
            [*engine, f"runs_dir={runs_dir}", "hydra.mode=MULTIRUN"],
            run_mode=RunMode.MULTIRUN,
        )
        callbacks = Callbacks(cfg)
        (sweep,) = (each for each in callbacks.callbacks if isinstance(each, SweepCallback))
        sweep.jobs = [tuple(job) for job in jobs]
        callbacks.on_multirun_start(config=cfg, config_name="run")
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(hydra.config_loader, callbacks),
            task_function=run,
            config=cfg,
        )
        ended = launcher.launch(jobs, initial_job_idx=0)
        sweep.finish()
    return ended


def _failure(job: JobReturn) -> str:
    """Why a job failed; empty if it did not."""
    returned = job._return_value
    if isinstance(returned, Failure):
        return returned.reason
    if isinstance(returned, Stopped):
        return "interrupted"
    return one_line(returned) if isinstance(returned, Exception) else ""
