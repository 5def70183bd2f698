"""Shows how far a sweep is while its jobs run, and what became of them at the end."""

import atexit
import os
import signal
import sys
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_json
from regattn_fairseq.sweep.display import last_table, live_view, plain_lines
from regattn_fairseq.sweep.progress import Progress

_SETTLING_S = 15.0  # how long the next job has to begin before the summary is printed
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def shows_live() -> bool:
    """Whether lines can be kept up to date: stderr is a terminal that can move its cursor.

    Not where tracebacks are asked for: those are among what the jobs print.
    """
    return Console(stderr=True).is_interactive and "REGATTN_DEBUG" not in os.environ


class Summary(threading.Thread):
    """Shows on stderr how far a sweep is.

    On a terminal there is a line for each running job. Elsewhere a line is printed whenever a job
    has ended, and every few minutes.

    Args:
        folder: that of the records.
        jobs: the options of each job; ``None`` if they are unknown.
        at_once: as in :class:`Progress`.
        runs_dir: the jobs' names are folders below it.
        live: whether to keep lines on a terminal up to date.
    """

    def __init__(
        self,
        folder: Path,
        jobs: list[tuple[str, ...]] | None,
        at_once: int | None,
        runs_dir: Path,
        live: bool = False,
    ) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.jobs = jobs
        self.at_once = at_once
        self.runs_dir = runs_dir
        self.stop = threading.Event()
        self._live: Live | None = None
        if live:
            # A terminal of its own: a job in this process turns the streams elsewhere.
            terminal = Console(file=os.fdopen(os.dup(2), "w"), highlight=False)
            self._live = Live(
                console=terminal,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            atexit.register(terminal.show_cursor)

    def say(self, text: str) -> None:
        """Print a message. Lines that are kept up to date stay below it."""
        if self._live is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._live.console.print(text, markup=False)

    def run(self) -> None:
        """Do it until :meth:`finish` is called."""
        # The main thread may have blocked them, to keep them from its children. This one gets them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if self._live is None:
            self._print_lines()
            return
        self._live.start()
        while not self.stop.wait(1.0):
            self._live.console.width = os.get_terminal_size(
                self._live.console.file.fileno()
            ).columns
            self._live.update(live_view(self.progress(), self.runs_dir), refresh=True)

    def _print_lines(self) -> None:
        shown, when, changed = -1, 0.0, None
        while not self.stop.wait(1.0):
            progress = self.progress()
            now = time.monotonic()
            if not progress.records or (progress.ended == shown and now - when < 180):
                continue
            changed = changed or now
            # The next job needs a moment to begin.
            if progress.is_settled or now - changed > _SETTLING_S:
                self.say(progress.line())
                shown, when, changed = progress.ended, now, None

    def progress(self) -> Progress:
        """How far the jobs are, as their records say."""
        records = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                records[int(path.stem)] = read_json(path)
            except PipelineError:  # on a network's file system, while the job replaces it
                continue
        return Progress(records, self.jobs, time.time(), self.at_once)

    def running(self) -> set[int]:
        """The numbers of the running jobs."""
        records = self.progress().records
        return {job for job, record in records.items() if record["state"] == "running"}

    def forget_running(self) -> None:
        """Delete the records of running jobs, whose processes were killed."""
        for job in self.running():
            (self.folder / f"{job:05d}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Show no more, and take the lines that are kept up to date away."""
        self.stop.set()
        if self.is_alive():
            self.join()
        if self._live is not None:
            self._live.stop()

    def finish(self) -> int:
        """Print what became of all jobs; return how many failed."""
        self.close()
        progress = self.progress()
        if self._live is not None:
            self._live.console.print(last_table(progress))
        else:
            for line in plain_lines(progress):
                self.say(line)
        self.say(progress.line())
        failed = progress.state("failed")
        for record in failed:
            self.say(f"failed: {record['name']}: {record['reason']}")
        if failed:
            self.say("the same command tries the failed jobs again, and no others")
        return len(failed)
