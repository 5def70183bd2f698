"""How numba compiles what is here."""

import numba

# Sums may be reordered, so that they vectorize; NaN and infinity keep their meaning.
_flags = {"reassoc", "nsz", "contract"}
jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_flags)
# Handing over an array is handing over seven numbers: for what takes several, as long as its work.
inlined = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_flags, forceinline=True)
# Sums stay as they are written, where their order decides what rounding leaves of them. Without
# flags of its own, numba would give a function those of its caller.
in_order = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath=_flags - {"reassoc"}, forceinline=True
)
