"""The maps by compiled CPU kernels."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.running import Kernels, available

__all__ = ["GROUPED", "available", "forward", "product"]

_COSTS = {
    "sparsemax_forward": 2,
    "fusedmax_forward": 5,
    "oscarmax_forward": 10,
    "oscarmax_published_forward": 30,
    "pnormmax_forward": 6,
    "sparsemax_backward": 1,
    "grouped_backward": 1,
    "signed_backward": 5,
    "pnormmax_backward": 2,
}
_kernels = Kernels("regattn_fairseq.normalizers._numba", _COSTS)

_FORWARD = {name.removesuffix("_forward"): name for name in _COSTS if name.endswith("_forward")}
_BACKWARD = {
    "sparsemax": "sparsemax_backward",
    "fusedmax": "grouped_backward",
    "oscarmax": "grouped_backward",
    "oscarmax_published": "signed_backward",
    "pnormmax": "pnormmax_backward",
}
GROUPED = ("fusedmax", "oscarmax", "oscarmax_published")


def forward(
    name: str, x: Tensor, mask: Tensor | None, gamma: float, lam: Tensor | float, p: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the map ``name`` of contiguous ``(..., d)`` scores; labels where it has groups."""
    x_at = x.data_ptr()
    if not x_at:
        # What autograd makes of zeros that it knows of has no memory.
        x = torch.zeros(x.shape, dtype=x.dtype)
        x_at = x.data_ptr()
    y = torch.empty_like(x)
    labels = torch.empty_like(x, dtype=torch.int32) if name in GROUPED else None
    lams_at = 0
    if not isinstance(lam, float):
        lams, lam = lam.detach().to(torch.float64).contiguous(), 0.0
        lams_at = lams.data_ptr()
    d = x.shape[-1]
    _kernels.run(
        _FORWARD[name],
        x.dtype,
        x.numel() // d,
        d,
        x_at,
        0 if mask is None else mask.data_ptr(),
        gamma,
        lam,
        lams_at,
        p,
        y.data_ptr(),
        0 if labels is None else labels.data_ptr(),
    )
    return y, labels


def product(
    name: str, v: Tensor, y: Tensor, labels: Tensor | None, gamma: float, p: float
) -> Tensor:
    """Multiply v by the transposed Jacobian at y; shapes as in :func:`forward`."""
    dtype = y.dtype
    if v.dtype is not dtype:
        v = v.to(dtype)
    v = v.contiguous()
    v_at = v.data_ptr()
    if not v_at:
        return y * 0.0
    out = torch.empty_like(y)
    d = y.shape[-1]
    _kernels.run(
        _BACKWARD[name],
        dtype,
        y.numel() // d,
        d,
        v_at,
        y.data_ptr(),
        0 if labels is None else labels.data_ptr(),
        gamma,
        p,
        out.data_ptr(),
    )
    return out
