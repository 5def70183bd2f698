"""Fenchel-Young losses, against a solver, cross-entropy, and the map as their gradient."""

import cvxpy as cp
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from regattn_fairseq.normalizers import build_normalizer, fenchel_young_loss

MAPS = [
    ("softmax", {"gamma": 0.7}),
    ("sparsemax", {"gamma": 1.3}),
    ("fusedmax", {"gamma": 0.8, "lam": 0.2}),
    ("oscarmax", {"gamma": 0.8, "lam": 0.05}),
    ("pnormmax", {"p": 1.4}),
    ("entmax15", {}),
    ("entmax", {"alpha": 1.2, "gamma": 0.9}),
]
each_map = pytest.mark.parametrize(("name", "options"), MAPS, ids=[name for name, _ in MAPS])


def some(rows=5, d=7, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.randn(rows, d, generator=draw, dtype=torch.float64)
    y = torch.rand(rows, d, generator=draw, dtype=torch.float64)
    y[y < 0.4] = 0
    y[0] = torch.eye(d, dtype=torch.float64)[2]
    return x.requires_grad_(), y / y.sum(-1, keepdim=True)


@each_map
def test_the_gradient_is_the_map_less_the_target(name, options):
    x, y = some()
    loss = fenchel_young_loss(x, y, normalizer=name, **options)
    assert (loss > 0).all()
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    weights = build_normalizer(name, **options)(x)
    torch.testing.assert_close(gradient, weights - y)
    assert gradcheck(lambda x: fenchel_young_loss(x, y, normalizer=name, **options), x)
    if name in ("softmax", "entmax15", "pnormmax"):
        assert gradgradcheck(lambda x: fenchel_young_loss(x, y, normalizer=name, **options), x)


@each_map
def test_it_is_zero_where_the_map_gives_the_target(name, options):
    x, _ = some()
    y = build_normalizer(name, **options)(x).detach()
    loss = fenchel_young_loss(x, y, normalizer=name, **options)
    assert (loss >= 0).all()
    torch.testing.assert_close(loss, torch.zeros_like(loss), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("name", "options", "omega"),
    [
        ("sparsemax", {"gamma": 1.3}, lambda y: 0.5 * cp.sum_squares(y)),
        (
            "fusedmax",
            {"gamma": 0.8, "lam": 0.2},
            lambda y: 0.5 * cp.sum_squares(y) + 0.2 * cp.norm1(cp.diff(y)),
        ),
        ("softmax", {"gamma": 0.7}, lambda y: -cp.sum(cp.entr(y))),
        ("entmax15", {}, lambda y: (cp.sum(cp.power(y, 1.5)) - cp.sum(y)) / 0.75),
    ],
)
def test_against_a_solver(name, options, omega):
    x, y = some(rows=3)
    gamma = options.get("gamma", 1.0)
    losses = fenchel_young_loss(x, y, normalizer=name, **options).tolist()
    for scores, target, loss in zip(x.detach().numpy(), y.numpy(), losses, strict=True):
        best = cp.Variable(len(scores), nonneg=True)
        problem = cp.Problem(cp.Maximize(scores @ best - gamma * omega(best)), [cp.sum(best) == 1])
        problem.solve(solver="CLARABEL")
        expected = problem.value + gamma * omega(cp.Constant(target)).value - scores @ target
        assert loss == pytest.approx(float(expected), abs=1e-6)


def test_for_softmax_it_is_cross_entropy_and_divergence():
    x, y = some()
    indices = torch.tensor([0, 3, 6, 2, 2])
    one = torch.nn.functional.one_hot(indices, 7).double()
    expected = torch.nn.functional.cross_entropy(x, indices, reduction="none")
    torch.testing.assert_close(fenchel_young_loss(x, one), expected)
    divergence = torch.nn.functional.kl_div(x.log_softmax(-1), y, reduction="none").sum(-1)
    torch.testing.assert_close(fenchel_young_loss(x, y), divergence)


@pytest.mark.parametrize(("alpha", "name"), [(1.5, "entmax15"), (2.0, "sparsemax")])
def test_it_is_exactly_zero_behind_the_margin(alpha, name):
    margin = 1 / (alpha - 1)
    x = torch.zeros(2, 9, dtype=torch.float64)
    x[:, 4] = torch.tensor([margin + 1e-9, margin - 0.1])
    y = torch.zeros_like(x)
    y[:, 4] = 1
    behind, before = fenchel_young_loss(x, y, normalizer=name)
    assert float(behind) == pytest.approx(0, abs=1e-12)
    assert before > 1e-6


@each_map
def test_masks_dims_and_rows_without_a_target(name, options):
    x, y = some(rows=4, d=6)
    mask = torch.zeros(4, 6, dtype=torch.bool)
    mask[1, :2] = mask[2, 5] = True
    y = y.masked_fill(mask, 0)
    y[3] = 0
    y[:3] /= y[:3].sum(-1, keepdim=True)
    loss = fenchel_young_loss(x, y, normalizer=name, mask=mask, **options)
    for row in range(3):
        kept = ~mask[row]
        alone = fenchel_young_loss(x[row, kept], y[row, kept], normalizer=name, **options)
        torch.testing.assert_close(loss[row], alone)
    assert loss[3] == 0
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    assert gradient.isfinite().all()
    assert (gradient[mask] == 0).all()
    assert (gradient[3] == 0).all()
    hidden = x.detach().masked_fill(mask, -torch.inf)
    same = fenchel_young_loss(hidden, y, normalizer=name, **options)
    torch.testing.assert_close(same, loss.detach())
    across = fenchel_young_loss(x.T, y.T, normalizer=name, mask=mask.T, dim=0, **options)
    torch.testing.assert_close(across, loss)


def test_bad_input():
    x, y = some()
    with pytest.raises(ValueError, match="target must have the shape of scores, \\(5, 7\\)"):
        fenchel_young_loss(x, y[:2])
    with pytest.raises(ValueError, match="no regularizer for 'evsoftmax'"):
        fenchel_young_loss(x, y, normalizer="evsoftmax")
    assert np.isfinite(fenchel_young_loss(x, y).detach().numpy()).all()
