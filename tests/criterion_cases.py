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


def criterions(dictionary, coverage_weight=None, alignment_lambda=None, **options):
    """Our criterion and fairseq's, which has no losses of attention."""
    task = SimpleNamespace(target_dictionary=dictionary)
    settings = {"sentence_avg": False, "label_smoothing": 0.1, **options}
    of_attention = {"coverage_weight": coverage_weight, "alignment_lambda": alignment_lambda}
    return (
        RegattnLabelSmoothedCrossEntropy(task, **settings, **of_attention),
        LabelSmoothedCrossEntropyCriterion(task, **settings),
    )
