"""PyTorch's own tools on the model, as on any other: the fast ways step aside by themselves."""

import copy
import warnings
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations

from regattn_fairseq.models import fast
from regattn_fairseq.models.fast import decoding, packed_lstm

VARIANTS: list[dict[str, Any]] = [
    {},
    {"no_input_feeding": True, "encoder_bidirectional": True, "attn_normalized": True},
    {"attn_score": "concat", "attn_normalizer": "fusedmax", "attn_learn_gamma": True},
    {"attn_score": "concat", "attn_normalized": True},
    {"copy_attn": True, "attn_normalizer": "sparsemax"},
    {"copy_attn": True, "no_input_feeding": True},
    {"attn_fertility": 0.4, "attn_normalizer": "sparsemax"},
    {"attn_fertility": 0.4, "no_input_feeding": True},
    {"attn_normalizer": "entmax", "attn_learn_alpha": True},
    {"loss_normalizer": "entmax15"},
    {"attn_window": 2.0},
    {"attn_score": "dot", "attn_normalizer": "topk", "encoder_layers": 2, "decoder_layers": 2},
    {"decoder_embed_dim": 8, "share_decoder_input_output_embed": True},
]


@pytest.fixture
def model(build):
    return build(attn_normalizer="fusedmax")


@pytest.fixture
def arguments(batch):
    return batch.source, batch.lengths, batch.previous


@pytest.fixture
def plainly(monkeypatch):
    """Compute something with the fast ways closed."""

    def compute(function):
        with monkeypatch.context() as patches:
            patches.setattr(decoding, "may_bypass", lambda x, *modules: False)
            patches.setattr(packed_lstm, "may_bypass", lambda x, *modules: False)
            return function()

    return compute


def words_of(batch, scores):
    return scores[batch.is_word]


@pytest.mark.parametrize("options", VARIANTS)
def test_the_plain_way_computes_the_same(build, batch, arguments, plainly, options):
    model = build(**options).double()
    found = []
    for way in (lambda compute: compute(), plainly):
        scores, extra = way(lambda: model(*arguments))
        loss = words_of(batch, scores.sin()).sum() + words_of(batch, extra["attn"][0].cos()).sum()
        if "copy" in extra:
            loss = loss + words_of(batch, extra["copy"][0].sin()).sum()
        gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        found.append((words_of(batch, scores), words_of(batch, extra["attn"][0]), *gradients))
    for value, wanted in zip(*found, strict=True):
        torch.testing.assert_close(value, wanted)


@pytest.mark.parametrize("options", VARIANTS)
def test_a_search_computes_the_same_plainly(build, batch, plainly, options):
    model = build(**options).double()

    def search():
        order = torch.tensor([0, 0, 1, 1, 2, 2])
        encoder_out = model.encoder(batch.source, batch.lengths)
        encoder_out = model.encoder.reorder_encoder_out(encoder_out, order)
        state, previous, steps = {}, batch.previous[order], []
        previous[:, 0] = batch.eos
        for step in range(previous.size(1)):
            scores, extra = model.decoder(previous[:, : step + 1], encoder_out, state)
            picked = torch.tensor([1, 0, 3, 3, 4, 5])
            model.decoder.reorder_incremental_state(state, picked)
            encoder_out = model.encoder.reorder_encoder_out(encoder_out, picked)
            steps.append((scores, *(each[0] for each in extra.values())))
        return steps

    with torch.no_grad():
        torch.testing.assert_close(search(), plainly(search))


@pytest.mark.parametrize("name", ["forward", "forward_pre", "full_backward"])
@pytest.mark.parametrize(
    "place",
    [
        *("encoder.lstm", "decoder.lstm", "decoder.attention", "decoder.attention.input_proj"),
        *("decoder.attention.output_proj", "decoder.attention.normalizer", "decoder.fc_out"),
        "decoder.dropout_out_module",
    ],
)
def test_hooks_are_called(model, arguments, name, place):
    if place.endswith("lstm") and name == "full_backward":
        pytest.skip("torch calls none where the outputs are no plain tensors")
    calls = []
    register = getattr(model.get_submodule(place), f"register_{name}_hook")
    handle = register(lambda *_: calls.append(place))
    model(*arguments)[0].sum().backward()
    assert calls
    handle.remove()
    calls.clear()
    model(*arguments)[0].sum().backward()
    assert not calls


def test_hooks_on_all_modules_are_called(model, arguments):
    called = set()
    hook = torch.nn.modules.module.register_module_forward_hook
    handle = hook(lambda module, *_: called.add(type(module).__name__))
    model(*arguments)
    handle.remove()
    assert {"LSTM", "Attention", "Linear"} <= called


def test_a_hook_may_change_the_outcome_of_a_search(model, arguments, batch):
    encoder_out = model.encoder(batch.source, batch.lengths)
    model.decoder.attention.register_forward_hook(lambda *_: (torch.zeros(3, 1, 8), _[-1][1]))
    with torch.no_grad():
        features, _ = model.decoder(batch.previous[:, :1], encoder_out, {}, features_only=True)
    assert not features.any()


def test_modules_in_the_place_of_ours_are_called(model, arguments, batch):
    scores = model(*arguments)[0]
    parametrizations.weight_norm(model.decoder.attention.output_proj)
    parametrizations.weight_norm(model.decoder.lstm, "weight_hh_l0")
    torch.testing.assert_close(words_of(batch, model(*arguments)[0]), words_of(batch, scores))
    model.decoder.attention.output_proj.parametrizations.weight.original0.data.zero_()
    assert not model(*arguments, features_only=True)[0].any()


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("kinds", [{torch.nn.Linear}, {torch.nn.Linear, torch.nn.LSTM}])
def test_a_quantized_model_is_near_the_whole_one(build, arguments, batch, kinds, options):
    model = build(**options)
    with warnings.catch_warnings(action="ignore"):
        quantized = torch.ao.quantization.quantize_dynamic(model, kinds, dtype=torch.qint8)
    scores, _ = quantized(*arguments)
    torch.testing.assert_close(
        words_of(batch, scores), words_of(batch, model(*arguments)[0]), rtol=0, atol=0.02
    )


@pytest.mark.parametrize("options", VARIANTS[1:11])
def test_a_scripted_model_computes_the_same(build, batch, arguments, options, tmp_path):
    model = build(**options)
    torch.jit.save(torch.jit.script(model), str(tmp_path / "model.pt"))
    scripted = torch.jit.load(str(tmp_path / "model.pt"))
    with torch.no_grad():
        scores, extra = scripted(*arguments)
        wanted, wanted_extra = model(*arguments)
    torch.testing.assert_close(words_of(batch, scores), words_of(batch, wanted))
    torch.testing.assert_close(
        words_of(batch, extra["attn"][0]), words_of(batch, wanted_extra["attn"][0])
    )
    if "copy" in wanted_extra:
        torch.testing.assert_close(
            words_of(batch, extra["copy"][0]), words_of(batch, wanted_extra["copy"][0])
        )


class Scores(torch.nn.Module):
    """The model's scores alone: what tracing gives back is a tensor."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *arguments):
        return self.model(*arguments)[0]


def test_a_traced_model_computes_the_same(model, arguments, batch):
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        traced = torch.jit.trace(Scores(model), arguments, check_trace=False)
        torch.testing.assert_close(
            words_of(batch, traced(*arguments)), words_of(batch, model(*arguments)[0])
        )


def test_a_compiled_model_computes_the_same(model, arguments, batch):
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(
        words_of(batch, compiled(*arguments)[0]), words_of(batch, model(*arguments)[0])
    )


def test_a_compiler_sees_no_fast_way():
    @torch.compile(backend="eager", fullgraph=True)
    def ask(x):
        return x + fast.may_bypass(x)

    assert ask(torch.zeros(1)) == 0
    assert fast.may_bypass(torch.zeros(1))


@pytest.mark.parametrize("options", VARIANTS)
def test_gradients_may_be_asked_for_more_than_once(build, batch, arguments, options):
    model = build(**options).double()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    scores, extra = model(*arguments)
    loss = words_of(batch, scores).square().sum()
    first = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    # A pass that ends before the first step, and one that begins before the last.
    torch.autograd.grad(loss, extra["attn"][0], retain_graph=True, allow_unused=True)
    torch.autograd.grad(scores[0, 1].sum(), parameters, retain_graph=True, allow_unused=True)
    again = torch.autograd.grad(loss, parameters, allow_unused=True)
    for value, wanted in zip(again, first, strict=True):
        torch.testing.assert_close(value, wanted)


@pytest.mark.parametrize("options", VARIANTS)
def test_gradients_have_gradients(build, batch, arguments, plainly, options):
    model = build(**options).double()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def penalty():
        loss = words_of(batch, model(*arguments)[0]).square().sum()
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        total = sum(gradient.square().sum() for gradient in gradients if gradient is not None)
        return [total, *torch.autograd.grad(total, parameters, allow_unused=True)]

    for value, wanted in zip(penalty(), plainly(penalty), strict=True):
        torch.testing.assert_close(value, wanted)


def test_a_copy_is_a_model_of_its_own(model, arguments):
    other = copy.deepcopy(model)
    model.decoder.lstm.weight_hh_l0.data.zero_()
    assert not torch.equal(other(*arguments)[0], model(*arguments)[0])
