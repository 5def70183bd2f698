"""What the decoder saves in a search, against the same without it."""

import math
from typing import Any

import pytest
import torch

from regattn_fairseq.models.fast import decoding


@pytest.fixture(params=["compiled", "torch"])
def _way(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(decoding, "works_on", lambda like: False)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("words", [3, 1000])
def test_logarithms_are_torchs(build, words):
    scores = torch.randn(40, 1, words) * 10
    scores[3, 0, 1] = -math.inf
    scores[5, 0, 2] = math.nan
    scores[7] += 1e6
    scores[8] = -1e30
    wanted = scores.double().log_softmax(2)

    with torch.no_grad():
        found = build().get_normalized_probs((scores.clone(),), log_probs=True)

    assert found.dtype is torch.float32
    assert torch.equal(found.isnan(), wanted.isnan())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=1e-5, equal_nan=True)


def test_scores_stay_where_gradients_or_whole_targets_are_wanted(build):
    model, scores = build(), torch.randn(2, 1, 9)
    for net_output in (
        (scores.clone().requires_grad_(),),
        (scores.clone().expand(2, 3, 9).clone(),),
    ):
        before = net_output[0].detach().clone()
        model.get_normalized_probs(net_output, log_probs=True)
        with torch.set_grad_enabled(net_output[0].requires_grad):
            model.get_normalized_probs(net_output, log_probs=True)
        assert torch.equal(net_output[0].detach(), before)


@pytest.mark.parametrize(
    "options", [{}, {"no_input_feeding": True}, {"encoder_layers": 2, "decoder_layers": 2}]
)
def test_with_and_without_gradients_steps_are_the_same(build, batch, options):
    model = build(attn_normalizer="fusedmax", **options).double()
    order = torch.tensor([0, 0, 1, 1, 2, 2])
    previous = batch.previous[order]
    previous[:, 0] = batch.eos
    found = []
    for with_gradients in (True, False):
        with torch.set_grad_enabled(with_gradients):
            encoder_out = model.encoder.reorder_encoder_out(
                model.encoder(batch.source, batch.lengths), order
            )
            state: dict[str, Any] = {}
            steps = []
            for step in range(previous.size(1)):
                scores, extra = model.decoder(
                    previous[:, : step + 1], encoder_out=encoder_out, incremental_state=state
                )
                swapped = torch.tensor([1, 0, 3, 3, 4, 5])
                model.decoder.reorder_incremental_state(state, swapped)
                steps.append((scores.detach(), extra["attn"][0].detach()))
            found.append(steps)
    torch.testing.assert_close(*found)


def test_the_first_step_scores_equal_hypotheses_once(build, batch, monkeypatch):
    model = build()
    order = torch.tensor([0, 0, 1, 1, 2, 2])
    rows = []
    plain = model.decoder.output_layer
    monkeypatch.setattr(
        model.decoder,
        "output_layer",
        lambda features: rows.append(len(features)) or plain(features),
    )
    first = torch.full((6, 1), batch.eos)
    second = torch.tensor([[5], [6], [5], [6], [5], [6]])
    with torch.no_grad():
        encoder_out = model.encoder.reorder_encoder_out(
            model.encoder(batch.source, batch.lengths), order
        )
        state: dict[str, Any] = {}
        scores, extra = model.decoder(first, encoder_out=encoder_out, incremental_state=state)
        model.decoder(
            torch.cat((first, second), 1), encoder_out=encoder_out, incremental_state=state
        )
        model.decoder(second, encoder_out=encoder_out, incremental_state={})  # forced apart

    assert rows == [3, 6, 6]
    assert len(scores) == len(extra["attn"][0]) == 6
