"""Running the compiled CPU kernels: loading, threads, forks.

numba is imported, and a kernel compiled or loaded from its cache, when a kernel is first needed.
Large calls are split over rows among threads of our own, which run while a kernel has released
the interpreter lock; neither numba's threading layers nor torch's are involved, so the kernels
work beside both and in forked workers. ``torch.set_num_threads`` bounds them.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
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
_COST = {"sparsemax": 2, "fusedmax": 4, "oscarmax": 8, "oscarmax_published": 30, "pnormmax": 5}
_BACKWARD_COST = 2
_WORTH_SPLITTING = 150_000

_BACKWARD = {
    "sparsemax": "sparsemax_backward",
    "fusedmax": "grouped_backward",
    "oscarmax": "grouped_backward",
    "oscarmax_published": "signed_backward",
    "pnormmax": "pnormmax_backward",
}
# Tells a kernel the type of its arrays, of which it is given the addresses alone.
_LIKE = {torch.float32: np.float32(0), torch.float64: np.float64(0)}
_kernels: dict[tuple[str, torch.dtype], Callable[..., None]] = {}
_pool: ThreadPoolExecutor | None = None


@functools.cache
def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


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


def _load(name: str, dtype: torch.dtype, arguments: tuple[int | float, ...]) -> None:
    """Compile a kernel, or load it from the cache, by a call for no rows."""
    from . import _numba

    kernel = functools.partial(getattr(_numba, name), _LIKE[dtype])
    with _told_of_compilation(f"CPU kernel {name} for {dtype}"):
        kernel(0, 0, 1, *arguments)
    _kernels[name, dtype] = kernel


def _run(name: str, like: Tensor, cost: int, *arguments: int | float) -> None:
    """Call a kernel for all rows of arrays of the type and shape of ``like``.

    The arguments are numbers and the addresses of arrays; the rows are split if that pays.
    """
    global _pool
    key = name, like.dtype
    if key not in _kernels:
        _load(*key, arguments)
    kernel = _kernels[key]
    d, size = like.shape[-1], like.numel()
    rows = size // d
    parts = 1
    if size * cost > _WORTH_SPLITTING:
        parts = min(torch.get_num_threads(), rows, size * cost * 2 // _WORTH_SPLITTING)
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


def forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | float, p: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the map ``name`` of contiguous ``(..., d)`` scores; labels where it has groups."""
    y = torch.empty_like(x)
    labels: Tensor | None = None
    hidden = 0 if mask is None else mask.data_ptr()
    kernel, cost = f"{name}_forward", _COST[name]
    if name == "sparsemax":
        _run(kernel, x, cost, x.data_ptr(), hidden, gamma, y.data_ptr())
    elif name == "pnormmax":
        _run(kernel, x, cost, x.data_ptr(), hidden, gamma, p, y.data_ptr())
    else:
        labels = torch.empty_like(x, dtype=torch.int32)
        number, lams = lam, 0
        if isinstance(lam, Tensor):
            # The name keeps the copy alive while its address is in use.
            rows = lam.detach().to(torch.float64).contiguous()
            number, lams = 0.0, rows.data_ptr()
        _run(
            kernel,
            x,
            cost,
            x.data_ptr(),
            hidden,
            gamma,
            number,
            lams,
            y.data_ptr(),
            labels.data_ptr(),
        )
    return y, labels


def product(
    name: str, v: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    out = torch.empty_like(y)
    if v.dtype is not y.dtype:
        v = v.to(y.dtype)
    v = v.contiguous()
    kernel = _BACKWARD[name]
    given, weights, result = v.data_ptr(), y.data_ptr(), out.data_ptr()
    if name == "pnormmax":
        _run(kernel, y, _BACKWARD_COST, given, weights, gamma, p, result)
    elif labels is None:
        _run(kernel, y, _BACKWARD_COST, given, weights, gamma, result)
    else:
        _run(kernel, y, _BACKWARD_COST, given, weights, labels.data_ptr(), gamma, result)
    return out
