"""Sparsemax: the Euclidean projection onto the simplex."""

from __future__ import annotations

from torch import Tensor

from .autograd import apply
from .constrained_sparsemax import constrained_sparsemax
from .inputs import Number
from .projections import distances, half_square, project, project_product
from .rules import Kernel, Rule, register


def sparsemax(
    scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
) -> Tensor:
    r"""The argmax regularized by the squared norm, which gives most positions no weight.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \frac{\gamma}{2} \| y \|_2^2$$

    Equally, the point of the simplex nearest to $x / \gamma$. Its Jacobian, with $s$ the 0/1 vector
    of the support of $y$, is

    $$J = \frac{1}{\gamma} \left( \mathrm{diag}(s) - \frac{s s^\top}{\| s \|_1} \right)$$

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension that sums to one.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.

    Raises:
        ValueError: gamma is not finite and positive.

    Source: Martins and Astudillo 2016.
    """
    return apply(RULE, scores, gamma=gamma, mask=mask, dim=dim)


def _forward(x: Tensor, kept: Tensor, gamma: float) -> tuple[Tensor, None]:
    return project(distances(x, kept, gamma), kept), None


def _product(v: Tensor, y: Tensor, labels: None) -> Tensor:
    return project_product(v, y)


RULE = register(
    Rule(
        name="sparsemax",
        function=sparsemax,
        forward=_forward,
        product=_product,
        penalty=half_square,
        steep=True,
        cpu=(Kernel("sparsemax_forward", 2), Kernel("sparsemax_product", 1)),
        gpu=("sparsemax_forward", "sparsemax_product"),
        bounded=constrained_sparsemax,
    )
)
