"""A batch as fairseq hands it to a criterion, and our criterion beside fairseq's."""

from types import SimpleNamespace

import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion

from regattn_fairseq.criterions import RegattnLabelSmoothedCrossEntropy


def sample_of(batch):
    target = torch.cat((batch.previous[:, 1:], torch.full((3, 1), batch.pad)), dim=1)
    return {
        "net_input": {
            "src_tokens": batch.source,
            "src_lengths": batch.lengths,
            "prev_output_tokens": batch.previous,
        },
        "target": target,
        "ntokens": int(target.ne(batch.pad).sum()),
    }


def criterions(dictionary, coverage_weight=None, **options):
    """Our criterion and fairseq's, which has no coverage loss."""
    task = SimpleNamespace(target_dictionary=dictionary)
    settings = {"sentence_avg": False, "label_smoothing": 0.1, **options}
    return (
        RegattnLabelSmoothedCrossEntropy(task, **settings, coverage_weight=coverage_weight),
        LabelSmoothedCrossEntropyCriterion(task, **settings),
    )
