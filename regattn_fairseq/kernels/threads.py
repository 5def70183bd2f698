"""Share a kernel's rows among the threads of the OpenMP runtime that torch has loaded.

Threads of another pool would compete with torch's for the processor: after each of torch's own
operations, torch's threads keep spinning for a while, ready for the next operation, which may well
be one of our kernels.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# A job consists of 64-bit words: the chunk to take next, the number of rows, the number of rows in
# a chunk, and the kernel's address. Then come the kernel's arguments, without the rows to work on.
_NEXT, _ROWS, _CHUNK, _KERNEL, _ARGUMENTS = range(5)
_CHUNKS = 4  # per thread, so that others can take over the chunks of one that is held up


@functools.cache
def runtime() -> Callable[..., None] | None:
    """``GOMP_parallel(function, argument, threads, flags)`` of torch's OpenMP runtime, if any.

    The runtimes of GNU, LLVM and Intel have it; ``None`` if it is not found.
    """
    try:
        parallel = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):
        return None
    parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel.restype = None
    return parallel


def _place(builder: Any, job: Any, index: int) -> Any:
    words = builder.bitcast(job, ir.IntType(64).as_pointer())
    return builder.gep(words, [ir.IntType(64)(index)])


@intrinsic
def _rows_and_chunk(context: Any, job: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = [builder.load(_place(builder, arguments[0], i)) for i in (_ROWS, _CHUNK)]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.int64, 2)(job), generate


@intrinsic
def _take(context: Any, job: Any) -> Any:
    """The number of the next chunk, which no other thread gets."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(builder, arguments[0], _NEXT)
        return builder.atomic_rmw("add", place, ir.IntType(64)(1), "monotonic")

    return types.int64(job), generate


@intrinsic
def _call(context: Any, job: Any, start: Any, stop: Any) -> Any:
    """Call the kernel for rows ``start`` to ``stop``; the job holds its other arguments."""
    like, *others = job.dtype.types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        job, start, stop = arguments

        def argument(index: int, of: Any) -> Any:
            kind = context.get_value_type(of)
            place = _place(builder, job, _ARGUMENTS + index)
            return builder.load(builder.bitcast(place, kind.as_pointer()))

        given = [argument(i, of) for i, of in enumerate((like, *others))]
        given[1:1] = [start, stop]
        result = context.get_value_type(types.none)
        kernel = ir.FunctionType(result, [value.type for value in given]).as_pointer()
        address = builder.load(_place(builder, job, _KERNEL))
        builder.call(builder.inttoptr(address, kernel), given)
        return context.get_dummy_value()

    return types.none(job, types.int64, types.int64), generate


def _work(job):  # type: ignore[no-untyped-def]  # numba is given the type
    """Take chunks of rows until none is left."""
    rows, chunk = _rows_and_chunk(job)
    start = _take(job) * chunk
    while start < rows:
        _call(job, start, min(start + chunk, rows))
        start = _take(job) * chunk


def _native(argument: int | float) -> Any:
    return types.int64 if isinstance(argument, int) else types.float64


class Shared:
    """A kernel for many threads.

    Args:
        kernel: compiled for the types of ``like`` and ``arguments``.
        like: a number of the arrays' type, numpy.float32 or numpy.float64.
        arguments: examples; the arguments of every call have these types.
    """

    def __init__(self, kernel: Any, like: Any, arguments: tuple[int | float, ...]) -> None:
        of_like = numba.typeof(like)
        others = [types.int64, *map(_native, arguments)]
        compiled = kernel.get_compile_result(types.none(of_like, types.int64, types.int64, *others))
        name = compiled.fndesc.llvm_cfunc_wrapper_name
        self._kernel = compiled.library.get_pointer_to_function(name)
        job = types.CPointer(types.Tuple([of_like, *others]))
        self._work = numba.cfunc(types.void(job), cache=True)(_work)
        letters = "".join("q" if of == types.int64 else "d" for of in others)
        self._layout = f"=qqqqq{letters}"

    def __call__(self, rows: int, d: int, threads: int, *arguments: int | float) -> None:
        """Work on all rows of arrays [rows, d] with as many threads as torch uses."""
        parallel = runtime()
        assert parallel is not None
        chunk = max(rows // (_CHUNKS * threads), 1)
        job = ctypes.create_string_buffer(
            struct.pack(self._layout, 0, rows, chunk, self._kernel, 0, d, *arguments)
        )
        # 0 threads stands for the default, the size of torch's own teams: the runtime would set up
        # a team of another size anew each time.
        parallel(self._work.address, ctypes.addressof(job), 0, 0)
