"""CPU kernels: one fused loop a direction, compiled by numba.

A kernel is told where its arrays begin: contiguous ``(rows, d)`` scores, weights and groups, the
first two of the type of ``like``; a mask of one byte an entry, or 0 for none; one lam a row, or 0
where ``lam`` holds for all. All maps' kernels take the same arguments and leave those alone that
they have no use for. They deal with rows ``start`` to ``stop``, which are independent, and do all
arithmetic in float64.

Only the candidates of a row, the scores so near to its largest that they may get weight, are
copied, shifted by the largest and divided by gamma, so that neither huge scores nor a tiny gamma
overflow. That a score which gets no weight may be lowered without changing anything is what keeps
the rest out of the work.

``labels`` name the group of each position as the algorithm formed it: 0 for none, otherwise
1, 2, ... with a negative sign where the group's value enters with a negative sign (only the
published composition has such members).
"""

from .fusedmax import fusedmax_forward
from .groups import grouped_product, signed_product
from .oscarmax import oscarmax_forward, oscarmax_published_forward
from .pnormmax import pnormmax_forward, pnormmax_product
from .sparsemax import sparsemax_forward, sparsemax_product
from .topk import topk_forward, topk_product

__all__ = [
    "fusedmax_forward",
    "grouped_product",
    "oscarmax_forward",
    "oscarmax_published_forward",
    "pnormmax_forward",
    "pnormmax_product",
    "signed_product",
    "sparsemax_forward",
    "sparsemax_product",
    "topk_forward",
    "topk_product",
]
