"""What torch's safe loader refuses."""

import argparse
import pickle

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
