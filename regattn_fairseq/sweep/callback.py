"""Many runs by one command: what became of each, and a summary while they run.

Hydra's launchers start the jobs, here or on a cluster. Each job writes a small record of its state
into a folder of the sweep below ``runs_dir``; the process that was called reads them. Asked to
stop, it leaves a file there, which each job looks for: that works wherever a job runs.
"""

import atexit
import datetime
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.guests.hydra import around_launch
from regattn_fairseq.interruption import Interrupted, ask_to_stop, exit_status
from regattn_fairseq.runs.errors import OtherRunError, PipelineError
from regattn_fairseq.runs.files import read_json, write_json
from regattn_fairseq.sweep.progress import Progress

FAILURE = "failure.json"
_STOP = "stop"  # in the sweep's folder: the jobs are to save and end
_FRUITLESS_LAUNCHES = 3  # in a row, after which it is of no use to start a sweep's jobs again
_SETTLING_S = 15.0  # after which a job that ended is not waited for to be followed by another
_BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
_BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
_JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Failure:
    """What a job returns that could not do its work; no number, so that a search passes it over.

    Args:
        reason: one line.
    """

    reason: str


@dataclass(frozen=True)
class Stopped:
    """What a job returns that was asked to stop.

    Args:
        message: what is saved; empty if nothing was to be saved.
        signal_number: which signal it was.
    """

    message: str
    signal_number: int


def stopped(interrupt: KeyboardInterrupt) -> Stopped:
    """What a job returns that was interrupted: an exception would end the other jobs, too."""
    return Stopped(str(interrupt), exit_status(interrupt) - 128)


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


class _Job:
    """The job that this process does.

    Args:
        record: the file that says what becomes of it; ``None`` outside of sweeps.
        runs_dir: its name begins below.
        content: the first record.
    """

    def __init__(self, record: Path | None, runs_dir: Path, content: dict[str, Any]) -> None:
        self.folder: Path | None = None
        self._record = record
        self._runs_dir = runs_dir
        self._content = content
        self._ended = threading.Event()
        self.write()
        if record is not None:
            threading.Thread(target=self._heed, args=(record.parent / _STOP,), daemon=True).start()

    def write(self, **changes: Any) -> None:
        """Change the record."""
        self._content |= changes
        if self._record is not None and self._record.parent.is_dir():
            write_json(self._record, self._content)

    def lies_in(self, folder: Path) -> None:
        """Say which folder the run lies in; what became of it the last time is forgotten."""
        self.folder = folder
        with suppress(OSError):  # the stage says so, if it cannot be written to
            (folder / FAILURE).unlink(missing_ok=True)
        below = folder.is_relative_to(self._runs_dir)
        self.write(name=str(folder.relative_to(self._runs_dir) if below else folder))

    def end(self, **changes: Any) -> None:
        """Say what became of it."""
        self._ended.set()
        self.write(**changes, seconds=time.time() - self._content["began"])

    def _heed(self, stop: Path) -> None:
        """Stop once the sweep is to."""
        while not self._ended.wait(0.5):
            if stop.exists() and ask_to_stop():
                return


_job: _Job | None = None


def in_sweep() -> bool:
    """Whether this process does a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def name_job(folder: Path) -> None:
    """Say which folder the run that this process is at lies in, as soon as that is known.

    The sweep calls the job by it, and a failure is recorded there.
    """
    if _job is not None:
        _job.lies_in(folder)


def record_failure(error: Exception, reason: str) -> Failure:
    """Leave ``failure.json`` in the job's folder, for the report, and tell the sweep.

    A folder that holds another run, or cannot be written, is left alone.
    """
    folder = None if _job is None else _job.folder
    if folder is not None and not isinstance(error, OtherRunError):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / FAILURE, {"reason": reason})
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
        self._interrupted: Interrupted | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What the jobs' processes get: no thread."""
        return {**self.__dict__, "_summary": None}

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin the summary; see to it that Ctrl-C reaches the jobs."""
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
        atexit.register(_remove, self.folder, os.getpid())
        launcher = config.hydra.launcher
        self._summary = _Summary(self.folder, _jobs(config), _at_once(launcher))
        self._summary.start()
        if launcher._target_ == _JOBLIB:
            around_launch(_JOBLIB, self._outlive_kills)
        if launcher._target_ != _BASIC:  # there, a job runs in this process, and hears it itself
            self._pass_on_signals(launcher._target_)

    def _pass_on_signals(self, launcher: str) -> None:
        """Have Ctrl-C and SIGTERM stop the jobs of a launcher before they end the sweep."""
        for number in _SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._leave_jobs if launcher == _SLURM else self._stop_jobs)
        around_launch(launcher, self._as_we_raised_it)

    def _as_we_raised_it(self, launch: Callable[[], Any]) -> Any:
        try:
            return launch()
        except KeyboardInterrupt as interrupt:
            # Ray raises one of its own in place of the one that our handler raised.
            raise self._interrupted or interrupt from None

    def _stop_jobs(self, number: int, frame: FrameType | None) -> None:
        """Have the jobs that run save and end; then end the sweep. Asked again, do it at once."""
        assert self._summary is not None
        assert self.folder is not None
        stop = self.folder / _STOP
        running = self._summary.running()
        if stop.exists() or not running:
            self._end("", number)
        stop.touch()
        print(
            f"stopping: {len(running)} running jobs save first; once more to stop at once",
            file=sys.stderr,
            flush=True,
        )
        while running & self._summary.running():
            time.sleep(0.2)
        records = self._summary.progress().records
        saved = sum(bool(records[job].get("saved")) for job in running)
        self._end(f"{saved} of {len(running)} running jobs saved", number)

    def _leave_jobs(self, number: int, frame: FrameType | None) -> None:
        self._end("the jobs that Slurm has go on; scancel ends them", number)

    def _end(self, message: str, number: int) -> NoReturn:
        self._interrupted = Interrupted(message, number)
        raise self._interrupted

    def _outlive_kills(self, launch: Callable[[], Any]) -> Any:
        """Have joblib start again when the system kills a process, as for its memory.

        joblib then ends all jobs. Started again, those that are done are skipped, the others go on
        from their checkpoints.
        """
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        from regattn_fairseq.guests.joblib import quiet_children

        assert self._summary is not None
        fruitless, most_done = 0, 0
        while True:
            try:
                with quiet_children(_SIGNALS):
                    return launch()
            except TerminatedWorkerError:
                self._summary.forget_running()
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

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say that the job runs."""
        global _job
        record = None
        if self.folder is not None:
            # A cluster's worker may stand elsewhere, and folders are named from where the user is.
            os.chdir(config.hydra.runtime.cwd)
            if (self.folder / _STOP).exists():
                raise KeyboardInterrupt
            record = self.folder / f"{config.hydra.job.num:05d}.json"
        name = ", ".join(config.hydra.overrides.task)
        content = {"name": name, "state": "running", "began": time.time()}
        _job = _Job(record, self.runs_dir, content)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Say what became of the job."""
        assert _job is not None
        returned = job_return._return_value
        if isinstance(returned, Failure):
            _job.end(state="failed", reason=returned.reason)
        elif isinstance(returned, Stopped):
            _job.end(state="failed", reason="interrupted", saved=bool(returned.message))
            if config.hydra.launcher._target_ == _BASIC:
                raise Interrupted(returned.message, returned.signal_number)
        elif isinstance(returned, Exception):
            _job.end(state="failed", reason=f"{type(returned).__name__}: {returned}")
        elif isinstance(returned, Score):
            _job.end(state="done", metric=returned.metric, score=returned.value)
        else:
            _job.end(state="done")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Say how it went; end the process with an error if a job failed."""
        if self._summary is not None and self._summary.finish():
            raise SystemExit(1)


def _remove(folder: Path, process: int) -> None:
    """Remove a sweep's records, however it ended; not from a process that was forked off."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


class _Summary(threading.Thread):
    """Prints a line on stderr whenever a job has ended, and every few minutes.

    Args:
        folder: of the records.
        jobs: the options of each; ``None``: unknown.
        at_once: as in :class:`Progress`.
    """

    def __init__(
        self, folder: Path, jobs: list[tuple[str, ...]] | None, at_once: int | None
    ) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.jobs = jobs
        self.at_once = at_once
        self.stop = threading.Event()

    def run(self) -> None:
        # The one thread that is sure to get them where the main one keeps them from its children.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        shown, when, changed = -1, 0.0, None
        while not self.stop.wait(1.0):
            progress = self.progress()
            now = time.monotonic()
            if not progress.records or (progress.ended == shown and now - when < 180):
                continue
            changed = changed or now
            # The next job needs a moment to begin.
            if progress.is_settled or now - changed > _SETTLING_S:
                print(progress.line(), file=sys.stderr, flush=True)
                shown, when, changed = progress.ended, now, None

    def progress(self) -> Progress:
        records = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                records[int(path.stem)] = read_json(path)
            except PipelineError:  # it is being replaced, on a network's file system
                continue
        return Progress(records, self.jobs, time.time(), self.at_once)

    def running(self) -> set[int]:
        """The places of the jobs that run."""
        records = self.progress().records
        return {job for job, record in records.items() if record["state"] == "running"}

    def forget_running(self) -> None:
        """Their processes were killed."""
        for job in self.running():
            (self.folder / f"{job:05d}.json").unlink(missing_ok=True)

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


def _jobs(config: DictConfig) -> list[tuple[str, ...]] | None:
    """The options of the jobs that Hydra's sweeper will start, in their order."""
    sweeper = config.hydra.sweeper
    if sweeper._target_ != _BASIC_SWEEPER:  # it chooses the options as it goes
        trials: int | None = OmegaConf.select(sweeper, "n_trials")
        return None if trials is None else [()] * trials
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
    return [tuple(job) for job in BasicSweeper.split_arguments(overrides, None)[0]]


def _at_once(launcher: DictConfig) -> int | None:
    """How many jobs a launcher runs at the same time; ``None``: as many as a cluster has room."""
    if launcher._target_ == _BASIC:
        return 1
    if launcher._target_ == _JOBLIB:
        import joblib

        return int(joblib.effective_n_jobs(launcher.n_jobs))
    return None
