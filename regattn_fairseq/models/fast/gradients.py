"""Gradients that must themselves be differentiable: by autograd, from the plain computation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_functorch_active = torch._C._are_functorch_transforms_active


def are_differentiated() -> bool:
    """Within a backward pass: whether its gradients get derivatives, or come in batches.

    So it is after ``create_graph=True`` and ``is_grads_batched=True``.
    """
    return torch.is_grad_enabled() or _functorch_active()


def of_plain(
    plain: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    grad_outputs: Tensor | tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """The gradients of a computation in plain PyTorch, which is done once more.

    Args:
        plain: the computation; returns a tensor or several.
        inputs: its arguments.
        grad_outputs: gradients of what it returns, a tensor or as many.

    Returns:
        A gradient for each input, a differentiable function of all that is given here.
    """
    # Not by autograd.grad, which would follow one input through the history of another.
    product: Callable[..., tuple[Tensor, ...]] = torch.func.vjp(plain, *inputs)[1]
    return product(grad_outputs)
