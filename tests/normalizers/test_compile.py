"""torch.compile without graph breaks, and the custom operators' own contracts."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from regattn_fairseq import normalizers

from .maps import MAPS

CASES = [(m.name, m.options) for m in MAPS]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_compiles_into_one_graph(name, options):
    f = getattr(normalizers, name)
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(4, 6) < 0.3
    g = torch.randn_like(x)
    # One function for all maps: torch gives up on what it has compiled too often.
    torch.compiler.reset()

    def run(t):
        return f(2.0 * t, gamma=0.7, mask=mask, **options)

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), run(x))
    (got,) = torch.autograd.grad(compiled(x), x, g)
    torch.testing.assert_close(got, torch.autograd.grad(run(x), x, g)[0])


def test_learnable_regularization_compiles():
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    lam = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)

    def run(t, a, b):
        return normalizers.fusedmax(t, gamma=a, lam=b)[:, 0].sum()

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(x, gamma, lam), (x, gamma, lam))
    expected = torch.autograd.grad(run(x, gamma, lam), (x, gamma, lam))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_a_learnable_alpha_compiles():
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    alpha = torch.rand(4, 1, dtype=torch.float64).add(1.2).requires_grad_()

    def run(t, a):
        return normalizers.entmax(t, alpha=a)[:, 0].sum()

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(x, alpha), (x, alpha))
    expected = torch.autograd.grad(run(x, alpha), (x, alpha))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ["sparsemax", "fusedmax", "pnormmax", "entmax"])
def test_the_operator_keeps_its_contracts(name):
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    by_row = torch.full((3,), 1.3 if name == "entmax" else 0.1, dtype=torch.float64)
    n = torch.full((3,), 5)
    arguments = (x, by_row, n, None, name, 0.7, [1.5] if name == "pnormmax" else [])
    torch.library.opcheck(torch.ops.regattn.map.default, arguments)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_tensors_without_memory_have_shapes_alone(name, options):
    f = getattr(normalizers, name)
    for fake in (torch.empty(3, 5, device="meta"), FakeTensorMode().from_tensor(torch.ones(3, 5))):
        y = f(fake, **options)
        assert (y.shape, y.dtype, y.device) == (fake.shape, fake.dtype, fake.device)


@pytest.mark.parametrize(("name", "options"), CASES[1:])
def test_tracing_records_the_map_and_not_its_outcome(name, options):
    f = getattr(normalizers, name)
    traced = make_fx(lambda t: f(t, **options))(torch.randn(3, 5))
    x = torch.randn(3, 5)
    torch.testing.assert_close(traced(x), f(x, **options))
    with FlopCounterMode(display=False):
        torch.testing.assert_close(f(x, **options), traced(x))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_exports(name, options):
    f = getattr(normalizers, name)

    class Attention(torch.nn.Module):
        def forward(self, t):
            return f(t, **options)

    for strict in (True, False):
        exported = torch.export.export(Attention(), (torch.randn(3, 5),), strict=strict)
        x = torch.randn(3, 5)
        torch.testing.assert_close(exported.module()(x), f(x, **options))
