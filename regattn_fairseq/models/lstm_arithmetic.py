"""The arithmetic of an LSTM step, but for its products: compiled on the CPU, else by torch.

Each function has two ways: in float32 and float64 on the CPU, where numba is installed, one call
of a kernel of :mod:`~regattn_fairseq.models.lstm_kernels`, else a dozen of torch's. Its tensors
are contiguous, of one type, and have memory.
"""

import torch
from torch import Tensor

from regattn_fairseq.kernels.running import Kernels, works_on

_COSTS = {"update": 4, "step": 5, "update_backward": 3}
_kernels = Kernels("regattn_fairseq.models.lstm_kernels", _COSTS)


def with_memory(gradient: Tensor) -> Tensor:
    """What autograd hands over, as the functions here take it."""
    # What autograd makes of zeros that it knows of has no memory.
    return torch.zeros_like(gradient) if gradient._is_zerotensor() else gradient.contiguous()


def update(
    gates: Tensor, cell: Tensor, new_hidden: Tensor, new_cell: Tensor, squashed: Tensor
) -> None:
    """What an LSTM does once its gates are summed up.

    With i, f, g, o the four blocks of the gates (torch's order)::

        cell'  = σ(f) cell + σ(i) tanh(g)
        hidden = σ(o) tanh(cell')

    Args:
        gates: [batch, 4 units], replaced by σ(i), σ(f), tanh(g), σ(o).
        cell: [batch, units].
        new_hidden: written, [batch, units].
        new_cell: written, [batch, units].
        squashed: written, tanh(cell'), [batch, units].
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
    # tanh x = 2 σ(2x) − 1, whose σ is several times as fast as tanh on a CPU.
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
    """:func:`update` of a state in place, which keeps what it overwrites.

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
    output_gradient: Tensor,
    hidden_gradient: Tensor | None,
    cell_gradient: Tensor,
    gates: Tensor,
    cell: Tensor,
    squashed: Tensor,
    gates_gradient: Tensor,
) -> None:
    """The gradients of :func:`update`, from what it left; no exponential is computed again.

    Args:
        output_gradient: of the new hidden state, [batch, units].
        hidden_gradient: to be added to it, [batch, units].
        cell_gradient: of the new cell, replaced by that of the cell before, [batch, units].
        gates: activated, [batch, 4 units].
        cell: the cell before, [batch, units].
        squashed: tanh of the new cell, [batch, units].
        gates_gradient: written, [batch, 4 units], of the gates before they were activated.
    """
    if works_on(gates):
        _kernels.run(
            "update_backward",
            gates.dtype,
            *cell.shape,
            output_gradient.data_ptr(),
            0 if hidden_gradient is None else hidden_gradient.data_ptr(),
            cell_gradient.data_ptr(),
            gates.data_ptr(),
            cell.data_ptr(),
            squashed.data_ptr(),
            gates_gradient.data_ptr(),
        )
        return
    if hidden_gradient is not None:
        output_gradient = output_gradient + hidden_gradient
    in_gate, forget_gate, candidate, out_gate = gates.chunk(4, dim=1)
    of_in, of_forget, of_candidate, of_out = gates_gradient.chunk(4, dim=1)
    through_out = output_gradient * out_gate
    torch.mul(through_out, squashed, out=of_out)
    cell_gradient += through_out.addcmul_(of_out, squashed, value=-1)
    # Each is gradient × partner × σ(1 − σ), or × (1 − tanh²) for the candidate.
    of_out.addcmul_(of_out, out_gate, value=-1)
    torch.mul(cell_gradient, candidate, out=of_in)
    of_in.mul_(in_gate)
    of_in.addcmul_(of_in, in_gate, value=-1)
    torch.mul(cell_gradient, cell, out=of_forget)
    of_forget.mul_(forget_gate)
    of_forget.addcmul_(of_forget, forget_gate, value=-1)
    torch.mul(cell_gradient, in_gate, out=of_candidate)
    of_candidate.addcmul_(of_candidate * candidate, candidate, value=-1)
    cell_gradient.mul_(forget_gate)
