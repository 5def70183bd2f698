"""Changes in joblib, whose worker processes run the jobs of a sweep."""

import multiprocessing.resource_tracker
import os
import signal
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from joblib.externals.loky.backend import resource_tracker


@contextmanager
def quiet_children(signals: Collection[signal.Signals]) -> Iterator[None]:
    """Start worker processes that do not receive the signals of a terminal.

    A terminal sends Ctrl-C to all processes, and each worker would print a traceback. The block
    blocks these signals, and the workers inherit that, so they never receive them, not even while
    they import modules. joblib's warnings are hidden: about resources that a killed worker left,
    and about a worker that ended since it had nothing to do.

    Args:
        signals: the signals to block. This thread does not receive them within the block either.
    """
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
    given = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (given, "ignore:resource_tracker")))
    # Each of these helper processes unblocks the signals when it starts, so they must start first.
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
