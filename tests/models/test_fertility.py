"""Attention that remembers: bounds on what a source word gets from all target words together."""

from typing import Any

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator
from small_models import searched

from regattn_fairseq.declared.model_options import BOUNDED
from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.normalizers.rules import rules

OPTIONS: list[dict[str, Any]] = [
    {"attn_normalizer": name, "attn_fertility": fertility, "no_input_feeding": at_once}
    for name in BOUNDED
    for fertility in (0.3, 1.0)
    for at_once in (False, True)
]


def test_the_names_are_those_of_the_maps():
    assert tuple(each.name for each in rules() if each.bounded) == BOUNDED


@pytest.mark.parametrize("options", OPTIONS)
def test_no_word_gets_more_than_its_fertility(build, batch, options):
    model = build(**options).double()
    _, extra = model(batch.source, batch.lengths, batch.previous)
    weights = extra["attn"][0].masked_fill(~batch.is_word.unsqueeze(2), 0.0)
    got = weights.sum(1)
    bounded = batch.source.ne(batch.eos) & batch.source.ne(batch.pad)
    assert got[bounded].max() <= options["attn_fertility"] + 1e-12
    torch.testing.assert_close(weights.sum(2), batch.is_word.double())
    if options["attn_fertility"] < 1:
        assert (got[bounded] > options["attn_fertility"] - 1e-9).any()
        assert got[batch.source.eq(batch.eos)].max() > 1


def test_a_large_fertility_changes_nothing(build, batch):
    for name in BOUNDED:
        free, bounded = (
            build(attn_normalizer=name, attn_fertility=fertility) for fertility in (None, 100.0)
        )
        found = [m(batch.source, batch.lengths, batch.previous)[0] for m in (free, bounded)]
        torch.testing.assert_close(found[0][batch.is_word], found[1][batch.is_word])


@pytest.mark.parametrize("options", OPTIONS)
def test_beam_search_remembers_what_teacher_forcing_does(build, dictionary, batch, options):
    model = build(copy_attn=True, **options)
    generator = SequenceGenerator([model], dictionary, beam_size=3, max_len_b=8)
    for found, net_output in searched(model, batch, generator):
        torch.testing.assert_close(
            found["attention"].t(), net_output[1]["attn"][0][0], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("at_once", [False, True])
def test_each_word_may_have_a_fertility_of_its_own(build, dictionary, batch, at_once):
    model = build(
        attn_normalizer="sparsemax",
        attn_fertility=1.0,
        attn_fertility_guided=True,
        no_input_feeding=at_once,
    )
    with pytest.raises(ModelError, match=r"attn_fertility_guided needs .* --align-suffix"):
        model.train()(batch.source, batch.lengths, batch.previous)
    own = torch.rand(len(dictionary)) + 0.2
    model.load_state_dict({**model.state_dict(), "decoder.word_fertilities": own})
    model.train()
    _, extra = model(batch.source, batch.lengths, batch.previous)
    got = extra["attn"][0].masked_fill(~batch.is_word.unsqueeze(2), 0.0).sum(1)
    bounded = batch.source.ne(batch.eos) & batch.source.ne(batch.pad)
    over = (got - own[batch.source])[bounded]
    assert over.max() <= 1e-6
    assert over.max() > -1e-6, "some words get all that they may"
    weights, scripted = (
        made(batch.source, batch.lengths, batch.previous)[1]["attn"][0][batch.is_word]
        for made in (model.eval(), torch.jit.script(model))
    )
    torch.testing.assert_close(scripted, weights)
    generator = SequenceGenerator([model], dictionary, beam_size=3, max_len_b=8)
    for found, net_output in searched(model, batch, generator):
        torch.testing.assert_close(
            found["attention"].t(), net_output[1]["attn"][0][0], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("options", OPTIONS[:4])
def test_gradients_pass_through_the_memory(build, batch, options):
    model = build(**options).double()
    weight = model.decoder.attention.input_proj.weight

    def last_weights():
        _, extra = model(batch.source, batch.lengths, batch.previous)
        return extra["attn"][0][0, -1].square().sum()

    (gradient,) = torch.autograd.grad(last_weights(), weight)
    direction = torch.randn_like(weight)
    with torch.no_grad():
        found = []
        for step in (1e-6, -1e-6):
            weight += step * direction
            found.append(last_weights())
            weight -= step * direction
    difference = (found[0] - found[1]) / 2e-6
    torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attn_fertility": 0.0}, r"^attn_fertility is 0.0; use a finite number above 0"),
        (
            {"attn_fertility": 2.0, "attn_normalizer": "fusedmax"},
            r"^attn_fertility bounds .* not of fusedmax: choose one of them",
        ),
        (
            {"attn_fertility_guided": True},
            r"^attn_fertility_guided needs attn_fertility",
        ),
    ],
)
def test_bad_options_are_named(build, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        build(**options)
    assert "\n" not in str(caught.value)
