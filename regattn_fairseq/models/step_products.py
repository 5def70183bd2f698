"""The arithmetic of one LSTM step, with backward passes made for being run many times a batch.

Autograd would compute the gradient of a matrix that every step multiplies with once a step, and
add them up. Here a step's backward pass only keeps its gradient; the first step's, which comes
last since every later step depends on the first, multiplies all of them with all inputs at once.

So every call of one object but the first must depend on the outcome of the call before it, as in a
recurrence, and an object serves one forward pass and one backward pass. From step to step the
batch may shrink: the last rows end first. Second derivatives are not offered.
"""

from typing import Any

import torch
from torch import Tensor

from regattn_fairseq.models import lstm_arithmetic


class _StepMatrix:
    """A matrix, its inputs in the order of the steps, and the gradients of its outputs."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.inputs: list[Tensor] = []
        self.gradients: list[Tensor] = []  # the last step's first

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

    def _outer(self) -> Tensor:
        """Σ_t gradient_t ⊗ input_t over all steps and rows: [out, in]."""
        inputs = self.inputs[: len(self.gradients)]
        return torch.cat(self.gradients[::-1]).t() @ torch.cat(inputs)


class StepLinear(_StepMatrix):
    """``x ↦ x Wᵀ`` for a loop over time steps.

    Args:
        matrix: W, [out, in].
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply one step's input [batch, in]; gives [batch, out]."""
        result: Tensor = _StepLinear.apply(*self._read(x), self)
        return result


class _StepLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, is_first: bool, owner: StepLinear) -> Tensor:
        ctx.save_for_backward(matrix)
        ctx.owner, ctx.is_first = owner, is_first
        return x @ matrix.t()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        (matrix,) = ctx.saved_tensors
        ctx.owner.gradients.append(gradient)
        return gradient @ matrix, ctx.owner._outer() if ctx.is_first else None, None, None


class StepBatchedLinear(_StepMatrix):
    """``x_b ↦ M_b x_b``, a matrix for each row b of the batch, for a loop over time steps.

    Args:
        matrix: M, [batch, out, in].
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply one step's input [rows, in], of the batch's first rows; gives [rows, out]."""
        result: Tensor = _StepBatchedLinear.apply(*self._read(x), self)
        return result

    def _outer(self) -> Tensor:
        """Σ_t gradient_bt ⊗ input_bt over all steps: [batch, out, in], laid out as the matrix."""
        batch = self.inputs[0].size(0)
        gradients = _stack(self.gradients[::-1], batch)
        inputs = _stack(self.inputs[: len(self.gradients)], batch)
        if self.matrix.is_contiguous():
            return torch.bmm(gradients.transpose(1, 2), inputs)
        return torch.bmm(inputs.transpose(1, 2), gradients).transpose(1, 2)


def _stack(rows: list[Tensor], batch: int) -> Tensor:
    """Steps of [≤ batch, size] as [batch, steps, size], zero where a step has no row."""
    stacked = rows[0].new_zeros(batch, len(rows), rows[0].size(1))
    for step, values in enumerate(rows):
        stacked[: values.size(0), step] = values
    return stacked


class _StepBatchedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, matrix: Tensor, is_first: bool, owner: StepBatchedLinear
    ) -> Tensor:
        ctx.save_for_backward(matrix)
        ctx.owner, ctx.is_first = owner, is_first
        # A row times a matrix: ten times as fast on a CPU as a matrix times a column.
        return torch.bmm(x.unsqueeze(1), matrix[: x.size(0)].transpose(1, 2)).squeeze(1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        (matrix,) = ctx.saved_tensors
        ctx.owner.gradients.append(gradient)
        of_input = torch.bmm(gradient.unsqueeze(1), matrix[: gradient.size(0)]).squeeze(1)
        return of_input, ctx.owner._outer() if ctx.is_first else None, None, None


class StepLSTM(_StepMatrix):
    """``(x, share, cell) ↦ (hidden, cell)``: an LSTM cell for a loop over time steps.

    Args:
        matrix: W of the gates' product with the inputs of the loop, [4 units, in].
    """

    def __call__(self, x: Tensor, share: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Make one step, from gates x Wᵀ + share.

        Args:
            x: the step's input, [batch, in].
            share: what else the gates add up, [batch, 4 units] or [4 units].
            cell: [batch, units].
        """
        x, matrix, is_first = self._read(x)
        result: tuple[Tensor, Tensor] = _StepLSTM.apply(
            x, matrix, is_first, self, share.to(x.dtype), cell
        )
        return result


class _StepLSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        matrix: Tensor,
        is_first: bool,
        owner: StepLSTM,
        share: Tensor,
        cell: Tensor,
    ) -> tuple[Tensor, Tensor]:
        gates = torch.addmm(share, x, matrix.t())
        cell = cell.to(gates.dtype).contiguous()
        new_hidden, new_cell, squashed = (torch.empty_like(cell) for _ in range(3))
        lstm_arithmetic.update(gates, cell, new_hidden, new_cell, squashed)
        ctx.save_for_backward(matrix, gates, cell, squashed)
        ctx.owner, ctx.is_first, ctx.share_size = owner, is_first, share.size()
        return new_hidden, new_cell

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, hidden_gradient: Tensor, cell_gradient: Tensor) -> tuple[Any, ...]:
        matrix, gates, cell, squashed = ctx.saved_tensors
        gradient = torch.empty_like(gates)
        before = torch.empty_like(cell).copy_(cell_gradient)
        of_hidden = lstm_arithmetic.with_memory(hidden_gradient)
        lstm_arithmetic.update_backward(of_hidden, None, before, gates, cell, squashed, gradient)
        ctx.owner.gradients.append(gradient)
        of_matrix = ctx.owner._outer() if ctx.is_first else None
        of_share = gradient.sum_to_size(ctx.share_size)
        return gradient @ matrix, of_matrix, None, None, of_share, before
