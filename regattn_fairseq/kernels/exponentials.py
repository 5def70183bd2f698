"""Exponential functions and logarithms that LLVM can vectorize, for kernels that numba compiles.

Everything is computed in the type of the argument, float32 or float64, to an error of a few units
in the last place. An argument outside the range with finite results is clamped to that range.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

# Products and sums may be fused, but sums must not be reordered: adding _Constants.shifter first is
# what rounds a number to an integer.
_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})

_Constants = namedtuple(
    "_Constants",
    "zero one two "
    "log2_e ln_2 "
    "shifter "  # x + shifter has the integer nearest to x as its last bits
    "largest "  # e to this power is finite
    "saturated "  # tanh of half of this is 1, to rounding
    "smallest "  # the smallest number that is not denormal
    "series "  # 1/k! for k from the largest that matters after rounding, down to 1
    "odd_series",  # 2/(2k + 1) for k from the largest that matters after rounding, down to 0
)


def _constants(dtype: Any, largest: float, saturated: float, terms: int, odd_terms: int) -> Any:
    limits = np.finfo(dtype)
    numbers = (0, 1, 2, 1 / math.log(2), math.log(2), 1.5 * 2**limits.nmant)
    series = tuple(dtype(1 / math.factorial(k)) for k in range(terms, 0, -1))
    odd_series = tuple(dtype(2 / (2 * k + 1)) for k in range(odd_terms - 1, -1, -1))
    given = map(dtype, (*numbers, largest, saturated, limits.smallest_normal))
    return _Constants._make((*given, series, odd_series))


# The argument of the series is at most ln(2)/2 in absolute value, and that of the odd one
# (√2 - 1)/(√2 + 1), so that the first term left out is below half a unit in the last place.
_FLOAT32 = _constants(np.float32, 87.0, 20.0, 7, 5)
_FLOAT64 = _constants(np.float64, 708.0, 40.0, 13, 11)


def constants_of(like):  # type: ignore[no-untyped-def]
    """The constants in the type of a number."""


@overload(constants_of)
def _(like):  # type: ignore[no-untyped-def]  # numba wants both signatures alike
    if like == types.float32:
        return lambda like: _FLOAT32
    return lambda like: _FLOAT64


@intrinsic
def _power_of_two(context: Any, shifted: Any) -> Any:
    """2 to the power of the integer in a number's last bits: they are moved into its exponent."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(shifted)
        bits = context.get_value_type(types.int32 if shifted == types.float32 else types.int64)
        mantissa, bias = (23, 127) if shifted == types.float32 else (52, 1023)
        last = builder.shl(builder.bitcast(arguments[0], bits), bits(mantissa))
        return builder.bitcast(builder.add(last, bits(bias << mantissa)), number)

    return shifted(shifted), generate


@_jit
def _split_exponential(x: float, c: Any) -> tuple[float, float]:
    """(s, q) with eˣ = s (1 + q): x = n ln 2 + r, s = 2ⁿ and q = eʳ − 1 by its series."""
    shifted = x * c.log2_e + c.shifter
    r = x - (shifted - c.shifter) * c.ln_2
    q = c.zero
    for term in c.series:
        q = (q + term) * r
    return _power_of_two(shifted), q


@_jit
def exponential(x: float, c: Any) -> float:
    """eˣ; NaN stays NaN."""
    x = -c.largest if x < -c.largest else x
    x = c.largest if x > c.largest else x
    s, q = _split_exponential(x, c)
    return s + s * q


@_jit
def expm1(x: float, c: Any) -> float:
    """Eˣ − 1, exact to rounding near zero too; NaN stays NaN."""
    x = -c.largest if x < -c.largest else x
    x = c.largest if x > c.largest else x
    s, q = _split_exponential(x, c)
    return s * q + (s - c.one)


@_jit
def sigmoid(x: float, c: Any) -> float:
    """σ(x) = 1 / (1 + e⁻ˣ); NaN stays NaN."""
    return c.one / (c.one + exponential(-x, c))


@_jit
def tanh(x: float, c: Any) -> float:
    """Tanh x = u / (u + 2) with u = e²ˣ − 1, exact to rounding near zero too; NaN stays NaN."""
    x = c.two * x
    x = -c.saturated if x < -c.saturated else x
    x = c.saturated if x > c.saturated else x
    u = expm1(x, c)
    return u / (u + c.two)


@intrinsic
def _split_binary(context: Any, x: Any) -> Any:
    """(k, m) with x = 2ᵏ m and m between √½ and √2, for a positive number that is not denormal."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(x)
        single = x == types.float32
        bits = context.get_value_type(types.int32 if single else types.int64)
        mantissa, bias = (23, 127) if single else (52, 1023)
        kind = np.float32 if single else np.float64
        integer = np.int32 if single else np.int64
        root = int(kind(math.sqrt(0.5)).view(integer))
        one = bias << mantissa
        # As if √½ were 1, so that the exponent counts from there.
        moved = builder.add(builder.bitcast(arguments[0], bits), bits(one - root))
        # An integer becomes a number as the last bits of 2 to the power of ``mantissa``.
        whole = (bias + mantissa) << mantissa
        shifted = builder.or_(builder.lshr(moved, bits(mantissa)), bits(whole))
        k = builder.fsub(builder.bitcast(shifted, number), number(float(2**mantissa + bias)))
        rest = builder.and_(moved, bits((1 << mantissa) - 1))
        m = builder.bitcast(builder.add(rest, bits(root)), number)
        return context.make_tuple(builder, signature.return_type, (k, m))

    return types.UniTuple(x, 2)(x), generate


@_jit
def _logarithm(k: float, excess: float, c: Any) -> float:
    """Ln(2ᵏ (1 + excess)) by the series of 2 artanh s, s = excess / (2 + excess)."""
    s = excess / (c.two + excess)
    square = s * s
    total = c.zero
    for term in c.odd_series:
        total = total * square + term
    return k * c.ln_2 + s * total


@_jit
def logarithm(x: float, c: Any) -> float:
    """Ln x for x > 0; what is denormal, zero or negative counts as the smallest normal number."""
    k, m = _split_binary(c.smallest if x < c.smallest else x)
    return _logarithm(k, m - c.one, c)


@_jit
def log1p(x: float, c: Any) -> float:
    """Ln(1 + x), exact to rounding near zero too; as :func:`logarithm` for x not above -1."""
    t = c.one + x
    k, m = _split_binary(c.smallest if t < c.smallest else t)
    # 1 + x has lost digits of a small x.
    return _logarithm(k, x if k == c.zero else m - c.one, c)
