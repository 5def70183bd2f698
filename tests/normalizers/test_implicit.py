"""Maps from a user's regularizer or prox, against the closed forms."""

import pytest
import torch
from torch.func import hessian, jacfwd, jacrev, vmap

from regattn_fairseq.normalizers import (
    build_normalizer,
    from_prox,
    from_regularizer,
    fusedmax,
    pnormmax,
    register_normalizer,
    rules,
    smoothed_max,
    sparsemax,
)
from regattn_fairseq.normalizers.fusedmax import prox_total_variation


def half_square(y):
    return 0.5 * y.square().sum(-1)


def squared_norm(y):
    return 0.5 * y.clamp(min=1e-200).pow(1.5).sum(-1).pow(2 / 1.5)


CASES = [(half_square, sparsemax, {}), (squared_norm, pnormmax, {"p": 1.5})]


@pytest.mark.parametrize(("omega", "closed", "options"), CASES)
@pytest.mark.parametrize("gamma", [0.4, 1.0, 3.0])
def test_a_regularizer_gives_the_closed_form(omega, closed, options, gamma):
    x = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(6, 9) < 0.3
    mask[2] = True
    mine = from_regularizer(omega)(x, gamma=gamma, mask=mask)
    y = closed(x, gamma=gamma, mask=mask, **options)
    torch.testing.assert_close(mine, y, atol=1e-8, rtol=0)
    g = torch.randn_like(x)
    (got,) = torch.autograd.grad(mine, x, g)
    (expected,) = torch.autograd.grad(y, x, g)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("omega", "closed", "options"), CASES)
def test_second_derivatives_of_the_closed_form(omega, closed, options):
    x = torch.randn(6, dtype=torch.float64)
    v = torch.randn(6, dtype=torch.float64)
    attention_map = from_regularizer(omega, tolerance=1e-12)
    got = hessian(lambda t: (attention_map(t, gamma=0.5) * v).square().sum())(x)
    expected = hessian(lambda t: (closed(t, gamma=0.5, **options) * v).square().sum())(x)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)


def test_a_regularizer_in_every_mode():
    def omega(y):
        return 0.5 * y.square().sum(-1) + 0.3 * y.pow(4).sum(-1)

    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(3, 5) < 0.3
    mask[1] = True
    gamma = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    attention_map = from_regularizer(omega, tolerance=1e-13)

    def run(t, g):
        return attention_map(t, gamma=g, mask=mask)

    assert torch.autograd.gradcheck(run, (x, gamma), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(run, (x, gamma), check_fwd_over_rev=True)
    many = torch.randn(2, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(vmap(attention_map)(many), attention_map(many))
    row = many[0, 0]
    torch.testing.assert_close(jacrev(attention_map)(row), jacfwd(attention_map)(row))
    value = vmap(hessian(lambda t: smoothed_max(t, normalizer=attention_map)))(many[0])
    torch.testing.assert_close(value, vmap(jacrev(attention_map))(many[0]))


def test_a_regularizer_without_closed_form_is_differentiated_right():
    matrix = torch.randn(5, 5, dtype=torch.float64)
    matrix = matrix @ matrix.T + torch.eye(5, dtype=torch.float64)

    def omega(y):
        return 0.5 * torch.einsum("ri,ij,rj->r", y, matrix, y) + 0.1 * y.pow(4).sum(-1)

    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    attention_map = from_regularizer(omega, tolerance=1e-11)
    assert torch.autograd.gradcheck(attention_map, (x,), eps=1e-5, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(smoothed_max(x, normalizer=attention_map).sum(), x)[0],
        attention_map(x).detach(),
    )


def test_a_prox_with_groups_gives_fusedmax():
    def prox(v, hidden):
        """Total variation's prox and groups, taken from fusedmax on scores that stay in support."""
        n = torch.full((len(v),), v.shape[1])
        lam = torch.full((len(v),), 0.2, dtype=v.dtype)
        values, labels = prox_total_variation(v.detach(), n, lam)
        return values, labels - 1

    x = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    mine = from_prox(prox)
    torch.testing.assert_close(mine(x, gamma=0.7), fusedmax(x, gamma=0.7, lam=0.2))
    assert torch.autograd.gradcheck(lambda t: mine(t, gamma=0.7), (x,), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda t: mine(t, gamma=0.7), (x,))


def test_a_prox_in_torch_operations(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))
    # The prox of (c / 2) ||b||^2 is division by 1 + c: sparsemax with another gamma.
    register_normalizer("damped")(from_prox(lambda v, hidden: v / 1.5))
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(build_normalizer("damped")(x), sparsemax(x, gamma=1.5))
