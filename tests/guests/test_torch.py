"""What torch's safe loader refuses, and what its optimizers import."""

import argparse
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from regattn_fairseq.guests.torch import allow_plain_values


def test_the_safe_loader_refuses_what_fairseq_keeps_in_checkpoints(tmp_path):
    kept = torch.serialization.get_safe_globals()
    path = tmp_path / "checkpoint.pt"
    values = [argparse.Namespace(lr=0.1), np.array([1, 2]), np.array([0.5]), np.int64(3)]
    try:
        for value in values:
            torch.save(value, path)
            torch.serialization.clear_safe_globals()
            with pytest.raises(pickle.UnpicklingError):
                torch.load(path, weights_only=True)
            allow_plain_values()
            assert np.array_equal(torch.load(path, weights_only=True), value)
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(kept)


_STEP = """
import sys, torch
from regattn_fairseq.guests.torch import leave_compiler_out

class Descent(torch.optim.Optimizer):  # a class of one's own, as fairseq has
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data -= group["lr"] * parameter.grad

def steps():
    layer = torch.nn.Linear(2, 1)
    optimizer = Descent(layer.parameters(), {"lr": 0.1})
    optimizer.zero_grad()
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return "torch._dynamo" in sys.modules

if sys.argv[1] == "out":
    leave_compiler_out()
print(steps())
import torch._dynamo
steps()
function = torch.optim.Optimizer.zero_grad.__wrapped__
print(hasattr(getattr(function, "__dynamo_disable"), "_torchdynamo_disable"))
"""


@pytest.mark.parametrize(("compiler", "imported"), [("in", "True"), ("out", "False")])
def test_an_optimizer_imports_the_compiler_to_mark_its_methods(compiler, imported):
    done = subprocess.run([sys.executable, "-c", _STEP, compiler], capture_output=True, text=True)
    assert done.stdout.split() == [imported, "True"], done.stderr
