"""CPU kernels: one fused loop over the rows for each direction of a map, compiled by numba.

A kernel is given a number of its arrays' type (``like``), which rows to work on (``start`` to
``stop``, independent of each other), their length ``d``, and then

- for the map: the addresses of scores, mask and weights; gamma; for a map with a rowwise option
  (see :class:`.Rule`) its value and the address of one value a row; for a map with groups the
  address of the labels; the map's further options;
- for the product: the addresses of the vectors, weights and results; gamma; for a map with groups
  the address of the labels, otherwise for one with a rowwise option its value and the address of
  one value a row; the map's further options.

Arrays are contiguous ``(rows, d)``. The mask has one byte an entry; its address is 0 where nothing
is masked. The address of one value a row is 0 where the given value holds for all rows. All
arithmetic is in float64.

Only the candidates of a row, the scores so near to its largest that they may get weight, are
copied, shifted by the largest and divided by gamma, so that neither huge scores nor a tiny gamma
overflow. That a score which gets no weight may be lowered without changing anything is what keeps
the rest out of the work.

``labels`` name the group of each position as the algorithm formed it: 0 for none, otherwise
1, 2, ... with a negative sign where the group's value enters with a negative sign (only the
published composition has such members).
"""

from .entmax import entmax_forward, entmax_product
from .fusedmax import fusedmax_forward
from .groups import grouped_product, signed_product
from .oscarmax import oscarmax_forward
from .oscarmax_published import oscarmax_published_forward
from .pnormmax import pnormmax_forward, pnormmax_product
from .sparsemax import sparsemax_forward, sparsemax_product
from .topk import topk_forward, topk_product

__all__ = [
    "entmax_forward",
    "entmax_product",
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
