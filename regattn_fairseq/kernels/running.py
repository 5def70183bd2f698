"""Running compiled CPU kernels: loading, threads, forks.

numba is imported, and a kernel compiled or loaded from its cache, when a kernel is first needed.
Large calls are split over rows among threads of our own, which run while a kernel has released
the interpreter lock; neither numba's threading layers nor torch's are involved, so the kernels
work beside both and in forked workers. ``torch.set_num_threads`` bounds them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

logger = logging.getLogger("regattn_fairseq.kernels")

_WORTH_SPLITTING = 150_000  # Nanoseconds; below, waking a thread costs more than it saves.
# Tells a kernel the type of its arrays, of which it is given the addresses alone.
_LIKE = {torch.float32: np.float32(0), torch.float64: np.float64(0)}
_pool: ThreadPoolExecutor | None = None


@functools.cache
def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def works_on(like: Tensor) -> bool:
    """Whether kernels take tensors like this one: float32 or float64, on the CPU, not traced."""
    return like.is_cpu and like.dtype in _LIKE and available() and not torch.compiler.is_compiling()


def _forget_pool() -> None:
    # A child has none of its parent's threads.
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_forget_pool)


@contextmanager
def _told_of_compilation(what: str) -> Iterator[None]:
    """Log it if a kernel is compiled in the block; loading it from the cache is quick."""
    from numba.core import event

    class Listener(event.Listener):
        told = False

        def on_start(self, _: Any) -> None:
            if not self.told:
                logger.info("compiling %s: some seconds once, then it is cached", what)
                self.told = True

        def on_end(self, _: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield


class Kernels:
    """The compiled kernels of one module.

    A kernel takes a number of its arrays' type, the first row to work on and the row after the
    last, the length of a row, and then the numbers and addresses that are its own.

    Args:
        module: name of the module, which is imported for the first call.
        costs: nanoseconds that an entry of a row takes, roughly, by name of the kernel.
    """

    def __init__(self, module: str, costs: Mapping[str, int]) -> None:
        self._module = module
        self._costs = costs
        self._loaded: dict[tuple[str, torch.dtype], Callable[..., None]] = {}

    def run(
        self, name: str, dtype: torch.dtype, rows: int, d: int, *arguments: int | float
    ) -> None:
        """Call a kernel for all rows of arrays [rows, d] of a type; split them if that pays."""
        global _pool
        kernel = self._loaded.get((name, dtype))
        if kernel is None:
            kernel = self._load(name, dtype, arguments)
        cost = rows * d * self._costs[name]
        parts = 1
        if cost > _WORTH_SPLITTING:
            parts = min(torch.get_num_threads(), rows, cost * 2 // _WORTH_SPLITTING)
        if parts == 1:
            kernel(0, rows, d, *arguments)
            return
        if _pool is None:
            _pool = ThreadPoolExecutor(max(32, parts), thread_name_prefix="regattn")
        bounds = [rows * i // parts for i in range(parts + 1)]
        others = [
            _pool.submit(kernel, start, stop, d, *arguments)
            for start, stop in itertools.pairwise(bounds[1:])
        ]
        kernel(0, bounds[1], d, *arguments)
        for other in others:
            other.result()

    def _load(
        self, name: str, dtype: torch.dtype, arguments: tuple[int | float, ...]
    ) -> Callable[..., None]:
        """Compile a kernel, or load it from the cache, by a call for no rows."""
        # Where debug messages are shown, numba has thousands, about each line that it compiles.
        if logging.getLogger("numba").level == logging.NOTSET:
            logging.getLogger("numba").setLevel(logging.INFO)
        module = importlib.import_module(self._module)
        kernel = functools.partial(getattr(module, name), _LIKE[dtype])
        with _told_of_compilation(f"CPU kernel {name} for {dtype}"):
            kernel(0, 0, 1, *arguments)
        self._loaded[name, dtype] = kernel
        return kernel
