"""Checkpoints whose normalizers learned other options than a model's do."""

import logging
from collections.abc import Mapping

from torch import Tensor

logger = logging.getLogger(__name__)


def adapt_learned_options(
    state_dict: dict[str, Tensor], prefix: str, starts: Mapping[str, Tensor]
) -> None:
    """Give a checkpoint the learned options that a model's normalizer has.

    An option that the checkpoint lacks, or has in another number, starts from its given value; one
    value for all heads becomes the value of each. An option that is not learned any more is
    dropped. This works however the normalizer is wrapped.

    Args:
        state_dict: the parameters of the whole model; changed in place.
        prefix: with which the names of the normalizer's parameters begin.
        starts: the parameters of the model's normalizer, from ``state_dict()``.
    """
    learned = {
        key.rpartition(".")[2]: state_dict.pop(key)
        for key in list(state_dict)
        if key.startswith(prefix)
    }
    for key, start in starts.items():
        value = learned.pop(key.rpartition(".")[2], start)
        if value.numel() not in (1, start.numel()):
            value = start
        state_dict[prefix + key] = value.reshape(-1).expand(start.numel()).reshape(start.shape)
    for parameter in learned:
        option = parameter.removeprefix("raw_")
        logger.warning(
            "the %s that the checkpoint has learned is not used: this model's is fixed", option
        )
