"""Many runs by one command: what became of each, and a summary while they run.

Hydra's launchers start the jobs, here or on a cluster. Each job writes a small record of its state
into the sweep's folder below ``runs_dir``, and the process that the user called reads the records.
When the user asks it to stop, it leaves a file there, which each job looks for, wherever it runs.
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
from regattn_fairseq.interruption import Interrupted, ask_to_stop, ends_the_work, exit_status
from regattn_fairseq.runs.errors import OtherRunError, PipelineError
from regattn_fairseq.runs.files import write_json
from regattn_fairseq.runs.unfinished import FAILURE
from regattn_fairseq.sweep.output import Output
from regattn_fairseq.sweep.summary import Summary, shows_live

_STOP = "stop"  # a file in the sweep's folder that tells the jobs to save and end
_FRUITLESS_LAUNCHES = 3  # after so many in a row the sweep's jobs are not started again
_BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
_BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
_JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Failure:
    """What a job returns that could not do its work. It is no number, so a search skips it.

    Args:
        reason: one line.
    """

    reason: str


@dataclass(frozen=True)
class Stopped:
    """What a job returns that a signal stopped.

    Args:
        message: what is saved; empty if there was nothing to save.
        signal_number: which signal it was.
    """

    message: str
    signal_number: int


def stopped(interrupt: KeyboardInterrupt) -> Stopped:
    """What an interrupted job returns. An exception would end the other jobs too."""
    return Stopped(str(interrupt), exit_status(interrupt) - 128)


@dataclass(frozen=True)
class Score:
    """What a finished run returns: the figure by which runs are compared.

    Args:
        metric: the figure's name, such as ``bleu``. A higher figure is better.
        value: the figure.
    """

    metric: str
    value: float

    def __float__(self) -> float:
        """The figure alone, for a sweeper that searches."""
        return self.value


class KilledError(PipelineError):
    """The system kills the jobs' processes again and again."""


class _Job:
    """The job that this process does.

    Args:
        record: the file for its state; ``None`` outside of sweeps.
        runs_dir: the job's name is its folder's path below this one.
        content: the first state.
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

    @property
    def in_sweep(self) -> bool:
        """Whether it is a job of a sweep."""
        return self._record is not None

    @property
    def name(self) -> str:
        """Its options, or its folder once that is known."""
        return str(self._content["name"])

    def write(self, **changes: Any) -> None:
        """Change the record."""
        self._content |= changes
        if self._record is not None and self._record.parent.is_dir():
            write_json(self._record, self._content)

    def lies_in(self, folder: Path) -> None:
        """Name the job after the run's folder, and delete the failure of an earlier attempt."""
        self.folder = folder
        with suppress(OSError):  # if the folder cannot be written, the stage says so
            (folder / FAILURE).unlink(missing_ok=True)
        below = folder.is_relative_to(self._runs_dir)
        self.write(name=str(folder.relative_to(self._runs_dir) if below else folder))

    def end(self, **changes: Any) -> None:
        """Record how the job ended."""
        self._ended.set()
        self.write(**changes, seconds=time.time() - self._content["began"])

    def _heed(self, stop: Path) -> None:
        """Stop the job when the sweep's file says so."""
        while not self._ended.wait(0.5):
            if stop.exists() and ask_to_stop():
                return


_job: _Job | None = None
_output: Output | None = None


def in_sweep() -> bool:
    """Whether this process does a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def job_name() -> str:
    """What the sweep calls this process's job; empty outside of sweeps."""
    return "" if _job is None or not _job.in_sweep else _job.name


def name_job(folder: Path) -> None:
    """Tell the sweep the folder of this process's run, as soon as that is known.

    The sweep names the job after it, and records a failure there.
    """
    if _job is not None:
        _job.lies_in(folder)


def record_failure(error: Exception, reason: str) -> Failure:
    """Write ``failure.json`` into the job's folder, for the report, and tell the sweep.

    Nothing is written into a folder that holds another run or cannot be written.
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
    """What Hydra calls before and after a sweep and each of its jobs.

    Args:
        runs_dir: the jobs' records are kept below it while the sweep runs.
    """

    def __init__(self, runs_dir: str) -> None:
        self.runs_dir = Path(runs_dir)
        self.folder: Path | None = None  # set in a sweep, before its jobs get a copy of this object
        # The options of each job, where Hydra's sweeper does not know them.
        self.jobs: list[tuple[str, ...]] | None = None
        # Whether lines on a terminal show how far each job is, in place of what the jobs print.
        self.live = False
        self._summary: Summary | None = None
        self._interrupted: Interrupted | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What the jobs' processes get: all but the thread that prints the summary."""
        return {**self.__dict__, "_summary": None}

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin the summary, and have Ctrl-C reach the jobs."""
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
        jobs = _jobs(config) if self.jobs is None else self.jobs
        self.live = launcher._target_ in (_BASIC, _JOBLIB) and shows_live()
        self._summary = Summary(
            self.folder, jobs, _at_once(launcher), self.runs_dir, live=self.live
        )
        self._summary.start()
        if launcher._target_ == _JOBLIB:
            around_launch(_JOBLIB, self._outlive_kills)
        if _at_once(launcher) != 1:  # a single job runs in this process, which gets the signals
            self._pass_on_signals(launcher._target_)
        if self.live:
            around_launch(launcher._target_, self._end_lines)

    def _pass_on_signals(self, launcher: str) -> None:
        """Have Ctrl-C and SIGTERM stop the jobs of a launcher before they end the sweep."""
        for number in _SIGNALS:
            if ends_the_work(number):
                signal.signal(number, self._leave_jobs if launcher == _SLURM else self._stop_jobs)
        around_launch(launcher, self._as_we_raised_it)

    def _end_lines(self, launch: Callable[[], Any]) -> Any:
        """Take the lines away before an error is printed."""
        assert self._summary is not None
        try:
            return launch()
        except BaseException:
            self._summary.close()
            raise

    def _as_we_raised_it(self, launch: Callable[[], Any]) -> Any:
        try:
            return launch()
        except KeyboardInterrupt as interrupt:
            # Ray raises one of its own in place of the one that our handler raised.
            raise self._interrupted or interrupt from None

    def _stop_jobs(self, number: int, frame: FrameType | None) -> None:
        """Have the running jobs save and end, then end the sweep; at once on a second signal."""
        assert self._summary is not None
        assert self.folder is not None
        stop = self.folder / _STOP
        running = self._summary.running()
        if stop.exists() or not running:
            self._end("", number)
        stop.touch()
        self._summary.say(
            f"stopping: {len(running)} running jobs save first; once more to stop at once"
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
        """Launch the jobs again when the system kills a process, as it does for want of memory.

        joblib then ends all jobs. In the next launch the jobs that are done are skipped, and the
        others go on from their checkpoints.
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
                    raise KilledError(
                        f"{reason}: run fewer at once with hydra.launcher.n_jobs=…; the same "
                        "command goes on from here"
                    ) from None
                self._summary.say(f"{reason}; starting again those that have not ended")

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Record that the job runs."""
        global _job, _output
        record = None
        if self.folder is not None:
            # A cluster's worker may stand elsewhere, and folders are named from where the user is.
            os.chdir(config.hydra.runtime.cwd)
            if (self.folder / _STOP).exists():
                raise KeyboardInterrupt
            record = self.folder / f"{config.hydra.job.num:05d}.json"
            if self.live:
                _output = Output(record.with_suffix(".out"))
        name = ", ".join(config.hydra.overrides.task)
        content = {"name": name, "state": "running", "began": time.time()}
        for end in ("max_epoch", "max_update"):
            content[end] = OmegaConf.select(config, f"training.{end}")
        _job = _Job(record, self.runs_dir, content)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Record how the job ended."""
        global _output
        assert _job is not None
        if _output is not None:
            _output.put_away(_job.folder)
            _output = None
        returned = job_return._return_value
        if isinstance(returned, Failure):
            _job.end(state="failed", reason=returned.reason)
        elif isinstance(returned, Stopped):
            _job.end(state="failed", reason="interrupted", saved=bool(returned.message))
            if _at_once(config.hydra.launcher) == 1:  # in this process
                raise Interrupted(returned.message, returned.signal_number)
        elif isinstance(returned, Exception):
            _job.end(state="failed", reason=f"{type(returned).__name__}: {returned}")
        elif isinstance(returned, Score):
            _job.end(state="done", metric=returned.metric, score=returned.value)
        else:
            _job.end(state="done")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Say how it went; end the process with an error if a job failed."""
        if self.finish():
            raise SystemExit(1)

    def finish(self) -> int:
        """Say how the sweep went; return how many jobs failed."""
        return 0 if self._summary is None else self._summary.finish()


def _remove(folder: Path, process: int) -> None:
    """Remove a sweep's records, however it ended. A forked process leaves them alone."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


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
