"""The heads of what a transformer has written."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_models import batch, build, dictionary, task, transformer

from regattn_fairseq.pipeline.evaluation.heads import heads_of_outputs, learned_by_heads

__all__ = ["batch", "build", "dictionary", "task", "transformer"]


def written(batch: SimpleNamespace) -> list[torch.Tensor]:
    """What the decoder has read, as what it has written: of each sentence, with its end."""
    end = torch.tensor([batch.eos])
    return [torch.cat((row[row != batch.pad][1:], end)) for row in batch.previous]


@pytest.mark.parametrize("name", ["softmax", "fusedmax"])
def test_heads_are_what_a_search_attends_to(transformer, batch, name):
    model = transformer(attn_normalizer=name)
    found = heads_of_outputs(model, batch.source, written(batch))
    encoded = model.encoder(batch.source, batch.lengths)
    state: dict = {}
    steps = [
        model.decoder(batch.previous[:, :end], encoded, incremental_state=state)[1]["attn"][0]
        for end in range(1, batch.previous.size(1) + 1)
    ]
    searched = torch.cat(steps, dim=1)  # [batch, target, source]
    for number, heads in enumerate(found):
        words = int(batch.is_word[number].sum())
        read = batch.source[number] != batch.pad
        sources = int(read.sum())
        assert heads["encoder_self_attn"].shape == (2, 2, sources, sources)
        assert heads["decoder_self_attn"].shape == (2, 2, words, words)
        assert heads["encoder_decoder_attn"].shape == (2, 2, words, sources)
        for weights in heads.values():
            np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
        assert not np.triu(heads["decoder_self_attn"], 1).any()
        mean = heads["encoder_decoder_attn"][-1].mean(0)
        known = searched[number, :words][:, read].detach().numpy()
        np.testing.assert_allclose(mean, known, atol=1e-6)


def test_other_models_have_no_heads(build, batch):
    model = build(attn_normalizer="sparsemax")
    assert heads_of_outputs(model, batch.source, written(batch)) == [{}, {}, {}]
    assert learned_by_heads(model) == {}


def test_what_each_head_has_learned(transformer):
    model = transformer(
        attn_normalizer="entmax", attn_learn_alpha=True, decoder_self_attn_normalizer="softmax"
    )
    with torch.no_grad():
        model.encoder.layers[1].self_attn.normalizer.raw_alpha[1] = 50.0
    found = learned_by_heads(model)
    assert found.keys() == {"encoder_self_attn", "encoder_decoder_attn"}
    assert found["encoder_self_attn"]["alpha"] == [
        [pytest.approx(1.5), pytest.approx(1.5)],
        [pytest.approx(1.5), pytest.approx(51.0)],
    ]
