"""Running the compiled CPU kernels: loading, threads, forks.

numba is imported, and a kernel compiled or loaded from its cache, when a kernel is first needed.
Large calls are split over rows among threads of our own, which run while a kernel has released
the interpreter lock; neither numba's threading layers nor torch's are involved, so the kernels
work beside both and in forked workers. ``torch.set_num_threads`` bounds them.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

logger = logging.getLogger("regattn_fairseq.normalizers")

# Nanoseconds an entry, roughly, forward or backward; below the threshold waking a thread costs
# more than it saves.
_COST = {"sparsemax": 2, "fusedmax": 8, "oscarmax": 15, "oscarmax_published": 15, "pnormmax": 15}
_WORTH_SPLITTING = 150_000

_NO_MASK = np.zeros((0, 0), dtype=np.bool_)
_ready: set[tuple[str, torch.dtype]] = set()
_pool: ThreadPoolExecutor | None = None


@functools.cache
def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _kernel(name: str) -> Callable[..., None]:
    from . import _numba

    kernel: Callable[..., None] = getattr(_numba, name)
    return kernel


@functools.lru_cache(maxsize=64)
def _constant(value: float) -> Any:
    return np.full(1, value)


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


def _run(name: str, dtype: torch.dtype, cost: int, shape: Any, *args: Any) -> None:
    """Call a kernel on (rows, ...) arrays and numbers, split over rows if that pays."""
    global _pool
    kernel = _kernel(name)
    if (name, dtype) not in _ready:
        with _told_of_compilation(f"CPU kernel {name} for {dtype}"):
            kernel(*args)
        _ready.add((name, dtype))
        return
    rows, d = shape
    parts = 1
    if rows * d * cost > _WORTH_SPLITTING:
        parts = min(torch.get_num_threads(), rows, rows * d * cost * 2 // _WORTH_SPLITTING)
    if parts == 1:
        kernel(*args)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max(32, parts), thread_name_prefix="regattn")
    bounds = [rows * i // parts for i in range(parts + 1)]

    def part(i: int) -> None:
        rows_of = slice(bounds[i], bounds[i + 1])
        kernel(*(a[rows_of] if isinstance(a, np.ndarray) and len(a) == rows else a for a in args))

    others = [_pool.submit(part, i) for i in range(1, parts)]
    part(0)
    for other in others:
        other.result()


def forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | float, p: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the map ``name`` of contiguous ``(..., d)`` scores; labels where it has groups."""
    shape = (-1, x.shape[-1])
    y = torch.empty_like(x)
    xs = x.numpy().reshape(shape)
    ys = y.numpy().reshape(shape)
    m = _NO_MASK if mask is None else mask.numpy().reshape(shape)
    kernel, dtype, cost = f"{name}_forward", x.dtype, _COST[name]
    if name == "sparsemax":
        _run(kernel, dtype, cost, xs.shape, xs, m, gamma, ys)
        return y, None
    if name == "pnormmax":
        _run(kernel, dtype, cost, xs.shape, xs, m, gamma, p, ys)
        return y, None
    if isinstance(lam, Tensor):
        lams = lam.detach().to(torch.float64).numpy().reshape(-1)
    else:
        lams = _constant(lam)
    labels = torch.empty(x.shape, dtype=torch.int32)
    _run(kernel, dtype, cost, xs.shape, xs, m, gamma, lams, ys, labels.numpy().reshape(shape))
    return y, labels


_BACKWARD = {
    "sparsemax": "sparsemax_backward",
    "fusedmax": "grouped_backward",
    "oscarmax": "grouped_backward",
    "oscarmax_published": "signed_backward",
    "pnormmax": "pnormmax_backward",
}


def product(
    name: str, v: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    shape = (-1, y.shape[-1])
    out = torch.empty_like(y)
    if v.dtype is not y.dtype:
        v = v.to(y.dtype)
    vs = v.contiguous().numpy().reshape(shape)
    ys = y.numpy().reshape(shape)
    outs = out.numpy().reshape(shape)
    kernel = _BACKWARD[name]
    if name == "pnormmax":
        _run(kernel, y.dtype, 5, ys.shape, vs, ys, gamma, p, outs)
    elif labels is None:
        _run(kernel, y.dtype, 2, ys.shape, vs, ys, gamma, outs)
    else:
        _run(kernel, y.dtype, 5, ys.shape, vs, ys, labels.numpy().reshape(shape), gamma, outs)
    return out
