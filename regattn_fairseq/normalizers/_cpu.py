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

# Nanoseconds an entry, roughly; below the threshold waking a thread costs more than it saves.
_COST = {
    "sparsemax_forward": 4,
    "fusedmax_forward": 8,
    "oscarmax_forward": 15,
    "oscarmax_published_forward": 30,
    "pnormmax_forward": 9,
    "sparsemax_backward": 1,
    "grouped_backward": 2,
    "signed_backward": 5,
    "pnormmax_backward": 3,
}
_WORTH_SPLITTING = 150_000

_BACKWARD = {
    "sparsemax": "sparsemax_backward",
    "fusedmax": "grouped_backward",
    "oscarmax": "grouped_backward",
    "oscarmax_published": "signed_backward",
    "pnormmax": "pnormmax_backward",
}
GROUPED = ("fusedmax", "oscarmax", "oscarmax_published")
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


def _run(name: str, like: Tensor, *arguments: int | float) -> None:
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
    cost = size * _COST[name]
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


def forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | float, p: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the map ``name`` of contiguous ``(..., d)`` scores; labels where it has groups."""
    if x._is_zerotensor():
        # What autograd makes of zeros that it knows of has no memory.
        x = torch.zeros(x.shape, dtype=x.dtype)
    y = torch.empty_like(x)
    labels = torch.empty_like(x, dtype=torch.int32) if name in GROUPED else None
    lams = None
    if isinstance(lam, Tensor):
        lams, lam = lam.detach().to(torch.float64).contiguous(), 0.0
    _run(
        f"{name}_forward",
        x,
        x.data_ptr(),
        0 if mask is None else mask.data_ptr(),
        gamma,
        lam,
        0 if lams is None else lams.data_ptr(),
        p,
        y.data_ptr(),
        0 if labels is None else labels.data_ptr(),
    )
    return y, labels


def product(
    name: str, v: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    if v._is_zerotensor():
        return y * 0.0
    out = torch.empty_like(y)
    if v.dtype is not y.dtype:
        v = v.to(y.dtype)
    v = v.contiguous()
    _run(
        _BACKWARD[name],
        y,
        v.data_ptr(),
        y.data_ptr(),
        0 if labels is None else labels.data_ptr(),
        gamma,
        p,
        out.data_ptr(),
    )
    return out
