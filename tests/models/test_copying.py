"""Copy attention in the decoder: against the definition, in a search, and on the edges."""

from types import SimpleNamespace

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.sequence_generator import SequenceGenerator
from omegaconf import OmegaConf
from small_models import searched

from regattn_fairseq.models import RegattnLSTMConfig, RegattnLSTMModel
from regattn_fairseq.models.copying import CopyGate, source_words
from regattn_fairseq.normalizers import normalizer_names
from regattn_fairseq.tasks.search import QuickBeamSearch


def mixture(model, batch, scores, extra):
    """p(w) as See et al. write it, with arrays of the vocabulary's size."""
    (weights,), (gate, tokens) = extra["attn"], extra["copy"]
    assert torch.equal(tokens, batch.source)
    g = gate.sigmoid().unsqueeze(2)
    copied = torch.zeros_like(scores)
    copied.scatter_add_(2, tokens.unsqueeze(1).expand_as(weights), weights.detach())
    return g * scores.softmax(2) + (1 - g) * copied


@pytest.mark.parametrize("name", normalizer_names())
@pytest.mark.parametrize("no_input_feeding", [False, True])
def test_probabilities_are_the_mixture(build, batch, name, no_input_feeding):
    model = build(copy_attn=True, attn_normalizer=name, no_input_feeding=no_input_feeding)
    # Double the first word, so that two entries are one word.
    batch.source[0, 1] = batch.source[0, 0]
    scores, extra = model(batch.source, batch.lengths, batch.previous)
    wanted = mixture(model, batch, scores, extra)[batch.is_word]
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            net_output = (scores.clone(), extra)
            logarithms = model.get_normalized_probs(net_output, log_probs=True)[batch.is_word]
            probabilities = model.get_normalized_probs(net_output, log_probs=False)[batch.is_word]
        torch.testing.assert_close(logarithms.exp(), wanted)
        torch.testing.assert_close(probabilities, wanted)
        torch.testing.assert_close(probabilities.sum(1), torch.ones(len(wanted)))


def test_the_gate_is_a_layer_of_context_state_and_input():
    gate = CopyGate(3, 4, 5)
    weights, values = torch.rand(2, 6, 7), torch.randn(2, 7, 3)
    states, words = torch.randn(2, 6, 4), torch.randn(2, 6, 5)
    together = torch.cat((weights @ values, states, words), dim=2)
    layer = torch.cat(
        (gate.context_proj.weight, gate.state_proj.weight, gate.input_proj.weight), dim=1
    )
    wanted = torch.nn.functional.linear(together, layer, gate.state_proj.bias).squeeze(2)
    torch.testing.assert_close(gate(weights, values, states, words), wanted)


def test_hypotheses_share_their_sentences_words():
    tokens = torch.tensor([[5, 5, 6], [7, 8, 7]])
    weights = torch.rand(4, 1, 3)
    words = source_words(weights, tokens)
    assert words.indices.tolist() == [[5, 5, 6]] * 2 + [[7, 8, 7]] * 2
    assert words.share.tolist() == [[0.5, 0.5, 1.0]] * 2 + [[0.5, 1.0, 0.5]] * 2
    torch.testing.assert_close(words.mass[0, 0, 0], weights[0, 0, :2].sum())
    torch.testing.assert_close(words.mass[2, 0, 2], weights[2, 0, 0] + weights[2, 0, 2])


@pytest.mark.parametrize("search", [None, QuickBeamSearch])
@pytest.mark.parametrize("options", [{}, {"no_input_feeding": True}])
@pytest.mark.parametrize("name", ["softmax", "sparsemax", "oscarmax"])
def test_beam_search_finds_the_score_that_teacher_forcing_gives(
    build, dictionary, batch, search, options, name
):
    model = build(copy_attn=True, attn_normalizer=name, attn_gamma=0.05, **options)
    strategy = None if search is None else search(dictionary)
    generator = SequenceGenerator(
        [model], dictionary, beam_size=3, max_len_b=8, search_strategy=strategy
    )
    assert list(searched(model, batch, generator))


def test_padding_is_never_copied(build, batch):
    model = build(copy_attn=True)
    model.decoder.copy_gate.state_proj.bias.data.fill_(-50.0)  # copy always
    net_output = model(batch.source, batch.lengths, batch.previous)
    probabilities = model.get_normalized_probs(net_output, log_probs=False)[batch.is_word]
    assert probabilities[:, batch.pad].max() < 1e-15


def test_gradients_pass_exact_zeros(build, batch):
    model = build(copy_attn=True, attn_normalizer="sparsemax", attn_gamma=0.01).double()
    net_output = model(batch.source, batch.lengths, batch.previous)
    assert net_output[1]["attn"][0][batch.is_word].eq(0).any()
    model.get_normalized_probs(net_output, log_probs=True)[batch.is_word].sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    assert model.decoder.copy_gate.state_proj.bias.grad.any()


def test_two_dictionaries_are_refused_by_name(dictionary):
    other = Dictionary()
    other.add_symbol("else")
    task = SimpleNamespace(source_dictionary=dictionary, target_dictionary=other)
    cfg = OmegaConf.structured(RegattnLSTMConfig(copy_attn=True))
    with pytest.raises(ValueError, match=r"^copy_attn needs one .*--joined-dictionary") as caught:
        RegattnLSTMModel.build_model(cfg, task)
    assert "data.tokenizer.joint=true" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_keeps_the_gate(build, batch):
    before, after = build(copy_attn=True), build(copy_attn=True)
    before.decoder.copy_gate.state_proj.bias.data.fill_(3.0)
    after.load_state_dict(before.state_dict())
    found = [m(batch.source, batch.lengths, batch.previous)[1]["copy"][0] for m in (before, after)]
    torch.testing.assert_close(*found)
    with pytest.raises(RuntimeError, match="copy_gate"):
        build().load_state_dict(before.state_dict())


def test_a_sparse_output_layer_is_refused_by_name(build):
    with pytest.raises(
        ValueError, match=r"^copy_attn mixes .*loss_normalizer: leave one"
    ) as caught:
        build(copy_attn=True, loss_normalizer="sparsemax")
    assert "\n" not in str(caught.value)
