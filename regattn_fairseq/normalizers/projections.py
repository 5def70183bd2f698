"""What the maps are made of, in plain PyTorch: projections and averages, with their derivatives.

Arrays are (rows, d); ``kept`` is bool, False where a position is hidden. Where an algorithm is
sequential, all rows take its steps in lockstep: one tensor operation moves every row that is still
busy, so that the number of operations grows with d, not with rows * d.
"""

from __future__ import annotations

import torch
from torch import Tensor


def distances(x: Tensor, kept: Tensor, gamma: float) -> Tensor:
    """Each score less its row's largest, over gamma; 0 where hidden.

    For maps that do not change when all scores are shifted: so neither huge scores nor a tiny gamma
    overflow.
    """
    top = x.masked_fill(~kept, -torch.inf).amax(-1, keepdim=True)
    top = top.masked_fill(top == -torch.inf, 0.0)
    return ((x - top) / gamma).masked_fill(~kept, 0.0)


def project(z: Tensor, kept: Tensor) -> Tensor:
    """The nearest point of the simplex: argmin over y in the simplex of ||y - z||^2, by sorting."""
    d = z.shape[-1]
    ordered = z.masked_fill(~kept, -torch.inf).sort(-1, descending=True).values
    top = ordered[:, :1]
    ordered = ordered - top.masked_fill(top == -torch.inf, 0.0)
    total = ordered.cumsum(-1) - 1.0
    rank = torch.arange(1, d + 1, device=z.device, dtype=z.dtype)
    size = (ordered * rank > total).sum(-1, keepdim=True).clamp(min=1)
    tau = total.gather(-1, size - 1) / size
    y = (z - top - tau).clamp(min=0.0)
    return torch.where(kept, y, torch.zeros_like(y))


def project_product(v: Tensor, y: Tensor) -> Tensor:
    """The product of v with the projection's Jacobian diag(s) - s s' / |s|, s the support of y."""
    s = (y > 0).to(v.dtype)
    mean = (v * s).sum(-1, keepdim=True) / s.sum(-1, keepdim=True).clamp(min=1.0)
    return (v - mean) * s


def left_justified(kept: Tensor) -> tuple[Tensor, Tensor]:
    """A permutation that brings what is kept to the front, in order; and how many those are."""
    return kept.logical_not().to(torch.uint8).sort(dim=-1, stable=True).indices, kept.sum(-1)


def put(array: Tensor, column: Tensor, value: Tensor, where: Tensor) -> None:
    """Set array[r, column[r]] to value[r] in those rows r."""
    column = column.clamp(0, array.shape[1] - 1).unsqueeze(1)
    array.scatter_(
        1, column, torch.where(where, value, array.gather(1, column).squeeze(1)).unsqueeze(1)
    )


def at(array: Tensor, column: Tensor) -> Tensor:
    """array[r, column[r]] of each row r."""
    return array.gather(1, column.clamp(0, array.shape[1] - 1).unsqueeze(1)).squeeze(1)


def decreasing_regression(z: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """Argmin of ||b - z||^2 over b that never rise, for each row's first n entries.

    By pooling adjacent violators. Returns the fit and the blocks' numbers 1, 2, ..., both 0 behind
    the n entries.
    """
    rows, d = z.shape
    sums = z.new_zeros(rows, d)
    starts = torch.zeros(rows, d + 1, dtype=torch.long, device=z.device)
    top = torch.full_like(n, -1)
    for i in range(d):
        active = n > i
        top = top + active.to(top.dtype)
        put(sums, top, z[:, i], active)
        put(starts, top, torch.full_like(n, i), active)
        while True:
            size = i + 1 - at(starts, top)
            before = at(starts, top) - at(starts, top - 1)
            last, previous = at(sums, top), at(sums, top - 1)
            violates = active & (top > 0) & (previous * size < last * before)
            if not bool(violates.any()):
                break
            top = top - violates.to(top.dtype)
            put(sums, top, previous + last, violates)
    index = torch.arange(d, device=z.device)
    inside = index < n.unsqueeze(1)
    used = index <= top.unsqueeze(1)
    # A block begins where its start says; counting the beginnings so far names it.
    begins = torch.zeros(rows, d + 1, dtype=torch.int32, device=z.device)
    begins.scatter_add_(
        1, torch.where(used, starts[:, :d], torch.full_like(starts[:, :d], d)), used.int()
    )
    labels = begins[:, :d].cumsum(-1)
    block = (labels - 1).clamp(min=0)
    ones = inside.to(z.dtype)
    counts = torch.zeros_like(z).scatter_add_(1, block, ones)
    means = sums / counts.clamp(min=1.0)
    return means.gather(1, block) * ones, (labels * inside).to(torch.int32)


def average(v: Tensor, labels: Tensor) -> Tensor:
    """Replace each entry by its signed group's mean; 0 where there is no group."""
    sign = labels.sign().to(v.dtype)
    group = labels.abs().long()
    zeros = v.new_zeros((*group.shape[:-1], group.shape[-1] + 1))
    counts = zeros.scatter_add(-1, group, torch.ones_like(group, dtype=v.dtype))
    sums = zeros.scatter_add(-1, group, v * sign)
    return (sums / counts.clamp(min=1.0)).gather(-1, group) * sign


def average_product(v: Tensor, y: Tensor, labels: Tensor) -> Tensor:
    """The product of v with the transposed Jacobian of a projection after a prox that averages."""
    return average(project_product(v, y), labels)


def renumber(labels: Tensor, member: Tensor) -> Tensor:
    """Number the groups that have members 1, 2, ... in the order of their labels; 0 elsewhere."""
    number = labels.abs().long() * member
    used = labels.new_zeros((*number.shape[:-1], number.shape[-1] + 1)).scatter(-1, number, 1)
    before = used.cumsum(-1, dtype=labels.dtype) - used[..., :1]
    return before.gather(-1, number)


def group_sizes(y: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each position's group, numbered 1, 2, ... and 0 for none, and the groups' sizes.

    Returns:
        Groups of the shape (..., d) of y, and sizes (..., d + 2) of its type, by number. What is in
        no group counts for nothing.
    """
    group = renumber(labels, labels != 0).long()
    zeros = y.new_zeros((*group.shape[:-1], group.shape[-1] + 2))
    return group, zeros.scatter_add(-1, group, (labels != 0).to(y.dtype))


def half_square(y: Tensor, kept: Tensor) -> Tensor:
    """||y||^2 / 2, the penalty of the maps that project."""
    return 0.5 * y.square().sum(-1)
