"""Normalizers by name."""

import copy
import pickle

import pytest
import torch

from regattn_fairseq.normalizers import (
    build_normalizer,
    fusedmax,
    normalizer_names,
    normalizer_options,
    register_normalizer,
    rules,
    sparsemax,
)


def test_names_and_options():
    assert normalizer_names()[:3] == ("softmax", "sparsemax", "fusedmax")
    assert normalizer_options("softmax") == ("gamma",)
    assert normalizer_options("fusedmax") == ("gamma", "lam")
    assert normalizer_options("pnormmax") == ("gamma", "p")
    assert set(normalizer_options("entmax")) == {"gamma", "alpha"}


def test_a_module_is_its_function():
    x = torch.randn(3, 4, 5)
    mask = torch.rand(3, 4, 5) < 0.3
    module = build_normalizer("fusedmax", gamma=0.5, lam=0.2, dim=1)
    expected = fusedmax(x, gamma=0.5, lam=0.2, mask=mask, dim=1)
    torch.testing.assert_close(module(x, mask), expected)
    assert repr(module) == "Normalizer('fusedmax', gamma=0.5, lam=0.2, dim=1)"
    assert "lam=0.3" in repr(build_normalizer("fusedmax"))


def test_modules_copy_and_pickle():
    x = torch.randn(3, 5)
    module = build_normalizer("oscarmax", lam=0.2)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other(x), module(x))


def test_registering_ones_own(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))

    @register_normalizer("halved")
    def halved(scores, *, gamma=1.0, mask=None, dim=-1):
        return sparsemax(0.5 * scores, gamma=gamma, mask=mask, dim=dim)

    assert "halved" in normalizer_names()
    assert normalizer_options("halved") == ("gamma",)
    x = torch.randn(2, 3)
    torch.testing.assert_close(build_normalizer("halved", gamma=2.0)(x), sparsemax(x, gamma=4.0))
    with pytest.raises(ValueError, match="'sparsemax' exists already"):
        register_normalizer("sparsemax")(halved)


def test_a_map_with_parameters_of_its_own(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))

    @register_normalizer("weighted")
    class Weighted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = torch.nn.Parameter(torch.tensor(0.5))

        def forward(self, scores, *, gamma=2.0, mask=None, dim=-1):
            return sparsemax(self.factor * scores, gamma=gamma, mask=mask, dim=dim)

    assert normalizer_options("weighted") == ("gamma",)
    one, other = (build_normalizer("weighted", learned=("gamma",)) for _ in range(2))
    assert {name for name, _ in one.named_parameters()} == {"raw_gamma", "_map.factor"}
    x = torch.randn(3, 5)
    torch.testing.assert_close(one(x), sparsemax(x, gamma=4.0))
    one(x).square().sum().backward()
    assert all(parameter.grad.abs() > 0 for parameter in one.parameters())
    assert all(parameter.grad is None for parameter in other.parameters())


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
def test_learned_options_start_where_they_are_told_and_get_gradients(name):
    x = torch.randn(4, 6)
    module = build_normalizer(name, gamma=0.7, lam=0.05, learned=("gamma", "lam"))
    fixed = build_normalizer(name, gamma=0.7, lam=0.05)
    torch.testing.assert_close(module(x), fixed(x))

    target = torch.softmax(torch.randn(4, 6), dim=-1)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    before = (module(x) - target).square().sum()
    for _ in range(200):
        optimizer.zero_grad()
        loss = (module(x) - target).square().sum()
        loss.backward()
        assert all(p.grad is not None for p in module.parameters())
        optimizer.step()
    options = module.current_options()
    assert options["gamma"] > 0
    assert options["lam"] > 0
    assert loss < 0.9 * before


@pytest.mark.parametrize("start", [1e-4, 0.1, 1.0, 50.0])
def test_learned_options_start_exactly_at_any_size(start):
    module = build_normalizer("fusedmax", lam=start, learned=("lam",))
    torch.testing.assert_close(module.current_options()["lam"].item(), start, rtol=1e-5, atol=0)
    assert [name for name, _ in module.named_parameters()] == ["raw_lam"]
    assert "learned=('lam',)" in repr(module)


def test_a_learned_alpha_stays_above_one():
    module = build_normalizer("entmax", alpha=1.3, learned=("alpha",))
    torch.testing.assert_close(module.current_options()["alpha"].item(), 1.3)
    x = torch.randn(4, 6)
    # No weight on the best word but through a smaller alpha.
    optimizer = torch.optim.SGD(module.parameters(), lr=3.0)
    for _ in range(50):
        optimizer.zero_grad()
        (module(x) - 1 / 6).square().sum().backward()
        optimizer.step()
    assert 1.0 <= module.current_options()["alpha"] < 1.05
    with torch.no_grad():
        module.raw_alpha.fill_(-1e4)
    y = module(x)
    torch.testing.assert_close(y, torch.softmax(x, -1))
    y[:, 0].sum().backward()
    assert module.raw_alpha.grad.isfinite()


def test_a_learned_option_with_two_ends_stays_between_them(monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))

    def cooled(scores, *, gamma=1.0, chill=2.0, mask=None, dim=-1):
        return sparsemax(scores / chill, gamma=gamma, mask=mask, dim=dim)

    chill = rules.Option("chill", "ψ", "how cold", low=1.0, high=9.0, learnable=True)
    rules.register(rules.Rule("cooled", cooled, described=(chill,)))
    module = build_normalizer("cooled", learned=("chill",))
    torch.testing.assert_close(module.current_options()["chill"].item(), 2.0)
    for raw, end in ((-100.0, 1.0), (100.0, 9.0)):
        module.raw_chill.data.fill_(raw)
        assert module.current_options()["chill"] == end


def test_what_cannot_be_learned():
    with pytest.raises(ValueError, match="p cannot be learned; gamma, lam and alpha can"):
        build_normalizer("pnormmax", learned=("p",))
    with pytest.raises(ValueError, match="'sparsemax' has no option 'lam'"):
        build_normalizer("sparsemax", learned=("lam",))
    with pytest.raises(ValueError, match="a learned lam must start above 0"):
        build_normalizer("fusedmax", lam=0.0, learned=("lam",))
    with pytest.raises(ValueError, match=r"a learned alpha must start above 1; .* alpha=1\.1$"):
        build_normalizer("entmax", alpha=1.0, learned=("alpha",))
