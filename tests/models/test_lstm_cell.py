"""The arithmetic of an LSTM step, compiled and by torch, against plain formulas in float64."""

import math

import pytest
import torch

from regattn_fairseq.models.fast import lstm_cell

ROWS, UNITS = 37, 21
# What hidden state, cell and gradients of about 1 may be off by.
TOLERANCE = {torch.float32: 3e-7, torch.float64: 1e-14}
both_ways = pytest.mark.parametrize("way", ["compiled", "torch"])
both_types = pytest.mark.parametrize("dtype", list(TOLERANCE))


@pytest.fixture(autouse=True)
def _way(request, monkeypatch):
    if "way" in request.fixturenames and request.getfixturevalue("way") == "torch":
        monkeypatch.setattr(lstm_cell, "works_on", lambda like: False)


def random(dtype, *size, scale=1.0):
    """Between ±scale."""
    torch.manual_seed(sum(size))
    return (torch.rand(*size, dtype=dtype) * 2 - 1) * scale


def plain(gates, cell):
    i, f, g, o = gates.chunk(4, dim=1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def update(gates, cell):
    """Hidden, cell, squashed and the gates that :func:`lstm_cell.update` leaves."""
    gates = gates.clone()
    hidden, new_cell, squashed = (torch.full_like(cell, math.nan) for _ in range(3))
    lstm_cell.update(gates, cell, hidden, new_cell, squashed)
    return hidden, new_cell, squashed, gates


def apart(found, wanted):
    return (found.double() - wanted.double()).abs().max().item()


@both_ways
@both_types
@pytest.mark.parametrize("scale", [0.01, 1.0, 8.0, 100.0])
def test_values(way, dtype, scale):
    gates, cell = random(dtype, ROWS, 4 * UNITS, scale=scale), random(dtype, ROWS, UNITS)

    hidden, new_cell, squashed, _ = update(gates, cell)

    of_hidden, of_cell = plain(gates.double(), cell.double())
    assert apart(hidden, of_hidden) <= TOLERANCE[dtype]
    assert apart(new_cell, of_cell) <= TOLERANCE[dtype]
    assert apart(squashed, of_cell.tanh()) <= TOLERANCE[dtype]


@both_ways
@both_types
def test_step_works_in_place_and_keeps_what_was(way, dtype):
    gates, hidden, cell = (random(dtype, ROWS, n * UNITS) for n in (4, 1, 1))
    of_hidden, of_cell, of_squashed, of_gates = update(gates, cell)
    state = [hidden.clone(), cell.clone()]
    outputs, squashed, *before = (torch.full_like(cell, math.nan) for _ in range(4))

    lstm_cell.step(gates, *state, outputs, squashed, *before)

    found = (*state, outputs, squashed, gates, *before)
    wanted = (of_hidden, of_cell, of_hidden, of_squashed, of_gates, hidden, cell)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


@both_ways
@both_types
@pytest.mark.parametrize("with_more", [False, True])
def test_gradients(way, dtype, with_more):
    gates, cell = random(dtype, ROWS, 4 * UNITS, scale=3.0), random(dtype, ROWS, UNITS)
    of_output, of_cell = random(dtype, ROWS, UNITS), random(dtype, ROWS, UNITS, scale=0.5)
    more = random(dtype, ROWS, UNITS, scale=0.3) if with_more else None
    variables = [x.double().clone().requires_grad_() for x in (gates, cell)]
    of_hidden = of_output.double() + (0 if more is None else more.double())
    wanted = torch.autograd.grad(plain(*variables), variables, (of_hidden, of_cell.double()))

    _, _, squashed, activated = update(gates, cell)
    found = torch.full_like(gates, math.nan)
    lstm_cell.update_backward(of_output, more, of_cell, activated, cell, squashed, found)

    assert apart(found, wanted[0]) <= TOLERANCE[dtype]
    assert apart(of_cell, wanted[1]) <= TOLERANCE[dtype]


@both_ways
@both_types
@pytest.mark.parametrize("extreme", [math.inf, 1e30, 800.0, 100.0])
def test_saturated_gates(way, dtype, extreme):
    gates = torch.tensor(
        [[1, 1, 1, 1], [-1, -1, -1, 1], [1, -1, -1, 1], [1, 1, 1, -1]], dtype=dtype
    )
    cell = torch.full((4, 1), 0.25, dtype=dtype)

    hidden, new_cell, squashed, _ = update(gates * extreme, cell)

    wanted = torch.tensor([[1.25], [0.0], [-1.0], [1.25]], dtype=dtype)
    torch.testing.assert_close(new_cell, wanted, rtol=0, atol=1e-7)
    torch.testing.assert_close(squashed, wanted.tanh(), rtol=0, atol=3e-7)
    torch.testing.assert_close(
        hidden, wanted.tanh() * (gates[:, 3:] > 0), rtol=0, atol=TOLERANCE[dtype]
    )


@both_ways
@both_types
def test_an_infinite_cell_saturates(way, dtype):
    cell = torch.tensor([[math.inf], [-math.inf]], dtype=dtype)
    hidden, new_cell, squashed, _ = update(torch.zeros(2, 4, dtype=dtype), cell)

    assert torch.equal(new_cell, cell)
    assert squashed.flatten().tolist() == [1.0, -1.0]
    assert hidden.flatten().tolist() == [0.5, -0.5]


@both_ways
@both_types
@pytest.mark.parametrize("block", range(4))
def test_nan_passes_through(way, dtype, block):
    gates = torch.zeros(9, 4 * 9, dtype=dtype)
    gates[3, block * 9 + 5] = math.nan

    hidden, new_cell, _, _ = update(gates, torch.ones(9, 9, dtype=dtype))

    expected = torch.zeros(9, 9, dtype=torch.bool)
    expected[3, 5] = True
    assert torch.equal(hidden.isnan(), expected)
    assert torch.equal(new_cell.isnan(), expected & torch.tensor(block < 3))


def test_split_over_threads_gives_the_same():
    gates, cell = random(torch.float32, 500, 4 * 200), random(torch.float32, 500, 200)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results = update(gates, cell)
            of_gates, of_cell = torch.empty_like(gates), torch.ones_like(cell)
            lstm_cell.update_backward(cell, None, of_cell, results[3], cell, results[2], of_gates)
            found.append((*results, of_gates, of_cell))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
