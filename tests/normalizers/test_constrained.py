"""Maps with upper bounds: against a conic solver and finite differences, and without effect."""

import cvxpy as cp
import numpy as np
import pytest
import torch

from regattn_fairseq.normalizers import (
    constrained_softmax,
    constrained_sparsemax,
    softmax,
    sparsemax,
)

MAPS = {"sparsemax": constrained_sparsemax, "softmax": constrained_softmax}
UNBOUNDED = {"sparsemax": sparsemax, "softmax": softmax}
both = pytest.mark.parametrize("name", list(MAPS))


def solved(name, x, upper, gamma):
    """The problem of the definition, solved by Clarabel."""
    y = cp.Variable(len(x))
    omega = cp.sum_squares(y) / 2 if name == "sparsemax" else -cp.sum(cp.entr(y))
    bounded = [y[i] <= u for i, u in enumerate(upper) if np.isfinite(u)]
    problem = cp.Problem(cp.Maximize(x @ y - gamma * omega), [cp.sum(y) == 1, y >= 0, *bounded])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return y.value


def draws(number):
    rng = np.random.default_rng(3)
    for i in range(number):
        d = int(rng.integers(2, 20))
        x = rng.standard_normal(d) * float(rng.choice([0.3, 1.0, 4.0]))
        if i % 4 == 0:
            x = np.round(x)
        upper = rng.random(d) * float(rng.choice([0.4, 1.0, 2.0]))
        upper[rng.random(d) < 0.2] = 0.0
        upper[int(rng.integers(d))] = float(rng.choice([1.0, np.inf]))
        yield x, upper, float(rng.choice([0.5, 1.0, 2.0]))


@both
def test_values_are_a_conic_solvers(name):
    for x, upper, gamma in draws(40):
        got = MAPS[name](torch.tensor(x), torch.tensor(upper), gamma=gamma).numpy()
        np.testing.assert_allclose(got, solved(name, x, upper, gamma), atol=2e-6, rtol=0)
        assert got.sum() == pytest.approx(1, abs=1e-12)
        assert (got <= upper).all()


@both
@pytest.mark.parametrize("bound", [1.0, 5.0, torch.inf])
def test_bounds_that_do_not_bind_change_nothing(name, bound):
    x = (torch.randn(50, 12, dtype=torch.float64) * 2).requires_grad_()
    v = torch.randn(50, 12, dtype=torch.float64)
    upper = torch.full((12,), bound, dtype=torch.float64, requires_grad=True)
    found, wanted = MAPS[name](x, upper, gamma=0.7), UNBOUNDED[name](x, gamma=0.7)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(
        *(torch.autograd.grad(y, x, v, retain_graph=True)[0] for y in (found, wanted))
    )
    if bound > 1:
        assert not torch.autograd.grad(found, upper, v)[0].any()


def apart(d=7, rows=6):
    """Scores and bounds none of which is near a change of the sets, whatever is nearby."""
    rng = torch.Generator().manual_seed(5)
    x = torch.randn(rows, d, dtype=torch.float64, generator=rng)
    upper = 0.08 + 0.4 * torch.rand(rows, d, dtype=torch.float64, generator=rng)
    upper[:, -1] = 2.0
    return x.requires_grad_(), upper.requires_grad_()


@both
def test_derivatives_are_finite_differences(name):
    x, upper = apart()
    gamma = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    y = MAPS[name](x, upper, gamma=gamma)
    assert (y == upper).any()
    assert ((y > 0) & (y < upper)).any()

    def f(x, upper, gamma):
        return MAPS[name](x, upper, gamma=gamma)

    assert torch.autograd.gradcheck(f, (x, upper, gamma))
    assert torch.autograd.gradgradcheck(f, (x, upper, gamma))


@both
def test_the_slope_of_a_bound_at_zero_is_that_to_its_right(name):
    x = torch.tensor([1.0, 0.9, -0.5], dtype=torch.float64)
    upper = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    (slope,) = torch.autograd.grad(MAPS[name](x, upper) @ v, upper)
    moved = upper.detach() + torch.tensor([1e-7, 0.0, 0.0])
    difference = (MAPS[name](x, moved) - MAPS[name](x, upper)) @ v / 1e-7
    torch.testing.assert_close(slope[0], difference.detach(), rtol=1e-5, atol=1e-6)


@both
def test_a_mask_and_scores_of_minus_infinity_leave_words_out(name):
    x, upper = (t.detach() for t in apart())
    mask = torch.zeros(6, 7, dtype=torch.bool)
    mask[:, 2] = mask[3, :] = True
    hidden = x.masked_fill(mask, -torch.inf).requires_grad_()
    y = MAPS[name](x, upper, mask=mask)
    torch.testing.assert_close(MAPS[name](hidden, upper), y)
    assert not y[mask].any()
    torch.testing.assert_close(y.sum(1), torch.tensor([1.0] * 3 + [0.0] + [1.0] * 2).double())
    shown = [0, 1, 3, 4, 5, 6]
    torch.testing.assert_close(y[0, shown], MAPS[name](x[0, shown], upper[0, shown]))
    MAPS[name](hidden, upper).square().sum().backward()
    assert hidden.grad.isfinite().all()
    assert not hidden.grad[mask].any()


@both
def test_masked_positions_change_nothing_wherever_they_are(name):
    rng = np.random.default_rng(5)
    for x, upper, gamma in draws(200):
        if rng.random() < 0.3:
            upper = np.minimum(upper, 0.9 / len(x))  # they leave too little
        shown = rng.permutation(len(x) + 4) < len(x)
        padded, bounds = rng.standard_normal(len(shown)), rng.choice([0, 0.4, np.inf], len(shown))
        padded[shown], bounds[shown] = x, upper
        padded, bounds, mask = map(torch.tensor, (padded, bounds, ~shown))
        padded.requires_grad_()
        y = MAPS[name](padded, bounds, gamma=gamma, mask=mask)
        alone = torch.tensor(x, requires_grad=True)
        wanted = MAPS[name](alone, torch.tensor(upper), gamma=gamma)
        torch.testing.assert_close(y[~mask], wanted)
        assert not y[mask].any()
        for each in (y, wanted):
            each.square().sum().backward()
        torch.testing.assert_close(padded.grad[~mask], alone.grad)
        assert not padded.grad[mask].any()


@both
def test_any_dimension_and_bounds_that_broadcast(name):
    x = torch.randn(3, 5, 4)
    upper = torch.tensor([0.3, 0.3, 0.3, 0.3, 1.0]).view(5, 1)
    y = MAPS[name](x, upper, dim=1)
    torch.testing.assert_close(y, MAPS[name](x.movedim(1, -1), upper.view(5)).movedim(-1, 1))
    torch.testing.assert_close(y.sum(1), torch.ones(3, 4))
    assert MAPS[name](x.half(), upper, dim=1).dtype is torch.float16
    assert MAPS[name](x[:0], upper, dim=1).shape == (0, 5, 4)


@both
def test_bounds_that_leave_too_little_are_the_weights(name):
    x = torch.randn(2, 3, dtype=torch.float64)
    upper = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
    y = MAPS[name](x, upper)
    torch.testing.assert_close(y, upper.expand(2, 3))
    (slope,) = torch.autograd.grad(y.sum(), upper)
    torch.testing.assert_close(slope, torch.full((3,), 2.0, dtype=torch.float64))


@both
def test_far_apart_scores_and_long_rows(name):
    x = torch.tensor([0.0, -2000.0, -3000.0])
    y = MAPS[name](x, torch.tensor([0.25, 1.0, 1.0]))
    torch.testing.assert_close(y, torch.tensor([0.25, 0.75, 0.0]))
    long = torch.randn(2, 10_000)
    upper = torch.full((10_000,), 2e-4)
    y = MAPS[name](long, upper)
    torch.testing.assert_close(y.sum(1), torch.ones(2))
    assert (y == upper).any()
    assert (y <= upper).all()


@both
def test_bad_bounds_are_refused_in_one_line(name):
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"^upper must be 0 or more everywhere; clamp it$"):
        MAPS[name](x, torch.tensor([-0.1, 1, 1]))
    with pytest.raises(ValueError, match=r"^upper of shape \(4,\) does not broadcast"):
        MAPS[name](x, torch.ones(4))
