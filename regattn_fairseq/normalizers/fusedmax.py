"""Fusedmax: sparse weights that are constant over contiguous runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .autograd import apply
from .inputs import Number
from .projections import (
    at,
    average_product,
    distances,
    group_sizes,
    half_square,
    left_justified,
    project,
    put,
)
from .rules import LAM, Kernel, Rule, register


def fusedmax(
    scores: Tensor,
    *,
    gamma: Number = 1.0,
    lam: Number = 0.3,
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    r"""The argmax regularized by the squared norm and by the differences between neighbours.

    $$\Pi_\Omega(x) = \operatorname{argmax}_{y \in \Delta} \; \langle y, x \rangle
    - \gamma \Big( \frac{1}{2} \| y \|_2^2
    + \lambda \sum_i \lvert y_{i+1} - y_i \rvert \Big)$$

    Computed as the projection onto the simplex of the total-variation prox of $x / \gamma$. Its
    Jacobian is $\frac{1}{\gamma} J_P J_{TV}$: $J_P$ as in sparsemax, $J_{TV}$ the average over each
    run that the prox has fused.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        gamma: strength of the regularization, a positive number or tensor that broadcasts.
        lam: weight of the fusion penalty, >= 0; 0 gives sparsemax.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight. The
            unmasked positions count as one contiguous sequence.
        dim: the dimension that sums to one.
        return_groups: return the groups too.

    Returns:
        Weights of the shape and type of ``scores``; zeros where a row has nothing to attend to.
        With ``return_groups`` a pair: the weights, and an int32 tensor of their shape in which
        equal numbers along ``dim`` mark positions that the algorithm pooled,
        0, 1, ... from left to right; -1 where the weight is zero.

    Raises:
        ValueError: gamma is not finite and positive, or lam not finite and >= 0.

    Source: Niculae and Blondel 2017, section 3.2.
    """
    return apply(
        RULE, scores, gamma=gamma, by_row=lam, mask=mask, dim=dim, return_groups=return_groups
    )


def _forward(x: Tensor, kept: Tensor, gamma: float, lam: Tensor) -> tuple[Tensor, Tensor]:
    # No score falls by more than 2 lam: what lies further below may as well lie there.
    floor = -(4.0 * lam + 1.001).unsqueeze(1)
    order, n = left_justified(kept)
    z = torch.maximum(distances(x, kept, gamma), floor).gather(1, order)
    prox, labels = prox_total_variation(z, n, lam)
    prox = torch.zeros_like(prox).scatter_(1, order, prox)
    return project(prox, kept), torch.zeros_like(labels).scatter_(1, order, labels)


def prox_total_variation(z: Tensor, n: Tensor, lam: Tensor) -> tuple[Tensor, Tensor]:
    """Argmin over b of ||b - z||^2 / 2 + lam sum |b[k+1] - b[k]|, for each row's first n entries.

    The dynamic program of the CPU kernel, in which each step's derivative is clipped at -lam and
    lam; its knots lie in a double-ended queue.

    Args:
        z: (rows, d).
        n: (rows).
        lam: (rows).

    Returns:
        b, and the numbers 1, 2, ... of the runs that were fused, both (rows, d), 0 behind n.

    Source: Johnson 2013.
    """
    rows, d = z.shape
    index = torch.arange(d, device=z.device)
    inside = index < n.unsqueeze(1)
    mean = (z * inside).sum(-1) / n.clamp(min=1)
    spread = ((z - mean.unsqueeze(1)).abs() * inside).sum(-1)
    whole = (lam >= spread) | (n <= 1)
    low = torch.zeros_like(z)
    high = torch.zeros_like(z)
    knot, slope, offset = (z.new_zeros(rows, 2 * d + 2) for _ in range(3))
    left = torch.full_like(n, d)
    right = torch.full_like(n, d + 1)
    low[:, 0] = z[:, 0] - lam
    high[:, 0] = z[:, 0] + lam
    knot[:, d], slope[:, d], offset[:, d] = low[:, 0], 1.0, lam - z[:, 0]
    knot[:, d + 1], slope[:, d + 1], offset[:, d + 1] = high[:, 0], -1.0, lam + z[:, 0]
    value = mean
    out = torch.zeros_like(z)
    for k in range(1, d):
        final = n == k + 1
        active = n > k
        a = torch.ones_like(lam)
        c = -lam - z[:, k]
        # The last entry looks for the root of the derivative, the others clip it at -lam.
        bound = torch.where(final, torch.zeros_like(lam), -lam)
        while True:
            busy = active & (left <= right) & (a * at(knot, left) + c <= bound)
            if not bool(busy.any()):
                break
            a = torch.where(busy, a + at(slope, left), a)
            c = torch.where(busy, c + at(offset, left), c)
            left = left + busy.to(left.dtype)
        value = torch.where(final & ~whole, -c / a, value)
        active = n > k + 1
        b = torch.ones_like(lam)
        e = lam - z[:, k]
        while True:
            busy = active & (right >= left) & (b * at(knot, right) + e >= lam)
            if not bool(busy.any()):
                break
            b = torch.where(busy, b - at(slope, right), b)
            e = torch.where(busy, e - at(offset, right), e)
            right = right - busy.to(right.dtype)
        low[:, k] = (-lam - c) / a
        high[:, k] = (lam - e) / b
        left = left - 1
        right = right + 1
        for column, triple in ((left, (low[:, k], a, c + lam)), (right, (high[:, k], -b, lam - e))):
            for array, entry in zip((knot, slope, offset), triple, strict=True):
                put(array, column, entry, active)
    labels = torch.zeros(rows, d, dtype=torch.int32, device=z.device)
    current = torch.ones(rows, dtype=torch.int32, device=z.device)
    for k in range(d - 1, -1, -1):
        earlier = (n > k + 1) & ~whole
        clipped = torch.maximum(torch.minimum(value, high[:, k]), low[:, k])
        current = current + (earlier & (clipped != value)).to(current.dtype)
        value = torch.where(earlier, clipped, value)
        out[:, k] = value
        labels[:, k] = current
    labels = labels[:, :1] + 1 - labels
    identity = ((lam == 0) & ~whole).unsqueeze(1)
    out = torch.where(identity, z, out)
    labels = torch.where(identity, (index + 1).to(labels.dtype), labels)
    return out * inside, labels * inside


def _slope(y: Tensor, labels: Tensor, n: Tensor) -> Tensor:
    """A run falls by 1 / size for each neighbour below it, and rises by as much for each above."""
    group, counts = group_sizes(y, labels)
    member = (labels != 0).to(y.dtype)
    values = torch.zeros_like(counts).scatter_add(-1, group, y * member) / counts.clamp(min=1.0)
    exists = counts > 0
    step = values.diff(dim=-1).sign() * (exists[..., 1:] & exists[..., :-1])
    after = torch.nn.functional.pad(step, (0, 1))
    before = torch.nn.functional.pad(step, (1, 0))
    return ((after - before) / counts.clamp(min=1.0)).gather(-1, group)


def _total_variation(y: Tensor, kept: Tensor) -> Tensor:
    """Sum of |differences| between neighbours, hidden positions left out."""
    order, n = left_justified(kept)
    pair = torch.arange(1, y.shape[-1], device=y.device) < n.unsqueeze(-1)
    return (y.gather(-1, order).diff(dim=-1).abs() * pair).sum(-1)


RULE = register(
    Rule(
        name="fusedmax",
        function=fusedmax,
        described=(replace(LAM, description="how strongly neighbours are fused"),),
        forward=_forward,
        product=average_product,
        grouped=True,
        slope=_slope,
        penalty=half_square,
        structure=_total_variation,
        steep=True,
        cpu=(Kernel("fusedmax_forward", 5), Kernel("grouped_product", 1)),
        gpu=("fusedmax_forward", "grouped_product"),
    )
)
