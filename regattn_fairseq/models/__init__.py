"""The models that this plugin registers with fairseq.

Importing this package registers the tasks and the criterions as well, whatever was imported before:
who opens a checkpoint needs all that it names.
"""

import argparse

import numpy as np
import torch

from regattn_fairseq import criterions, tasks
from regattn_fairseq.models.architectures import ARCHITECTURES
from regattn_fairseq.models.encoder_decoder import RegattnLSTMModel
from regattn_fairseq.models.entailment import RegattnEntailmentConfig, RegattnEntailmentModel
from regattn_fairseq.models.lstm_config import RegattnLSTMConfig

# fairseq keeps in a checkpoint its options, as an argparse.Namespace, and BLEU's n-gram counts, as
# numpy arrays of integers and floats. Naming these plain containers of values is all that torch's
# safe loader (weights_only=True, which stays on) needs to read them.
torch.serialization.add_safe_globals(
    [argparse.Namespace, np.ndarray, np.dtype, np._core.multiarray._reconstruct]  # type: ignore[attr-defined]
    + [np._core.multiarray.scalar]  # type: ignore[attr-defined]
    + [type(np.dtype(kind)) for kind in ("int64", "float64")]
)

__all__ = [
    "ARCHITECTURES",
    "RegattnEntailmentConfig",
    "RegattnEntailmentModel",
    "RegattnLSTMConfig",
    "RegattnLSTMModel",
    "criterions",
    "tasks",
]
