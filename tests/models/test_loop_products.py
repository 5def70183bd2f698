"""The products of a loop over steps against what autograd makes of plain ones."""

import pytest
import torch
from torch.nn.functional import linear

from regattn_fairseq.models.fast.loop_products import (
    LoopBatchedLinear,
    LoopLinear,
    LoopLSTMCell,
)

BATCH, SIZE = 4, 3
SIZES = [4, 4, 2, 1]  # the rows of each step


def gradients(loop, used_steps, *variables):
    """Of the outputs of the first steps of x ↦ tanh(product(x)), each from the one before."""
    x, outputs = torch.linspace(-1, 1, BATCH * SIZE, dtype=torch.float64).view(BATCH, SIZE), []
    for rows in SIZES:
        x = loop(x[:rows]).tanh()
        outputs.append(x)
    loss = sum((o * torch.arange(o.numel()).view_as(o).cos()).sum() for o in outputs[:used_steps])
    return torch.autograd.grad(loss, variables)


@pytest.mark.parametrize("used_steps", [4, 2, 1])
def test_linear(used_steps):
    matrix = torch.randn(SIZE, SIZE, dtype=torch.float64, requires_grad=True)

    found = gradients(LoopLinear(matrix), used_steps, matrix)

    torch.testing.assert_close(found, gradients(lambda x: linear(x, matrix), used_steps, matrix))


@pytest.mark.parametrize("used_steps", [4, 2, 1])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_for_each_row(used_steps, transposed):
    leaf = torch.randn(BATCH, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    matrix = leaf.transpose(1, 2) if transposed else leaf

    found = gradients(LoopBatchedLinear(matrix), used_steps, leaf)

    plain = gradients(lambda x: torch.einsum("boi,bi->bo", matrix[: len(x)], x), used_steps, leaf)
    torch.testing.assert_close(found, plain)


@pytest.mark.parametrize("used_steps", [4, 2, 1])
@pytest.mark.parametrize("share_size", [(BATCH, 4 * SIZE), (4 * SIZE,)])
def test_lstm_cell(used_steps, share_size):
    matrix = torch.randn(4 * SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    share = torch.randn(share_size, dtype=torch.float64, requires_grad=True)
    cell = torch.randn(BATCH, SIZE, dtype=torch.float64, requires_grad=True)

    def loop(update):
        state = cell

        def step(x):
            nonlocal state
            rows = x.size(0)
            hidden, state = update(x, share if share.dim() == 1 else share[:rows], state[:rows])
            return hidden

        return step

    def plain(x, share, state):
        i, f, g, o = (linear(x, matrix) + share).chunk(4, dim=1)
        state = f.sigmoid() * state + i.sigmoid() * g.tanh()
        return o.sigmoid() * state.tanh(), state

    variables = (matrix, share, cell)
    found = gradients(loop(LoopLSTMCell(matrix)), used_steps, *variables)
    torch.testing.assert_close(found, gradients(loop(plain), used_steps, *variables))


def test_nothing_is_kept_without_gradients():
    product = LoopLinear(torch.randn(SIZE, SIZE))
    with torch.no_grad():
        product(torch.randn(BATCH, SIZE))
    assert product.inputs == []
