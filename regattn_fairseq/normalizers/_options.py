"""Checks of the numbers that shape a map; each failure is one line that names option and fix."""

from __future__ import annotations

import math

import torch

from ..kernels.running import traced

Number = float | torch.Tensor
functorch_active = torch._C._are_functorch_transforms_active


def at_hand(tensor: torch.Tensor) -> bool:
    """Whether one may look at a tensor's values: on the CPU, neither traced nor batched."""
    return tensor.is_cpu and not traced(tensor) and not functorch_active()


def check_gamma(gamma: Number) -> Number:
    """Return gamma if it is finite and positive.

    Raises:
        ValueError: it is not.
    """
    if isinstance(gamma, float) and 0.0 < gamma < math.inf:
        return gamma
    if isinstance(gamma, torch.Tensor):
        if at_hand(gamma) and not bool(((gamma > 0) & torch.isfinite(gamma)).all()):
            raise ValueError("gamma must be finite and > 0 everywhere; check the gamma tensor")
        return gamma
    if not 0.0 < gamma < math.inf:
        raise ValueError(f"gamma must be finite and > 0, got {gamma}; use e.g. gamma=1.0")
    return float(gamma)


def check_lam(lam: Number) -> Number:
    """Return lam if it is finite and not negative.

    Raises:
        ValueError: it is not.
    """
    if isinstance(lam, float) and 0.0 <= lam < math.inf:
        return lam
    if isinstance(lam, torch.Tensor):
        if at_hand(lam) and not bool(((lam >= 0) & torch.isfinite(lam)).all()):
            raise ValueError("lam must be finite and >= 0 everywhere; check the lam tensor")
        return lam
    if not 0.0 <= lam < math.inf:
        raise ValueError(f"lam must be finite and >= 0, got {lam}; use e.g. lam=0.1")
    return float(lam)


def check_p(p: float) -> float:
    """Return p if it lies in (1, 2].

    Raises:
        ValueError: it does not.
    """
    if not 1.0 < p <= 2.0:
        raise ValueError(f"p must lie in (1, 2], got {p}; use e.g. p=1.5 (p=2 is sparsemax)")
    return float(p)


def check_alpha(alpha: float) -> float:
    """Return alpha if it is finite and above 1.

    Raises:
        ValueError: it is not.
    """
    if not 1.0 < alpha < math.inf:
        raise ValueError(f"alpha must be finite and > 1, got {alpha}; use e.g. alpha=1.5")
    return float(alpha)
