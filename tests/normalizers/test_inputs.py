"""Every form a tensor can come in, and every mistake."""

import pytest
import torch

from regattn_fairseq import normalizers
from regattn_fairseq.normalizers import build_normalizer, fusedmax, smoothed_max, sparsemax

from .maps import MAPS

NAMES = [m.name for m in MAPS]
each = pytest.mark.parametrize("name", NAMES)


def function(name):
    return getattr(normalizers, name)


@each
@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
def test_any_dim(name, dim):
    x = torch.randn(4, 5, 6, dtype=torch.float64)
    mask = torch.rand(4, 5, 6) < 0.3
    y = function(name)(x, mask=mask, dim=dim)
    last = function(name)(x.movedim(dim, -1), mask=mask.movedim(dim, -1)).movedim(-1, dim)
    torch.testing.assert_close(y, last)


@each
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 1, 3, 4)])
def test_any_rank(name, shape):
    y = function(name)(torch.randn(shape, dtype=torch.float64))
    assert y.shape == shape
    torch.testing.assert_close(y.sum(-1) if shape else y, torch.ones(shape[:-1]).double())


@each
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (2, 0, 4)])
def test_no_rows_or_no_columns(name, shape):
    x = torch.randn(shape, requires_grad=True)
    y = function(name)(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.shape == shape


@each
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_compute_in_float32(name, dtype):
    x = torch.randn(6, 30).to(dtype).requires_grad_()
    y = function(name)(x)
    assert y.dtype is dtype
    torch.testing.assert_close(y, function(name)(x.float()).to(dtype), atol=0, rtol=0)
    y[:, 0].sum().backward()
    assert x.grad.dtype is dtype


@each
def test_autocast(name):
    x = torch.randn(4, 8, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = function(name)(x @ torch.eye(8))
    assert y.dtype is torch.bfloat16
    y[:, 0].sum().backward()
    assert torch.isfinite(x.grad).all()


@each
def test_not_contiguous(name):
    x = torch.randn(6, 4, dtype=torch.float64).t()
    torch.testing.assert_close(function(name)(x), function(name)(x.contiguous()))
    grad_of_expanded = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    function(name)(grad_of_expanded).sum().backward()
    torch.testing.assert_close(grad_of_expanded.grad, torch.zeros_like(x), atol=1e-12, rtol=0)


@each
def test_zeros_without_memory(name):
    """Autograd's own stand-in for zeros, as scores and as a gradient."""
    zeros = torch._efficientzerotensor((3, 4))
    torch.testing.assert_close(function(name)(zeros), torch.full((3, 4), 0.25))
    x = torch.randn(3, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(name)(x), x, zeros)
    torch.testing.assert_close(gradient, torch.zeros(3, 4))


@each
def test_broadcast_masks_and_padding_on_either_side(name):
    x = torch.randn(2, 3, 6, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1]], dtype=torch.bool)
    y = function(name)(x, mask=mask.unsqueeze(1))
    assert (y[0, :, :2] == 0).all()
    assert (y[1, :, 4:] == 0).all()
    torch.testing.assert_close(y[0, :, 2:], function(name)(x[0, :, 2:]))
    torch.testing.assert_close(y[1, :, :4], function(name)(x[1, :, :4]))


@each
def test_nothing_to_attend_to_gives_zeros_and_zero_gradient(name):
    x = torch.randn(3, 5, dtype=torch.float64)
    x[2] = -torch.inf
    x.requires_grad_()
    mask = torch.zeros(3, 5, dtype=torch.bool)
    mask[1] = True
    y = function(name)(x, mask=mask)
    assert (y[1:] == 0).all()
    (y * torch.randn(3, 5)).sum().backward()
    assert (x.grad[1:] == 0).all()
    assert torch.isfinite(x.grad).all()


@each
def test_nan_stays_in_its_row(name):
    x = torch.randn(4, 5, dtype=torch.float64)
    x[1, 2] = torch.nan
    y = function(name)(x)
    assert y[1].isnan().all()
    others = [0, 2, 3]
    torch.testing.assert_close(y[others], function(name)(x[others]))


@each
def test_nan_under_the_mask_is_not_seen(name):
    x = torch.randn(2, 5, dtype=torch.float64)
    x[1, 2] = torch.nan
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[1, 2] = True
    y = function(name)(x, mask=mask)
    assert y[1, 2] == 0
    torch.testing.assert_close(y.sum(-1), torch.ones(2, dtype=torch.float64))


@each
def test_scores_beyond_the_range_of_exponentials(name):
    x = torch.tensor([[1e30, -1e30, 1e30], [1e-30, 0.0, -1e-30]])
    y = function(name)(x)
    assert torch.isfinite(y).all()
    torch.testing.assert_close(y.sum(-1), torch.ones(2))
    assert y[0, 1] == 0


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan"), float("inf"), torch.tensor(0.0)])
@each
def test_bad_gamma(name, gamma):
    with pytest.raises(ValueError, match="gamma must be finite and > 0") as error:
        function(name)(torch.zeros(3), gamma=gamma)
    one_line(error)


@pytest.mark.parametrize("lam", [-0.1, float("nan"), float("inf"), torch.tensor(-1.0)])
@pytest.mark.parametrize("name", ["fusedmax", "oscarmax", "oscarmax_published"])
def test_bad_lam(name, lam):
    with pytest.raises(ValueError, match="lam must be finite and >= 0") as error:
        function(name)(torch.zeros(3), lam=lam)
    one_line(error)


@pytest.mark.parametrize("p", [1.0, 2.5, 0.0, float("nan")])
def test_bad_p(p):
    with pytest.raises(ValueError, match=r"p must lie in \(1, 2\]"):
        normalizers.pnormmax(torch.zeros(3), p=p)


@pytest.mark.parametrize("alpha", [0.99, float("nan"), float("inf"), torch.tensor(0.5)])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must be finite and >= 1"):
        normalizers.entmax(torch.zeros(3), alpha=alpha)


@pytest.mark.parametrize("k", [0, -1, 2.5, float("nan"), float("inf")])
def test_bad_k(k):
    with pytest.raises(ValueError, match=r"k must be a whole number >= 1, got .*; use e\.g\. k=8"):
        normalizers.topk(torch.zeros(3), k=k)


def test_bad_mask_and_scores_and_shapes():
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="mask must be bool"):
        sparsemax(x, mask=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="does not broadcast to scores"):
        sparsemax(x, mask=torch.zeros(4, 3, dtype=torch.bool))
    for name in NAMES:
        with pytest.raises(ValueError, match="scores must be floating point"):
            function(name)(x.long())
    with pytest.raises(ValueError, match="gamma of shape"):
        sparsemax(x, gamma=torch.ones(2, 3))
    with pytest.raises(ValueError, match="lam of shape"):
        fusedmax(x, lam=torch.ones(3))
    with pytest.raises(ValueError, match="alpha of shape"):
        normalizers.entmax(x, alpha=torch.full((2, 3), 1.5))
    with pytest.raises(ValueError, match="smoothed_max has no regularizer for 'oscarmax_publ"):
        smoothed_max(x, normalizer="oscarmax_published")


class Scores(torch.Tensor):
    """A subclass as users write them, which changes nothing about how tensors are computed."""


@each
def test_a_subclass_of_tensor(name):
    x = torch.randn(3, 5, requires_grad=True)
    y = function(name)(x.as_subclass(Scores))
    assert type(y) is Scores
    v = torch.randn(3, 5)
    (gradient,) = torch.autograd.grad(y, x, v.as_subclass(Scores), create_graph=True)
    (expected,) = torch.autograd.grad(function(name)(x), x, v)
    torch.testing.assert_close(torch.Tensor(gradient.detach()), expected)
    gradient.square().sum().backward()
    assert x.grad.isfinite().all()


def test_unknown_names_and_options():
    with pytest.raises(ValueError, match=r"unknown normalizer 'fusemax'; did you mean 'fusedmax'"):
        build_normalizer("fusemax")
    with pytest.raises(ValueError, match="'sparsemax' has no option 'lam'; it has: gamma, dim"):
        build_normalizer("sparsemax", lam=0.1)
    with pytest.raises(ValueError, match="gamma must be"):
        build_normalizer("sparsemax", gamma=-1.0)
