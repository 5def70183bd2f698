"""From a caller's tensor to a kernel and back: layout, types, devices, derivatives.

A kernel sees contiguous ``(..., d)`` scores in float32 or float64, and numbers. Everything a
caller may bring besides (any dim, 16-bit types, broadcast masks, regularization as tensors) is
brought to that form here with differentiable operations, so that a map needs one derivative rule:
the product of a vector with its Jacobian J = d y / d x. Regularization follows from that product:

    d y / d gamma = -J x / gamma,  by the map of x / gamma with gamma = 1, and the chain rule;
    d y / d lam = gamma J c,       c the prox's derivative with respect to lam, constant on groups;
    d y / d alpha = gamma J c,     c that of minus the gradient of Omega, at y.

J depends on x through the support and the groups alone (and, for some maps, through y), so that
differentiating the product's definition in PyTorch operations gives the derivatives above the
first.

``by_row`` is what a rule calls its rowwise option, lam or another: a number, or one a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..kernels.running import traced
from . import _cpu, _gpu, _torch
from .inputs import (
    Number,
    check_mask,
    covered,
    divided,
    functorch_active,
    hidden_positions,
    over_rows,
    widen,
)
from .projections import renumber
from .rules import Rule, rule

# A tensor that has outlived a transform is still wrapped.
_unwrap_if_dead = torch._C._functorch.unwrap_if_dead
_forced: str | None = None


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Within the block, compute with "numba", "triton" or "torch", whatever would be chosen.

    Raises:
        ValueError: another name.
    """
    global _forced
    if name not in ("numba", "triton", "torch"):
        raise ValueError(f"unknown backend {name!r}; choose numba, triton or torch")
    before, _forced = _forced, name
    try:
        yield
    finally:
        _forced = before


def _backend(x: Tensor) -> ModuleType:
    if _forced is None and x.is_cpu and _cpu.available():
        return _cpu
    if _forced == "torch":
        return _torch
    if _forced == "numba":
        return _cpu
    if (x.device.type == "cuda" or _forced == "triton") and _gpu.available():
        return _gpu
    return _torch


def apply(
    rule: Rule,
    scores: Tensor,
    *,
    gamma: Number,
    by_row: Number = 0.0,
    constants: tuple[float, ...] = (),
    mask: Tensor | None = None,
    dim: int = -1,
    return_groups: bool = False,
) -> Any:
    """Run one map over ``dim`` of ``scores``; see the maps themselves for what the options mean.

    Raises:
        ValueError: an option out of its range; scores that are not floating point; a mask, or an
            option as a tensor, of a wrong shape.
    """
    gamma = rule.options["gamma"].check(gamma)
    if rule.rowwise is not None:
        by_row = rule.rowwise.check(by_row)
    if constants:
        constants = tuple(
            float(option.check(value))
            for option, value in zip(rule.constants, constants, strict=True)
        )
    x = widen(scores)
    rank = x.dim()
    if rank == 0:
        x = x.unsqueeze(0)
    last = dim == -1 or dim == x.dim() - 1
    if isinstance(gamma, Tensor):
        x = divided(covered(x, mask), gamma, dim)
        gamma = 1.0
    if isinstance(by_row, Tensor):
        assert rule.rowwise is not None
        by_row = over_rows(by_row, x, dim, rule.rowwise.name)
    if mask is not None:
        mask = check_mask(mask, x)
        mask = (mask if last else mask.movedim(dim, -1)).contiguous()
    if not last:
        x = x.movedim(dim, -1)
    x = x.contiguous()
    labels: Tensor | None = None
    if x.numel() == 0:
        y, labels = x * 1.0, torch.zeros_like(x, dtype=torch.int32)
    elif traced(x) or x.is_meta:
        y, labels = torch.ops.regattn.map(*_by_rows(x, by_row, mask), rule.name, gamma, constants)
    elif (
        isinstance(by_row, Tensor)
        or return_groups
        or functorch_active()
        or forward_ad._current_level >= 0
    ):
        y, labels = _Map.apply(*_by_rows(x, by_row, mask), rule.name, gamma, constants)
    else:
        y = _apply_eagerly(_unwrap_if_dead(x), (_backend(x), rule, mask, gamma, by_row, constants))
    result = y
    if not last:
        result = result.movedim(-1, dim)
    if rank == 0:
        result = result.squeeze(0)
    if x.dtype is not scores.dtype:
        result = result.to(scores.dtype)
    if not return_groups:
        return result
    assert labels is not None
    groups = renumber(labels, y > 0) - 1
    return result, (groups if last else groups.movedim(-1, dim)).reshape(scores.shape)


def _by_rows(
    x: Tensor, by_row: Number, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The tensor arguments of the general way; the third is the number of unmasked entries."""
    n = x.shape[-1] - hidden_positions(x, mask).sum(-1)
    return x, _one_a_row(by_row, x), n, mask


def _one_a_row(value: Number, x: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.to(x.dtype).contiguous()
    return x.new_full(x.shape[:-1], value)


def _product(
    backend: ModuleType,
    rule: Rule,
    v: Tensor,
    y: Tensor,
    labels: Tensor | None,
    by_row: Number,
    gamma: float,
    constants: tuple[float, ...],
) -> Tensor:
    """Multiply v by the transposed Jacobian at y.

    By a kernel, unless the product is traced, or has to be differentiated or batched in its turn.
    """
    result: Tensor
    if traced(v):
        rows = _one_a_row(by_row, y)
        result = torch.ops.regattn.map_product(v, y, labels, rows, rule.name, gamma, constants)
    elif torch.is_grad_enabled() or functorch_active():
        result = _torch.product(rule, v, y, labels, by_row, gamma, constants)
    else:
        result = backend.product(rule, v, y, labels, by_row, gamma, constants)
    return result


class _EagerMap(torch.autograd.Function):
    """The quick way, for plain eager calls with numbers as options.

    On short rows of small batches most of the time goes by outside of the kernels, hence as few
    calls and arguments as will do.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, call: tuple[Any, ...]) -> Tensor:
        backend, rule, mask, gamma, by_row, constants = call
        y: Tensor
        y, labels = backend.forward(rule, x, mask, gamma, by_row, constants)
        ctx.save_for_backward(y, labels)
        ctx.call = call
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        y, labels = ctx.saved_tensors
        backend, rule, _, gamma, by_row, constants = ctx.call
        return _product(backend, rule, grad, y, labels, by_row, gamma, constants), None


# Without what torch does before that in Python, which takes as long as a kernel on a short row.
_apply_eagerly = super(torch.autograd.Function, _EagerMap).apply


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, by_row, n, _, name, gamma, constants = inputs
    ctx.save_for_backward(*output, by_row, n)
    ctx.options = (rule(name), gamma, constants)


def _backward(ctx: Any, grad: Tensor, _: Any) -> Any:
    y, labels, by_row, n = ctx.saved_tensors
    rule, gamma, constants = ctx.options
    groups = labels if rule.grouped else None
    product = _product(_backend(y), rule, grad, y, groups, by_row, gamma, constants)
    to_rows = None
    if rule.rowwise is not None and ctx.needs_input_grad[1]:
        slope = _slope(rule, y, labels, by_row, n, constants).to(product.dtype)
        to_rows = gamma * (product * slope).sum(-1)
    return product, to_rows, None, None, None, None, None


def _slope(
    rule: Rule, y: Tensor, labels: Tensor, by_row: Tensor, n: Tensor, constants: tuple[float, ...]
) -> Tensor:
    assert rule.slope is not None
    # Within a group nothing but lam moves what the slope is computed from.
    return rule.slope(
        y.detach() if rule.grouped else y, labels, n, *rule.with_rowwise(by_row, constants)
    )


class _Map(torch.autograd.Function):
    """The same with one option as a tensor of the rows' shape, forward mode and batching."""

    @staticmethod
    def forward(
        x: Tensor,
        by_row: Tensor,
        n: Tensor,
        mask: Tensor | None,
        name: str,
        gamma: float,
        constants: tuple[float, ...],
    ) -> tuple[Tensor, Tensor]:
        y, labels = _backend(x).forward(
            rule(name), x.contiguous(), mask, gamma, by_row, tuple(constants)
        )
        return y, x.new_zeros((), dtype=torch.int32) if labels is None else labels

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _remember(ctx, inputs, output)
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_forward(*output, *inputs[1:3])

    backward = staticmethod(_backward)

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, drow: Tensor | None, *_: Any) -> tuple[Tensor, None]:
        y, labels, by_row, n = ctx.saved_tensors
        rule, gamma, constants = ctx.options
        change = torch.zeros_like(y) if dx is None else dx
        if rule.rowwise is not None and drow is not None:
            slope = _slope(rule, y, labels, by_row, n, constants).to(y.dtype)
            change = change + gamma * drow.unsqueeze(-1) * slope
        groups = labels if rule.grouped else None
        return _torch.tangent(rule, change, y, groups, by_row, gamma, constants), None

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        x: Tensor,
        by_row: Tensor,
        n: Tensor,
        mask: Tensor | None,
        name: str,
        *options: Any,
    ) -> Any:
        def lead(t: Tensor, dim: int | None) -> Tensor:
            return t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)

        x, by_row, n = (lead(t, dim) for t, dim in zip((x, by_row, n), in_dims[:3], strict=True))
        if mask is not None:
            mask = lead(mask, in_dims[3]).contiguous()
        out = _Map.apply(x.contiguous(), by_row.contiguous(), n, mask, name, *options)
        return out, (0, 0 if rule(name).grouped else None)


@torch.library.custom_op(
    "regattn::map",
    mutates_args=(),
    schema="(Tensor x, Tensor by_row, Tensor n, Tensor? mask, str name, float gamma, "
    "float[] constants) -> (Tensor, Tensor)",
)
def _traced_map(x: Tensor, *arguments: Any) -> tuple[Tensor, Tensor]:
    return _Map.forward(x, *arguments)


@_traced_map.register_fake
def _(x: Tensor, by_row: Tensor, n: Tensor, mask: Any, name: str, *_: Any) -> tuple[Tensor, Tensor]:
    labels = x.new_empty(x.shape if rule(name).grouped else (), dtype=torch.int32)
    return torch.empty_like(x, memory_format=torch.contiguous_format), labels


_traced_map.register_autograd(_backward, setup_context=_remember)


@torch.library.custom_op(
    "regattn::map_product",
    mutates_args=(),
    schema="(Tensor v, Tensor y, Tensor? labels, Tensor by_row, str name, float gamma, "
    "float[] constants) -> Tensor",
)
def _traced_product(
    v: Tensor,
    y: Tensor,
    labels: Tensor | None,
    by_row: Tensor,
    name: str,
    gamma: float,
    constants: list[float],
) -> Tensor:
    result: Tensor = _backend(y).product(rule(name), v, y, labels, by_row, gamma, tuple(constants))
    return result


@_traced_product.register_fake
def _(v: Tensor, y: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(y, memory_format=torch.contiguous_format)
