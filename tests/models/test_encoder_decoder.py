"""The model against fairseq's own lstm, against itself step by step, and against its formulas."""

import argparse
from typing import Any

import pytest
import torch
from fairseq.models.lstm import LSTMModel
from fairseq.sequence_generator import SequenceGenerator

from regattn_fairseq.normalizers import normalizer_names

OPTIONS: list[dict[str, Any]] = [
    {},
    {"no_input_feeding": True},
    {"attn_score": "dot"},
    {"attn_score": "dot", "attn_scaled": True},
    {"attn_normalized": True},
    {"attn_score": "concat", "attn_normalized": True},
    {"attn_scaled": True, "no_input_feeding": True},
    {"attn_score": "concat"},
    {"attn_score": "concat", "no_input_feeding": True},
    {"encoder_bidirectional": True},
    {"encoder_layers": 2, "decoder_layers": 2},
    {"encoder_layers": 2, "decoder_layers": 2, "no_input_feeding": True},
    {"decoder_out_embed_dim": 5},
    {"decoder_embed_dim": 8, "share_decoder_input_output_embed": True},
    {"encoder_embed_dim": 8, "decoder_embed_dim": 8, "share_all_embeddings": True},
    {"attn_normalizer": "fusedmax"},
    {"copy_attn": True},
    {"attn_fertility": 0.4},
    {"attn_window": 2.0},
    {"attn_window": 2.0, "no_input_feeding": True},
    {"copy_attn": True, "no_input_feeding": True, "encoder_layers": 2, "decoder_layers": 2},
]


def fairseq_twin(ours, task, **options):
    """fairseq's own model with the parameters of ours."""
    args = argparse.Namespace(
        dropout=0.1,
        encoder_embed_dim=6,
        encoder_hidden_size=8,
        decoder_embed_dim=6,
        decoder_hidden_size=8,
        decoder_out_embed_dim=8,
        decoder_attention="1",
        criterion="cross_entropy",
        **options,
    )
    theirs = LSTMModel.build_model(args, task).eval()
    state = {}
    for name, value in ours.state_dict().items():
        if name.startswith("decoder.lstm."):
            parameter, layer = name.removeprefix("decoder.lstm.").rsplit("_l", 1)
            name = f"decoder.layers.{layer}.{parameter}"
        state[name] = value
    theirs.load_state_dict(state)
    return theirs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoder_bidirectional": True},
        {"encoder_layers": 2, "decoder_layers": 2},
        {"encoder_layers": 2, "decoder_layers": 2, "encoder_bidirectional": True},
    ],
)
def test_softmax_computes_what_fairseqs_lstm_computes(build, task, batch, options):
    ours = build(**options).double()
    theirs = fairseq_twin(ours, task, **options).double()

    scores, extra = ours(batch.source, batch.lengths, batch.previous)
    expected, attention = theirs(
        src_tokens=batch.source, src_lengths=batch.lengths, prev_output_tokens=batch.previous
    )

    torch.testing.assert_close(scores[batch.is_word], expected[batch.is_word], rtol=0, atol=1e-12)
    # fairseq's weights stand as if the source were padded on the right.
    for sentence, length in enumerate(batch.lengths.tolist()):
        words = batch.is_word[sentence]
        torch.testing.assert_close(
            extra["attn"][0][sentence, words, -length:], attention[sentence, words, :length]
        )


@pytest.mark.parametrize("options", [{}, {"encoder_layers": 2, "decoder_layers": 2}])
def test_gradients_are_those_of_fairseqs_lstm(build, task, batch, options):
    ours = build(**options).double()
    theirs = fairseq_twin(ours, task, **options).double()
    for model in (ours, theirs):
        scores, _ = model(
            src_tokens=batch.source, src_lengths=batch.lengths, prev_output_tokens=batch.previous
        )
        weights = torch.arange(scores.numel()).view_as(scores).sin()
        (scores * weights)[batch.is_word].sum().backward()

    theirs_by_name = dict(theirs.named_parameters())
    compared = 0
    for name, parameter in ours.named_parameters():
        if name in theirs_by_name:
            torch.testing.assert_close(parameter.grad, theirs_by_name[name].grad)
            compared += 1
    assert compared >= 9
    torch.testing.assert_close(
        ours.decoder.lstm.weight_ih_l0.grad, theirs.decoder.layers[0].weight_ih.grad
    )
    torch.testing.assert_close(
        ours.decoder.lstm.weight_hh_l0.grad, theirs.decoder.layers[0].weight_hh.grad
    )


@pytest.mark.parametrize("options", OPTIONS)
def test_one_step_at_a_time_equals_teacher_forcing(build, batch, options):
    model = build(**options).double()
    scores, extra = model(batch.source, batch.lengths, batch.previous)

    encoder_out = model.encoder(batch.source, batch.lengths)
    state: dict[str, Any] = {}
    for step in range(batch.previous.size(1)):
        step_scores, step_extra = model.decoder(
            batch.previous[:, : step + 1], encoder_out=encoder_out, incremental_state=state
        )
        assert step_scores.shape[1] == 1
        going_on = batch.is_word[:, step]
        torch.testing.assert_close(step_scores[going_on, 0], scores[going_on, step])
        torch.testing.assert_close(
            step_extra["attn"][0][going_on, 0], extra["attn"][0][going_on, step]
        )


def test_reordered_hypotheses_go_on_from_their_own_state(build, batch):
    model = build(attn_normalizer="sparsemax").double()
    order = torch.tensor([2, 0, 0, 1])
    encoder_out = model.encoder(batch.source, batch.lengths)
    state: dict[str, Any] = {}
    model.decoder(batch.previous[:, :1], encoder_out=encoder_out, incremental_state=state)
    model.decoder.reorder_incremental_state(state, order)
    encoder_out = model.encoder.reorder_encoder_out(encoder_out, order)
    previous = batch.previous[order]
    after, _ = model.decoder(previous[:, :2], encoder_out=encoder_out, incremental_state=state)

    expected, _ = model(batch.source[order], batch.lengths[order], previous)
    torch.testing.assert_close(after[:, 0], expected[:, 1])


@pytest.mark.parametrize(
    ("picks", "copies"),
    [
        ([0, 0, 1, 1, 2, 2], 3),  # two hypotheses a sentence share its states
        ([0, 0, 2, 2], 2),  # a finished sentence is gone
        ([2, 2, 0, 0], 2),
        ([0, 1, 1, 2], 4),  # unequally many: each row has its own
    ],
)
@pytest.mark.parametrize("options", [{}, {"no_input_feeding": True}])
def test_hypotheses_share_their_sentences_states(build, batch, options, picks, copies):
    model = build(attn_normalizer="fusedmax", **options).double()
    order = torch.tensor(picks)
    whole, extra = model(batch.source[order], batch.lengths[order], batch.previous[order])
    encoder_out = model.encoder.reorder_encoder_out(
        model.encoder(batch.source, batch.lengths), order
    )
    assert encoder_out.states.size(0) == copies

    state: dict[str, Any] = {}
    previous = batch.previous[order]
    for step in range(2):
        for _ in range(2):  # swap neighbours and back, as beam search may
            swapped = torch.arange(len(picks)).view(-1, 2).flip(1).flatten()
            model.decoder.reorder_incremental_state(state, swapped)
            encoder_out = model.encoder.reorder_encoder_out(encoder_out, swapped)
        scores, found = model.decoder(
            previous[:, : step + 1], encoder_out=encoder_out, incremental_state=state
        )
        torch.testing.assert_close(scores[:, 0], whole[:, step])
        torch.testing.assert_close(found["attn"][0][:, 0], extra["attn"][0][:, step])


@pytest.mark.parametrize("options", OPTIONS)
def test_padding_may_stand_on_either_side(build, batch, options):
    model = build(**options).double()
    right_padded = torch.stack(
        [torch.cat((row[row != batch.pad], row[row == batch.pad])) for row in batch.source]
    )

    scores, extra = model(batch.source, batch.lengths, batch.previous)
    moved_scores, moved = model(right_padded, batch.lengths, batch.previous)

    torch.testing.assert_close(scores[batch.is_word], moved_scores[batch.is_word])
    for sentence, length in enumerate(batch.lengths.tolist()):
        torch.testing.assert_close(
            extra["attn"][0][sentence, :, -length:], moved["attn"][0][sentence, :, :length]
        )


@pytest.mark.parametrize("options", OPTIONS)
def test_a_sentence_does_not_depend_on_its_batch(build, batch, options):
    model = build(**options).double()
    together, _ = model(batch.source, batch.lengths, batch.previous)
    for sentence in range(3):
        source = batch.source[sentence]
        source = source[source != batch.pad].unsqueeze(0)
        alone, _ = model(source, None, batch.previous[sentence : sentence + 1])
        torch.testing.assert_close(alone[0], together[sentence])


@pytest.mark.parametrize("name", normalizer_names())
def test_attention_is_a_distribution_over_the_words(build, batch, name):
    model = build(attn_normalizer=name, attn_gamma=0.001, attn_gamma_start=0.001)
    _, extra = model.train()(batch.source, batch.lengths, batch.previous)
    (weights,) = extra["attn"]

    assert weights.shape == (3, 5, 6)
    torch.testing.assert_close(weights[batch.is_word].sum(1), torch.ones(int(batch.is_word.sum())))
    padded = batch.source.eq(batch.pad).unsqueeze(1).expand_as(weights)
    of_words = ~padded & batch.is_word.unsqueeze(2)
    assert weights[padded].eq(0).all()
    assert weights.ge(0).all()
    if name == "sparsemax":
        assert weights[of_words].eq(0).any()
    if name == "softmax":
        assert not weights[of_words].eq(0).any()


def test_scores_are_the_formulas_of_luong(build, batch):
    for score, scaled in (("dot", False), ("general", False), ("general", True), ("concat", True)):
        model = build(attn_score=score, attn_scaled=scaled).double()
        attention = model.decoder.attention
        query = torch.randn(3, 2, 8, dtype=torch.double)
        values = torch.randn(3, 6, 8, dtype=torch.double)
        _, weights = attention(query, values, torch.zeros(3, 6, dtype=torch.bool))
        for h, s, weight in ((query[1, 1], values[1], weights[1, 1]),):
            if score == "dot":
                scores = s @ h
            elif score == "general":
                scores = s @ (attention.input_proj.weight @ h) / (8**0.5 if scaled else 1)
            else:
                hidden = (
                    attention.query_proj.weight @ h
                    + attention.query_proj.bias
                    + s @ attention.key_proj.weight.t()
                )
                scores = hidden.tanh() @ attention.score_proj.weight[0]
            torch.testing.assert_close(weight, scores.softmax(0))


@pytest.mark.parametrize("score", ["dot", "general", "concat"])
def test_normalized_scores_are_cosines(build, score):
    attention = build(attn_score=score, attn_normalized=True).double().decoder.attention
    query, values = torch.randn(1, 1, 8).double(), torch.randn(1, 6, 8).double()

    def weights():
        return attention(query, values, None)[1][0, 0]

    if score == "concat":
        hidden = attention.query_proj(query) + attention.key_proj(values)
        first, second = attention.score_proj.weight, hidden.tanh()[0]
    else:
        first = query[0]
        second = values[0] if score == "dot" else values[0] @ attention.input_proj.weight
    cosines = torch.cosine_similarity(first, second)
    torch.testing.assert_close(weights(), (8**0.5 * cosines).softmax(0), rtol=1e-3, atol=0)
    if score != "dot":  # the weights' size is of no concern
        before = weights()
        (attention.input_proj if score == "general" else attention.score_proj).weight.data.mul_(9)
        torch.testing.assert_close(weights(), before, rtol=1e-3, atol=0)


def test_beam_search_finds_the_score_that_teacher_forcing_gives(build, dictionary, batch):
    model = build(attn_normalizer="oscarmax")
    generator = SequenceGenerator([model], dictionary, beam_size=3, max_len_b=8)
    net_input = {"src_tokens": batch.source, "src_lengths": batch.lengths}
    hypotheses = generator.generate([model], {"net_input": net_input})

    for sentence, nbest in enumerate(hypotheses):
        assert len(nbest) == 3
        tokens = nbest[0]["tokens"]
        previous = torch.cat((torch.tensor([batch.eos]), tokens[:-1])).unsqueeze(0)
        source = batch.source[sentence : sentence + 1]
        net_output = model(source, None, previous)
        forced = model.get_normalized_probs(net_output, log_probs=True)
        expected = forced[0].gather(1, tokens.unsqueeze(1)).squeeze(1)
        torch.testing.assert_close(nbest[0]["positional_scores"], expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            nbest[0]["attention"].t(), net_output[1]["attn"][0][0], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["softmax", "fusedmax", "pnormmax"])
def test_half_precision_gives_finite_gradients_near_the_full_ones(build, batch, dtype, name):
    full, half = build(attn_normalizer=name), build(attn_normalizer=name).to(dtype)
    gradients = []
    for model in (full, half):
        net_output = model(batch.source, batch.lengths, batch.previous)
        assert net_output[1]["attn"][0].dtype == next(model.parameters()).dtype
        model.get_normalized_probs(net_output, log_probs=True)[..., 5].sum().backward()
        gradients.append(model.decoder.attention.input_proj.weight.grad.float())
    assert gradients[1].isfinite().all()
    torch.testing.assert_close(gradients[1], gradients[0], atol=0.02, rtol=0.2)


def test_autocast_runs_forward_and_backward(build, batch):
    model = build(attn_normalizer="fusedmax").train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        net_output = model(batch.source, batch.lengths, batch.previous)
        loss = -model.get_normalized_probs(net_output, log_probs=True)[..., 5].mean()
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_parameters_start_uniform_within_a_tenth(build, batch):
    for name, parameter in build(encoder_bidirectional=True).named_parameters():
        assert parameter.abs().max() <= 0.1, name
        assert parameter.abs().max() > 0.05, name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attn_normalizer": "fusemax"}, "fusedmax"),
        ({"attn_gamma": 0.0}, "gamma"),
        ({"attn_normalizer": "fusedmax", "attn_lambda": -1.0}, "lam"),
        ({"attn_normalizer": "pnormmax", "attn_p": 2.5}, "p"),
        ({"encoder_layers": 2}, "decoder_layers"),
        ({"attn_score": "dot", "encoder_bidirectional": True}, "attn_score=general"),
        ({"share_all_embeddings": True, "encoder_embed_dim": 8}, "decoder_embed_dim"),
        ({"share_decoder_input_output_embed": True}, "decoder_out_embed_dim"),
    ],
)
def test_bad_options_are_named(build, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        build(**options)
    assert "\n" not in str(caught.value)


def test_pretrained_embeddings_are_read_and_frozen(build, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("word3 " + " ".join(["0.25"] * 6) + "\n")
    model = build(encoder_embed_path=str(path), encoder_freeze_embed=True)
    assert model.encoder.embed_tokens.weight[4 + 3].eq(0.25).all()
    assert not model.encoder.embed_tokens.weight.requires_grad
    assert model.decoder.embed_tokens.weight.requires_grad


def test_a_file_of_embeddings_that_is_not_there_is_named(build, tmp_path):
    with pytest.raises(ValueError, match=r"decoder_embed_path=.*nowhere.txt cannot be read"):
        build(decoder_embed_path=str(tmp_path / "nowhere.txt"))


def test_batch_buckets_are_refused_by_name(build, task, monkeypatch):
    buckets = argparse.Namespace(num_batch_buckets=3)
    monkeypatch.setattr(task, "cfg", buckets, raising=False)
    with pytest.raises(ValueError, match=r"^--num-batch-buckets .* leave it out$"):
        build()
