"""What a rule says of its map is true."""

import importlib.util
import inspect

import pytest
import torch

from regattn_fairseq import normalizers
from regattn_fairseq.normalizers import normalizer_names, register_normalizer, rule, rules

each = pytest.mark.parametrize("name", normalizer_names())


@each
def test_options_are_described_and_have_defaults_within_their_range(name):
    parameters = inspect.signature(getattr(normalizers, name)).parameters
    for key, option in rule(name).options.items():
        assert option.name == key
        assert option.symbol
        assert option.description
        assert option.default == parameters[key].default
        assert option.check(option.default) == option.default
        assert option.range != "anything"


def test_what_an_option_says_of_itself():
    lam = rule("fusedmax").options["lam"]
    assert (lam.symbol, lam.default, lam.range) == ("λ", 0.3, "finite and >= 0")
    assert lam.learnable
    p = rule("pnormmax").options["p"]
    assert (p.symbol, p.default, p.range) == ("p", 1.5, "in (1, 2]")
    assert not p.learnable
    k = rule("topk").options["k"]
    assert (k.symbol, k.default, k.range) == ("k", 8, "a whole number >= 1")
    assert k.integer
    assert rule("oscarmax").options["lam"].default == 0.05


@each
def test_the_kernels_that_a_rule_names_exist(name):
    from regattn_fairseq.normalizers import _numba

    for kernel in rule(name).cpu or ():
        assert hasattr(_numba, kernel.name)
    if importlib.util.find_spec("triton"):
        from regattn_fairseq.normalizers import _triton

        for launcher in rule(name).gpu or ():
            assert launcher is None or hasattr(_triton, launcher)


def test_an_option_of_ones_own_may_be_anything_but_gamma_is_checked(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))

    @register_normalizer("mine")
    def mine(scores, *, kind="soft", gamma=1.0, mask=None, dim=-1):
        return normalizers.softmax(scores, gamma=gamma, mask=mask, dim=dim)

    assert list(rule("mine").options) == ["kind", "gamma"]
    module = normalizers.build_normalizer("mine", kind=None)
    assert module.options == {"kind": None, "gamma": 1.0}
    assert rule("mine").options["kind"].default == "soft"
    with pytest.raises(ValueError, match="gamma must be finite and > 0"):
        normalizers.build_normalizer("mine", gamma=0)


def test_smoothed_max_takes_the_options_of_all_maps_and_no_others(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))
    x = torch.randn(3, 4)
    value = normalizers.smoothed_max(x, normalizer="sparsemax")
    same = normalizers.smoothed_max(x, normalizer="sparsemax", lam=0.3, p=1.2, k=2)
    torch.testing.assert_close(same, value)
    with pytest.raises(ValueError, match="sparsemax has no option 'gama'; it has: gamma"):
        normalizers.smoothed_max(x, gama=1.0)

    half_square = normalizers.from_regularizer(lambda y: 0.5 * y.square().sum(-1))
    register_normalizer("own")(half_square)
    for own in ("own", half_square):
        got = normalizers.smoothed_max(x, normalizer=own)
        torch.testing.assert_close(got, value, atol=1e-5, rtol=0)


def test_a_backward_pass_that_is_traced_records_the_product():
    from torch.fx.experimental.proxy_tensor import make_fx

    x = torch.randn(3, 5, requires_grad=True)
    y = normalizers.fusedmax(x)

    def gradient(v):
        return torch.autograd.grad(y, x, v, retain_graph=True)[0]

    v, other = torch.randn(3, 5), torch.randn(3, 5)
    torch.testing.assert_close(make_fx(gradient)(v)(other), gradient(other))
