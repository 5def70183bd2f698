"""The arithmetic of an LSTM step, compiled by numba: one call instead of a dozen.

The kernels are told where their arrays begin: contiguous rows of ``units`` numbers, of the type
of ``like``, or of four blocks of so many in torch's order: input gate, forget gate, candidate,
output gate. They deal with rows ``start`` to ``stop``, which are independent.

The loops over units are written so that LLVM makes vector code of them: without branches and
calls, and each with few arrays, since it is checked for every pair whether they overlap.
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
    """As :func:`~regattn_fairseq.models.lstm_arithmetic.update`."""
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
    """As :func:`~regattn_fairseq.models.lstm_arithmetic.step`."""
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
    output_gradient_at: int,
    hidden_gradient_at: int,
    cell_gradient_at: int,
    gates_at: int,
    cell_at: int,
    squashed_at: int,
    gates_gradient_at: int,
) -> None:
    """As :func:`~regattn_fairseq.models.lstm_arithmetic.update_backward`."""
    output_gradient = array_at(output_gradient_at, like, stop, units)
    hidden_gradient = array_at(
        hidden_gradient_at, like, stop if hidden_gradient_at != 0 else 0, units
    )
    cell_gradient = array_at(cell_gradient_at, like, stop, units)
    gates = array_at(gates_at, like, stop, 4 * units)
    cell = array_at(cell_at, like, stop, units)
    squashed = array_at(squashed_at, like, stop, units)
    gates_gradient = array_at(gates_gradient_at, like, stop, 4 * units)
    of_hidden = np.empty(units, gates.dtype)
    for r in range(start, stop):
        row, gradients = gates[r].reshape((4, units)), gates_gradient[r].reshape((4, units))
        in_gate, forget_gate, candidate, out_gate = row[0], row[1], row[2], row[3]
        of_in, of_forget, of_candidate, of_out = (
            gradients[0],
            gradients[1],
            gradients[2],
            gradients[3],
        )
        before, of_top, of_cell = cell[r], squashed[r], cell_gradient[r]
        of_hidden[:] = output_gradient[r]
        if hidden_gradient.shape[0] > 0:
            more = hidden_gradient[r]
            for j in range(units):
                of_hidden[j] += more[j]
        # Each is gradient × partner × σ(1 − σ), or × (1 − tanh²) for the candidate.
        for j in range(units):
            o = out_gate[j]
            of_out[j] = of_hidden[j] * of_top[j] * (o - o * o)
        for j in range(units):
            through_out = of_hidden[j] * out_gate[j]
            of_cell[j] += through_out - through_out * of_top[j] * of_top[j]
        for j in range(units):
            i = in_gate[j]
            of_in[j] = of_cell[j] * candidate[j] * (i - i * i)
        for j in range(units):
            g = candidate[j]
            through_in = of_cell[j] * in_gate[j]
            of_candidate[j] = through_in - through_in * g * g
        for j in range(units):
            f = forget_gate[j]
            of_forget[j] = of_cell[j] * before[j] * (f - f * f)
        for j in range(units):
            of_cell[j] *= forget_gate[j]
