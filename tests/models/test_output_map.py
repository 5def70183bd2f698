"""Word probabilities from another map than softmax, in the model and in a search."""

import math
from types import SimpleNamespace

import pytest
import torch
from criterion_cases import criterions, sample_of
from fairseq.sequence_generator import SequenceGenerator

from regattn_fairseq.declared.loss_options import check_loss
from regattn_fairseq.tasks.search import IMPOSSIBLE, SparseBeamSearch


@pytest.mark.parametrize("name", ["entmax15", "sparsemax"])
def test_probabilities_are_the_maps_and_zero_has_no_logarithm(build, name):
    model, scores = build(loss_normalizer=name), 3 * torch.randn(4, 1, 30)
    probabilities = model.get_normalized_probs((scores, None), log_probs=False)
    torch.testing.assert_close(probabilities, model.decoder.output_map(scores))
    logarithms = model.get_normalized_probs((scores, None), log_probs=True)
    assert torch.equal(logarithms == -math.inf, probabilities == 0)
    assert (logarithms == -math.inf).any()


@pytest.mark.parametrize("no_input_feeding", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_a_search_takes_no_word_without_probability(
    build, batch, dictionary, no_input_feeding, ends
):
    model = build(loss_normalizer="sparsemax", no_input_feeding=no_input_feeding).eval()
    with torch.no_grad():
        model.decoder.fc_out.weight.mul_(40)  # sharp: few words have a probability
        if not ends:
            model.decoder.fc_out.bias[dictionary.eos()] = -30
    generator = SequenceGenerator([model], dictionary, beam_size=5, max_len_a=1.5, max_len_b=10)
    search = generator.search = SparseBeamSearch(dictionary, 1.5, 10)
    sample = {"net_input": {"src_tokens": batch.source, "src_lengths": batch.lengths}}
    for row, hypotheses in enumerate(generator.generate([model], sample)):
        assert hypotheses, "a search ends with something"
        best, scores = hypotheses[0]["tokens"], hypotheses[0]["positional_scores"]
        if not ends:
            assert scores[-1] < IMPOSSIBLE / 2, "the end, as a last resort"
        previous = torch.cat((torch.tensor([dictionary.eos()]), best[:-1])).unsqueeze(0)
        with torch.no_grad():
            out = model(batch.source[row : row + 1], batch.lengths[row : row + 1], previous)
            p = model.get_normalized_probs(out, log_probs=False)[0]
        assert (p[torch.arange(len(best)), best][:-1] > 0).all()
    assert search.steps > 0
    assert 1 <= search.figures["choices"] < len(dictionary)
    assert 0 <= search.figures["single_choice_share"] <= 1


def test_where_every_hypothesis_has_ended_the_search_ends(dictionary):
    """Two sentences with a single possible output each, in a beam of three."""
    search = SparseBeamSearch(dictionary, 1.5, 10)
    eos, words = dictionary.eos(), len(dictionary)
    search.set_src_lengths(torch.tensor([4, 4]))
    dead = torch.full((2, 3, 1), -math.inf)
    lprobs = torch.full((2, 3, words), -math.inf)
    lprobs[:, :, eos] = -math.inf
    values, chosen, _ = search.step(1, lprobs, dead)
    assert (values == IMPOSSIBLE).all()
    assert (chosen == eos).all()


def test_a_search_says_for_which_sentences_it_was_exact(dictionary):
    """The first sentence has 2 outputs, the second 4, in a beam of three."""
    search = SparseBeamSearch(dictionary, 1.5, 10)
    eos, words, ids = dictionary.eos(), len(dictionary), torch.tensor([40, 41])
    search.set_src_lengths(torch.tensor([4, 4]))

    def step(number, rows, alive):
        lprobs = torch.full((2, 3, words), -math.inf)
        for (sentence, beam), choices in rows.items():
            lprobs[sentence, beam, choices] = -1.0
        scores = torch.full((2, 3, max(number, 1)), -math.inf)
        for sentence, beam in alive:
            scores[sentence, beam] = -1.0
        search.step(number, lprobs, scores if number else None, None, ids)

    step(0, {(0, 0): [5, 6], (1, 0): [5, 6]}, [])
    alive = [(0, 0), (0, 1), (1, 0), (1, 1)]
    rows = {(0, 0): [eos], (0, 1): [7], (1, 0): [eos, 8], (1, 1): [eos, 8]}
    step(1, rows, alive)
    step(2, {(0, 0): [eos], (1, 0): [eos]}, [(0, 0), (1, 0)])
    assert search.figures == {
        "choices": 12 / 8,
        "single_choice_share": 4 / 8,
        "exact_search_share": 0.5,
    }
    assert search.pruned == {41}


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


def test_cross_entropy_refuses_such_a_model(build, batch, dictionary):
    with pytest.raises(ValueError, match="needs --criterion regattn_fenchel_young"):
        criterions(dictionary)[0](build(loss_normalizer="entmax15"), sample_of(batch))
