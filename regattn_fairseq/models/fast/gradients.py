"""Differentiable gradients, which autograd computes from the plain computation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_functorch_active = torch._C._are_functorch_transforms_active


def are_differentiated() -> bool:
    """Whether the gradients of this backward pass must be differentiable, or come in batches.

    This is the case after ``create_graph=True`` or ``is_grads_batched=True``.
    """
    return torch.is_grad_enabled() or _functorch_active()


def of_plain(
    plain: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    grad_outputs: Tensor | tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """The gradients of a computation in plain PyTorch, which is run again.

    Args:
        plain: the computation; returns one tensor or several.
        inputs: its arguments.
        grad_outputs: the gradients of its outputs: one tensor, or as many as outputs.

    Returns:
        The gradient of each input. It is a differentiable function of all arguments given here.
    """
    # Not autograd.grad: it would follow one input through the history of another.
    product: Callable[..., tuple[Tensor, ...]] = torch.func.vjp(plain, *inputs)[1]
    return product(grad_outputs)
