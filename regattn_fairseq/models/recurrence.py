"""LSTM layers over packed batches, with a backward pass made for the CPU."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from regattn_fairseq.models import lstm_arithmetic
from regattn_fairseq.models.dropout import Dropout


class LSTM(nn.LSTM):
    """``torch.nn.LSTM`` over packed batches, faster on the CPU.

    It has the parameters of ``torch.nn.LSTM`` and computes the same, to rounding. On the CPU each
    layer is one autograd node: the products with the inputs, and all products of the weights'
    gradients, run once over all steps, and a step works in place on its rows of one buffer. On
    other devices, and under autocast, torch's own implementation runs. Second derivatives are not
    offered on the CPU.
    """

    def forward(  # type: ignore[override]
        self, packed: PackedSequence, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        """Read a packed batch.

        Args:
            packed: with ``data`` [words, input_size].
            state: hidden and cell to start from, each [layers × directions, batch, hidden_size]
                in the order of the batch as it was before packing; zeros if not given.

        Returns:
            packed outputs with ``data`` [words, directions × hidden_size], and each sequence's
            last hidden and cell, shaped and ordered as ``state``.
        """
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        if data.device.type != "cpu" or torch.is_autocast_enabled("cpu") or self.proj_size > 0:
            result: tuple[PackedSequence, tuple[Tensor, Tensor]] = super().forward(packed, state)
            return result
        sizes = batch_sizes.tolist()
        directions = 2 if self.bidirectional else 1
        hidden, cell = self._initial(data, sizes[0], sorted_indices, state)
        dropout = Dropout(self.dropout).train(self.training)
        last_hidden, last_cell = [], []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                index = layer * directions + direction
                weight_ih, weight_hh, bias_ih, bias_hh = self.all_weights[index]
                out, end_hidden, end_cell = _LSTMLayer.apply(
                    data,
                    weight_ih,
                    weight_hh,
                    bias_ih + bias_hh,
                    hidden[index],
                    cell[index],
                    sizes,
                    direction == 1,
                )
                outputs.append(out)
                last_hidden.append(end_hidden)
                last_cell.append(end_cell)
            data = outputs[0] if directions == 1 else torch.cat(outputs, dim=1)
            if layer + 1 < self.num_layers:
                data = dropout(data)
        final = torch.stack(last_hidden), torch.stack(last_cell)
        if unsorted_indices is not None:
            final = (
                final[0].index_select(1, unsorted_indices),
                final[1].index_select(1, unsorted_indices),
            )
        return PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices), final

    def _initial(
        self,
        data: Tensor,
        batch: int,
        sorted_indices: Tensor | None,
        state: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        if state is None:
            zeros = data.new_zeros(len(self.all_weights), batch, self.hidden_size)
            return zeros, zeros
        if sorted_indices is None:
            return state
        return state[0].index_select(1, sorted_indices), state[1].index_select(1, sorted_indices)


class _LSTMLayer(torch.autograd.Function):
    """One layer in one direction: ``(x, weights, initial state) ↦ (hidden states, last state)``.

    Packed rows: step t holds ``sizes[t]`` consecutive rows, longest sequences first. x is
    [words, in], the hidden states are [words, units]; the initial hidden state and cell, and each
    sequence's last, are [batch, units].

    The steps work in place on one state [batch, units], of which the first rows take part. A
    sequence that has ended keeps its last state there, and read from its end one that has not
    begun its initial state; the way back does the same with the state's gradient.
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
        gates = torch.addmm(bias, x, weight_ih.t())
        outputs, squashed, hiddens_before, cells_before = (
            x.new_empty(x.size(0), hidden.size(1)) for _ in range(4)
        )
        hidden, cell = (outputs.new_empty(t.size()).copy_(t) for t in (hidden, cell))
        recurrent = weight_hh.t()
        rows_of = (gates, outputs, squashed, hiddens_before, cells_before)
        for size, step_gates, *rows in _steps(sizes, reverse, *rows_of):
            step_hidden, step_cell = hidden[:size], cell[:size]
            step_gates.addmm_(step_hidden, recurrent)
            lstm_arithmetic.step(step_gates, step_hidden, step_cell, *rows)
        ctx.save_for_backward(
            x, weight_ih, weight_hh, gates, squashed, hiddens_before, cells_before
        )
        ctx.sizes, ctx.reverse = sizes, reverse
        return outputs, hidden, cell

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, outputs_gradient: Tensor, hidden_gradient: Tensor, cell_gradient: Tensor
    ) -> tuple[Any, ...]:
        x, weight_ih, weight_hh, gates, squashed, hiddens_before, cells_before = ctx.saved_tensors
        hidden_gradient, cell_gradient = (
            gates.new_empty(t.size()).copy_(t) for t in (hidden_gradient, cell_gradient)
        )
        gates_gradient = torch.empty_like(gates)
        of_outputs = lstm_arithmetic.with_memory(outputs_gradient)
        rows_of = (of_outputs, gates, cells_before, squashed, gates_gradient)
        for size, of_output, *rows in _steps(ctx.sizes, not ctx.reverse, *rows_of):
            of_hidden = hidden_gradient[:size]
            lstm_arithmetic.update_backward(of_output, of_hidden, cell_gradient[:size], *rows)
            torch.mm(rows[-1], weight_hh, out=of_hidden)
        needs = ctx.needs_input_grad
        return (
            gates_gradient @ weight_ih if needs[0] else None,
            gates_gradient.t() @ x if needs[1] else None,
            gates_gradient.t() @ hiddens_before if needs[2] else None,
            gates_gradient.sum(0) if needs[3] else None,
            hidden_gradient if needs[4] else None,
            cell_gradient if needs[5] else None,
            None,
            None,
        )


def _steps(sizes: list[int], reverse: bool, *packed: Tensor) -> Iterator[tuple[Any, ...]]:
    """How many rows a step has, and what they are in each of the tensors, step by step."""
    steps: Any = zip(sizes, *(rows.split(sizes) for rows in packed), strict=True)
    return reversed(list(steps)) if reverse else steps
