"""Regularized attention maps: exact values and derivatives, on the CPU and the GPU.

Each map is the solution of one problem over the probability simplex,

    y = argmax <y, scores> - gamma * Omega(y),

and :func:`smoothed_max` is the value of that problem. Needs torch and numpy alone; numba makes
the CPU fast, and triton the GPU.
"""

from .alpha_entmax import entmax, entmax15
from .fusedmax import fusedmax
from .implicit import from_prox, from_regularizer
from .oscarmax import oscarmax, oscarmax_published
from .pnormmax import pnormmax
from .registry import (
    Normalizer,
    build_normalizer,
    normalizer_defaults,
    normalizer_names,
    normalizer_options,
    register_normalizer,
)
from .smoothed_max import smoothed_max
from .softmax import softmax
from .sparsemax import sparsemax

__all__ = [
    "Normalizer",
    "build_normalizer",
    "entmax",
    "entmax15",
    "from_prox",
    "from_regularizer",
    "fusedmax",
    "normalizer_defaults",
    "normalizer_names",
    "normalizer_options",
    "oscarmax",
    "oscarmax_published",
    "pnormmax",
    "register_normalizer",
    "smoothed_max",
    "softmax",
    "sparsemax",
]
