"""The arithmetic of an LSTM step, compiled by numba: one call instead of a dozen.

The kernels get the address at which each array begins. An array has contiguous rows of ``units``
numbers of the type of ``like``. A row of gates has four such blocks, in torch's order: input gate,
forget gate, candidate, output gate. A kernel works on rows ``start`` to ``stop``, which are
independent.

The loops over units are written so that LLVM can vectorize them: they have no branches and no
calls, and each uses few arrays, since LLVM checks for every pair whether they overlap.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from regattn_fairseq.kernels.arrays import Array, array_at
from regattn_fairseq.kernels.exponentials import constants_of, sigmoid, tanh

_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})


@_jit
def _update_row(gates: Array, cell: Array, new_cell: Array, squashed: Array, hidden: Array) -> None:
    """One row of :func:`update`; gates [4, units], the others [units]."""
    c = constants_of(gates[0, 0])
    in_gate, forget_gate, candidate, out_gate = gates[0], gates[1], gates[2], gates[3]
    units = in_gate.size
    for gate in (in_gate, forget_gate, out_gate):
        for j in range(units):
            gate[j] = sigmoid(gate[j], c)
    for j in range(units):
        candidate[j] = tanh(candidate[j], c)
    for j in range(units):
        new_cell[j] = forget_gate[j] * cell[j] + in_gate[j] * candidate[j]
    for j in range(units):
        squashed[j] = tanh(new_cell[j], c)
    for j in range(units):
        hidden[j] = out_gate[j] * squashed[j]


@_jit
def update(
    like: Any,
    start: int,
    stop: int,
    units: int,
    gates_at: int,
    cell_at: int,
    new_hidden_at: int,
    new_cell_at: int,
    squashed_at: int,
) -> None:
    """As :func:`~regattn_fairseq.models.fast.lstm_cell.update`."""
    gates = array_at(gates_at, like, stop, 4 * units)
    cell = array_at(cell_at, like, stop, units)
    new_hidden = array_at(new_hidden_at, like, stop, units)
    new_cell = array_at(new_cell_at, like, stop, units)
    squashed = array_at(squashed_at, like, stop, units)
    for r in range(start, stop):
        row = gates[r].reshape((4, units))
        _update_row(row, cell[r], new_cell[r], squashed[r], new_hidden[r])


@_jit
def step(
    like: Any,
    start: int,
    stop: int,
    units: int,
    gates_at: int,
    hidden_at: int,
    cell_at: int,
    outputs_at: int,
    squashed_at: int,
    hiddens_before_at: int,
    cells_before_at: int,
) -> None:
    """As :func:`~regattn_fairseq.models.fast.lstm_cell.step`."""
    gates = array_at(gates_at, like, stop, 4 * units)
    hidden = array_at(hidden_at, like, stop, units)
    cell = array_at(cell_at, like, stop, units)
    outputs = array_at(outputs_at, like, stop, units)
    squashed = array_at(squashed_at, like, stop, units)
    hiddens_before = array_at(hiddens_before_at, like, stop, units)
    cells_before = array_at(cells_before_at, like, stop, units)
    for r in range(start, stop):
        hiddens_before[r, :] = hidden[r]
        cells_before[r, :] = cell[r]
        row = gates[r].reshape((4, units))
        _update_row(row, cells_before[r], cell[r], squashed[r], hidden[r])
        outputs[r, :] = hidden[r]


@_jit
def update_backward(
    like: Any,
    start: int,
    stop: int,
    units: int,
    grad_output_at: int,
    grad_hidden_at: int,
    grad_cell_at: int,
    gates_at: int,
    cell_at: int,
    squashed_at: int,
    grad_gates_at: int,
) -> None:
    """As :func:`~regattn_fairseq.models.fast.lstm_cell.update_backward`."""
    grad_output = array_at(grad_output_at, like, stop, units)
    grad_hidden = array_at(grad_hidden_at, like, stop if grad_hidden_at != 0 else 0, units)
    grad_cell = array_at(grad_cell_at, like, stop, units)
    gates = array_at(gates_at, like, stop, 4 * units)
    cell = array_at(cell_at, like, stop, units)
    squashed = array_at(squashed_at, like, stop, units)
    grad_gates = array_at(grad_gates_at, like, stop, 4 * units)
    grad_hidden_row = np.empty(units, gates.dtype)
    for r in range(start, stop):
        row, gradients = gates[r].reshape((4, units)), grad_gates[r].reshape((4, units))
        in_gate, forget_gate, candidate, out_gate = row[0], row[1], row[2], row[3]
        grad_in, grad_forget, grad_candidate, grad_out = (
            gradients[0],
            gradients[1],
            gradients[2],
            gradients[3],
        )
        before, top, grad_cell_row = cell[r], squashed[r], grad_cell[r]
        grad_hidden_row[:] = grad_output[r]
        if grad_hidden.shape[0] > 0:
            more = grad_hidden[r]
            for j in range(units):
                grad_hidden_row[j] += more[j]
        # Each is gradient × partner × σ(1 − σ), or × (1 − tanh²) for the candidate.
        for j in range(units):
            o = out_gate[j]
            grad_out[j] = grad_hidden_row[j] * top[j] * (o - o * o)
        for j in range(units):
            through_out = grad_hidden_row[j] * out_gate[j]
            grad_cell_row[j] += through_out - through_out * top[j] * top[j]
        for j in range(units):
            i = in_gate[j]
            grad_in[j] = grad_cell_row[j] * candidate[j] * (i - i * i)
        for j in range(units):
            g = candidate[j]
            through_in = grad_cell_row[j] * in_gate[j]
            grad_candidate[j] = through_in - through_in * g * g
        for j in range(units):
            f = forget_gate[j]
            grad_forget[j] = grad_cell_row[j] * before[j] * (f - f * f)
        for j in range(units):
            grad_cell_row[j] *= forget_gate[j]
