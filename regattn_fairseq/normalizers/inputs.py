"""What a caller may bring: any floating type, a mask, scores of -inf, options as tensors.

``mask`` is True where a position must get no weight. A score of -inf says the same; every map
takes both to one form by the functions here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.running import traced

Number = float | Tensor
functorch_active = torch._C._are_functorch_transforms_active
_KERNEL_DTYPES = (torch.float32, torch.float64)


def at_hand(tensor: Tensor) -> bool:
    """Whether one may look at a tensor's values: on the CPU, neither traced nor batched."""
    return tensor.is_cpu and not traced(tensor) and not functorch_active()


def widen(scores: Tensor) -> Tensor:
    """Scores in float32 or float64: 16-bit ones are computed with in float32.

    Raises:
        ValueError: they are not floating point.
    """
    if scores.dtype in _KERNEL_DTYPES:
        return scores
    if not scores.dtype.is_floating_point:
        raise ValueError(f"scores must be floating point, got {scores.dtype}; use scores.float()")
    return scores.float()


def check_mask(mask: Tensor, scores: Tensor) -> Tensor:
    """Return the mask in the shape of the scores.

    Raises:
        ValueError: it is not bool, or does not broadcast.
    """
    if mask.dtype is not torch.bool:
        raise ValueError(f"mask must be bool, True where masked, got {mask.dtype}; use .bool()")
    if mask.shape == scores.shape:
        return mask
    try:
        return mask.expand(scores.shape)
    except RuntimeError:
        raise ValueError(
            f"mask of shape {tuple(mask.shape)} does not broadcast to scores of shape "
            f"{tuple(scores.shape)}; reshape it"
        ) from None


def over_rows(option: Tensor, scores: Tensor, dim: int, name: str) -> Tensor:
    """An option tensor that broadcasts against ``scores``, with size 1 along ``dim``, which goes.

    Returns:
        The shape of ``scores`` without ``dim``.

    Raises:
        ValueError: the option has more than one value along ``dim``, or does not broadcast.
    """
    shape = list(scores.shape)
    if not shape:
        return option.reshape(())
    shape[dim] = 1
    try:
        return option.expand(shape).squeeze(dim)
    except RuntimeError:
        raise ValueError(
            f"{name} of shape {tuple(option.shape)} does not broadcast to {tuple(shape)}, the "
            f"shape of scores with size 1 along dim={dim}; reshape it"
        ) from None


def one_a_row(option: Number, rows: Tensor) -> Tensor:
    """An option's value for each of the rows (rows, d), in their type and on their device."""
    values = torch.as_tensor(option, dtype=rows.dtype, device=rows.device)
    return values.reshape(-1).expand(len(rows))


def hidden_positions(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Where a position must get no weight: it is masked, or its score is -inf."""
    hidden = scores.detach() == -torch.inf
    return hidden if mask is None else hidden | mask


def covered(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores in float32 or float64, with -inf wherever the mask is True.

    Raises:
        ValueError: the scores are not floating point, or the mask does not fit them.
    """
    x = widen(scores)
    return x if mask is None else x.masked_fill(check_mask(mask, x), -torch.inf)


def divided(scores: Tensor, gamma: Number, dim: int) -> Tensor:
    """Scores over gamma; -inf stays, and is no infinity in gamma's derivative.

    Raises:
        ValueError: gamma is a tensor that does not fit the scores.
    """
    if not isinstance(gamma, Tensor):
        return scores if gamma == 1.0 else scores / gamma
    hidden = hidden_positions(scores)
    rows = over_rows(gamma, scores, dim, "gamma").unsqueeze(dim).to(scores.dtype)
    return (scores.masked_fill(hidden, 0.0) / rows).masked_fill(hidden, -torch.inf)
