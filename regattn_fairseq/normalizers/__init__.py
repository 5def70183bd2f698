"""Regularized attention maps: exact values and derivatives, on the CPU and the GPU.

Each map is the solution of one problem over the probability simplex,

    y = argmax <y, scores> - gamma * Omega(y),

and :func:`smoothed_max` is the value of that problem. Needs torch and numpy alone; numba makes
the CPU fast, and triton the GPU.
"""

# The maps first, in the order in which normalizer_names() gives them.
# isort: off
from .softmax import softmax
from .sparsemax import sparsemax
from .fusedmax import fusedmax
from .oscarmax import oscarmax
from .oscarmax_published import oscarmax_published
from .pnormmax import pnormmax
from .alpha_entmax import entmax, entmax15
from .topk import topk
from .evsoftmax import evsoftmax

# isort: on
from .constrained_softmax import constrained_softmax
from .constrained_sparsemax import constrained_sparsemax
from .fenchel_young import fenchel_young_loss
from .implicit import from_prox, from_regularizer
from .module import Normalizer, build_normalizer
from .rules import Option, Rule, normalizer_names, normalizer_options, register_normalizer, rule
from .smoothed_max import smoothed_max

__all__ = [
    "Normalizer",
    "Option",
    "Rule",
    "build_normalizer",
    "constrained_softmax",
    "constrained_sparsemax",
    "entmax",
    "entmax15",
    "evsoftmax",
    "fenchel_young_loss",
    "from_prox",
    "from_regularizer",
    "fusedmax",
    "normalizer_names",
    "normalizer_options",
    "oscarmax",
    "oscarmax_published",
    "pnormmax",
    "register_normalizer",
    "rule",
    "smoothed_max",
    "softmax",
    "sparsemax",
    "topk",
]
