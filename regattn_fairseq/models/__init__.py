"""The models that this plugin registers with fairseq.

Importing this package registers the tasks and the criterions as well, whatever was imported before:
who opens a checkpoint needs all that it names.
"""

from regattn_fairseq import criterions, tasks
from regattn_fairseq.guests.torch import allow_plain_values
from regattn_fairseq.models.architectures import ARCHITECTURES
from regattn_fairseq.models.encoder_decoder import RegattnLSTMModel
from regattn_fairseq.models.entailment import RegattnEntailmentConfig, RegattnEntailmentModel
from regattn_fairseq.models.lstm_config import RegattnLSTMConfig

allow_plain_values()

__all__ = [
    "ARCHITECTURES",
    "RegattnEntailmentConfig",
    "RegattnEntailmentModel",
    "RegattnLSTMConfig",
    "RegattnLSTMModel",
    "criterions",
    "tasks",
]
