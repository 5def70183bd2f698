"""LSTM layers over packed batches, with a backward pass made for the CPU."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.step_products import lstm_update, lstm_update_backward


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
        first, last = _first_and_last_rows(sizes)
        dropout = Dropout(self.dropout).train(self.training)
        last_hidden, last_cell = [], []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                index = layer * directions + direction
                weight_ih, weight_hh, bias_ih, bias_hh = self.all_weights[index]
                out, cells = _LSTMLayer.apply(
                    data,
                    weight_ih,
                    weight_hh,
                    bias_ih + bias_hh,
                    hidden[index],
                    cell[index],
                    sizes,
                    direction == 1,
                )
                ends = first if direction == 1 else last
                outputs.append(out)
                last_hidden.append(out.index_select(0, ends))
                last_cell.append(cells.index_select(0, ends))
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


def _first_and_last_rows(sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Where in the packed rows each sequence starts and ends: two index tensors [batch]."""
    ends = torch.empty(sizes[0], dtype=torch.long)
    start = 0
    for size in sizes:
        ends[:size] = torch.arange(start, start + size)
        start += size
    return torch.arange(sizes[0]), ends


class _LSTMLayer(torch.autograd.Function):
    """One layer in one direction: ``(x, weights, initial state) ↦ (hidden, cell)`` of each word.

    Packed rows: step t holds ``sizes[t]`` consecutive rows, longest sequences first. x is
    [words, in], the results are [words, units], initial states [batch, units].
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
    ) -> tuple[Tensor, Tensor]:
        steps = _steps(sizes, reverse)
        units = hidden.size(1)
        gates = torch.addmm(bias, x, weight_ih.t())
        hiddens, cells, squashed, hiddens_before, cells_before = (
            x.new_empty(x.size(0), units) for _ in range(5)
        )
        recurrent = weight_hh.t()
        before: tuple[Tensor, Tensor] = (hidden[:0], cell[:0])
        for rows in steps:
            size = rows.stop - rows.start
            kept = min(size, before[0].size(0))
            for buffer, last, initial in (
                (hiddens_before, before[0], hidden),
                (cells_before, before[1], cell),
            ):
                buffer[rows][:kept] = last[:kept]
                if kept < size:
                    buffer[rows][kept:] = initial[kept:size]
            step_gates = gates[rows].addmm_(hiddens_before[rows], recurrent)
            before = (hiddens[rows], cells[rows])
            lstm_update(step_gates, cells_before[rows], before[0], before[1], squashed[rows])
        ctx.save_for_backward(
            x, weight_ih, weight_hh, gates, squashed, hiddens_before, cells_before
        )
        ctx.steps = steps
        return hiddens, cells

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, hiddens_gradient: Tensor, cells_gradient: Tensor) -> tuple[Any, ...]:
        x, weight_ih, weight_hh, gates, squashed, hiddens_before, cells_before = ctx.saved_tensors
        batch = max(rows.stop - rows.start for rows in ctx.steps)
        units = squashed.size(1)
        hidden_gradient, cell_gradient = x.new_zeros(2, batch, units).unbind(0)
        gates_gradient = torch.empty_like(gates)
        # Rows beyond a step's own keep what they had: it belongs to the initial states, or is zero.
        for rows in reversed(ctx.steps):
            size = rows.stop - rows.start
            of_hidden, of_cell = hidden_gradient[:size], cell_gradient[:size]
            of_hidden += hiddens_gradient[rows]
            of_cell += cells_gradient[rows]
            step_gradient = gates_gradient[rows]
            lstm_update_backward(
                of_hidden, of_cell, gates[rows], cells_before[rows], squashed[rows], step_gradient
            )
            torch.mm(step_gradient, weight_hh, out=of_hidden)
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


def _steps(sizes: list[int], reverse: bool) -> list[slice]:
    """The rows of each step, in the order in which the layer reads them."""
    steps, start = [], 0
    for size in sizes:
        steps.append(slice(start, start + size))
        start += size
    return steps[::-1] if reverse else steps
