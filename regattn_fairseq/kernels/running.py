"""Running compiled CPU kernels: loading, threads, forks.

numba is imported, and a kernel compiled or loaded from its cache, when a kernel is first needed.
Kernels release the interpreter lock. Large calls share their rows among torch's own threads, as
many as ``torch.set_num_threads`` allows. A forked process has none of these threads, so its kernels
run on a single one.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from regattn_fairseq.guests.imports import without_collecting
from regattn_fairseq.guests.system import quiet_numba

logger = logging.getLogger("regattn_fairseq.kernels")

_WORTH_SHARING = 60_000  # Nanoseconds; for less work, waking a thread costs more than it saves.
_forked = False
_PLAIN = (Tensor, torch.nn.Parameter)
# A number of the arrays' type: a kernel gets only their addresses, and this tells it the type.
_LIKE = {torch.float32: np.float32(0), torch.float64: np.float64(0)}


@functools.cache
def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def traced(tensor: Tensor) -> bool:
    """Whether operations on a tensor are traced or simulated, so that it may have no memory."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0:
        return True
    of = type(tensor)
    return of not in _PLAIN and of.__torch_dispatch__ is not Tensor.__torch_dispatch__


def works_on(like: Tensor) -> bool:
    """Whether kernels take tensors like this one: float32 or float64, on the CPU, not traced."""
    return like.is_cpu and like.dtype in _LIKE and available() and not traced(like)


def _remember_fork() -> None:
    # A child has none of its parent's threads, and GNU's OpenMP would wait for them forever.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_remember_fork)


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


def _cache_folder() -> Path:
    """Where numba caches the functions that lie beside this file."""
    from .arrays import largest

    return Path(largest._cache.cache_path)


@contextmanager
def _alone() -> Iterator[None]:
    """Let no other process write to numba's cache within the block.

    If two processes write at once, one of them may later load the other's code, for arrays of
    another type, in place of its own. Besides, the process that waits has nothing left to compile.
    """
    lock = FileLock(_cache_folder() / "regattn.lock")
    # If the folder cannot be written, there is no lock, and no cache to protect either.
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _discard_stale(module: ModuleType, kernel: Any) -> None:
    """Delete what numba has cached of a module's kernels if their sources have changed.

    numba checks only the file that a function is in, not the files of the functions that it calls.
    Those are in the same folder, if the module is a package, and in the folder of this file.
    """
    here, home = Path(__file__).parent, Path(str(module.__file__))
    own = Path(kernel._cache.cache_path)
    beside = home.parent.glob("*.py") if home.name == "__init__.py" else [home]
    sources = sorted([*here.glob("*.py"), *beside])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    stamp = own / f"{module.__name__}.sha256"
    if stamp.is_file() and stamp.read_text() == digest:
        return
    for file in sources:
        cache = _cache_folder() if file.parent == here else own
        for index in cache.glob(f"{file.stem}.*.nbi"):
            index.unlink()
    stamp.write_text(digest)


class Kernels:
    """The compiled kernels of one module.

    The arguments of a kernel are a number of its arrays' type, the first row to work on, the row
    after the last, the length of a row, and then the numbers and addresses that only it needs.

    Args:
        module: name of the module, which is imported at the first call.
        costs: by name of the kernel, roughly the nanoseconds that it takes for an entry of a row.
    """

    def __init__(self, module: str, costs: Mapping[str, int]) -> None:
        self._module = module
        self._costs = costs
        self._loaded: dict[tuple[str, torch.dtype], functools.partial[None]] = {}
        self._shared: dict[tuple[str, torch.dtype], Callable[..., None] | None] = {}

    def run(
        self, name: str, dtype: torch.dtype, rows: int, d: int, *arguments: int | float
    ) -> None:
        """Call a kernel for all rows of arrays [rows, d]; share them among threads if that pays."""
        kernel = self._loaded.get((name, dtype))
        if kernel is None:
            kernel = self._load(name, dtype, arguments)
        if rows > 1 and rows * d * self._costs[name] > _WORTH_SHARING and not _forked:
            threads = torch.get_num_threads()
            shared = self._share(name, dtype, arguments) if threads > 1 else None
            if shared is not None:
                shared(rows, d, threads, *arguments)
                return
        kernel(0, rows, d, *arguments)

    def _defined(self, name: str) -> tuple[ModuleType, Any]:
        module = importlib.import_module(self._module)
        return module, getattr(module, name)

    def _load(
        self, name: str, dtype: torch.dtype, arguments: tuple[int | float, ...]
    ) -> functools.partial[None]:
        """Compile a kernel, or load it from the cache, by calling it for zero rows."""
        quiet_numba()
        module, kernel = self._defined(name)
        nothing = (_LIKE[dtype], 0, 0, 1, *arguments)
        with _alone(), _told_of_compilation(f"CPU kernel {name} for {dtype}"):
            if not self._loaded:
                # If the folder cannot be written, nothing is cached there.
                with suppress(OSError):
                    _discard_stale(module, kernel)
            with without_collecting():  # numba imports most of itself at the first call
                kernel(*nothing)
        # Keep the compiled code: numba would look it up at each call, by all arguments' types.
        compiled = kernel.get_overload(tuple(map(kernel.typeof_pyval, nothing)))
        self._loaded[name, dtype] = functools.partial(compiled, _LIKE[dtype])
        return self._loaded[name, dtype]

    def _share(
        self, name: str, dtype: torch.dtype, arguments: tuple[int | float, ...]
    ) -> Callable[..., None] | None:
        """The kernel, to be called by many threads; None if torch's threads cannot be used."""
        if (name, dtype) not in self._shared:
            from .threads import Shared, runtime

            _, kernel = self._defined(name)
            with _alone():
                shared = Shared(kernel, _LIKE[dtype], arguments) if runtime() else None
            self._shared[name, dtype] = shared
        return self._shared[name, dtype]
