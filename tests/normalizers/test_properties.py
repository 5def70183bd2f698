"""What holds for every input, on inputs that hypothesis looks for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regattn_fairseq.normalizers import fusedmax, rule, sparsemax

from .maps import MAPS

EVERY = {m.name: m.function for m in MAPS}
EXACT = {m.name: m.function for m in MAPS if m.exact}
CONVEX = {m.name: m.function for m in MAPS if m.convex}

# Ties and constant rows from small integers; huge, tiny and negative entries from the floats.
entries = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e3, 1e3),
    st.floats(-1e-6, 1e-6),
    st.sampled_from([0.0, 1e8, -1e8]),
)
rows = st.integers(1, 24).flatmap(lambda d: arrays(np.float64, d, elements=entries))
tame = st.integers(1, 24).flatmap(
    lambda d: arrays(np.float64, d, elements=st.integers(-300, 300).map(lambda i: i / 64))
)
gammas = st.sampled_from([0.1, 0.5, 1.0, 4.0])
lams = st.sampled_from([0.0, 0.01, 0.125, 1.0, 1e6])


def options(name, lam):
    return {"lam": lam} if rule(name).grouped else {}


@pytest.mark.parametrize("name", EVERY)
@given(x=rows, gamma=gammas, lam=lams)
def test_weights_are_a_distribution(name, x, gamma, lam):
    y = EVERY[name](torch.tensor(x), gamma=gamma, **options(name, lam))
    assert (y >= 0).all()
    assert abs(y.sum().item() - 1.0) < 1e-6


@pytest.mark.parametrize("name", EXACT)
@given(x=tame, gamma=gammas, lam=lams, shift=st.sampled_from([-128.0, 0.5, 64.0]))
def test_shifting_the_scores_changes_nothing(name, x, gamma, lam, shift):
    f, opts = EXACT[name], options(name, lam)
    a = f(torch.tensor(x), gamma=gamma, **opts)
    b = f(torch.tensor(x + shift), gamma=gamma, **opts)
    torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", [n for n in CONVEX if n != "fusedmax"])
@given(x=tame, lam=lams, seed=st.integers(0, 100))
def test_permuting_the_scores_permutes_the_weights(name, x, lam, seed):
    f, opts = EVERY[name], options(name, lam)
    order = np.random.default_rng(seed).permutation(len(x))
    a = f(torch.tensor(x), **opts)[torch.tensor(order)]
    b = f(torch.tensor(x[order]), **opts)
    torch.testing.assert_close(a, b, atol=1e-9, rtol=0)


@given(x=tame, gamma=gammas, lam=lams)
def test_fusedmax_of_the_reversed_scores_is_reversed(x, gamma, lam):
    a = fusedmax(torch.tensor(x), gamma=gamma, lam=lam).flip(0)
    b = fusedmax(torch.tensor(x).flip(0), gamma=gamma, lam=lam)
    torch.testing.assert_close(a, b, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax", "oscarmax_published"])
@given(x=tame, gamma=gammas)
def test_without_a_penalty_they_are_sparsemax(name, x, gamma):
    a = EVERY[name](torch.tensor(x), gamma=gamma, lam=0.0)
    torch.testing.assert_close(a, sparsemax(torch.tensor(x), gamma=gamma), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", [n for n in EXACT if n in CONVEX])
@given(x=tame)
def test_strong_regularization_makes_uniform(name, x):
    y = EXACT[name](torch.tensor(x), gamma=1e9)
    torch.testing.assert_close(y, torch.full_like(y, 1 / len(x)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
@given(x=tame)
def test_a_large_penalty_makes_uniform(name, x):
    y = EXACT[name](torch.tensor(x), lam=1e9)
    torch.testing.assert_close(y, torch.full_like(y, 1 / len(x)), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["sparsemax", "fusedmax", "oscarmax"])
@given(x=tame, gamma=gammas, lam=lams, seed=st.integers(0, 100))
def test_lipschitz_bound(name, x, gamma, lam, seed):
    f, opts = EXACT[name], options(name, lam)
    move = torch.tensor(np.random.default_rng(seed).standard_normal(len(x)))
    change = f(torch.tensor(x) + move, gamma=gamma, **opts) - f(
        torch.tensor(x), gamma=gamma, **opts
    )
    # ||y||^2 / 2 is 1-strongly convex.
    assert change.norm() <= move.norm() / gamma + 1e-9


@pytest.mark.parametrize("name", EVERY)
@given(x=tame, lam=lams, seed=st.integers(0, 100))
def test_a_mask_is_the_same_as_leaving_positions_out(name, x, lam, seed):
    f, opts = EVERY[name], options(name, lam)
    mask = np.random.default_rng(seed).random(len(x)) < 0.4
    scores = torch.tensor(x)
    y = f(scores, mask=torch.tensor(mask), **opts)
    assert (y[mask] == 0).all()
    if mask.all():
        return
    torch.testing.assert_close(y[~mask], f(scores[~mask], **opts), atol=1e-12, rtol=0)
    hidden = scores.masked_fill(torch.tensor(mask), -torch.inf)
    torch.testing.assert_close(f(hidden, **opts), y, atol=0, rtol=0)


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
@given(x=tame, lam=st.sampled_from([0.01, 0.125, 1.0]))
def test_groups_are_where_the_weights_are_equal(name, x, lam):
    y, groups = EVERY[name](torch.tensor(x), lam=lam, return_groups=True)
    assert groups.shape == y.shape
    assert ((groups == -1) == (y == 0)).all()
    assert groups[groups >= 0].unique().tolist() == list(range(int(groups.max()) + 1))
    for group in groups[groups >= 0].unique():
        members = (groups == group).nonzero().squeeze(-1)
        assert y[members].max() - y[members].min() < 1e-12
        if name == "fusedmax":
            assert members[-1] - members[0] == len(members) - 1
