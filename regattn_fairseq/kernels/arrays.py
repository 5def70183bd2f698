"""What kernels that numba compiles do with arrays: find them by address, look through a row."""

from __future__ import annotations

from typing import Any

import numba
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


# The order in which numbers are compared is free, so that it vectorizes.
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "nnan"})
def largest(x: Array) -> Any:
    """The largest of some numbers [n], n > 0; where one is NaN, any of them."""
    top = x[0]
    for j in range(x.size):
        top = max(top, x[j])
    return top
