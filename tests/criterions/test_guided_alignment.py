"""Guided alignment: its targets, its gradient, and the criterion that adds it."""

import pytest
import torch
from criterion_cases import criterions, sample_of

from regattn_fairseq.criterions.guided_alignment import guided_alignment_loss, linked_words
from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.normalizers import build_normalizer, normalizer_names, rule

GUIDABLE = [name for name in normalizer_names() if rule(name).penalty is not None]
OTHERS = [name for name in normalizer_names() if rule(name).penalty is None]

# Flat indices of a batch that is padded on the left: (sentence, source column, target word).
LINKS = [(0, 0, 0), (0, 1, 0), (0, 4, 3), (1, 1, 1), (2, 3, 0), (2, 4, 2)]


def linked(batch):
    sample = sample_of(batch)
    words = sample["target"].size(1)
    sample["alignments"] = torch.tensor([(i, s * words + j) for s, i, j in LINKS])
    sample["align_weights"] = torch.tensor([0.5, 0.5, 1, 1, 1, 1])
    return sample


def test_the_links_of_a_word_share_its_attention(batch):
    wanted = linked_words(linked(batch))
    expected = torch.zeros(3, 5, 6)
    for sentence, source, target in LINKS:
        expected[sentence, target, source] = 0.5 if (sentence, target) == (0, 0) else 1
    assert torch.equal(wanted, expected)
    assert linked_words(sample_of(batch)) is None


@pytest.mark.parametrize("name", GUIDABLE)
def test_the_gradient_is_attention_less_the_links_of_linked_words_alone(batch, name):
    wanted = linked_words(linked(batch)).double()
    scores = torch.randn(3, 5, 6, dtype=torch.float64, requires_grad=True)
    mask = batch.source.eq(batch.pad)
    normalizer = build_normalizer(name)
    loss = guided_alignment_loss(scores, wanted, normalizer, mask)
    assert loss > 0
    (gradient,) = torch.autograd.grad(loss, scores)
    expected = normalizer(scores, mask=mask[:, None].expand_as(scores)) - wanted
    expected[wanted.sum(-1) == 0] = 0
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-6)
    assert gradient[mask[:, None].expand_as(gradient)].eq(0).all()


@pytest.mark.parametrize("name", GUIDABLE)
@pytest.mark.parametrize("feeding", [True, False])
@pytest.mark.parametrize("options", [{}, {"report_accuracy": True}])
def test_the_criterion_adds_it_for_the_attention_that_the_model_has(
    build, dictionary, batch, name, feeding, options
):
    sample = linked(batch)
    model = build(attn_normalizer=name, no_input_feeding=not feeding)
    seen = []
    normalizer = model.decoder.attention.normalizer
    hook = normalizer.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    model(**sample["net_input"])
    hook.remove()
    # The scores that attention had; a hook makes the readable form run, one step at a time.
    scores = torch.cat(seen, 1) if seen[0].dim() == 3 else None
    without, _ = criterions(dictionary, **options)
    guided, _ = criterions(dictionary, **options, alignment_lambda=0.5)
    plain, loss = without(model, sample)[0], guided(model, sample)[0]
    assert loss > plain
    if scores is not None:
        mask = batch.source.eq(batch.pad)
        wanted = guided_alignment_loss(scores, linked_words(sample), normalizer, mask)
        torch.testing.assert_close(loss, plain + 0.5 * wanted)
    del sample["alignments"]
    torch.testing.assert_close(guided(model, sample)[0], plain)


@pytest.mark.parametrize("score", ["general", "concat"])
def test_training_by_it_alone_moves_attention_to_the_links(build, dictionary, batch, score):
    sample = linked(batch)
    model = build(attn_normalizer="sparsemax", attn_score=score, dropout=0.0)
    guided, _ = criterions(dictionary, alignment_lambda=20.0)
    wanted = linked_words(sample)

    def mass():  # with the final γ: training may still anneal it
        model.eval()
        return (model(**sample["net_input"])[1]["attn"][0] * (wanted > 0)).sum() / wanted.sum()

    before = mass()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(100):
        optimizer.zero_grad()
        model.train()
        guided(model, sample)[0].backward()
        optimizer.step()
    assert mass() > 0.95 > before + 0.3


@pytest.mark.parametrize("name", OTHERS)
def test_a_map_without_a_loss_of_its_own_is_named(build, dictionary, batch, name):
    guided, _ = criterions(dictionary, alignment_lambda=1.0)
    with pytest.raises(ModelError, match=f"alignment_lambda .* {name} has none; use"):
        guided(build(attn_normalizer=name), linked(batch))


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_bad_weight_is_named(dictionary, weight):
    with pytest.raises(ValueError, match=r"^alignment_lambda is .*; use 0 or more"):
        criterions(dictionary, alignment_lambda=weight)
