"""The models that this plugin registers with fairseq."""

import argparse

import torch

from regattn_fairseq.models.architectures import ARCHITECTURES
from regattn_fairseq.models.lstm import RegattnLSTMModel
from regattn_fairseq.models.lstm_config import RegattnLSTMConfig

# fairseq keeps its options in the checkpoint as an argparse.Namespace, a plain bag of values.
# Naming it is all that torch's safe loader (weights_only=True, which stays on) needs to read one.
torch.serialization.add_safe_globals([argparse.Namespace])

__all__ = ["ARCHITECTURES", "RegattnLSTMConfig", "RegattnLSTMModel"]
