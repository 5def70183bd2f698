"""Fixtures: small models over small dictionaries."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fairseq.data import Dictionary
from omegaconf import OmegaConf

from regattn_fairseq.models import (
    RegattnLSTMConfig,
    RegattnLSTMModel,
    RegattnTransformerConfig,
    RegattnTransformerModel,
)

WORDS = 20


@pytest.fixture
def dictionary() -> Dictionary:
    dictionary = Dictionary()
    for number in range(WORDS):
        dictionary.add_symbol(f"word{number}")
    return dictionary


@pytest.fixture
def task(dictionary: Dictionary) -> SimpleNamespace:
    return SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)


@pytest.fixture
def build(task: SimpleNamespace) -> Callable[..., RegattnLSTMModel]:
    """Build a small model in evaluation mode, with options by name."""

    def build(**options: Any) -> RegattnLSTMModel:
        sizes = {
            "encoder_embed_dim": 6,
            "encoder_hidden_size": 8,
            "decoder_embed_dim": 6,
            "decoder_hidden_size": 8,
            "decoder_out_embed_dim": 8,
        }
        torch.manual_seed(0)
        cfg = OmegaConf.structured(RegattnLSTMConfig(**{**sizes, **options}))
        return RegattnLSTMModel.build_model(cfg, task).eval()

    return build


TRANSFORMER_SIZES = {
    "encoder_embed_dim": 8,
    "encoder_ffn_embed_dim": 12,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "dropout": 0.0,
}


@pytest.fixture
def transformer(task: SimpleNamespace) -> Callable[..., RegattnTransformerModel]:
    """Build a small transformer in evaluation mode and float64, with options by name."""

    def build(**options: Any) -> RegattnTransformerModel:
        torch.manual_seed(0)
        cfg = OmegaConf.structured(RegattnTransformerConfig(**{**TRANSFORMER_SIZES, **options}))
        return RegattnTransformerModel.build_model(cfg, task).double().eval()

    return build


@pytest.fixture
def batch(dictionary: Dictionary) -> SimpleNamespace:
    """Three sentences of different lengths, padded on the left as fairseq does."""
    pad, eos = dictionary.pad(), dictionary.eos()
    source = torch.tensor(
        [[4, 5, 6, 7, 8, eos], [pad, 9, 10, 11, 12, eos], [pad, pad, pad, 5, 4, eos]]
    )
    previous = torch.tensor([[eos, 13, 14, 15, 16], [eos, 6, 7, pad, pad], [eos, 9, 8, 7, pad]])
    return SimpleNamespace(
        source=source,
        lengths=source.ne(pad).sum(1),
        previous=previous,
        is_word=previous.ne(pad),
        pad=pad,
        eos=eos,
    )


def searched(model: Any, batch: SimpleNamespace, generator: Any) -> Iterator[tuple[Any, Any]]:
    """What a beam search finds, whose scores must be those of the model that reads its output.

    Yields each hypothesis, and the model's output when it is given the hypothesis.
    """
    net_input = {"src_tokens": batch.source, "src_lengths": batch.lengths}
    for sentence, nbest in enumerate(generator.generate([model], {"net_input": net_input})):
        for found in nbest:
            tokens = found["tokens"]
            previous = torch.cat((torch.tensor([batch.eos]), tokens[:-1])).unsqueeze(0)
            net_output = model(batch.source[sentence : sentence + 1], None, previous)
            forced = model.get_normalized_probs(net_output, log_probs=True)
            expected = forced[0].gather(1, tokens.unsqueeze(1)).squeeze(1)
            torch.testing.assert_close(found["positional_scores"], expected, atol=1e-4, rtol=1e-4)
            yield found, net_output
