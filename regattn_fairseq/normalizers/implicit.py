"""Attention maps from a user's own regularizer, differentiated implicitly.

Two ways to give one: the regularizer itself, smooth and strictly convex, or the prox of a penalty
that is added to the squared norm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import grad

from .inputs import Number, covered, divided, hidden_positions
from .projections import average, project_product
from .rules import GAMMA, Rule
from .sparsemax import sparsemax

_GAMMA = replace(GAMMA, default=1.0)
Regularizer = Callable[[Tensor], Tensor]
Prox = Callable[[Tensor, Tensor], Tensor | tuple[Tensor, Tensor]]


class AttentionMap(Protocol):
    """What both constructors return."""

    def __call__(
        self, scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
    ) -> Tensor:
        """Weights for ``scores`` along ``dim``."""


def _gradient(omega: Regularizer, y: Tensor) -> Tensor:
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        return torch.autograd.grad(omega(y).sum(), y)[0]


def _solve(
    omega: Regularizer, z: Tensor, hidden: Tensor, tolerance: float, max_steps: int
) -> Tensor:
    """Minimize omega(y) - <y, z> over the simplex, each row by itself.

    Accelerated projected gradient with a step length of its own a row, found by backtracking, and
    momentum that starts again where it points uphill.
    """
    y = sparsemax(z, mask=hidden)
    w, momentum = y, torch.ones_like(y[:, :1])
    length = torch.ones_like(momentum)
    for _ in range(max_steps):
        slope = _gradient(omega, w)
        while True:
            trial = sparsemax(w - length * (slope - z), mask=hidden)
            step = trial - w
            # Gradients compared, not values: those differ by mere rounding near the solution.
            bend = (step * (_gradient(omega, trial) - slope)).sum(-1, keepdim=True)
            short = (bend > step.square().sum(-1, keepdim=True) / length) & (length > 1e-12)
            if not bool(short.any()):
                break
            length = torch.where(short, 0.5 * length, length)
        uphill = ((w - trial) * (trial - y)).sum(-1, keepdim=True) > 0
        grown = 0.5 * (1.0 + (1.0 + 4.0 * momentum.square()).sqrt())
        factor = torch.where(uphill, torch.zeros_like(momentum), (momentum - 1.0) / grown)
        moved = (step.abs().amax(-1) / length.squeeze(-1)).amax()
        w_next = trial + factor * (trial - y)
        # Momentum may leave the simplex, where omega need not be defined.
        w = sparsemax(w_next, mask=hidden)
        momentum = torch.where(uphill, torch.ones_like(momentum), grown)
        y = trial
        length = length * 1.02
        if bool(moved <= tolerance):
            break
    return y


def _twist(omega: Regularizer, y: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """The gradient of u' H w with respect to y alone; y, u and w may change places."""

    def slope(point: Tensor) -> Tensor:
        return grad(lambda t: omega(t).sum())(point)

    def along_w(point: Tensor) -> Tensor:
        return grad(lambda t: (slope(t) * w).sum())(point)

    result: Tensor = grad(lambda t: (along_w(t) * u).sum())(y)
    return result


def _conjugate_gradients(v: Tensor, y: Tensor, omega: Regularizer) -> Tensor:
    """Solve P H P w = P v.

    H is the regularizer's Hessian at y, never formed, and P the projection onto the vectors that
    live on the support and sum to zero, as every change of y does.
    """

    def project(change: Tensor) -> Tensor:
        return project_product(change, y)

    with torch.enable_grad():
        point = y.detach().requires_grad_()
        slope = torch.autograd.grad(omega(point).sum(), point, create_graph=True)[0]

    def hessian(change: Tensor) -> Tensor:
        if slope.grad_fn is None:
            return torch.zeros_like(change)
        product = torch.autograd.grad(slope, point, change, retain_graph=True)[0]
        return project(torch.where(y > 0, product, torch.zeros_like(product)))

    residual = project(v)
    w = torch.zeros_like(residual)
    direction = residual
    square = residual.square().sum(-1, keepdim=True)
    # Relative to all of v: its projection may be nothing but rounding.
    goal = (10 * torch.finfo(y.dtype).eps) ** 2 * v.square().sum(-1, keepdim=True)
    tiny = torch.finfo(y.dtype).tiny
    for _ in range(2 * y.shape[-1]):
        if bool((square <= goal).all()):
            break
        image = hessian(direction)
        curvature = (direction * image).sum(-1, keepdim=True)
        ratio = torch.where(curvature > tiny, square / curvature.clamp(min=tiny), 0.0)
        ratio = torch.where(square > goal, ratio, 0.0)
        w = w + ratio * direction
        residual = residual - ratio * image
        before, square = square, residual.square().sum(-1, keepdim=True)
        direction = residual + square / before.clamp(min=tiny) * direction
    return w


def _each_row(function: Any, info: Any, in_dims: Any, tensors: list[Tensor], *others: Any) -> Any:
    """Batch a function of (rows, d) tensors that treats each row by itself."""
    batched = [
        t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
        for t, dim in zip(tensors, in_dims, strict=False)
    ]
    result = function.apply(*(t.flatten(0, 1) for t in batched), *others)
    return result.unflatten(0, batched[0].shape[:2]), 0


class _Product(torch.autograd.Function):
    """w = J v, J the Jacobian of the map where it gives y, symmetric."""

    @staticmethod
    def forward(v: Tensor, y: Tensor, omega: Regularizer) -> Tensor:
        return _conjugate_gradients(v, y, omega)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, y, ctx.omega = inputs
        ctx.save_for_backward(y, output)
        ctx.save_for_forward(y, output)

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> Any:
        y, w = ctx.saved_tensors
        to_v = _Product.apply(u, y, ctx.omega)
        return to_v, -_twist(ctx.omega, y, to_v, w), None

    @staticmethod
    def jvp(ctx: Any, dv: Tensor | None, dy: Tensor | None, _: Any) -> Tensor:
        y, w = ctx.saved_tensors
        change = torch.zeros_like(y) if dv is None else dv
        if dy is not None:
            change = change - _twist(ctx.omega, y, dy, w)
        return _Product.apply(change, y, ctx.omega)

    @staticmethod
    def vmap(info: Any, in_dims: Any, v: Tensor, y: Tensor, omega: Regularizer) -> Any:
        return _each_row(_Product, info, in_dims, [v, y], omega)


class _Implicit(torch.autograd.Function):
    """The map of (rows, d) scores, differentiated through its optimality conditions."""

    @staticmethod
    def forward(
        z: Tensor, hidden: Tensor, omega: Regularizer, tolerance: float, max_steps: int
    ) -> Tensor:
        return _solve(omega, z, hidden, tolerance, max_steps)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.omega = inputs[2]
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        return _Product.apply(v, y, ctx.omega), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, dz: Tensor, *_: Any) -> Tensor:
        (y,) = ctx.saved_tensors
        result: Tensor = _Product.apply(dz, y, ctx.omega)
        return result

    @staticmethod
    def vmap(info: Any, in_dims: Any, z: Tensor, hidden: Tensor, *others: Any) -> Any:
        return _each_row(_Implicit, info, in_dims, [z, hidden], *others)


def _as_rows(scores: Tensor, gamma: Number, mask: Tensor | None, dim: int) -> tuple[Tensor, Tensor]:
    """Scores over gamma as finite (rows, d), and which of them are hidden."""
    x = covered(scores, mask)
    hidden = hidden_positions(x)
    z = divided(x, _GAMMA.check(gamma), dim)
    d = scores.shape[dim]
    hidden = hidden.movedim(dim, -1).reshape(-1, d)
    return z.movedim(dim, -1).reshape(-1, d).masked_fill(hidden, 0.0), hidden


def _as_scores(y: Tensor, scores: Tensor, dim: int) -> Tensor:
    shape = scores.movedim(dim, -1).shape
    return y.reshape(shape).movedim(-1, dim).to(scores.dtype)


def from_regularizer(
    omega: Regularizer, *, tolerance: float = 1e-9, max_steps: int = 2000
) -> AttentionMap:
    r"""Argmax over y in the simplex of <y, scores> - gamma * omega(y), for an omega of one's own.

    Solved by accelerated projected gradient. The derivative comes from the optimality conditions
    alone: H w + t 1 = v on the support, sum w = 0, H the Hessian of gamma * omega at the solution;
    solved by conjugate gradients with Hessian-vector products, no d x d array.

    Args:
        omega: takes y of shape (rows, d) to (rows,), each row by itself, in torch operations that
            can be differentiated twice. Strictly convex, with a finite gradient on the simplex.
            Masked positions are 0 in y.
        tolerance: the projected gradient's size at which to stop (float32 reaches 1e-6 or so).
        max_steps: the number of gradient steps at which to stop.

    Returns:
        A map ``f(scores, *, gamma=1.0, mask=None, dim=-1)``, differentiable in both modes as often
        as omega's gradient, which ``register_normalizer`` and ``smoothed_max`` take.

    Source: Niculae and Blondel 2017, proposition 2.
    """

    def attention_map(
        scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
    ) -> Tensor:
        if scores.numel() == 0:
            return scores * 1.0
        z, hidden = _as_rows(scores, gamma, mask, dim)
        goal = max(tolerance, 32 * torch.finfo(z.dtype).eps)
        return _as_scores(_Implicit.apply(z, hidden, omega, goal, max_steps), scores, dim)

    def penalty(y: Tensor, kept: Tensor) -> Tensor:
        return omega(y.reshape(-1, y.shape[-1])).reshape(y.shape[:-1])

    attention_map.rule = Rule(  # type: ignore[attr-defined]
        name="from_regularizer", function=attention_map, penalty=penalty
    )
    return attention_map


def from_prox(prox: Prox) -> AttentionMap:
    r"""Argmax over y in the simplex of <y, scores> - gamma (||y||^2 / 2 + penalty(y)), by a prox.

    Computed as the projection onto the simplex of prox(scores / gamma), which is the argmax where
    the projection keeps the penalty's subgradients: it does for every weighted sum of
    |y_i - y_j|, on any graph, since it never changes the order of two entries.

    Args:
        prox: takes v and hidden, both (rows, d), to the minimizer over b of
            ||b - v||^2 / 2 + penalty(b). v is 0 where hidden (bool) is True, and what is
            returned there is ignored. Either it returns that tensor, computed in differentiable
            torch operations; or a pair with a (rows, d) integer tensor of groups, numbered from
            0 to d-1, whose averages the Jacobian takes, and then it may compute as it likes.

    Returns:
        A map ``f(scores, *, gamma=1.0, mask=None, dim=-1)``, which ``register_normalizer`` takes.

    Source: Niculae and Blondel 2017, proposition 3, and Yu 2013 for when proxes compose.
    """

    def attention_map(
        scores: Tensor, *, gamma: Number = 1.0, mask: Tensor | None = None, dim: int = -1
    ) -> Tensor:
        if scores.numel() == 0:
            return scores * 1.0
        v, hidden = _as_rows(scores, gamma, mask, dim)
        result = prox(v, hidden)
        if isinstance(result, tuple):
            values, groups = result
            labels = (groups + 1).masked_fill(hidden, 0)
            moving = average(v, labels)
            # The value is the prox's own, the derivative that of its groups' averages.
            result = values.detach() + (moving - moving.detach())
        return _as_scores(sparsemax(result, mask=hidden), scores, dim)

    return attention_map
