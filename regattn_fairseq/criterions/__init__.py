"""The criterions that this plugin registers with fairseq."""

from regattn_fairseq.criterions.fenchel_young import RegattnFenchelYoung
from regattn_fairseq.criterions.label_smoothed_cross_entropy import (
    RegattnLabelSmoothedCrossEntropy,
)

__all__ = ["RegattnFenchelYoung", "RegattnLabelSmoothedCrossEntropy"]
