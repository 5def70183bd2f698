"""Many runs by one command: what became of each, and a summary while they run.

Hydra's launchers start the jobs, here or on a cluster. Each job writes a small record of its state
into a folder of the sweep below ``runs_dir``; the process that was called reads them.
"""

import datetime
import os
import shutil
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.pipeline.errors import OtherRunError, PipelineError
from regattn_fairseq.pipeline.files import read_json, write_json

FAILURE = "failure.json"
_JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
_FRUITLESS_LAUNCHES = 3  # in a row, after which it is of no use to start a sweep's jobs again
_BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


@dataclass(frozen=True)
class Failure:
    """What a job returns that could not do its work; no number, so that a search passes it over.

    Args:
        reason: one line.
    """

    reason: str


@dataclass(frozen=True)
class Score:
    """What a finished run returns: the figure to compare runs by.

    Args:
        metric: its name, such as ``bleu``; more is better.
        value: the figure.
    """

    metric: str
    value: float

    def __float__(self) -> float:
        """The figure alone, as a sweeper that searches wants it."""
        return self.value


def record_failure(cfg: DictConfig, error: Exception, reason: str) -> Failure:
    """Leave ``failure.json`` in the job's folder, for the report, and tell the sweep.

    A folder that holds another run, or cannot be written, is left alone.
    """
    output_dir = _output_dir(cfg)
    if output_dir is not None and not isinstance(error, OtherRunError):
        try:
            output_dir.mkdir(parents=True, exist_ok=True)
            write_json(output_dir / FAILURE, {"reason": reason})
        except OSError:
            pass
    return Failure(reason)


class SweepCallback(Callback):
    """Hydra's calls around a sweep and its jobs; single runs pass it by.

    Args:
        runs_dir: below it the jobs' records are kept while the sweep runs.
    """

    def __init__(self, runs_dir: str) -> None:
        self.runs_dir = Path(runs_dir)
        self.folder: Path | None = None  # set in a sweep, and so known to its jobs
        self._summary: _Summary | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What the jobs' processes get: no thread."""
        return {**self.__dict__, "_summary": None}

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin the summary."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            print(
                "error: a sweep under torchrun would be done by each of its processes: give "
                "torchrun one run at a time, without -m",
                file=sys.stderr,
            )
            raise SystemExit(1)
        stamp = datetime.datetime.now().strftime("%Y%m%dT%H%M%S")
        self.folder = (self.runs_dir / ".sweeps" / f"{stamp}-{os.getpid()}").absolute()
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            print(
                f"error: cannot write to {self.runs_dir}: {error.strerror}; choose another folder "
                "with runs_dir=…",
                file=sys.stderr,
            )
            raise SystemExit(1) from error
        self._summary = _Summary(self.folder, _count_jobs(config))
        self._summary.start()
        if config.hydra.launcher._target_ == _JOBLIB:
            self._outlive_killed_processes()

    def _outlive_killed_processes(self) -> None:
        """Have joblib's launcher start again when the system kills a process, as for its memory.

        joblib then ends all jobs. Started again, those that are done are skipped, the others go on
        from their checkpoints.
        """
        from hydra_plugins.hydra_joblib_launcher import joblib_launcher
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        original = joblib_launcher.JoblibLauncher.launch

        def launch(launcher: Any, *jobs: Any, **named_jobs: Any) -> Any:
            fruitless, most_done = 0, 0
            while True:
                try:
                    return original(launcher, *jobs, **named_jobs)
                except TerminatedWorkerError:
                    assert self._summary is not None
                    done = len(self._summary.progress().state("done"))
                    fruitless = 0 if done > most_done else fruitless + 1
                    most_done = max(done, most_done)
                    reason = "the process of a job was killed, perhaps for want of memory"
                    if fruitless == _FRUITLESS_LAUNCHES:
                        self._summary.finish()
                        print(
                            f"error: {reason}: run fewer at once with hydra.launcher.n_jobs=…; "
                            "the same command goes on from here",
                            file=sys.stderr,
                        )
                        raise SystemExit(1) from None
                    print(f"{reason}; starting again those that have not ended", file=sys.stderr)

        joblib_launcher.JoblibLauncher.launch = launch

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say that the job runs; forget what became of it the last time."""
        if self.folder is not None:
            # A cluster's worker may stand elsewhere, and folders are named from where the user is.
            os.chdir(config.hydra.runtime.cwd)
        output_dir = _output_dir(config)
        if output_dir is not None:
            (output_dir / FAILURE).unlink(missing_ok=True)
        self._record(config, {"state": "running"})

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Say what became of the job."""
        returned = job_return._return_value
        record: dict[str, Any] = {"state": "done"}
        if isinstance(returned, Failure):
            record = {"state": "failed", "reason": returned.reason}
        elif isinstance(returned, Exception):
            record = {"state": "failed", "reason": f"{type(returned).__name__}: {returned}"}
        elif isinstance(returned, Score):
            record |= {"metric": returned.metric, "score": returned.value}
        self._record(config, record)

    def _record(self, config: DictConfig, record: dict[str, Any]) -> None:
        if self.folder is None:
            return
        path = self.folder / f"{config.hydra.job.num:05d}.json"
        now = time.time()
        began = read_json(path)["began"] if record["state"] != "running" and path.exists() else now
        output_dir = _output_dir(config)
        if output_dir is None:
            name = ", ".join(config.hydra.overrides.task)
        elif output_dir.is_relative_to(self.runs_dir):
            name = str(output_dir.relative_to(self.runs_dir))
        else:
            name = str(output_dir)
        write_json(path, {"name": name, **record, "began": began, "seconds": now - began})

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Say how it went; end the process with an error if a job failed."""
        if self._summary is None or self.folder is None:
            return
        failed = self._summary.finish()
        shutil.rmtree(self.folder, ignore_errors=True)
        if failed:
            raise SystemExit(1)


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Args:
        records: one for each job that was started, as the jobs wrote them.
        total: jobs in the sweep; ``None``: unknown.
        name: what the line calls it.
    """

    records: list[dict[str, Any]]
    total: int | None
    name: str = "sweep"

    def state(self, name: str) -> list[dict[str, Any]]:
        """The records of the jobs that are ``running``, ``done`` or ``failed``."""
        return [record for record in self.records if record["state"] == name]

    def line(self) -> str:
        """One line for the terminal.

        >>> Progress([{"state": "done", "seconds": 72.0}, {"state": "running"}], 4).line()
        'sweep: 1 of 4 done, 1 running, 0 failed; about 3 min left'
        """
        counts = {name: len(self.state(name)) for name in ("done", "running", "failed")}
        total = "" if self.total is None else f" of {self.total}"
        parts = [
            f"{self.name}: {counts['done']}{total} done, {counts['running']} running, "
            f"{counts['failed']} failed"
        ]
        scored = [record for record in self.state("done") if "score" in record]
        for metric in dict.fromkeys(record["metric"] for record in scored):
            best = max(
                (record for record in scored if record["metric"] == metric),
                key=lambda record: float(record["score"]),
            )
            parts.append(f"best {metric} {best['score']:.2f} ({best['name']})")
        left = self.seconds_left()
        if left is not None:
            parts.append(f"about {max(1, round(left / 60))} min left")
        return "; ".join(parts)

    def seconds_left(self) -> float | None:
        """Expected from the jobs so far; ``None`` before the first has done any work."""
        # Those that were finished by an earlier call say nothing about the others.
        worked = [r["seconds"] for r in self.state("done") if r.get("seconds", 0) > 10]
        ended = len(self.state("done")) + len(self.state("failed"))
        if self.total is None or not worked or ended >= self.total:
            return None
        at_once = max(1, len(self.state("running")))
        # A job that runs now is half done, as far as anyone knows.
        remaining = self.total - ended - at_once / 2
        if remaining <= 0:
            return None
        return statistics.mean(worked) * remaining / at_once


class _Summary(threading.Thread):
    """Prints a line on stderr whenever a job has ended, and every few minutes."""

    def __init__(self, folder: Path, total: int | None) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.total = total
        self.stop = threading.Event()

    def run(self) -> None:
        shown, when = "", 0.0
        while not self.stop.wait(1.0):
            progress = self.progress()
            ended = f"{len(progress.state('done'))} {len(progress.state('failed'))}"
            now = time.monotonic()
            if progress.records and (ended != shown or now - when > 180):
                print(progress.line(), file=sys.stderr, flush=True)
                shown, when = ended, now

    def progress(self) -> Progress:
        records = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                records.append(read_json(path))
            except PipelineError:  # it is being replaced, on a network's file system
                continue
        return Progress(records, self.total)

    def finish(self) -> int:
        """Print what became of all jobs; return how many failed."""
        self.stop.set()
        self.join()
        progress = self.progress()
        print(progress.line(), file=sys.stderr)
        failed = progress.state("failed")
        for record in failed:
            print(f"failed: {record['name']}: {record['reason']}", file=sys.stderr)
        if failed:
            print("the same command tries the failed jobs again, and no others", file=sys.stderr)
        return len(failed)


def _count_jobs(config: DictConfig) -> int | None:
    """How many jobs Hydra's sweeper will start."""
    sweeper = config.hydra.sweeper
    if sweeper._target_ != _BASIC:
        trials: int | None = OmegaConf.select(sweeper, "n_trials")
        return trials
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
    return len(BasicSweeper.split_arguments(overrides, None)[0])


def _output_dir(cfg: DictConfig) -> Path | None:
    try:
        found = OmegaConf.select(cfg, "output_dir")
    except Exception:  # an option that it is made of is missing or wrong: the stage says so
        return None
    return None if found is None else Path(found)
