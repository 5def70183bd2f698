"""Word probabilities from another map than softmax, in the model and in a search."""

import math
from types import SimpleNamespace

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

from regattn_fairseq.declared.loss_options import check_loss
from regattn_fairseq.models.output_map import LAST_RESORT, must_be_able_to_end
from regattn_fairseq.tasks.search import QuickBeamSearch


@pytest.mark.parametrize("name", ["entmax15", "sparsemax"])
def test_probabilities_are_the_maps_and_zero_has_no_logarithm(build, name):
    model, scores = build(loss_normalizer=name), 3 * torch.randn(4, 1, 30)
    probabilities = model.get_normalized_probs((scores, None), log_probs=False)
    torch.testing.assert_close(probabilities, model.output_map(scores))
    logarithms = model.get_normalized_probs((scores, None), log_probs=True)
    assert torch.equal(logarithms == -math.inf, probabilities == 0)
    assert (logarithms == -math.inf).any()
    ending = model.get_normalized_probs((scores, {"may_end": []}), log_probs=True)
    assert (ending[..., model.decoder.eos] >= LAST_RESORT).all()


@pytest.mark.parametrize("quick", [True, False], ids=["ours", "fairseq's"])
@pytest.mark.parametrize("no_input_feeding", [True, False])
def test_a_search_takes_no_word_without_probability(
    build, batch, dictionary, quick, no_input_feeding
):
    model = build(loss_normalizer="sparsemax", no_input_feeding=no_input_feeding).eval()
    with torch.no_grad():
        model.decoder.fc_out.weight.mul_(40)  # sharp: few words have a probability
        model.decoder.fc_out.bias[dictionary.eos()] = -30  # and the end never has
    generator = SequenceGenerator([model], dictionary, beam_size=5, max_len_a=1.5, max_len_b=10)
    if quick:
        generator.search = QuickBeamSearch(dictionary)
    sample = {"net_input": {"src_tokens": batch.source, "src_lengths": batch.lengths}}
    found = generator.generate([model], sample)
    for row, hypotheses in enumerate(found):
        assert hypotheses, "a search ends with something"
        best = hypotheses[0]["tokens"]
        scores = hypotheses[0]["positional_scores"]
        assert scores[-1] == LAST_RESORT, "the end, as a last resort"
        assert (scores[:-1] > -math.inf).all()
        previous = torch.cat((torch.tensor([dictionary.eos()]), best[:-1])).unsqueeze(0)
        source = batch.source[row : row + 1]
        with torch.no_grad():
            out = model(source, batch.lengths[row : row + 1], previous)
            p = model.get_normalized_probs(out, log_probs=False)[0]
        chosen = p[torch.arange(len(best)), best]
        assert (chosen[:-1] > 0).all()


def test_when_a_search_may_force_the_end():
    assert not must_be_able_to_end(24, 10)
    assert must_be_able_to_end(25, 10)
    assert must_be_able_to_end(199, 1000), "fairseq's own limit is 200"


@pytest.mark.parametrize(
    ("options", "criterion", "message"),
    [
        ({"loss_normalizer": "entmax15"}, "x", "needs criterion=regattn_fenchel_young"),
        ({"loss_normalizer": "entmax16"}, "regattn_fenchel_young", "did you mean 'entmax15'"),
        ({"loss_normalizer": "entmax", "loss_alpha": 0.5}, "regattn_fenchel_young", "alpha"),
        (
            {"loss_normalizer": "sparsemax", "loss_alpha": 1.5},
            "regattn_fenchel_young",
            "loss_alpha",
        ),
        (
            {"loss_normalizer": "sparsemax", "copy_attn": True},
            "regattn_fenchel_young",
            "leave out loss_normalizer or copy_attn",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, criterion, message):
    with pytest.raises(ValueError, match=message):
        check_loss(SimpleNamespace(**options), criterion)


def test_a_map_without_a_regularizer_has_no_loss(build):
    with pytest.raises(ValueError, match="no regularizer for 'evsoftmax'"):
        build(loss_normalizer="evsoftmax")
