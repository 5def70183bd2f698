"""Changes in joblib, which keeps worker processes for a sweep."""

import multiprocessing.resource_tracker
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from joblib.externals.loky.backend import resource_tracker


@contextmanager
def quiet_children(signals: Collection[signal.Signals]) -> Iterator[None]:
    """Start worker processes that do not get the signals of a terminal.

    A terminal sends Ctrl-C to all processes, and each worker would print a traceback. The workers
    inherit which signals are blocked, so they never get these, not even while they import. joblib's
    warning about what a killed worker left behind is not shown.

    Args:
        signals: that the workers do not get. This thread does not get them within the block either.
    """
    given = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (given, "ignore:resource_tracker")))
    # Each of these unblocks the signals when it starts, so it starts first.
    multiprocessing.resource_tracker.ensure_running()
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        if given is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = given
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
