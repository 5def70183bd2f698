"""Changes in system libraries (OpenMP, the C library), and settings by environment variables.

This module imports no heavy library: some of its functions must be called before torch is imported.
"""

import ctypes
import logging
import os


def shorten_spinning() -> None:
    """Have a waiting thread of GNU's OpenMP spin briefly, and then sleep.

    By default it spins so long that training is ten times slower if another program needs the same
    cores. If it slept at once, training would lose a fifth of its speed. A value that the user has
    set is kept. Call this before torch is imported: the runtime reads the variable when torch loads
    it.
    """
    if os.environ.keys().isdisjoint(("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")):
        os.environ["GOMP_SPINCOUNT"] = "1000"


def keep_freed_memory() -> None:
    """Have glibc keep the memory that a training step frees, so that the next step can use it.

    By default glibc returns every large array to the system, which must clear the pages again at
    the next step. This takes a third of the time of a step on a CPU. Other C libraries are not
    changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    trim_threshold, mmap_threshold = -1, -3  # constants of glibc's malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**30)


def quiet_numba() -> None:
    """Hide numba's debug messages in a log that shows debug messages.

    numba writes thousands of them, about each line that it compiles. A level that is already set
    for numba is kept.
    """
    if logging.getLogger("numba").level == logging.NOTSET:
        logging.getLogger("numba").setLevel(logging.INFO)


def quiet_gradio() -> None:
    """Turn off Gradio's telemetry. Gradio reads the variable when it is imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
