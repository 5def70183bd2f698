"""The models that this plugin registers with fairseq.

Importing this package also registers the tasks and the criterions, whatever was imported before:
a program that opens a checkpoint needs everything that the checkpoint names.
"""

from regattn_fairseq import criterions, tasks
from regattn_fairseq.guests.torch import allow_plain_values
from regattn_fairseq.models.architectures import ARCHITECTURES
from regattn_fairseq.models.encoder_decoder import RegattnLSTMModel
from regattn_fairseq.models.entailment import RegattnEntailmentConfig, RegattnEntailmentModel
from regattn_fairseq.models.lstm_config import RegattnLSTMConfig
from regattn_fairseq.models.transformer import RegattnTransformerConfig, RegattnTransformerModel

allow_plain_values()

__all__ = [
    "ARCHITECTURES",
    "RegattnEntailmentConfig",
    "RegattnEntailmentModel",
    "RegattnLSTMConfig",
    "RegattnLSTMModel",
    "RegattnTransformerConfig",
    "RegattnTransformerModel",
    "criterions",
    "tasks",
]
