"""The value of the problem whose solution is the attention map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .implicit import AttentionMap
from .inputs import Number, covered, hidden_positions, over_rows
from .rules import Rule, rule, rules


class _Envelope(torch.autograd.Function):
    """<y, x> - gamma omega, differentiated as if y were constant.

    That is the envelope theorem: y maximizes the expression, so its own change adds nothing. What
    is left of omega's change is that by the map's other option, ``slope`` times the option's. The
    rule returns y itself, still attached to its graph, so the second derivative is the Jacobian.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, gamma: Tensor, option: Tensor, omega: Tensor, slope: Tensor
    ) -> Tensor:
        return (x * y).sum(-1) - gamma * omega

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, y, gamma, _, omega, slope = inputs
        ctx.save_for_backward(y, gamma, omega, slope)
        ctx.save_for_forward(y, gamma, omega, slope)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        y, gamma, omega, slope = ctx.saved_tensors
        return grad.unsqueeze(-1) * y, None, -grad * omega, -grad * gamma * slope, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Any, dy: Any, dgamma: Any, doption: Any, *_: Any) -> Tensor:
        y, gamma, omega, slope = ctx.saved_tensors
        change = torch.zeros_like(omega)
        if dx is not None:
            change = change + (dx * y).sum(-1)
        if dgamma is not None:
            change = change - dgamma * omega
        if doption is not None:
            change = change - gamma * doption * slope
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
        options: the map's, such as gamma, lam and p, by default as the map has them; gamma, lam and
            alpha may be tensors. What other maps have and this one has not is without effect.

    Returns:
        The type of ``scores``, the shape without ``dim``; -inf, with zero gradient, for rows with
        no position left.

    Raises:
        ValueError: a bad option, or a normalizer that is no regularized argmax.

    Source: Niculae and Blondel 2017, section 2.
    """
    problem = Problem.of(normalizer, scores, mask, dim, options)
    y = problem.chosen.function(problem.x, mask=problem.hidden, **problem.for_map)
    omega, slope = problem.regularizer(y)
    value = _Envelope.apply(problem.x, y, problem.gamma, problem.option, omega, slope)
    return value.masked_fill(problem.hidden.all(-1), -torch.inf).to(scores.dtype)


@dataclass(frozen=True)
class Problem:
    """What max over y of <y, x> - gamma Omega(y) takes, with d as the last dimension.

    Attributes:
        chosen: the map's rule.
        x: scores (..., d), 0 where hidden.
        hidden: bool (..., d), True where a position does not compete.
        gamma: of each row, (...).
        option: the rule's rowwise option of each row, (...); 0 where it has none.
        for_map: the options as the map takes them.
        constants: the options as formulas take them.
    """

    chosen: Rule
    x: Tensor
    hidden: Tensor
    gamma: Tensor
    option: Tensor
    for_map: dict[str, Any]
    constants: tuple[Number, ...]

    @classmethod
    def of(
        cls,
        normalizer: str | AttentionMap,
        scores: Tensor,
        mask: Tensor | None,
        dim: int,
        options: dict[str, Number],
    ) -> Problem:
        """The problem that these arguments of :func:`smoothed_max` describe.

        Raises:
            ValueError: as :func:`smoothed_max` says.
        """
        chosen = with_penalty(normalizer)
        known = {name for each in rules() for name in each.options}
        if unknown := options.keys() - known:
            raise ValueError(
                f"{chosen.name} has no option {min(unknown)!r}; it has: "
                + ", ".join(chosen.options)
            )
        values = {
            name: option.check(options.get(name, option.default))
            for name, option in chosen.options.items()
        }
        x = covered(scores, mask)
        own = chosen.rowwise.name if chosen.rowwise else ""
        gamma = _over_rows(values["gamma"], x, dim, "gamma")
        option = _over_rows(values.get(own, 0.0), x, dim, own)
        x = x.movedim(dim, -1)
        hidden = hidden_positions(x)
        tensors = {
            name: rows
            for name, rows in (("gamma", gamma), (own, option))
            if isinstance(values.get(name), Tensor)
        }
        constants = chosen.with_rowwise(
            tensors.get(own, values.get(own, 0.0)),
            tuple(values[each.name] for each in chosen.constants),
        )
        return cls(
            chosen,
            x.masked_fill(hidden, 0.0),
            hidden,
            gamma,
            option,
            values | {name: rows.unsqueeze(-1) for name, rows in tensors.items()},
            constants,
        )

    def regularizer(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Omega of distributions (..., d), and its derivative by the rowwise option: both (...)."""
        assert self.chosen.penalty is not None
        omega = self.chosen.penalty(y, ~self.hidden, *self.constants)
        slope = self.x.new_zeros(omega.shape)
        if self.chosen.structure is not None:
            slope = self.chosen.structure(y, ~self.hidden, *self.constants)
        if self.chosen.grouped:
            omega = omega + self.option * slope
        return omega, slope


def with_penalty(normalizer: str | AttentionMap) -> Rule:
    """The rule of a map that is a regularized argmax.

    Raises:
        ValueError: it is none, or there is no such map.
    """
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
