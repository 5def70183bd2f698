"""The coverage loss: against its definition, finite differences, and in the criterion."""

import pytest
import torch
from criterion_cases import criterions, sample_of

from regattn_fairseq.criterions.coverage import coverage_loss


def test_the_loss_is_the_definition():
    weights = torch.rand(2, 4, 5, dtype=torch.float64, requires_grad=True)
    is_word = torch.tensor([[True, True, True, True], [True, True, False, False]])
    wanted = 0.0
    for sentence, words in ((0, 4), (1, 2)):
        for t in range(words):
            for j in range(5):
                past = sum(weights[sentence, s, j].item() for s in range(t))
                wanted += min(weights[sentence, t, j].item(), past)
    assert coverage_loss(weights, is_word).item() == pytest.approx(wanted)
    assert torch.autograd.gradcheck(lambda w: coverage_loss(w, is_word), weights)


@pytest.mark.parametrize("copy_attn", [False, True])
@pytest.mark.parametrize("options", [{}, {"report_accuracy": True}])
def test_the_criterion_adds_it(build, dictionary, batch, copy_attn, options):
    sample = sample_of(batch)
    is_word = sample["target"].ne(batch.pad)
    model = build(copy_attn=copy_attn, attn_normalizer="sparsemax", attn_gamma=0.1)
    without, _ = criterions(dictionary, **options)
    with_it, _ = criterions(dictionary, **options, coverage_weight=0.5)
    coverage = coverage_loss(model(**sample["net_input"])[1]["attn"][0], is_word)
    assert coverage > 0
    plain, _, logged = without(model, sample)
    loss, _, logged_with = with_it(model, sample)
    torch.testing.assert_close(loss, plain + 0.5 * coverage)
    assert logged["nll_loss"] == logged_with["nll_loss"]


@pytest.mark.parametrize("weight", [-1.0, float("inf")])
def test_a_bad_weight_is_named(dictionary, weight):
    with pytest.raises(ValueError, match=r"^coverage_weight is .*; use 0 or more"):
        criterions(dictionary, coverage_weight=weight)
