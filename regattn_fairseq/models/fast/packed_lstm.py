"""LSTM layers over a packed batch, with a backward pass made for the CPU."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.fast import gradients, lstm_cell, may_bypass

State = tuple[Tensor, Tensor]  # hidden and cell, each [layers × directions, batch, units]


def replaces(lstm: nn.Module, x: Tensor) -> bool:
    """Whether :func:`run` may replace a call of this LSTM with x, and is faster."""
    return (
        x.is_cpu
        and isinstance(lstm, nn.LSTM)
        and lstm.proj_size == 0
        and not torch.is_autocast_enabled("cpu")
        and may_bypass(x, lstm)
    )


def run(
    lstm: nn.LSTM, packed: PackedSequence, state: State | None = None
) -> tuple[PackedSequence, State]:
    """Compute the same as ``lstm(packed, state)``, up to rounding.

    Each layer is one autograd node. The products with the inputs, and all products for the weights'
    gradients, are computed once for all steps. Each step works in place on its rows of one buffer.

    Args:
        lstm: one that :func:`replaces` has accepted.
        packed: with ``data`` [words, input_size].
        state: the initial state, in the order of the batch before packing; zeros if not given.

    Returns:
        packed outputs with ``data`` [words, directions × units], and each sequence's last state,
        in the order of ``state``.
    """
    data, batch_sizes, sorted_indices, unsorted_indices = packed
    sizes = batch_sizes.tolist()
    hidden, cell = _initial(lstm, data, sizes[0], sorted_indices, state)
    dropout = Dropout(lstm.dropout).train(lstm.training)
    directions = 2 if lstm.bidirectional else 1
    last_hidden, last_cell = [], []
    for layer in range(lstm.num_layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            weights = _weights(lstm, index)
            out, end_hidden, end_cell = _LSTMLayer.apply(
                data, *weights, hidden[index], cell[index], sizes, direction == 1
            )
            outputs.append(out)
            last_hidden.append(end_hidden)
            last_cell.append(end_cell)
        data = outputs[0] if directions == 1 else torch.cat(outputs, dim=1)
        if layer + 1 < lstm.num_layers:
            data = dropout(data)
    final = torch.stack(last_hidden), torch.stack(last_cell)
    if unsorted_indices is not None:
        final = (
            final[0].index_select(1, unsorted_indices),
            final[1].index_select(1, unsorted_indices),
        )
    return PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices), final


def _weights(lstm: nn.LSTM, index: int) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of inputs [4 units, in] and state [4 units, units]; the biases' sum [4 units]."""
    if not lstm.bias:
        weight_ih, weight_hh = lstm.all_weights[index]
        return weight_ih, weight_hh, weight_ih.new_zeros(len(weight_ih))
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.all_weights[index]
    return weight_ih, weight_hh, bias_ih + bias_hh


def _initial(
    lstm: nn.LSTM, data: Tensor, batch: int, sorted_indices: Tensor | None, state: State | None
) -> State:
    if state is None:
        zeros = data.new_zeros(len(lstm.all_weights), batch, lstm.hidden_size)
        return zeros, zeros
    if sorted_indices is None:
        return state
    return state[0].index_select(1, sorted_indices), state[1].index_select(1, sorted_indices)


class _LSTMLayer(torch.autograd.Function):
    """One layer in one direction: ``(x, weights, initial state) ↦ (hidden states, last state)``.

    The rows are packed: step t has ``sizes[t]`` consecutive rows, longest sequences first. x is
    [words, in] and the hidden states are [words, units]. The initial hidden state and cell, and
    each sequence's last ones, are [batch, units].

    The steps work in place on one state [batch, units]. Each step changes only its first rows. So a
    sequence that has ended keeps its last state there. In the reverse direction, a sequence that
    has not begun keeps its initial state. The backward pass does the same with the gradient of the
    state.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        hidden: Tensor,
        cell: Tensor,
        sizes: list[int],
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        inputs = (x, weight_ih, weight_hh, bias, hidden, cell)
        gates = torch.addmm(bias, x, weight_ih.t())
        outputs, squashed, hiddens_before, cells_before = (
            x.new_empty(x.size(0), hidden.size(1)) for _ in range(4)
        )
        hidden, cell = (outputs.new_empty(t.size()).copy_(t) for t in (hidden, cell))
        recurrent = weight_hh.t()
        packed = (gates, outputs, squashed, hiddens_before, cells_before)
        for size, step_gates, *rows in _steps(sizes, reverse, *packed):
            step_hidden, step_cell = hidden[:size], cell[:size]
            step_gates.addmm_(step_hidden, recurrent)
            lstm_cell.step(step_gates, step_hidden, step_cell, *rows)
        ctx.save_for_backward(*inputs, gates, squashed, hiddens_before, cells_before)
        ctx.sizes, ctx.reverse = sizes, reverse
        return outputs, hidden, cell

    @staticmethod
    def backward(
        ctx: Any, grad_outputs: Tensor, grad_hidden: Tensor, grad_cell: Tensor
    ) -> tuple[Any, ...]:
        *inputs, gates, squashed, hiddens_before, cells_before = ctx.saved_tensors
        if gradients.are_differentiated():
            plain = partial(_plain_layer, sizes=ctx.sizes, reverse=ctx.reverse)

            grads = gradients.of_plain(plain, tuple(inputs), (grad_outputs, grad_hidden, grad_cell))
            return *grads, None, None
        x, weight_ih, weight_hh, *_ = inputs
        grad_hidden, grad_cell = (
            gates.new_empty(t.size()).copy_(t) for t in (grad_hidden, grad_cell)
        )
        grad_gates = torch.empty_like(gates)
        grad_outputs = lstm_cell.with_memory(grad_outputs)
        packed = (grad_outputs, gates, cells_before, squashed, grad_gates)
        for size, step_grad, *rows in _steps(ctx.sizes, not ctx.reverse, *packed):
            step_grad_hidden = grad_hidden[:size]
            lstm_cell.update_backward(step_grad, step_grad_hidden, grad_cell[:size], *rows)
            torch.mm(rows[-1], weight_hh, out=step_grad_hidden)
        needs = ctx.needs_input_grad
        return (
            grad_gates @ weight_ih if needs[0] else None,
            grad_gates.t() @ x if needs[1] else None,
            grad_gates.t() @ hiddens_before if needs[2] else None,
            grad_gates.sum(0) if needs[3] else None,
            grad_hidden if needs[4] else None,
            grad_cell if needs[5] else None,
            None,
            None,
        )


def _plain_layer(
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor,
    hidden: Tensor,
    cell: Tensor,
    sizes: list[int],
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the same as :class:`_LSTMLayer`, with operators that autograd can differentiate."""
    outputs = []
    for size, step_gates in _steps(sizes, reverse, F.linear(x, weight_ih, bias)):
        gates = step_gates + hidden[:size] @ weight_hh.t()
        new_hidden, new_cell = lstm_cell.plain(gates, cell[:size])
        hidden = torch.cat((new_hidden, hidden[size:]))
        cell = torch.cat((new_cell, cell[size:]))
        outputs.append(new_hidden)
    return torch.cat(outputs[::-1] if reverse else outputs), hidden, cell


def _steps(sizes: list[int], reverse: bool, *packed: Tensor) -> Iterator[tuple[Any, ...]]:
    """For each step: the number of its rows, and these rows of each tensor."""
    steps: Any = zip(sizes, *(rows.split(sizes) for rows in packed), strict=True)
    return reversed(list(steps)) if reverse else steps
