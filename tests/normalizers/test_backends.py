"""The CPU kernels, the Triton kernels (on a GPU, or interpreted) and the PyTorch path agree."""

import importlib.util
import os

import pytest
import torch

from regattn_fairseq import normalizers
from regattn_fairseq.normalizers.autograd import backend

from .maps import MAPS

CASES = [
    *((m.name, m.options) for m in MAPS if normalizers.rule(m.name).forward is not None),
    ("fusedmax", {"lam": 0.0}),
    ("fusedmax", {"lam": 5.0}),
    ("oscarmax", {"lam": 5.0}),
    ("pnormmax", {"p": 1.2}),
    *(("entmax", {"alpha": alpha}) for alpha in (1.0, 1.001, 1.3, 1.9, 2.0, 2.6)),
]
# The interpreter runs on the CPU's tensors; see conftest.py.
TRITON_DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)


def run(name, options, x, mask, g, device="cpu"):
    x, mask, g = (None if each is None else each.to(device) for each in (x, mask, g))
    y = getattr(normalizers, name)(x, gamma=0.7, mask=mask, **options)
    (gradient,) = torch.autograd.grad(y, x, g)
    return y.detach().cpu(), gradient.cpu()


def compare(other, name, options, dtype, device="cpu"):
    x = torch.randn(9, 13, dtype=dtype) * 1.5
    mask = torch.rand(9, 13) < 0.3
    mask[4] = True
    x[5, 3] = torch.nan
    x[6, 2] = -torch.inf
    x[7] = 1.0
    x[8, :4] = torch.tensor([2.0, 1.0, 2.0, 1.0])
    mask[5, 3] = False
    x.requires_grad_()
    g = torch.randn_like(x)
    for m in (mask, None):
        expected = run(name, options, x, m, g)
        with backend(other):
            got = run(name, options, x, m, g, device)
        # A constant row stands on a kink: there any element of the generalized Jacobian will do.
        smooth = [0, 1, 2, 3, 4, 5, 6]
        tolerance = 5e-6 if dtype is torch.float32 else 1e-11
        close = {"atol": tolerance, "rtol": 0, "equal_nan": True}
        torch.testing.assert_close(got[0], expected[0], **close)
        torch.testing.assert_close(got[1][smooth], expected[1][smooth], **close)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_pytorch_path_agrees(name, options, dtype):
    compare("torch", name, options, dtype)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_triton_kernels_agree(name, options, dtype):
    compare("triton", name, options, dtype, TRITON_DEVICE)


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
def test_groups_agree(name):
    x = torch.randn(6, 15, dtype=torch.float64)
    _, expected = getattr(normalizers, name)(x, return_groups=True)
    others = {"torch": "cpu"}
    if importlib.util.find_spec("triton"):
        others["triton"] = TRITON_DEVICE
    for other, device in others.items():
        with backend(other):
            _, groups = getattr(normalizers, name)(x.to(device), return_groups=True)
        torch.testing.assert_close(groups.cpu(), expected)


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
def test_the_derivative_by_lam_agrees_on_rows_of_which_most_gets_no_weight(name):
    x = torch.randn(20, 40, dtype=torch.float64)
    mask = torch.rand(20, 40) < 0.2
    g = torch.randn_like(x)
    lam = torch.full((20, 1), 0.06, dtype=torch.float64, requires_grad=True)

    def gradient():
        y = getattr(normalizers, name)(x, lam=lam, mask=mask)
        return torch.autograd.grad(y, lam, g)[0]

    expected = gradient()
    with backend("torch"):
        torch.testing.assert_close(gradient(), expected)


def test_an_unknown_backend():
    with pytest.raises(ValueError, match="unknown backend 'cuda'"), backend("cuda"):
        pass
