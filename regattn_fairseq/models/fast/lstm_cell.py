"""An LSTM step without its matrix products: compiled on the CPU, otherwise in torch.

Each function except :func:`plain` has two implementations. For float32 and float64 on the CPU, if
numba is installed, it is one call of a kernel of :mod:`~regattn_fairseq.kernels.lstm_cell`.
Otherwise it is a dozen calls of torch. Its tensors must be contiguous, have the same type, and have
memory.
"""

import torch
from torch import Tensor

from regattn_fairseq.kernels.running import Kernels, works_on

_COSTS = {"update": 4, "step": 5, "update_backward": 3}
_kernels = Kernels("regattn_fairseq.kernels.lstm_cell", _COSTS)


def with_memory(grad: Tensor) -> Tensor:
    """Convert a gradient from autograd to a tensor that the functions here accept."""
    # autograd represents gradients that are known to be zero by tensors without memory.
    return torch.zeros_like(grad) if grad._is_zerotensor() else grad.contiguous()


def plain(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """New hidden state and cell [batch, units], from gates [batch, 4 units] and the old cell.

    i, f, g, o are the four blocks of the gates (torch's order)::

        cell'  = σ(f) cell + σ(i) tanh(g)
        hidden = σ(o) tanh(cell')
    """
    in_gate, forget_gate, candidate, out_gate = gates.chunk(4, dim=1)
    new_cell = forget_gate.sigmoid() * cell + in_gate.sigmoid() * candidate.tanh()
    return out_gate.sigmoid() * new_cell.tanh(), new_cell


def update(
    gates: Tensor, cell: Tensor, new_hidden: Tensor, new_cell: Tensor, squashed: Tensor
) -> None:
    """Compute :func:`plain`, and keep what the gradients need.

    Args:
        gates: [batch, 4 units], replaced by σ(i), σ(f), tanh(g) and σ(o).
        cell: [batch, units].
        new_hidden: written, [batch, units].
        new_cell: written, [batch, units].
        squashed: written, tanh of the new cell, [batch, units].
    """
    if works_on(gates):
        _kernels.run(
            "update",
            gates.dtype,
            *cell.shape,
            gates.data_ptr(),
            cell.data_ptr(),
            new_hidden.data_ptr(),
            new_cell.data_ptr(),
            squashed.data_ptr(),
        )
        return
    in_gate, forget_gate, candidate, out_gate = gates.chunk(4, dim=1)
    # tanh x = 2 σ(2x) − 1, and σ is several times as fast as tanh on a CPU.
    candidate.mul_(2)
    gates.sigmoid_()
    candidate.mul_(2).sub_(1)
    torch.mul(forget_gate, cell, out=new_cell)
    new_cell.addcmul_(in_gate, candidate)
    torch.mul(new_cell, 2, out=squashed)
    squashed.sigmoid_().mul_(2).sub_(1)
    torch.mul(out_gate, squashed, out=new_hidden)


def step(
    gates: Tensor,
    hidden: Tensor,
    cell: Tensor,
    outputs: Tensor,
    squashed: Tensor,
    hiddens_before: Tensor,
    cells_before: Tensor,
) -> None:
    """Do :func:`update` on a state in place, and keep the old values.

    Args:
        gates: [batch, 4 units], replaced as by :func:`update`.
        hidden: replaced, [batch, units].
        cell: replaced, [batch, units].
        outputs: written, the new hidden state, [batch, units].
        squashed: written, tanh of the new cell, [batch, units].
        hiddens_before: written, the old hidden state, [batch, units].
        cells_before: written, the old cell, [batch, units].
    """
    if works_on(gates):
        _kernels.run(
            "step",
            gates.dtype,
            *cell.shape,
            gates.data_ptr(),
            hidden.data_ptr(),
            cell.data_ptr(),
            outputs.data_ptr(),
            squashed.data_ptr(),
            hiddens_before.data_ptr(),
            cells_before.data_ptr(),
        )
        return
    hiddens_before.copy_(hidden)
    cells_before.copy_(cell)
    update(gates, cells_before, outputs, cell, squashed)
    hidden.copy_(outputs)


def update_backward(
    grad_output: Tensor,
    grad_hidden: Tensor | None,
    grad_cell: Tensor,
    gates: Tensor,
    cell: Tensor,
    squashed: Tensor,
    grad_gates: Tensor,
) -> None:
    """The gradients of :func:`update`, from what it kept. No exponential is computed again.

    Args:
        grad_output: gradient of the new hidden state, [batch, units].
        grad_hidden: another gradient of it, which is added, [batch, units].
        grad_cell: gradient of the new cell; replaced by that of the old cell, [batch, units].
        gates: the activated gates, [batch, 4 units].
        cell: the old cell, [batch, units].
        squashed: tanh of the new cell, [batch, units].
        grad_gates: written, [batch, 4 units]: gradient of the gates before their activation.
    """
    if works_on(gates):
        _kernels.run(
            "update_backward",
            gates.dtype,
            *cell.shape,
            grad_output.data_ptr(),
            0 if grad_hidden is None else grad_hidden.data_ptr(),
            grad_cell.data_ptr(),
            gates.data_ptr(),
            cell.data_ptr(),
            squashed.data_ptr(),
            grad_gates.data_ptr(),
        )
        return
    if grad_hidden is not None:
        grad_output = grad_output + grad_hidden
    in_gate, forget_gate, candidate, out_gate = gates.chunk(4, dim=1)
    grad_in, grad_forget, grad_candidate, grad_out = grad_gates.chunk(4, dim=1)
    through_out = grad_output * out_gate
    torch.mul(through_out, squashed, out=grad_out)
    grad_cell += through_out.addcmul_(grad_out, squashed, value=-1)
    # Each gradient is gradient × partner × σ(1 − σ), or × (1 − tanh²) for the candidate.
    grad_out.addcmul_(grad_out, out_gate, value=-1)
    torch.mul(grad_cell, candidate, out=grad_in)
    grad_in.mul_(in_gate)
    grad_in.addcmul_(grad_in, in_gate, value=-1)
    torch.mul(grad_cell, cell, out=grad_forget)
    grad_forget.mul_(forget_gate)
    grad_forget.addcmul_(grad_forget, forget_gate, value=-1)
    torch.mul(grad_cell, in_gate, out=grad_candidate)
    grad_candidate.addcmul_(grad_candidate * candidate, candidate, value=-1)
    grad_cell.mul_(forget_gate)
