"""Products and LSTM cells for a loop over time steps, with gradients computed once for each batch.

If every step multiplies with the same matrix, autograd computes a gradient of the matrix for each
step and adds them up. Here the backward pass of a step only keeps the gradient of its output. The
backward pass of the first step runs last, because all other steps depend on the first one. It
multiplies all kept gradients with all inputs at once.

Therefore each call of an object, except the first, must depend on the result of the call before it,
as in a recurrence, and an object serves only one forward pass. The batch may shrink from step to
step: the last rows end first.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from regattn_fairseq.models.fast import gradients, lstm_cell


class _LoopMatrix:
    """A matrix, its inputs in the order of the steps, and the gradients of its outputs."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.inputs: list[Tensor] = []
        self._grads: list[Tensor] = []  # in reverse order: the last step's first
        self._backward_pass = -1

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor, bool]:
        """Input and matrix in the precision to compute in, and whether this is the first step."""
        matrix = self.matrix
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, matrix = x.to(dtype), matrix.to(dtype)
        is_first = not self.inputs
        if torch.is_grad_enabled():
            self.inputs.append(x.detach())
        return x, matrix, is_first

    def _keep(self, grad: Tensor, is_first: bool) -> Tensor | None:
        """Keep the gradient of a step's output; at the first step, return that of the matrix."""
        # One forward pass may have several backward passes, and some of them may end early.
        backward_pass = torch._C._current_graph_task_id()
        if backward_pass != self._backward_pass:
            self._backward_pass, self._grads = backward_pass, []
        self._grads.append(grad)
        return self._outer(self.inputs[: len(self._grads)], self._grads[::-1]) if is_first else None

    def _outer(self, inputs: list[Tensor], grads: list[Tensor]) -> Tensor:
        """Σ_t grad_t ⊗ input_t over all steps and rows: [out, in]."""
        return torch.cat(grads).t() @ torch.cat(inputs)


class LoopLinear(_LoopMatrix):
    """``x ↦ x Wᵀ`` for a loop over time steps.

    Args:
        matrix: W, [out, in].
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply one step's input [batch, in]; returns [batch, out]."""
        result: Tensor = _LoopLinear.apply(*self._read(x), self)
        return result


class _LoopLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, is_first: bool, owner: LoopLinear) -> Tensor:
        ctx.save_for_backward(x, matrix)
        ctx.owner, ctx.is_first = owner, is_first
        return x @ matrix.t()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, matrix = ctx.saved_tensors
        if gradients.are_differentiated():
            return *gradients.of_plain(F.linear, (x, matrix), grad), None, None
        return grad @ matrix, ctx.owner._keep(grad, ctx.is_first), None, None


class LoopBatchedLinear(_LoopMatrix):
    """``x_b ↦ M_b x_b``, a matrix for each row b of the batch, for a loop over time steps.

    Args:
        matrix: M, [batch, out, in].
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply one step's input [rows, in], for the batch's first rows; returns [rows, out]."""
        result: Tensor = _LoopBatchedLinear.apply(*self._read(x), self)
        return result

    def _outer(self, inputs: list[Tensor], grads: list[Tensor]) -> Tensor:
        """Σ_t grad_bt ⊗ input_bt over all steps: [batch, out, in], with the matrix's layout."""
        batch = inputs[0].size(0)
        grad, x = _stack(grads, batch), _stack(inputs, batch)
        if self.matrix.is_contiguous():
            return torch.bmm(grad.transpose(1, 2), x)
        return torch.bmm(x.transpose(1, 2), grad).transpose(1, 2)


def _stack(rows: list[Tensor], batch: int) -> Tensor:
    """Stack steps of [≤ batch, size] as [batch, steps, size], with zeros for missing rows."""
    stacked = rows[0].new_zeros(batch, len(rows), rows[0].size(1))
    for step, values in enumerate(rows):
        stacked[: values.size(0), step] = values
    return stacked


def _batched_linear(x: Tensor, matrix: Tensor) -> Tensor:
    # A row times a matrix is ten times as fast on a CPU as a matrix times a column.
    return torch.bmm(x.unsqueeze(1), matrix[: x.size(0)].transpose(1, 2)).squeeze(1)


class _LoopBatchedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, matrix: Tensor, is_first: bool, owner: LoopBatchedLinear
    ) -> Tensor:
        ctx.save_for_backward(x, matrix)
        ctx.owner, ctx.is_first = owner, is_first
        return _batched_linear(x, matrix)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, matrix = ctx.saved_tensors
        if gradients.are_differentiated():
            return *gradients.of_plain(_batched_linear, (x, matrix), grad), None, None
        grad_x = torch.bmm(grad.unsqueeze(1), matrix[: grad.size(0)]).squeeze(1)
        return grad_x, ctx.owner._keep(grad, ctx.is_first), None, None


class LoopLSTMCell(_LoopMatrix):
    """``(x, share, cell) ↦ (hidden, cell)``: an LSTM cell for a loop over time steps.

    Args:
        matrix: W, which maps the loop's inputs to the gates, [4 units, in].
    """

    def __call__(self, x: Tensor, share: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Make one step with the gates x Wᵀ + share.

        Args:
            x: the step's input, [batch, in].
            share: the other summands of the gates, [batch, 4 units] or [4 units].
            cell: the cell before the step, [batch, units].
        """
        x, matrix, is_first = self._read(x)
        result: tuple[Tensor, Tensor] = _LoopLSTMCell.apply(
            x, matrix, share.to(x.dtype), cell, is_first, self
        )
        return result


def _plain_cell(x: Tensor, matrix: Tensor, share: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    return lstm_cell.plain(F.linear(x, matrix) + share, cell)


class _LoopLSTMCell(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        matrix: Tensor,
        share: Tensor,
        cell: Tensor,
        is_first: bool,
        owner: LoopLSTMCell,
    ) -> tuple[Tensor, Tensor]:
        gates = torch.addmm(share, x, matrix.t())
        old_cell = cell.to(gates.dtype).contiguous()
        new_hidden, new_cell, squashed = (torch.empty_like(old_cell) for _ in range(3))
        lstm_cell.update(gates, old_cell, new_hidden, new_cell, squashed)
        ctx.save_for_backward(x, matrix, share, cell, gates, squashed)
        ctx.owner, ctx.is_first = owner, is_first
        return new_hidden, new_cell

    @staticmethod
    def backward(ctx: Any, grad_hidden: Tensor, grad_cell: Tensor) -> tuple[Any, ...]:
        x, matrix, share, cell, gates, squashed = ctx.saved_tensors
        if gradients.are_differentiated():
            inputs, grad_outputs = (x, matrix, share, cell), (grad_hidden, grad_cell)
            return *gradients.of_plain(_plain_cell, inputs, grad_outputs), None, None
        grad_gates = torch.empty_like(gates)
        grad_old_cell = torch.empty_like(squashed).copy_(grad_cell)
        lstm_cell.update_backward(
            lstm_cell.with_memory(grad_hidden),
            None,
            grad_old_cell,
            gates,
            cell.to(gates.dtype).contiguous(),
            squashed,
            grad_gates,
        )
        grad_matrix = ctx.owner._keep(grad_gates, ctx.is_first)
        grad_share = grad_gates.sum_to_size(share.size())
        return grad_gates @ matrix, grad_matrix, grad_share, grad_old_cell, None, None
