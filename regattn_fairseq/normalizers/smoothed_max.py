"""The value of the problem whose solution is the attention map."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .implicit import AttentionMap
from .inputs import Number, covered, hidden_positions, over_rows
from .rules import Rule, rule, rules


class _Envelope(torch.autograd.Function):
    """<y, x> - gamma (base + lam penalty), differentiated as if y were constant.

    That is the envelope theorem: y maximizes the expression, so its own change adds nothing. The
    rule returns y itself, still attached to its graph, so the second derivative is the Jacobian.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, gamma: Tensor, lam: Tensor, base: Tensor, penalty: Tensor
    ) -> Tensor:
        return (x * y).sum(-1) - gamma * (base + lam * penalty)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, y, gamma, lam, base, penalty = inputs
        ctx.save_for_backward(y, gamma, lam, base, penalty)
        ctx.save_for_forward(y, gamma, lam, base, penalty)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        y, gamma, lam, base, penalty = ctx.saved_tensors
        to_gamma = -grad * (base + lam * penalty)
        to_lam = -grad * gamma * penalty
        return grad.unsqueeze(-1) * y, None, to_gamma, to_lam, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Any, dy: Any, dgamma: Any, dlam: Any, *_: Any) -> Tensor:
        y, gamma, lam, base, penalty = ctx.saved_tensors
        change = torch.zeros_like(base)
        if dx is not None:
            change = change + (dx * y).sum(-1)
        if dgamma is not None:
            change = change - dgamma * (base + lam * penalty)
        if dlam is not None:
            change = change - gamma * dlam * penalty
        return change


def smoothed_max(
    scores: Tensor,
    *,
    normalizer: str | AttentionMap = "sparsemax",
    mask: Tensor | None = None,
    dim: int = -1,
    **options: Number,
) -> Tensor:
    r"""The regularized max, whose gradient is the normalizer's map.

    $$\max\nolimits_\Omega(x) = \max_{y \in \Delta} \; \langle y, x \rangle - \gamma\,\Omega(y)$$

    A convex, differentiable stand-in for ``scores.max(dim)``. Its gradient with respect to the
    scores is the normalizer's map, and its second derivative the map's Jacobian.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        normalizer: the name of the map whose Omega to use; or a map that ``from_regularizer`` made.
        mask: bool, broadcastable to ``scores``; True where a position does not compete.
        dim: the dimension to reduce.
        options: the map's, such as gamma, lam and p, by default as the map has them; gamma and lam
            may be tensors. What other maps have and this one has not is without effect.

    Returns:
        The type of ``scores``, the shape without ``dim``; -inf, with zero gradient, for rows with
        no position left.

    Raises:
        ValueError: a bad option, or a normalizer that is no regularized argmax.

    Source: Niculae and Blondel 2017, section 2.
    """
    chosen = _with_penalty(normalizer)
    known = {name for each in rules() for name in each.options}
    if unknown := options.keys() - known:
        raise ValueError(
            f"smoothed_max has no option {min(unknown)!r}; {chosen.name} has: "
            + ", ".join(chosen.options)
        )
    values = {
        name: option.check(options.get(name, option.default))
        for name, option in chosen.options.items()
    }
    x = covered(scores, mask)
    gamma = _over_rows(values["gamma"], x, dim, "gamma")
    lam = _over_rows(values.get("lam", 0.0), x, dim, "lam")
    x = x.movedim(dim, -1)
    hidden = hidden_positions(x)
    x = x.masked_fill(hidden, 0.0)
    empty = hidden.all(-1)
    given = values | {
        name: rows.unsqueeze(-1)
        for name, rows in (("gamma", gamma), ("lam", lam))
        if isinstance(values.get(name), Tensor)
    }
    y = chosen.function(x, mask=hidden, **given)
    assert chosen.penalty is not None
    constants = [values[option.name] for option in chosen.constants]
    base = chosen.penalty(y, ~hidden, *constants)
    structure = x.new_zeros(empty.shape)
    if chosen.structure is not None:
        structure = chosen.structure(y, ~hidden)
    value = _Envelope.apply(x, y, gamma, lam, base, structure)
    return value.masked_fill(empty, -torch.inf).to(scores.dtype)


def _with_penalty(normalizer: str | AttentionMap) -> Rule:
    found = rule(normalizer) if isinstance(normalizer, str) else getattr(normalizer, "rule", None)
    if found is None or found.penalty is None:
        able = ", ".join(each.name for each in rules() if each.penalty is not None)
        raise ValueError(
            f"smoothed_max has no regularizer for {normalizer!r}; choose one of: {able}"
        )
    return found


def _over_rows(option: Number, x: Tensor, dim: int, name: str) -> Tensor:
    """The option as a tensor of the shape of x without ``dim``."""
    if isinstance(option, Tensor):
        return over_rows(option, x, dim, name).to(x.dtype)
    return x.new_full(x.select(dim, 0).shape, option)
