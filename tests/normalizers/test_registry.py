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
    registry,
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
    assert "lam=0.1" in repr(build_normalizer("fusedmax"))


def test_modules_copy_and_pickle():
    x = torch.randn(3, 5)
    module = build_normalizer("oscarmax", lam=0.2)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other(x), module(x))


def test_registering_ones_own(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))

    @register_normalizer("halved")
    def halved(scores, *, gamma=1.0, mask=None, dim=-1):
        return sparsemax(0.5 * scores, gamma=gamma, mask=mask, dim=dim)

    assert "halved" in normalizer_names()
    assert normalizer_options("halved") == ("gamma",)
    x = torch.randn(2, 3)
    torch.testing.assert_close(build_normalizer("halved", gamma=2.0)(x), sparsemax(x, gamma=4.0))
    with pytest.raises(ValueError, match="'sparsemax' exists already"):
        register_normalizer("sparsemax")(halved)
