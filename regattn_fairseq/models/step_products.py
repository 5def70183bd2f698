"""The arithmetic of one LSTM step, with backward passes made for being run many times a batch."""

from typing import Any

import torch
from torch import Tensor


class StepLinear:
    """``x ↦ x Wᵀ`` for a loop over time steps, whose gradient with respect to W is one product.

    Autograd would add up one product of the size of W for every step. Here a step's backward pass
    only keeps its gradient, and the first step's, which comes last since every later step depends
    on the first, multiplies all of them with all inputs at once.

    Every call but the first must depend on the outcome of the call before it, as in a recurrence;
    an object serves one forward pass and one backward pass. Second derivatives are not offered.

    Args:
        weight: [out, in].
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight
        self.inputs: list[Tensor] = []
        self.gradients: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply one step's input [batch, in]; gives [batch, out]."""
        weight = self.weight
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(dtype), weight.to(dtype)
        if not torch.is_grad_enabled():
            return x @ weight.t()
        result: Tensor = _StepProduct.apply(x, weight, self, len(self.inputs) == 0)
        self.inputs.append(x.detach())
        return result


class _StepProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, owner: StepLinear, is_first: bool) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.owner, ctx.is_first = owner, is_first
        return x @ weight.t()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        (weight,) = ctx.saved_tensors
        ctx.owner.gradients.append(gradient)
        weight_gradient = None
        if ctx.is_first:
            # Steps came back in reverse order.
            gradients = torch.cat(ctx.owner.gradients)
            weight_gradient = gradients.t() @ torch.cat(ctx.owner.inputs[::-1])
        return gradient @ weight, weight_gradient, None, None


class LSTMUpdate(torch.autograd.Function):
    """``(gates, cell) ↦ (hidden, cell)``: what an LSTM does once its gates are summed up.

    With i, f, g, o the four blocks of the gates (torch's order)::

        cell'  = σ(f) cell + σ(i) tanh(g)
        hidden = σ(o) tanh(cell')

    Gates are [batch, 4 units], cells and hidden states [batch, units]. The backward pass reads the
    activations that the forward pass made, and computes no exponential.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Compute hidden and cell."""
        units = cell.size(1)
        in_forget = gates[:, : 2 * units].sigmoid()
        candidate = gates[:, 2 * units : 3 * units].tanh()
        out_gate = gates[:, 3 * units :].sigmoid()
        in_gate, forget_gate = in_forget.chunk(2, dim=1)
        new_cell = (forget_gate * cell).addcmul_(in_gate, candidate)
        squashed = new_cell.tanh()
        ctx.save_for_backward(in_gate, forget_gate, candidate, out_gate, cell, squashed)
        return out_gate * squashed, new_cell

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, hidden_gradient: Tensor, cell_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the gates and of the cell."""
        in_gate, forget_gate, candidate, out_gate, cell, squashed = ctx.saved_tensors
        units = cell.size(1)
        through_out = hidden_gradient * out_gate
        cell_gradient = cell_gradient + torch.addcmul(
            through_out, through_out * squashed, squashed, value=-1
        )
        gates = cell.new_empty(cell.size(0), 4 * units)
        blocks = gates.view(-1, 4, units).unbind(1)
        # Each is gradient × partner × σ(1 − σ), or × (1 − tanh²) for the candidate.
        for block, partner, gate in (
            (blocks[0], candidate, in_gate),
            (blocks[1], cell, forget_gate),
        ):
            torch.mul(cell_gradient, partner, out=block)
            block.mul_(gate).addcmul_(block, gate, value=-1)
        torch.mul(cell_gradient, in_gate, out=blocks[2])
        blocks[2].addcmul_(blocks[2] * candidate, candidate, value=-1)
        torch.mul(through_out, squashed, out=blocks[3])
        blocks[3].addcmul_(blocks[3], out_gate, value=-1)
        return gates, cell_gradient * forget_gate
