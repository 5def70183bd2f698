"""The maps in plain PyTorch: vectorized over rows, on any device, in any floating type.

Where an algorithm is sequential, all rows take its steps in lockstep: one tensor operation moves
every row that is still busy, so the number of operations grows with d, not with rows * d. The
Jacobian products at the end are compositions of differentiable operations; second derivatives,
forward mode and batching come from them.

Scores are ``(rows, d)``; ``mask`` is a bool tensor of that shape. ``labels`` are as in the CPU
kernels: 0 for no group, else 1, 2, ... with the sign that the group's value enters with.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _prepare(x: Tensor, mask: Tensor | None, gamma: float, shift: bool) -> tuple[Tensor, Tensor]:
    """Scaled, shifted scores with 0 at masked positions, and which positions count."""
    valid = x != -torch.inf
    if mask is not None:
        valid = valid & ~mask
    z = x.masked_fill(~valid, -torch.inf)
    if shift:
        top = z.amax(-1, keepdim=True) if z.shape[-1] else z
        z = z - top.masked_fill(top == -torch.inf, 0.0)
    return (z / gamma).masked_fill(~valid, 0.0), valid


def _simplex(z: Tensor, valid: Tensor) -> Tensor:
    """Euclidean projection of each row's valid entries onto the simplex, by sorting."""
    d = z.shape[-1]
    ordered = z.masked_fill(~valid, -torch.inf).sort(-1, descending=True).values
    top = ordered[:, :1]
    ordered = ordered - top.masked_fill(top == -torch.inf, 0.0)
    total = ordered.cumsum(-1) - 1.0
    rank = torch.arange(1, d + 1, device=z.device, dtype=z.dtype)
    size = (ordered * rank > total).sum(-1, keepdim=True).clamp(min=1)
    tau = total.gather(-1, size - 1) / size
    y = (z - top - tau).clamp(min=0.0)
    return torch.where(valid, y, torch.zeros_like(y))


def _left_justified(valid: Tensor) -> tuple[Tensor, Tensor]:
    """A permutation that brings the valid positions to the front, in order; and their number."""
    return valid.logical_not().to(torch.uint8).sort(dim=-1, stable=True).indices, valid.sum(-1)


def _put(array: Tensor, column: Tensor, value: Tensor, where: Tensor) -> None:
    """array[r, column[r]] = value[r] in those rows."""
    column = column.clamp(0, array.shape[1] - 1).unsqueeze(1)
    array.scatter_(
        1, column, torch.where(where, value, array.gather(1, column).squeeze(1)).unsqueeze(1)
    )


def _at(array: Tensor, column: Tensor) -> Tensor:
    return array.gather(1, column.clamp(0, array.shape[1] - 1).unsqueeze(1)).squeeze(1)


def _prox_total_variation(z: Tensor, n: Tensor, lam: Tensor) -> tuple[Tensor, Tensor]:
    """Prox of lam * TV of each row's first n entries, with group labels; see the CPU kernel."""
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
    every = torch.ones_like(whole)
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
            busy = active & (left <= right) & (a * _at(knot, left) + c <= bound)
            if not bool(busy.any()):
                break
            a = torch.where(busy, a + _at(slope, left), a)
            c = torch.where(busy, c + _at(offset, left), c)
            left = left + busy.to(left.dtype)
        value = torch.where(final & ~whole, -c / a, value)
        active = n > k + 1
        b = torch.ones_like(lam)
        e = lam - z[:, k]
        while True:
            busy = active & (right >= left) & (b * _at(knot, right) + e >= lam)
            if not bool(busy.any()):
                break
            b = torch.where(busy, b - _at(slope, right), b)
            e = torch.where(busy, e - _at(offset, right), e)
            right = right - busy.to(right.dtype)
        low[:, k] = (-lam - c) / a
        high[:, k] = (lam - e) / b
        left = left - 1
        right = right + 1
        for column, triple in ((left, (low[:, k], a, c + lam)), (right, (high[:, k], -b, lam - e))):
            for array, entry in zip((knot, slope, offset), triple, strict=True):
                _put(array, column, entry, active & every)
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


def _decreasing_regression(z: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """Isotonic (decreasing) regression of each row's first n entries, with block labels."""
    rows, d = z.shape
    sums = z.new_zeros(rows, d)
    starts = torch.zeros(rows, d + 1, dtype=torch.long, device=z.device)
    top = torch.full_like(n, -1)
    for i in range(d):
        active = n > i
        top = top + active.to(top.dtype)
        _put(sums, top, z[:, i], active)
        _put(starts, top, torch.full_like(n, i), active)
        while True:
            size = i + 1 - _at(starts, top)
            before = _at(starts, top) - _at(starts, top - 1)
            last, previous = _at(sums, top), _at(sums, top - 1)
            violates = active & (top > 0) & (previous * size < last * before)
            if not bool(violates.any()):
                break
            top = top - violates.to(top.dtype)
            _put(sums, top, previous + last, violates)
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


def sparsemax_forward(x: Tensor, mask: Tensor | None, gamma: float) -> Tensor:
    """Projection of x / gamma onto the simplex."""
    z, valid = _prepare(x, mask, gamma, shift=True)
    return _simplex(z, valid)


def fusedmax_forward(
    x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor
) -> tuple[Tensor, Tensor]:
    """Projection onto the simplex of the total-variation prox of x / gamma; and the groups."""
    z, valid = _prepare(x, mask, gamma, shift=True)
    floor = -(4.0 * lam + 1.001).unsqueeze(1)
    order, n = _left_justified(valid)
    # NaN would keep a lockstep loop from ending; the row is overwritten by the caller.
    z = torch.maximum(z, floor).nan_to_num().gather(1, order)
    prox, labels = _prox_total_variation(z, n, lam)
    prox = torch.zeros_like(prox).scatter_(1, order, prox)
    return _simplex(prox, valid), torch.zeros_like(labels).scatter_(1, order, labels)


def oscarmax_forward(
    x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor
) -> tuple[Tensor, Tensor]:
    """Projection onto the simplex of the ordered-weight isotonic prox of x / gamma; and groups."""
    z, valid = _prepare(x, mask, gamma, shift=True)
    z = z.nan_to_num()
    order = z.masked_fill(~valid, -torch.inf).argsort(dim=-1, descending=True)
    rank = torch.arange(z.shape[1], device=z.device, dtype=z.dtype)
    fit, labels = _decreasing_regression(
        z.gather(1, order) + lam.unsqueeze(1) * rank, valid.sum(-1)
    )
    prox = torch.zeros_like(fit).scatter_(1, order, fit)
    return _simplex(prox, valid), torch.zeros_like(labels).scatter_(1, order, labels)


def oscarmax_published_forward(
    x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor
) -> tuple[Tensor, Tensor]:
    """Projection onto the simplex of the OSCAR prox of x / gamma, on absolute values."""
    z, valid = _prepare(x, mask, gamma, shift=False)
    z = z.nan_to_num()
    n = valid.sum(-1)
    order = z.abs().masked_fill(~valid, -torch.inf).argsort(dim=-1, descending=True)
    below = n.unsqueeze(1) - 1.0 - torch.arange(z.shape[1], device=z.device, dtype=z.dtype)
    fit, labels = _decreasing_regression(z.abs().gather(1, order) - lam.unsqueeze(1) * below, n)
    sign = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
    kept = torch.zeros_like(fit).scatter_(1, order, fit.clamp(min=0.0))
    labels = torch.zeros_like(labels).scatter_(1, order, torch.where(fit > 0, labels, 0))
    return _simplex(sign * kept, valid), labels * sign.to(labels.dtype)


def pnormmax_forward(x: Tensor, mask: Tensor | None, gamma: float, p: float) -> Tensor:
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau found by bisection."""
    z, valid = _prepare(x, mask, gamma, shift=True)
    q, e = 1.0 / (p - 1.0), (2.0 - p) / p
    n = valid.sum(-1, keepdim=True).clamp(min=1).to(z.dtype)
    z = z.nan_to_num().masked_fill(~valid, -2.0)
    low = -torch.ones_like(n)
    high = -(n ** (-2.0 * (p - 1.0) / p))
    for _ in range(60 if z.dtype == torch.float64 else 30):
        tau = 0.5 * (low + high)
        t = (z - tau).clamp(min=0.0)
        enough = t.pow(q).sum(-1, keepdim=True) >= t.pow(q + 1.0).sum(-1, keepdim=True).pow(e)
        low, high = torch.where(enough, tau, low), torch.where(enough, high, tau)
    w = (z - 0.5 * (low + high)).clamp(min=0.0).pow(q).masked_fill(~valid, 0.0)
    return w / w.sum(-1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny)


def sparsemax_product(g: Tensor, y: Tensor) -> Tensor:
    """(diag(s) - s s' / |s|) g, s the support of y."""
    s = (y > 0).to(g.dtype)
    mean = (g * s).sum(-1, keepdim=True) / s.sum(-1, keepdim=True).clamp(min=1.0)
    return (g - mean) * s


def average(v: Tensor, labels: Tensor) -> Tensor:
    """Replace each entry by its signed group's mean; 0 where there is no group."""
    sign = labels.sign().to(v.dtype)
    group = labels.abs().long()
    zeros = v.new_zeros((*group.shape[:-1], group.shape[-1] + 1))
    counts = zeros.scatter_add(-1, group, torch.ones_like(group, dtype=v.dtype))
    sums = zeros.scatter_add(-1, group, v * sign)
    return (sums / counts.clamp(min=1.0)).gather(-1, group) * sign


def renumber(labels: Tensor, member: Tensor) -> Tensor:
    """Number the groups that have members 1, 2, ... in the order of their labels; 0 elsewhere."""
    number = labels.abs().long() * member
    used = labels.new_zeros((*number.shape[:-1], number.shape[-1] + 1)).scatter(-1, number, 1)
    before = used.cumsum(-1, dtype=labels.dtype) - used[..., :1]
    return before.gather(-1, number)


def penalty_slope(name: str, y: Tensor, labels: Tensor, n: Tensor) -> Tensor:
    """The derivative of the prox with respect to lam: a constant on each group of the support.

    A run's value falls by 1/size for each neighbour that lies below it and rises by as much for
    each above; a cluster's falls by the mean number of entries that rank below its members.
    """
    group = renumber(labels, labels != 0).long()
    zeros = y.new_zeros((*group.shape[:-1], group.shape[-1] + 2))
    member = (labels != 0).to(y.dtype)
    counts = zeros.scatter_add(-1, group, member)
    if name == "fusedmax":
        values = zeros.scatter_add(-1, group, y * member) / counts.clamp(min=1.0)
        exists = counts > 0
        step = values.diff(dim=-1).sign() * (exists[..., 1:] & exists[..., :-1])
        after = torch.nn.functional.pad(step, (0, 1))
        before = torch.nn.functional.pad(step, (1, 0))
        slope = (after - before) / counts.clamp(min=1.0)
    else:
        ahead = counts.cumsum(-1) - counts
        slope = ahead + 0.5 * (counts - 1.0) - (n.unsqueeze(-1) - 1.0)
    return slope.gather(-1, group) * labels.sign()


def forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | float, p: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the map ``name`` of ``(..., d)`` scores, with group labels where it has groups."""
    d = x.shape[-1]
    rows = x.reshape(-1, d)
    hidden = rows == -torch.inf
    if mask is not None:
        mask = mask.reshape(-1, d)
        hidden = hidden | mask
    labels: Tensor | None = None
    if name == "sparsemax":
        y = sparsemax_forward(rows, mask, gamma)
    elif name == "pnormmax":
        y = pnormmax_forward(rows, mask, gamma, p)
    else:
        lams = torch.as_tensor(lam, dtype=x.dtype, device=x.device).reshape(-1).expand(len(rows))
        y, labels = _GROUPED[name](rows, mask, gamma, lams)
        labels = labels.reshape(x.shape)
    bad = ((rows.isnan() | (rows == torch.inf)) & ~hidden).any(-1, keepdim=True)
    y = y.masked_fill(bad & ~hidden, torch.nan)
    return y.reshape(x.shape), labels


def product(
    name: str,
    v: Tensor,
    y: Tensor,
    labels: Tensor | None,
    gamma: float,
    p: float,
    *,
    forward_mode: bool = False,
) -> Tensor:
    """Multiply v by the Jacobian at y, transposed unless ``forward_mode``; any leading shape.

    Only the published composition has a Jacobian that is not symmetric.
    """
    if name == "pnormmax":
        out = pnormmax_product(v, y, p)
    elif labels is None:
        out = sparsemax_product(v, y)
    elif forward_mode:
        out = sparsemax_product(average(v, labels), y)
    else:
        out = average(sparsemax_product(v, y), labels)
    # y * 0 carries the NaN of a row that holds one, and lets a second derivative be zero, not none.
    return out / gamma + y * 0.0


def pnormmax_product(g: Tensor, y: Tensor, p: float) -> Tensor:
    """(p-1) M g with gamma = 1 and M the generalized inverse of the Hessian on the support."""
    s = y > 0
    y = torch.where(s, y, torch.zeros_like(y))
    safe = torch.where(s, y, torch.ones_like(y))
    zero = torch.zeros_like(y)
    power = torch.where(s, safe.pow(p), zero).sum(-1, keepdim=True)
    power = torch.where(power > 0, power, torch.ones_like(power))
    w = torch.where(s, safe.pow(2.0 - p), zero) * power.pow((p - 2.0) / p)
    lean = (2.0 - p) * y * power.pow(-2.0 / p)
    h = w - lean
    b = h.sum(-1, keepdim=True)
    ratio = (h * g).sum(-1, keepdim=True) / torch.where(b > 0, b, torch.ones_like(b))
    dot = (y * g).sum(-1, keepdim=True)
    return (w * (g - ratio) - lean * (dot - ratio)) / (p - 1.0)


_GROUPED = {
    "fusedmax": fusedmax_forward,
    "oscarmax": oscarmax_forward,
    "oscarmax_published": oscarmax_published_forward,
}
