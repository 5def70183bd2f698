"""GPU kernels, by Triton: no transfer to the host, nothing that waits for the device.

Two shapes of work. Projections and their products see one row a program, in registers. The scans
behind the proxes are sequential in d but not in rows, so there each lane of a warp walks a row of
its own, and the scratch memory is laid out so that neighbouring lanes touch neighbouring words.

The functions that launch kernels take contiguous scores or weights (rows, d), the mask in that
shape or None, gamma, then the rowwise option, one a row, where the map has one, and further
options. Labels are as in :class:`.Rule`.
"""
# Triton reads a kernel's annotations itself and knows its own alone.
# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

from collections.abc import Callable

import torch
import triton
import triton.language as tl
from torch import Tensor

from .inputs import hidden_positions
from .projections import distances

_LANES = 32


@triton.jit
def _loaded_row(x, hidden, j, inside, HIDDEN: tl.constexpr):
    """A row's scores, the largest of them, which positions are not hidden, and if any is bad.

    Scores are -inf where a position is hidden, and everywhere if one is NaN or inf.
    """
    z = tl.load(x + j, mask=inside, other=float("-inf"))
    kept = inside & (z != float("-inf"))
    if HIDDEN:
        kept = kept & (tl.load(hidden + j, mask=inside, other=1) == 0)
    bad = tl.max((kept & ((z != z) | (z == float("inf")))).to(tl.int32), axis=0)
    z = tl.where(kept & (bad == 0), z, float("-inf"))
    top = tl.max(z, axis=0)
    return z, tl.where(top == float("-inf"), 0.0, top), kept, bad


@triton.jit
def _project_kernel(x, hidden, y, gamma, d, HIDDEN: tl.constexpr, BLOCK: tl.constexpr):
    """Project x / gamma onto the simplex, one row a program, by Newton steps from below."""
    row = tl.program_id(0).to(tl.int64) * d
    j = tl.arange(0, BLOCK)
    inside = j < d
    z, top, kept, bad = _loaded_row(x + row, hidden + row, j, inside, HIDDEN)
    z = (z - top) / gamma
    active = z > -1.0
    size = tl.sum(active.to(tl.int32), axis=0)
    before = size + 1
    tau = top * 0.0 - 1.0
    while before > size:
        before = size
        total = tl.sum(tl.where(active, z, 0.0), axis=0)
        tau = (total - 1.0) / tl.maximum(size, 1)
        active = active & (z > tau)
        size = tl.sum(active.to(tl.int32), axis=0)
    out = tl.where(active, z - tau, 0.0)
    out = tl.where(kept & (bad > 0), float("nan"), out)
    tl.store(y + row + j, out, mask=inside)


@triton.jit
def _project_product_kernel(g, y, out, gamma, d, BLOCK: tl.constexpr):
    """Set out to (diag(s) - s s' / |s|) g / gamma, s the support of y."""
    row = tl.program_id(0).to(tl.int64) * d
    j = tl.arange(0, BLOCK)
    inside = j < d
    weight = tl.load(y + row + j, mask=inside, other=0.0)
    v = tl.load(g + row + j, mask=inside, other=0.0)
    active = weight > 0
    size = tl.maximum(tl.sum(active.to(tl.int32), axis=0), 1)
    mean = tl.sum(tl.where(active, v, 0.0), axis=0) / size
    product = tl.where(active, (v - mean) / gamma, weight * 0.0)
    tl.store(out + row + j, product, mask=inside)


@triton.jit
def _pnorm_kernel(x, hidden, y, gamma, p, d, HIDDEN: tl.constexpr, BLOCK: tl.constexpr):
    """Set y proportional to max(x - tau, 0)^(1/(p-1)), tau found by bisection."""
    row = tl.program_id(0).to(tl.int64) * d
    j = tl.arange(0, BLOCK)
    inside = j < d
    z, top, kept, bad = _loaded_row(x + row, hidden + row, j, inside, HIDDEN)
    z = tl.maximum((z - top) / gamma, -2.0)
    n = tl.maximum(tl.sum(kept.to(tl.int32), axis=0), 1).to(z.dtype)
    q = 1.0 / (p - 1.0)
    e = (2.0 - p) / p
    low = top * 0.0 - 1.0
    high = -tl.exp2(tl.log2(n) * (-2.0 * (p - 1.0) / p))
    for _ in range(30):
        tau = 0.5 * (low + high)
        t = tl.maximum(z - tau, 0.0)
        w = tl.where(t > 0.0, tl.exp2(q * tl.log2(tl.where(t > 0.0, t, 1.0))), 0.0)
        left = tl.sum(w, axis=0)
        power = tl.sum(w * t, axis=0)
        right = tl.where(power > 0.0, tl.exp2(e * tl.log2(tl.where(power > 0.0, power, 1.0))), 0.0)
        low = tl.where(left >= right, tau, low)
        high = tl.where(left >= right, high, tau)
    t = tl.maximum(z - 0.5 * (low + high), 0.0)
    w = tl.where(t > 0.0, tl.exp2(q * tl.log2(tl.where(t > 0.0, t, 1.0))), 0.0)
    w = tl.where(kept & (bad == 0), w, 0.0)
    total = tl.sum(w, axis=0)
    out = w / tl.where(total > 0.0, total, 1.0)
    out = tl.where(kept & (bad > 0), float("nan"), out)
    tl.store(y + row + j, out, mask=inside)


@triton.jit
def _log1p(u):
    """ln(1 + u) for u > -1, exact to rounding near zero too, where tl.log has only few digits."""
    near = tl.abs(u) < 0.3
    s = tl.where(near, u / (2.0 + u), 0.0)
    square = s * s
    total = s * 0.0
    for k in tl.static_range(12):
        total = total * square + 2.0 / (2 * (11 - k) + 1)
    return tl.where(near, s * total, tl.log(tl.where(near, 1.0, 1.0 + u)))


@triton.jit
def _power(t, q):
    """The power t^q, 0 where t is not positive."""
    return tl.where(t > 0.0, tl.exp(q * tl.log(tl.where(t > 0.0, t, 1.0))), 0.0)


@triton.jit
def _entmax_kernel(
    x, hidden, y, alphas, gamma, d,
    HIDDEN: tl.constexpr, TOLERANCE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Alpha-entmax of x / gamma, one row a program; the two ways are those of the CPU kernels."""
    row = tl.program_id(0).to(tl.int64) * d
    j = tl.arange(0, BLOCK)
    inside = j < d
    z, top, kept, bad = _loaded_row(x + row, hidden + row, j, inside, HIDDEN)
    alive = kept & (bad == 0)
    beta = tl.maximum(tl.load(alphas + tl.program_id(0)) - 1.0, 1e-20)
    v = tl.where(alive, tl.maximum((z - top) / gamma * beta, -2.0), -2.0)
    w = v * 0.0
    if beta <= 1.0:
        power = 1.0 / beta - 1.0
        low = beta * 0.0
        high = low + 1.0
        moved = high
        step = 0
        while (moved > TOLERANCE) & (step < 200):
            halving = (step >= 16) & (step % 2 == 0)
            at = tl.where(halving, 0.5 * (low + high), low)
            u = tl.maximum(v - at, -1.0)
            active = u > -1.0
            w = tl.where(active, tl.exp(power * _log1p(tl.where(active, u, 0.0))), 0.0)
            total = tl.maximum(tl.sum((1.0 + u) * w, axis=0), 1e-30)
            # A row with nothing to attend to has no slope.
            slope = tl.maximum(tl.sum(w, axis=0), 1e-30)
            log = beta * tl.log(total)
            # 1 - e^-log, by its series where it would lose digits.
            part = tl.where(
                tl.abs(log) < 1e-2,
                log * (1.0 - log * (0.5 - log * (1.0 / 6.0 - log * (1.0 / 24.0 - log / 120.0)))),
                1.0 - tl.exp(-log),
            )
            reached = at + total * part / slope
            high = tl.where(total < 1.0, tl.minimum(high, at), high)
            moved = tl.where(halving, 1.0, (reached - low) / beta)
            low = tl.maximum(low, reached)
            step += 1
        u = tl.maximum(v - low, -1.0)
        active = u > -1.0
        w = tl.where(active, (1.0 + u) * tl.exp(power * _log1p(tl.where(active, u, 0.0))), 0.0)
    else:
        q = 1.0 / beta
        low = beta * 0.0 - 1.0
        high = beta * 0.0
        at = 0.5 * (low + high)
        step = 0
        while (at > low) & (at < high) & (step < 60):
            enough = tl.sum(_power(v - at, q), axis=0) >= 1.0
            low = tl.where(enough, at, low)
            high = tl.where(enough, high, at)
            at = 0.5 * (low + high)
            step += 1
        # What lies above the threshold is the support; distances count from its smallest score.
        support = alive & (v >= high)
        last = tl.min(tl.where(support, z, float("inf")), axis=0)
        delta = tl.where(support, (z - last) / gamma * beta, 0.0)
        equal = support & (delta == 0.0)
        smallest = 1.0 / tl.maximum(tl.sum(support.to(tl.int32), axis=0), 1).to(z.dtype)
        change = smallest
        step = 0
        while (change > TOLERANCE) & (step < 60):
            base = tl.where(support & (delta > 0.0), delta + _power(smallest, beta), 1.0)
            w = tl.where(equal, smallest, tl.where(support, _power(base, q), 0.0))
            slope = tl.where(equal, 1.0, _power(smallest, beta - 1.0) * w / base)
            change = (tl.sum(w, axis=0) - 1.0) / tl.maximum(tl.sum(slope, axis=0), 1.0)
            smallest = tl.maximum(smallest - change, 0.0)
            step += 1
    total = tl.sum(tl.where(alive, w, 0.0), axis=0)
    out = tl.where(alive, w, 0.0) / tl.where(total > 0.0, total, 1.0)
    out = tl.where(kept & (bad > 0), float("nan"), out)
    tl.store(y + row + j, out, mask=inside)


@triton.jit
def _entmax_product_kernel(g, y, out, alphas, gamma, d, BLOCK: tl.constexpr):
    """Set out to (diag(s) - s s' / |s|) g / gamma, s = y^(2 - alpha) on the support of y."""
    row = tl.program_id(0).to(tl.int64) * d
    j = tl.arange(0, BLOCK)
    inside = j < d
    weight = tl.load(y + row + j, mask=inside, other=0.0)
    v = tl.load(g + row + j, mask=inside, other=0.0)
    power = 2.0 - tl.load(alphas + tl.program_id(0))
    active = weight > 0
    log = tl.log(tl.where(active, weight, 1.0))
    # e^69 is the limit that alpha_entmax.py sets.
    s = tl.where(active, tl.exp(tl.minimum(power * log, 69.0)), 0.0)
    # Relative to the steepest one: its own slope would drown the others'.
    steepest = active & (s == tl.max(s, axis=0))
    total = tl.sum(s, axis=0)
    v = v - tl.where(total > 0.0, tl.max(tl.where(steepest, v, float("-inf")), axis=0), 0.0)
    mean = tl.sum(tl.where(active, s * v, 0.0), axis=0) / tl.where(total > 0.0, total, 1.0)
    product = tl.where(active, s * (v - mean) / gamma, weight * 0.0)
    tl.store(out + row + j, product, mask=inside)


@triton.jit
def _total_variation_kernel(
    z, kept, lams, knot, slope, offset, floor, ceiling, prox, labels, rows, d,
    LANES: tl.constexpr,
):  # fmt: skip
    """Prox of lam * TV of each row's kept entries, a row a lane; arrays are (d, rows).

    The dynamic program of the CPU kernels, except that an entry clips its predecessor's
    message when it arrives, so that no lane needs to know which of its entries is the last.
    """
    r = tl.program_id(0) * LANES + tl.arange(0, LANES)
    alive = r < rows
    lam = tl.load(lams + r, mask=alive, other=0.0)
    left = tl.zeros_like(r) + d
    right = left - 1
    count = tl.zeros_like(r)
    last = tl.zeros_like(r)
    c = lam * 0.0
    e = lam * 0.0
    for j in range(d):
        here = alive & (tl.load(kept + j * rows + r, mask=alive, other=0) != 0)
        value = tl.load(z + j * rows + r, mask=here, other=0.0)
        late = here & (count > 0)
        a = lam * 0.0 + 1.0
        k = tl.load(knot + left * rows + r, mask=late & (left <= right), other=0.0)
        busy = late & (left <= right) & (a * k + c <= -lam)
        while tl.max(busy.to(tl.int32), axis=0) > 0:
            a += tl.load(slope + left * rows + r, mask=busy, other=0.0)
            c += tl.load(offset + left * rows + r, mask=busy, other=0.0)
            left += busy.to(left.dtype)
            k = tl.load(knot + left * rows + r, mask=busy & (left <= right), other=0.0)
            busy = busy & (left <= right) & (a * k + c <= -lam)
        b = lam * 0.0 + 1.0
        k = tl.load(knot + right * rows + r, mask=late & (left <= right), other=0.0)
        busy = late & (left <= right) & (b * k + e >= lam)
        while tl.max(busy.to(tl.int32), axis=0) > 0:
            b -= tl.load(slope + right * rows + r, mask=busy, other=0.0)
            e -= tl.load(offset + right * rows + r, mask=busy, other=0.0)
            right -= busy.to(right.dtype)
            k = tl.load(knot + right * rows + r, mask=busy & (left <= right), other=0.0)
            busy = busy & (left <= right) & (b * k + e >= lam)
        under = (-lam - c) / a
        over = (lam - e) / b
        tl.store(floor + last * rows + r, under, mask=late)
        tl.store(ceiling + last * rows + r, over, mask=late)
        left -= late.to(left.dtype)
        right += late.to(right.dtype)
        tl.store(knot + left * rows + r, under, mask=late)
        tl.store(slope + left * rows + r, a, mask=late)
        tl.store(offset + left * rows + r, c + lam, mask=late)
        tl.store(knot + right * rows + r, over, mask=late)
        tl.store(slope + right * rows + r, -b, mask=late)
        tl.store(offset + right * rows + r, lam - e, mask=late)
        c = tl.where(late, -lam - value, tl.where(here, -value, c))
        e = tl.where(late, lam - value, tl.where(here, -value, e))
        last = tl.where(here, j, last)
        count += here.to(count.dtype)
    a = lam * 0.0 + 1.0
    k = tl.load(knot + left * rows + r, mask=alive & (left <= right), other=0.0)
    busy = alive & (left <= right) & (a * k + c <= 0.0)
    while tl.max(busy.to(tl.int32), axis=0) > 0:
        a += tl.load(slope + left * rows + r, mask=busy, other=0.0)
        c += tl.load(offset + left * rows + r, mask=busy, other=0.0)
        left += busy.to(left.dtype)
        k = tl.load(knot + left * rows + r, mask=busy & (left <= right), other=0.0)
        busy = busy & (left <= right) & (a * k + c <= 0.0)
    value = -c / a
    # Numbered downwards from d, since the way back runs from right to left.
    group = tl.zeros_like(r) + d
    for i in range(d):
        j = d - 1 - i
        here = alive & (tl.load(kept + j * rows + r, mask=alive, other=0) != 0)
        early = here & (j < last)
        under = tl.load(floor + j * rows + r, mask=early, other=0.0)
        over = tl.load(ceiling + j * rows + r, mask=early, other=0.0)
        clipped = early & ((value < under) | (value > over))
        value = tl.where(clipped, tl.where(value < under, under, over), value)
        # With lam = 0 nothing is fused, not even equal neighbours.
        group -= (clipped | (early & (lam == 0.0))).to(group.dtype)
        tl.store(prox + j * rows + r, value, mask=here)
        tl.store(labels + j * rows + r, tl.where(here, group, 0), mask=alive)


@triton.jit
def _regression_kernel(z, counts, sums, starts, fit, labels, rows, d, LANES: tl.constexpr):
    """Decreasing regression of each row's first counts[r] entries; arrays are (d, rows)."""
    r = tl.program_id(0) * LANES + tl.arange(0, LANES)
    alive = r < rows
    n = tl.load(counts + r, mask=alive, other=0)
    top = tl.zeros_like(r) - 1
    for i in range(d):
        here = alive & (i < n)
        total = tl.load(z + i * rows + r, mask=here, other=0.0)
        start = tl.zeros_like(r) + i
        last = tl.load(sums + top * rows + r, mask=here & (top >= 0), other=0.0)
        begin = tl.load(starts + top * rows + r, mask=here & (top >= 0), other=0)
        busy = here & (top >= 0) & (last * (i + 1 - start) < total * (start - begin))
        while tl.max(busy.to(tl.int32), axis=0) > 0:
            total += tl.where(busy, last, 0.0)
            start = tl.where(busy, begin, start)
            top -= busy.to(top.dtype)
            last = tl.load(sums + top * rows + r, mask=busy & (top >= 0), other=0.0)
            begin = tl.load(starts + top * rows + r, mask=busy & (top >= 0), other=0)
            busy = busy & (top >= 0) & (last * (i + 1 - start) < total * (start - begin))
        top += here.to(top.dtype)
        tl.store(sums + top * rows + r, total, mask=here)
        tl.store(starts + top * rows + r, start, mask=here)
    stop = n
    for k in range(d):
        i = d - 1 - k
        here = alive & (i < n)
        start = tl.load(starts + top * rows + r, mask=here, other=0)
        total = tl.load(sums + top * rows + r, mask=here, other=0.0)
        mean = total / tl.maximum(stop - start, 1)
        tl.store(fit + i * rows + r, tl.where(here, mean, 0.0), mask=alive)
        tl.store(labels + i * rows + r, tl.where(here, top + 1, 0), mask=alive)
        first = here & (i == start)
        stop = tl.where(first, start, stop)
        top -= first.to(top.dtype)


@triton.jit
def _group_product_kernel(g, y, labels, sums, counts, out, gamma, rows, d, LANES: tl.constexpr):
    """Set out to the group means of (diag(s) - s s' / |s|) g / gamma; arrays are (d, rows)."""
    r = tl.program_id(0) * LANES + tl.arange(0, LANES)
    alive = r < rows
    total = tl.load(g + r, mask=alive, other=0.0) * 0.0
    size = tl.zeros_like(r)
    for j in range(d):
        weight = tl.load(y + j * rows + r, mask=alive, other=0.0)
        active = alive & (weight > 0)
        v = tl.load(g + j * rows + r, mask=active, other=0.0)
        k = tl.load(labels + j * rows + r, mask=active, other=0)
        so_far = tl.load(sums + k * rows + r, mask=active, other=0.0)
        many = tl.load(counts + k * rows + r, mask=active, other=0)
        tl.store(sums + k * rows + r, so_far + v, mask=active)
        tl.store(counts + k * rows + r, many + 1, mask=active)
        total += v
        size += active.to(size.dtype)
    mean = total / tl.maximum(size, 1)
    for j in range(d):
        weight = tl.load(y + j * rows + r, mask=alive, other=0.0)
        active = alive & (weight > 0)
        k = tl.load(labels + j * rows + r, mask=active, other=0)
        whole = tl.load(sums + k * rows + r, mask=active, other=0.0)
        many = tl.load(counts + k * rows + r, mask=active, other=1)
        product = (whole / many - mean) / gamma
        tl.store(out + j * rows + r, tl.where(active, product, weight * 0.0), mask=alive)


def _project(x: Tensor, mask: Tensor | None, gamma: float) -> Tensor:
    rows, d = x.shape
    y = torch.empty_like(x)
    hidden = x if mask is None else mask.view(torch.uint8)
    block = triton.next_power_of_2(d)
    _project_kernel[(rows,)](x, hidden, y, gamma, d, HIDDEN=mask is not None, BLOCK=block)
    return y


def _fused_prox(z: Tensor, kept: Tensor, lams: Tensor) -> tuple[Tensor, Tensor]:
    rows, d = z.shape
    mean = z.sum(-1, keepdim=True) / kept.sum(-1, keepdim=True).clamp(min=1)
    spread = ((z - mean).abs() * kept).sum(-1)
    # Beyond the spread lam fuses the whole row all the same, and its digits would drown z's.
    lams = torch.where(lams > spread, 2.0 * spread + 1.0, lams)
    columns = torch.where(
        z < -(4.0 * lams + 1.001).unsqueeze(1), -(4.0 * lams + 1.001).unsqueeze(1), z
    )
    columns = columns.nan_to_num().t().contiguous()
    knot, slope, offset = columns.new_empty(3, 2 * d + 2, rows).unbind()
    floor, ceiling = columns.new_empty(2, d, rows).unbind()
    prox = torch.zeros_like(columns)
    labels = torch.empty(d, rows, dtype=torch.int32, device=z.device)
    grid = (triton.cdiv(rows, _LANES),)
    _total_variation_kernel[grid](
        columns, kept.t().contiguous().view(torch.uint8), lams, knot, slope, offset, floor,
        ceiling, prox, labels, rows, d, LANES=_LANES, num_warps=1,
    )  # fmt: skip
    return prox.t(), labels.t()


def _clustered_prox(z: Tensor, kept: Tensor, lams: Tensor) -> tuple[Tensor, Tensor]:
    rows, d = z.shape
    key, order = torch.where(kept, z, -torch.inf).nan_to_num(0.0).sort(-1, descending=True)
    rank = torch.arange(d, device=z.device, dtype=z.dtype)
    columns = (key + lams.unsqueeze(1) * rank).t().contiguous()
    sums, fit = columns.new_empty(2, d, rows).unbind()
    starts, labels = torch.empty(2, d, rows, dtype=torch.int32, device=z.device).unbind()
    counts = kept.sum(-1, dtype=torch.int32)
    grid = (triton.cdiv(rows, _LANES),)
    _regression_kernel[grid](
        columns, counts, sums, starts, fit, labels, rows, d, LANES=_LANES, num_warps=1
    )
    prox = torch.empty_like(z).scatter_(1, order, fit.t())
    return prox, torch.empty_like(labels.t()).scatter_(1, order, labels.t())


def sparsemax_forward(x: Tensor, mask: Tensor | None, gamma: float) -> tuple[Tensor, None]:
    """Launch the projection of x / gamma."""
    return _project(x, mask, gamma), None


def fusedmax_forward(
    x: Tensor, mask: Tensor | None, gamma: float, lams: Tensor
) -> tuple[Tensor, Tensor]:
    """Launch the projection of the total-variation prox of x / gamma."""
    return _projected_prox(_fused_prox, x, mask, gamma, lams)


def oscarmax_forward(
    x: Tensor, mask: Tensor | None, gamma: float, lams: Tensor
) -> tuple[Tensor, Tensor]:
    """Launch the projection of the ordered-weight isotonic prox of x / gamma."""
    return _projected_prox(_clustered_prox, x, mask, gamma, lams)


def _projected_prox(
    prox_of: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    mask: Tensor | None,
    gamma: float,
    lams: Tensor,
) -> tuple[Tensor, Tensor]:
    kept = ~hidden_positions(x, mask)
    prox, labels = prox_of(distances(x, kept, gamma), kept, lams)
    bad = ((x != x) | (x == torch.inf)) & kept
    prox = torch.where(bad, torch.nan, prox).contiguous()
    return _project(prox, ~kept, 1.0), labels.contiguous()


def pnormmax_forward(x: Tensor, mask: Tensor | None, gamma: float, p: float) -> tuple[Tensor, None]:
    """Launch the bisection for pnormmax's threshold."""
    y = torch.empty_like(x)
    rows, d = x.shape
    _pnorm_kernel[(rows,)](
        x, x if mask is None else mask.view(torch.uint8), y, gamma, p, d,
        HIDDEN=mask is not None, BLOCK=triton.next_power_of_2(d),
    )  # fmt: skip
    return y, None


def entmax_forward(
    x: Tensor, mask: Tensor | None, gamma: float, alphas: Tensor
) -> tuple[Tensor, None]:
    """Launch Newton's method for alpha-entmax, one alpha a row."""
    y = torch.empty_like(x)
    rows, d = x.shape
    _entmax_kernel[(rows,)](
        x, x if mask is None else mask.view(torch.uint8), y, alphas, gamma, d,
        HIDDEN=mask is not None, TOLERANCE=1e-7 if x.dtype == torch.float32 else 1e-14,
        BLOCK=triton.next_power_of_2(d),
    )  # fmt: skip
    return y, None


def entmax_product(v: Tensor, y: Tensor, gamma: float, alphas: Tensor) -> Tensor:
    """Launch the product with the Jacobian of alpha-entmax, one alpha a row."""
    rows, d = y.shape
    out = torch.empty_like(y)
    _entmax_product_kernel[(rows,)](v, y, out, alphas, gamma, d, BLOCK=triton.next_power_of_2(d))
    return out


def sparsemax_product(v: Tensor, y: Tensor, gamma: float) -> Tensor:
    """Launch the product with the Jacobian of the projection."""
    rows, d = y.shape
    out = torch.empty_like(y)
    _project_product_kernel[(rows,)](v, y, out, gamma, d, BLOCK=triton.next_power_of_2(d))
    return out


def grouped_product(v: Tensor, y: Tensor, gamma: float, labels: Tensor) -> Tensor:
    """Launch the product with the Jacobian of the projection after a prox that averages."""
    rows, d = y.shape
    columns = y.t().contiguous()
    out = torch.empty_like(columns)
    sums = columns.new_zeros(d + 1, rows)
    counts = torch.zeros(d + 1, rows, dtype=torch.int32, device=y.device)
    _group_product_kernel[(triton.cdiv(rows, _LANES),)](
        v.t().contiguous(), columns, labels.t().contiguous(), sums, counts, out,
        gamma, rows, d, LANES=_LANES, num_warps=1,
    )  # fmt: skip
    return out.t().contiguous()
