"""The criterions that this plugin registers with fairseq."""

from regattn_fairseq.criterions.label_smoothed_cross_entropy import (
    RegattnLabelSmoothedCrossEntropy,
)

__all__ = ["RegattnLabelSmoothedCrossEntropy"]
