"""Changes in what lies below Python: the OpenMP runtime, the C library, and settings by variables.

This module imports neither torch nor anything else that is heavy, since some of its functions must
be called before torch is imported.
"""

import ctypes
import logging
import os


def shorten_spinning() -> None:
    """Have a thread of GNU's OpenMP that waits for others spin briefly, and then sleep.

    By default it spins for so long that training is ten times slower where another program wants
    the same cores. If it slept at once, training would lose a fifth of its speed. What the user has
    set counts. The runtime reads the variable when torch loads it, so this comes first.
    """
    if os.environ.keys().isdisjoint(("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")):
        os.environ["GOMP_SPINCOUNT"] = "1000"


def keep_freed_memory() -> None:
    """Have glibc keep the memory that a training step frees, for the next step to take.

    By default it hands every large array back to the system, which must then clear its pages again
    at the next step: a third of the time of a step on a CPU. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    trim_threshold, mmap_threshold = -1, -3  # names of glibc's malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**30)


def quiet_numba() -> None:
    """Keep numba's debug messages out of a log that shows debug messages.

    It writes thousands of them, about each line that it compiles. A level that somebody has set for
    numba stays.
    """
    if logging.getLogger("numba").level == logging.NOTSET:
        logging.getLogger("numba").setLevel(logging.INFO)


def quiet_gradio() -> None:
    """Keep Gradio from telling its makers that it runs. It reads the variable when imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
