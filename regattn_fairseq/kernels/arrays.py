"""How kernels that numba compiles use arrays: find them by address, search a row."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Array = NDArray[Any]


@intrinsic
def _pointer(context: Any, address: Any, like: Any) -> Any:
    """Cast an integer to a pointer to numbers of the type of ``like``."""
    signature = types.CPointer(like)(address, like)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


@numba.njit(cache=True, nogil=True)
def array_at(address: int, like: Any, rows: int, d: int) -> Array:
    """The contiguous array [rows, d] of numbers of the type of ``like`` at an address."""
    return numba.carray(_pointer(address, like), (rows, d))


@numba.njit(cache=True, nogil=True, forceinline=True)
def part(memory: Array, index: int, like: Any) -> Array:
    """Row ``index`` of scratch memory, float64 [parts, d], as d numbers of the type of ``like``.

    The array has no owner, so that passing it to a function counts no references; counting would
    take longer than the work of many such functions. The caller must therefore keep ``memory``
    alive until the end, by :func:`keep`.
    """
    address = memory.ctypes.data + index * memory.strides[0]
    return numba.carray(_pointer(np.int64(address), like), memory.shape[1])


@numba.njit(cache=True, nogil=True, forceinline=True)
def keep(memory: Array) -> None:
    """Use scratch memory, so that it is not freed as soon as its last part has been taken."""
    memory[0, 0] = 0.0


def _chosen(sign: str) -> Any:
    """Choose one of two numbers; neither may be NaN."""

    def of_two(context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            # The selection needs the flags too, or LLVM does not vectorize a loop of these. numba
            # does not set them there.
            flags = ("nnan", "nsz")
            first = builder.fcmp_ordered(sign, *arguments, flags=flags)
            return builder.select(first, *arguments, flags=flags)

        return a(a, b), generate

    return of_two


larger = intrinsic(_chosen(">"))
smaller = intrinsic(_chosen("<"))
_inlined = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


@_inlined
def largest(x: Array, n: int) -> Any:
    """The largest of the first n > 0 numbers; where one is NaN, any of them."""
    top = x[0]
    for j in range(n):
        top = larger(x[j], top)
    return top


@_inlined
def smallest(x: Array, n: int) -> Any:
    """The smallest of the first n > 0 numbers; where one is NaN, any of them."""
    bottom = x[0]
    for j in range(n):
        bottom = smaller(x[j], bottom)
    return bottom
