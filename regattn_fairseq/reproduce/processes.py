"""Several runs at once, each in a process of its own."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from regattn_fairseq.reproduce.plan import PlannedRun
from regattn_fairseq.runs.errors import one_line
from regattn_fairseq.sweep.progress import Progress

logger = logging.getLogger(__name__)

_RUN = (sys.executable, "-c", "from regattn_fairseq.cli import run; run()")
_SECONDS_BETWEEN_REPORTS = 180
# What a run says once it is asked to stop; where that meets an import, there is a traceback, too.
_LAST_WORDS = ("stopping", "interrupted")


def make_runs(wanted: Sequence[PlannedRun], runs_dir: Path, jobs: int) -> dict[PlannedRun, str]:
    """Run all stages of each planned run, ``jobs`` of them at once, which share the cores.

    Asked to stop, by Ctrl-C or SIGTERM, it asks the runs to stop, which save a checkpoint, and
    waits for them. Asked again, it asks them again, and they stop at once.

    Returns:
        For each run why it failed, in one line; empty where it did not.

    Raises:
        KeyboardInterrupt: it was asked to stop; no process is left.
    """
    if not wanted:
        return {}
    at_once = min(jobs, len(wanted))
    threads = max(1, len(os.sched_getaffinity(0)) // at_once)
    logger.info("%d runs to make, %d at once, threads of each: %d", len(wanted), at_once, threads)
    processes = _Processes(runs_dir, threads)
    with ThreadPoolExecutor(at_once) as pool:
        futures = {each: pool.submit(processes.make, each) for each in wanted}
        try:
            _watch(futures, processes, at_once)
        except KeyboardInterrupt:
            processes.stop(futures.values())
            raise
    return {each: future.result() for each, future in futures.items()}


def _watch(futures: Mapping[PlannedRun, Future[str]], processes: _Processes, at_once: int) -> None:
    """Wait for all; say how far they are whenever one has ended, and now and then."""
    places = {each: place for place, each in enumerate(futures)}
    pending = set(futures.values())
    while pending:
        _, pending = wait(pending, _SECONDS_BETWEEN_REPORTS, return_when=FIRST_COMPLETED)
        time.sleep(1)  # the next one begins
        records = {places[each]: record for each, record in [*processes.records.items()]}
        options = [each.options for each in futures]
        logger.info(Progress(records, options, time.time(), at_once, "runs").line())


class _Processes:
    """The processes of runs, which can be asked to stop.

    Args:
        runs_dir: where the runs go.
        threads: of each process, unless the environment says otherwise.

    Attributes:
        records: of each run that was started, as :class:`Progress` reads them.
    """

    def __init__(self, runs_dir: Path, threads: int) -> None:
        self.records: dict[PlannedRun, dict[str, Any]] = {}
        self._runs_dir = runs_dir
        self._environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = False
        self._lock = threading.Lock()

    def make(self, wanted: PlannedRun) -> str:
        """Make one run; why it failed, or an empty line."""
        began = time.time()
        self.records[wanted] = {"name": str(wanted), "state": "running", "began": began}
        try:
            failure = self._make(wanted)
        except OSError as error:
            failure = one_line(error)
        if failure and not self._stopping:
            logger.warning("%s: failed: %s", wanted, failure)
        self.records[wanted] = {
            "name": str(wanted),
            "state": "failed" if failure else "done",
            "began": began,
            "seconds": time.time() - began,
        }
        return failure

    def _make(self, wanted: PlannedRun) -> str:
        folder = wanted.output_dir(self._runs_dir)
        options = [*wanted.options, *wanted.folders, f"output_dir={folder}"]
        with self._lock:
            if self._stopping:
                return "interrupted"
            process = subprocess.Popen(
                [*_RUN, *options],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                # Ctrl-C in a terminal would reach it, and what we send after that come as a second.
                process_group=0,
            )
            self._running.add(process)
        logger.info("%s: regattn-run %s", wanted, shlex.join(options))
        said: list[str] = []
        with process:
            assert process.stderr is not None
            for line in filter(None, map(str.strip, process.stderr)):
                said.append(line)
                if not self._stopping or line.startswith(_LAST_WORDS):
                    logger.info("%s: %s", wanted, line)
        with self._lock:
            self._running.remove(process)
        return _failure(process.returncode, said)

    def stop(self, futures: Collection[Future[str]]) -> None:
        """Ask all processes to stop, and again whenever we are asked to; wait for them."""
        with self._lock:
            self._stopping = True
        ended = False
        while not ended:
            try:
                for process in [*self._running]:
                    process.send_signal(signal.SIGINT)
                ended = not wait(futures).not_done
            except KeyboardInterrupt:
                continue


def _failure(returncode: int, said: Sequence[str]) -> str:
    """Why a process failed, from what it left; empty if it did not."""
    if returncode == 0:
        return ""
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return f"its process was ended by {name}, perhaps for want of memory: try a smaller jobs=…"
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    return (errors or [*said] or ["it ended without a word"])[-1]
