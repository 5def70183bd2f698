"""``regattn_transformer`` against fairseq's own ``transformer``, and what its normalizers add."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fairseq.models.transformer import TransformerModel
from fairseq.modules import MultiheadAttention
from small_models import TRANSFORMER_SIZES

from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.models.transformer import record_heads
from regattn_fairseq.models.transformer.attention import NormalizedMultiheadAttention
from regattn_fairseq.models.transformer.heads import attentions
from regattn_fairseq.normalizers import build_normalizer, normalizer_names, sparsemax

KINDS = ("encoder_self_attn", "decoder_self_attn", "encoder_decoder_attn")
# Without a schedule, training computes what evaluation does.
FIXED = {"attn_gamma_anneal": 0, "attn_lambda_warmup": 0}
# γ as a number that is 1 for the values, but not for "is it plain softmax?".
NEARLY_ONE = 1 + 1e-12


def fairseqs_own(task: SimpleNamespace, **options: Any) -> TransformerModel:
    torch.manual_seed(0)
    return (
        TransformerModel.build_model(Namespace(**{**TRANSFORMER_SIZES, **options}), task)
        .double()
        .eval()
    )


def run(model: Any, batch: SimpleNamespace) -> tuple[torch.Tensor, torch.Tensor]:
    scores, extra = model(batch.source, batch.lengths, batch.previous)
    return scores[batch.is_word], extra["attn"][0][batch.is_word]


def gradients(model: Any, batch: SimpleNamespace) -> dict[str, torch.Tensor]:
    model.zero_grad()
    scores, _ = run(model.train(), batch)
    scores.log_softmax(-1)[:, 7].sum().backward()
    model.eval()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def search_step_by_step(model: Any, batch: SimpleNamespace) -> torch.Tensor:
    encoded = model.encoder(batch.source, batch.lengths)
    state: dict[str, Any] = {}
    steps = [
        model.decoder(batch.previous[:, :end], encoded, incremental_state=state)[0]
        for end in range(1, batch.previous.size(1) + 1)
    ]
    return torch.cat(steps, dim=1)[batch.is_word]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoder_normalize_before": True, "decoder_normalize_before": True},
        {"share_all_embeddings": True, "decoder_layers": 1},
        {"encoder_attention_heads": 4, "decoder_embed_dim": 12, "decoder_output_dim": 8},
    ],
    ids=str,
)
def test_with_softmax_it_is_fairseqs_transformer(transformer, task, batch, options):
    mine, theirs = transformer(**options), fairseqs_own(task, **options)
    assert mine.state_dict().keys() == theirs.state_dict().keys()
    assert all(
        type(each) is MultiheadAttention for kind in attentions(mine).values() for each in kind
    )
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(mine.state_dict()[name], value, rtol=0, atol=0)
    torch.testing.assert_close(run(mine, batch), run(theirs, batch), rtol=0, atol=0)
    torch.testing.assert_close(gradients(mine, batch), gradients(theirs, batch), rtol=0, atol=0)


@pytest.mark.parametrize("before", [False, True])
def test_our_attention_with_softmax_computes_the_same(transformer, task, batch, before):
    options = {"encoder_normalize_before": before, "decoder_normalize_before": before}
    mine = transformer(attn_gamma=NEARLY_ONE, **options)
    theirs = fairseqs_own(task, **options)
    assert all(
        type(each) is NormalizedMultiheadAttention
        for kind in attentions(mine).values()
        for each in kind
    )
    mine.load_state_dict(theirs.state_dict())
    close = {"rtol": 1e-5, "atol": 1e-6}  # fairseq's softmax is in float32
    torch.testing.assert_close(run(mine, batch), run(theirs, batch), **close)
    torch.testing.assert_close(gradients(mine, batch), gradients(theirs, batch), **close)
    found, known = search_step_by_step(mine, batch), search_step_by_step(theirs, batch)
    torch.testing.assert_close(found, known, **close)


@pytest.mark.parametrize("name", normalizer_names())
def test_a_search_computes_what_training_computes(transformer, batch, name):
    model = transformer(attn_normalizer=name, **FIXED)
    whole, _ = run(model, batch)
    torch.testing.assert_close(search_step_by_step(model, batch), whole)


def test_hypotheses_may_share_the_values_of_their_sentence(transformer, batch):
    """Told to, fairseq's decoder keeps one row of keys and values for all hypotheses."""
    model = transformer(attn_normalizer="sparsemax", **FIXED)
    encoded = model.encoder(batch.source, batch.lengths)
    rows = torch.arange(3).repeat_interleave(2)
    many = model.encoder.reorder_encoder_out(encoded, rows)
    previous = batch.previous[rows].clone()
    previous[1::2, 1] = 7
    state: dict[str, Any] = {}
    apart = model.decoder(previous[:, :1], many, incremental_state=state)[0]
    apart = model.decoder(previous[:, :2], many, incremental_state=state)[0]
    model.decoder.set_beam_size(2)
    state = {}
    together = model.decoder(previous[:, :1], many, incremental_state=state)[0]
    together = model.decoder(previous[:, :2], many, incremental_state=state)[0]
    torch.testing.assert_close(together, apart)


@pytest.mark.parametrize("name", ["sparsemax", "fusedmax", "oscarmax", "entmax"])
def test_a_word_attends_to_no_padding_and_no_future(transformer, batch, name):
    model = transformer(attn_normalizer=name, **FIXED)
    with record_heads(model) as heads:
        model(batch.source, batch.lengths, batch.previous)
    padding = batch.source.eq(batch.pad)
    for kind in ("encoder_self_attn", "encoder_decoder_attn"):
        for weights in heads[kind]:
            hidden = padding[None, :, None].expand_as(weights)
            assert (weights[hidden] == 0).all()
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    length = batch.previous.size(1)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    for weights in heads["decoder_self_attn"]:
        assert (weights[:, :, future] == 0).all()
        assert (weights[..., 0, 0] == 1).all()


def test_causal_rows_are_maps_of_what_they_may_see(transformer, batch):
    """A row of n visible scores has the weights of a sequence of n scores."""
    model = transformer(attn_normalizer="fusedmax", attn_lambda=0.3, **FIXED)
    attention = model.decoder.layers[0].self_attn
    seen = {}
    hook = attention.normalizer.register_forward_hook(
        lambda _module, args, output: seen.update(scores=args[0], weights=output)
    )
    model(batch.source, batch.lengths, batch.previous)
    hook.remove()
    normalizer = build_normalizer("fusedmax", lam=0.3)
    for row in range(batch.previous.size(1)):
        short = normalizer(seen["scores"][:1, :, row, : row + 1])
        torch.testing.assert_close(seen["weights"][:1, :, row, : row + 1], short)


def test_each_kind_has_its_own_normalizer(transformer):
    model = transformer(
        attn_normalizer="fusedmax",
        attn_lambda=0.3,
        encoder_self_attn_normalizer="softmax",
        decoder_self_attn_lambda=0.5,
        encoder_decoder_attn_normalizer="oscarmax",
        encoder_decoder_attn_gamma=2.0,
    )
    own, causal, across = (attentions(model)[kind][1] for kind in KINDS)
    assert type(own) is MultiheadAttention
    assert (causal.normalizer.name, causal.normalizer.options["lam"]) == ("fusedmax", 0.5)
    assert across.normalizer.name == "oscarmax"
    # λ of another map does not hold for it.
    assert across.normalizer.options == {**build_normalizer("oscarmax").options, "gamma": 2.0}
    assert across.normalizer.watched
    assert not causal.normalizer.watched


@pytest.mark.parametrize(
    ("name", "option"),
    [("entmax", "alpha"), ("fusedmax", "gamma"), ("fusedmax", "lam"), ("oscarmax", "lam")],
)
def test_each_head_learns_its_own_option(transformer, batch, name, option):
    argument = {"lam": "lambda"}.get(option, option)
    model = transformer(attn_normalizer=name, **{f"attn_learn_{argument}": True}, **FIXED)
    grads = gradients(model, batch)
    learned = [key for key in grads if key.endswith(f"normalizer.raw_{option}")]
    assert len(learned) == 3 * 2
    for key in learned:
        assert grads[key].shape == (2, 1, 1)
    raw = model.decoder.layers[1].encoder_attn.normalizer.get_parameter(f"raw_{option}")
    place = f"decoder.layers.1.encoder_attn.normalizer.raw_{option}"
    before = run(model, batch)[0].log_softmax(-1)[:, 7].sum()
    assert before.requires_grad
    for head in range(2):
        moved = []
        for step in (1e-3, -1e-3):
            with torch.no_grad():
                raw[head] += step
                moved.append(run(model, batch)[0].log_softmax(-1)[:, 7].sum())
                raw[head] -= step
        slope = (moved[0] - moved[1]) / 2e-3
        torch.testing.assert_close(grads[place][head].squeeze(), slope, rtol=2e-3, atol=1e-5)


def test_checkpoints_move_between_models(transformer, task, batch):
    theirs = fairseqs_own(task)
    adaptive = {"attn_normalizer": "entmax", "attn_learn_alpha": True}
    mine = transformer(**adaptive)
    mine.load_state_dict(theirs.state_dict())  # α starts from its given value
    alpha = mine.encoder.layers[0].self_attn.normalizer.current_options()["alpha"]
    torch.testing.assert_close(alpha.double(), torch.full((2, 1, 1), 1.5).double())
    with torch.no_grad():
        mine.encoder.layers[0].self_attn.normalizer.raw_alpha[1] += 1
    again = transformer(**adaptive)
    again.load_state_dict(mine.state_dict())
    torch.testing.assert_close(run(again, batch), run(mine, batch))
    plain = transformer()
    plain.load_state_dict(mine.state_dict())  # what was learned is left out
    torch.testing.assert_close(run(plain, batch), run(theirs, batch))


@pytest.mark.parametrize("name", ["softmax", "entmax"])
def test_heads_are_those_that_the_mean_is_of(transformer, batch, name):
    model = transformer(attn_normalizer=name, attn_gamma=1.0)
    plain = run(model, batch)
    with record_heads(model) as heads:
        recorded = run(model, batch)
    torch.testing.assert_close(recorded, plain)
    assert {kind: len(layers) for kind, layers in heads.items()} == dict.fromkeys(KINDS, 2)
    last = heads["encoder_decoder_attn"][-1]
    assert last.shape == (2, 3, 5, 6)
    mean = last.mean(0)[batch.is_word]  # fairseq's softmax is in float32
    torch.testing.assert_close(mean, plain[1], check_dtype=False)
    torch.testing.assert_close(run(model, batch), plain)


def test_the_schedule_ends_and_is_not_used_in_evaluation(transformer, batch):
    model = transformer(attn_normalizer="sparsemax", attn_gamma_anneal=10)
    end = transformer(attn_normalizer="sparsemax", attn_gamma_anneal=0)
    torch.testing.assert_close(run(model, batch), run(end, batch))
    model.set_num_updates(0)
    assert not torch.equal(run(model.train(), batch)[0], run(end, batch)[0])
    model.set_num_updates(10)
    torch.testing.assert_close(run(model, batch)[0], run(end, batch)[0])


def test_output_weights_are_the_output_layer(transformer, batch):
    model = transformer(attn_normalizer="sparsemax", share_decoder_input_output_embed=True)
    features, _ = model(batch.source, batch.lengths, batch.previous, features_only=True)
    weight, bias = model.output_weights()
    assert bias is None
    scores, _ = model(batch.source, batch.lengths, batch.previous)
    torch.testing.assert_close(features @ weight.t(), scores)


def test_word_probabilities_may_be_exactly_zero(transformer, batch):
    model = transformer(loss_normalizer="sparsemax")
    scores, extra = model(batch.source, batch.lengths, batch.previous)
    scores = 5 * scores
    probabilities = model.get_normalized_probs((scores, extra), log_probs=False)
    torch.testing.assert_close(probabilities, sparsemax(scores.float()))
    assert (probabilities == 0).any()
    logarithms = model.get_normalized_probs((scores, extra), log_probs=True)
    assert torch.equal(logarithms == -torch.inf, probabilities == 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder_attention_heads": 3}, "encoder_attention_heads=3 does not divide"),
        ({"decoder_layers": 0}, "decoder_layers=0"),
        ({"attn_normalizer": "fusemax"}, "fusedmax"),
        ({"decoder_self_attn_normalizer": "fusemax"}, "decoder_self_attn_…"),
        ({"encoder_self_attn_gamma": 0.0}, "encoder_self_attn_….*gamma"),
        ({"encoder_decoder_attn_learn_lambda": True}, "softmax has no lam to learn"),
        ({"encoder_embed_path": "/nowhere/vectors"}, "encoder_embed_path"),
        ({"share_all_embeddings": True, "decoder_embed_dim": 4}, "decoder-embed-dim"),
        ({"loss_normalizer": "sparsemx"}, "sparsemx.*sparsemax"),
        (
            {"loss_normalizer": "sparsemax", "adaptive_softmax_cutoff": [5, 10]},
            "leave out loss_normalizer or adaptive_softmax_cutoff",
        ),
    ],
)
def test_bad_options_are_refused_in_one_line(transformer, options, message):
    with pytest.raises(ModelError, match=message) as caught:
        transformer(**options)
    assert "\n" not in str(caught.value)
