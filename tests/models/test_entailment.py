"""The entailment classifier."""

from types import SimpleNamespace

import pytest
import torch
from fairseq.data import Dictionary
from omegaconf import OmegaConf
from torch import Tensor

from regattn_fairseq.models import RegattnEntailmentConfig, RegattnEntailmentModel
from regattn_fairseq.normalizers import normalizer_names

HEAD = "head"


@pytest.fixture
def build(dictionary: Dictionary):
    def build(**options):
        torch.manual_seed(0)
        sizes = {"encoder_embed_dim": 6, "encoder_hidden_size": 5}
        cfg = OmegaConf.structured(RegattnEntailmentConfig(**{**sizes, **options}))
        task = SimpleNamespace(source_dictionary=dictionary)
        model = RegattnEntailmentModel.build_model(cfg, task)
        model.register_classification_head(HEAD, num_classes=3)
        return model.eval()

    return build


@pytest.fixture
def pairs(dictionary: Dictionary) -> Tensor:
    """Two examples: premises of 4 and 2 words, hypotheses of 2 and 3, each with its </s>."""
    end, pad = dictionary.eos(), dictionary.pad()
    return torch.tensor([[4, 5, 6, 7, end, 8, 9, end], [10, 11, end, 12, 13, 14, end, pad]])


def by_hand(model: RegattnEntailmentModel, premise: list[int], hypothesis: list[int]):
    """One example by the formulas, word by word."""

    def read(cell: torch.nn.GRU, words: list[int]) -> Tensor:
        embedded = model.projection(model.embed_tokens(torch.tensor([words])))
        return cell(embedded)[0][0]  # [words, units]

    states = read(model.premise_encoder, premise)
    query = read(model.hypothesis_encoder, hypothesis)[-1]
    attention = model.attention
    mixed = attention.key_proj(states) + attention.query_proj(query)
    weights = attention.score_proj(mixed.tanh()).squeeze(1).softmax(dim=0)
    summary = attention.output_proj(torch.cat((weights @ states, query))).tanh()
    return model.classification_heads[HEAD](summary), weights


def test_it_computes_the_formulas(build, pairs: Tensor, dictionary: Dictionary):
    model, end = build(), dictionary.eos()
    scores, extra = model(pairs, classification_head_name=HEAD)
    expected = [
        by_hand(model, [4, 5, 6, 7, end], [8, 9, end]),
        by_hand(model, [10, 11, end], [12, 13, 14, end]),
    ]
    for row, (wanted, weights) in enumerate(expected):
        torch.testing.assert_close(scores[row], wanted)
        torch.testing.assert_close(extra["attn"][row, : len(weights)], weights)
        assert extra["attn"][row, len(weights) :].eq(0).all()


@pytest.mark.parametrize("name", normalizer_names())
def test_every_normalizer_gives_weights_and_gradients(build, pairs: Tensor, name: str):
    model = build(attn_normalizer=name)
    scores, extra = model(pairs, classification_head_name=HEAD)
    torch.testing.assert_close(extra["attn"].sum(dim=1), torch.ones(2))
    scores.logsumexp(dim=1).sum().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_padding_on_either_side_changes_nothing(build, pairs: Tensor, dictionary: Dictionary):
    model = build()
    scores, extra = model(pairs, classification_head_name=HEAD)
    left = pairs.clone()
    left[1] = torch.roll(pairs[1], 1)
    other, other_extra = model(left, classification_head_name=HEAD)
    torch.testing.assert_close(scores, other)
    torch.testing.assert_close(extra["attn"], other_extra["attn"])


def test_an_example_without_a_second_sentence_is_refused(build, dictionary: Dictionary):
    with pytest.raises(ValueError, match="input1"):
        build()(torch.tensor([[4, 5, dictionary.eos()]]), classification_head_name=HEAD)


def test_frozen_embeddings_are_not_trained(build):
    assert build().embed_tokens.weight.requires_grad
    assert not build(encoder_freeze_embed=True).embed_tokens.weight.requires_grad


def test_the_model_starts_from_the_vectors(build, tmp_path, dictionary: Dictionary):
    file = tmp_path / "vectors.txt"
    file.write_text("word3 1 2 3 4 5 6\n")
    model = build(encoder_embed_path=str(file))
    assert model.embed_tokens.weight[dictionary.index("word3")].tolist() == [1, 2, 3, 4, 5, 6]


def test_vectors_that_cannot_be_used(build, tmp_path):
    with pytest.raises(ValueError, match="encoder_embed_path"):
        build(encoder_embed_path=str(tmp_path / "nowhere.txt"))
    file = tmp_path / "vectors.txt"
    file.write_text("word3 1 2 3\n")
    with pytest.raises(ValueError, match=r"has 3 numbers: set encoder_embed_dim \(now 6\)"):
        build(encoder_embed_path=str(file))
