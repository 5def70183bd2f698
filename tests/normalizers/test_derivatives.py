"""Derivatives of every order and mode, against finite differences."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import hessian, jacfwd, jacrev, vmap

from regattn_fairseq.normalizers import entmax, fusedmax, oscarmax, smoothed_max, softmax

from . import maps
from .maps import Map, each

MAPS = [
    *maps.MAPS,
    Map("pnormmax", {"p": 1.3}, linear=False),
    *(Map("entmax", {"alpha": alpha}, linear=False) for alpha in (1.0, 2.4)),
]
EXACT = [m for m in MAPS if m.exact]
GROUPED = [m for m in MAPS if "lam" in m.options]


def problem(rows=4, d=7):
    x = torch.randn(rows, d, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(rows, d) < 0.3
    mask[0] = False
    mask[1] = True
    return x, mask


@each(MAPS)
def test_backward_is_the_dense_finite_difference_jacobian(f, options):
    x = torch.randn(8, dtype=torch.float64)
    step = 1e-6
    columns = [
        (f(x + step * e, gamma=0.6, **options) - f(x - step * e, gamma=0.6, **options)) / (2 * step)
        for e in torch.eye(8, dtype=torch.float64)
    ]
    dense = torch.stack(columns, dim=1)
    got = torch.autograd.functional.jacobian(lambda t: f(t, gamma=0.6, **options), x)
    torch.testing.assert_close(got, dense, atol=1e-7, rtol=0)


@each(MAPS)
def test_gradcheck_in_both_modes_and_twice(f, options):
    x, mask = problem()

    def run(t):
        return f(t, gamma=0.7, mask=mask, **options)

    assert gradcheck(run, (x,), check_forward_ad=True)
    assert gradgradcheck(run, (x,))


@each(MAPS)
def test_vmap_and_both_jacobians(f, options):
    x = torch.randn(5, 6, dtype=torch.float64)

    def run(t):
        return f(t, gamma=0.8, **options)

    torch.testing.assert_close(vmap(run)(x), run(x))
    torch.testing.assert_close(vmap(run, in_dims=1, out_dims=1)(x.T.contiguous()), run(x).T)
    torch.testing.assert_close(vmap(jacrev(run))(x), vmap(jacfwd(run))(x))


@pytest.mark.parametrize(
    ("f", "options", "option"),
    [(m.function, m.options, "gamma") for m in MAPS]
    + [(m.function, m.options, "lam") for m in GROUPED],
)
def test_vmap_over_an_option(f, options, option):
    x = torch.randn(5, 3, 6, dtype=torch.float64)
    values = torch.rand(5, 3, 1, dtype=torch.float64) * 0.2 + 0.1

    def run(t, value):
        return f(t, **options | {option: value})

    def slope(t, value):
        return jacrev(lambda v: run(t, v))(value)

    each = list(zip(x, values, strict=True))
    torch.testing.assert_close(vmap(run)(x, values), torch.stack([run(*one) for one in each]))
    shared = torch.stack([run(x[0], value) for value in values])
    torch.testing.assert_close(vmap(run, in_dims=(None, 0))(x[0], values), shared)
    torch.testing.assert_close(vmap(slope)(x, values), torch.stack([slope(*one) for one in each]))


@each(MAPS)
def test_a_tensor_that_outlives_a_transform(f, options):
    kept = []
    torch.func.grad(lambda t: kept.append(2.0 * t) or t.sum())(torch.randn(3, 5))
    (x,) = kept
    torch.testing.assert_close(f(x, **options), f(x + 0.0, **options))


@pytest.mark.parametrize("m", MAPS, ids=str)
def test_the_gradient_of_a_gradient_that_does_not_depend_on_the_scores_is_zero(m):
    f, options = m.function, m.options
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    v = torch.randn(3, 5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(f(x, **options), x, v, create_graph=True)
    gradient.square().sum().backward()
    assert x.grad.isfinite().all()
    if m.linear:
        assert (x.grad == 0).all()


@each(EXACT)
def test_the_jacobian_is_symmetric(f, options):
    x = torch.randn(9, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda t: f(t, **options), x)
    torch.testing.assert_close(jacobian, jacobian.T)


@each(MAPS)
def test_gamma_as_a_tensor_with_gradient(f, options):
    x, mask = problem()
    gamma = (torch.rand(4, 1, dtype=torch.float64) + 0.5).requires_grad_()

    def run(t, g):
        return f(t, gamma=g, mask=mask, **options)

    assert gradcheck(run, (x, gamma), check_forward_ad=True)
    assert gradgradcheck(run, (x, gamma))
    for row in range(4):
        one = f(x[row], gamma=gamma[row].item(), mask=mask[row], **options)
        torch.testing.assert_close(run(x, gamma)[row], one)


@each(GROUPED)
def test_lam_as_a_tensor_with_gradient(f, options):
    x, mask = problem()
    lam = (torch.rand(4, 1, dtype=torch.float64) * 0.1 + 0.05).requires_grad_()
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def run(t, g, penalty):
        return f(t, gamma=g, lam=penalty, mask=mask)

    assert gradcheck(run, (x, gamma, lam), check_forward_ad=True)
    assert gradgradcheck(run, (x, gamma, lam))
    for row in range(4):
        one = f(x[row], gamma=0.7, lam=lam[row].item(), mask=mask[row])
        torch.testing.assert_close(run(x, gamma, lam)[row], one)


# Around 2 the two ways to compute meet.
@pytest.mark.parametrize("alphas", [(1.05, 1.3, 1.5, 1.8), (1.95, 2.05, 2.5, 4.0)])
def test_alpha_as_a_tensor_with_gradient(alphas):
    x, mask = problem()
    alpha = torch.tensor(alphas, dtype=torch.float64).unsqueeze(1).requires_grad_()
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def run(t, a, g):
        return entmax(t, alpha=a, gamma=g, mask=mask)

    assert gradcheck(run, (x, alpha, gamma), check_forward_ad=True)
    assert gradgradcheck(run, (x, alpha, gamma))
    for row in range(4):
        one = entmax(x[row], alpha=alphas[row], gamma=0.7, mask=mask[row])
        torch.testing.assert_close(run(x, alpha, gamma)[row], one)


def test_the_derivative_by_alpha_at_1_is_that_from_above():
    x = torch.randn(5, 7, dtype=torch.float64)
    x[2, 3] = -torch.inf
    one = torch.ones((), dtype=torch.float64)
    (_, change) = torch.func.jvp(lambda a: entmax(x, alpha=a), (one,), (one,))
    step = 1e-4
    y = [entmax(x, alpha=1.0 + k * step) for k in range(4)]
    expected = (-11 * y[0] + 18 * y[1] - 9 * y[2] + 2 * y[3]) / (6 * step)
    torch.testing.assert_close(change, expected, atol=1e-8, rtol=0)
    near = torch.func.jvp(lambda a: entmax(x, alpha=a), (one + 1e-9,), (one,))[1]
    torch.testing.assert_close(near, change, atol=1e-7, rtol=0)


def test_third_derivatives_of_entmax():
    x = torch.randn(5, dtype=torch.float64)
    alpha = torch.tensor(1.4, dtype=torch.float64)

    def second(t, a):
        return hessian(lambda u: entmax(u, alpha=a)[0])(t)

    step = 1e-5
    by_alpha = (second(x, alpha + step) - second(x, alpha - step)) / (2 * step)
    torch.testing.assert_close(jacrev(second, 1)(x, alpha), by_alpha, atol=1e-6, rtol=1e-6)
    e = torch.eye(5, dtype=torch.float64)[1]
    by_score = (second(x + step * e, alpha) - second(x - step * e, alpha)) / (2 * step)
    torch.testing.assert_close(jacrev(second)(x, alpha)[..., 1], by_score, atol=1e-6, rtol=1e-6)


def test_one_alpha_a_head_and_vmap_over_it():
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    alpha = torch.tensor([1.0, 1.4, 2.2], dtype=torch.float64)
    y = entmax(x, alpha=alpha.view(3, 1, 1))
    for head in range(3):
        torch.testing.assert_close(y[:, head], entmax(x[:, head], alpha=alpha[head].item()))

    def run(t, a):
        return entmax(t, alpha=a)

    torch.testing.assert_close(vmap(run, in_dims=(1, 0), out_dims=1)(x, alpha), y)
    torch.testing.assert_close(
        y, entmax(x.movedim(-1, 0), alpha=alpha.view(3, 1), dim=0).movedim(0, -1)
    )
    slopes = vmap(jacrev(lambda a: run(x[0, 0], a)))(alpha)
    one = torch.stack([jacrev(lambda a: run(x[0, 0], a))(a) for a in alpha])
    torch.testing.assert_close(slopes, one)


def test_smoothed_max_is_differentiable_in_alpha():
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor([1.1, 1.5, 1.9, 2.6], dtype=torch.float64).unsqueeze(1).requires_grad_()
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def value(t, a, g):
        return smoothed_max(t, normalizer="entmax", alpha=a, gamma=g)

    assert gradcheck(value, (x, alpha, gamma), check_forward_ad=True)
    assert gradgradcheck(value, (x, alpha, gamma))
    torch.testing.assert_close(
        smoothed_max(x, normalizer="entmax", alpha=1.0), torch.logsumexp(x, -1)
    )


def test_one_gamma_and_lam_a_head():
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    gamma = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64).view(3, 1, 1)
    lam = torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64).view(3, 1, 1)
    y = fusedmax(x, gamma=gamma, lam=lam)
    for head in range(3):
        one = fusedmax(x[:, head], gamma=gamma[head].item(), lam=lam[head].item())
        torch.testing.assert_close(y[:, head], one)


SMOOTHED = [m for m in maps.MAPS if m.exact]


@each(SMOOTHED)
def test_smoothed_max_has_the_map_as_gradient_and_its_jacobian_as_second_derivative(f, options):
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(5, 6) < 0.3
    mask[:, 0] = False

    def value(t):
        return smoothed_max(t, normalizer=f.__name__, gamma=0.7, mask=mask, **options)

    (gradient,) = torch.autograd.grad(value(x).sum(), x)
    torch.testing.assert_close(gradient, f(x, gamma=0.7, mask=mask, **options))
    assert gradcheck(value, (x,), check_forward_ad=True)
    assert gradgradcheck(value, (x,))


@each(SMOOTHED)
def test_smoothed_max_under_vmap_and_by_default_with_the_lam_of_the_map(f, options):
    x = torch.randn(5, 3, 6, dtype=torch.float64)

    def value(t):
        return smoothed_max(t, normalizer=f.__name__)

    torch.testing.assert_close(vmap(value)(x), value(x))
    torch.testing.assert_close(jacrev(lambda t: value(t).sum())(x), f(x))
    torch.testing.assert_close(vmap(hessian(value))(x[0]), vmap(jacrev(f))(x[0]))


@each(SMOOTHED)
def test_smoothed_max_is_differentiable_in_gamma_and_lam(f, options):
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    gamma = torch.full((5, 1), 0.7, dtype=torch.float64, requires_grad=True)
    lam = torch.full((5, 1), 0.1, dtype=torch.float64, requires_grad=True)

    def value(t, g, penalty):
        return smoothed_max(t, normalizer=f.__name__, gamma=g, lam=penalty)

    assert gradcheck(value, (x, gamma, lam))
    assert gradgradcheck(value, (x, gamma, lam))


@each([m for m in SMOOTHED if m.convex])
def test_smoothed_max_is_the_maximum(f, options):
    """No point of the simplex does better than the map's, and shifting shifts the value."""
    x = torch.randn(6, dtype=torch.float64)
    best = smoothed_max(x, normalizer=f.__name__, gamma=0.7, **options)
    rng = np.random.default_rng(0)
    others = torch.tensor(rng.dirichlet(np.full(6, 0.5), size=500))
    lam, p = options.get("lam", 0.0), options.get("p", 2.0)
    if f is softmax:
        omega = torch.xlogy(others, others).sum(-1)
    elif f.__name__.startswith("entmax"):
        alpha = options.get("alpha", 1.5)
        omega = (others.pow(alpha) - others).sum(-1) / (alpha * (alpha - 1.0))
    else:
        omega = 0.5 * others.pow(p).sum(-1).pow(2 / p)
    if f is fusedmax:
        omega = omega + lam * others.diff(dim=-1).abs().sum(-1)
    if f is oscarmax:
        pairs = torch.maximum(others.unsqueeze(-1), others.unsqueeze(-2))
        omega = omega + lam * pairs.triu(1).sum((-1, -2))
    assert (others @ x - 0.7 * omega).max() <= best + 1e-12
    shifted = smoothed_max(x + 3.0, normalizer=f.__name__, gamma=0.7, **options)
    torch.testing.assert_close(shifted, best + 3.0)


def test_smoothed_max_of_nothing_is_minus_infinity_with_zero_gradient():
    x = torch.randn(2, 3, requires_grad=True)
    mask = torch.tensor([[True], [False]])
    for name in ("softmax", "sparsemax", "fusedmax"):
        value = smoothed_max(x, normalizer=name, mask=mask)
        assert value[0] == -torch.inf
        (gradient,) = torch.autograd.grad(value[1:].sum(), x)
        assert gradient[0].abs().max() == 0
