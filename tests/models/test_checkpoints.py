"""Parameters that were trained under other options, or by fairseq's own model."""

import logging

import pytest
import torch


def learned(model):
    return {
        name.rpartition(".")[2]: parameter.item()
        for name, parameter in model.named_parameters()
        if ".normalizer." in name
    }


@pytest.mark.parametrize("updates", [(5, 0), (0, 5), (5, 5)])
def test_what_is_learned_outlives_the_warm_up(build, updates):
    options = {"attn_normalizer": "fusedmax", "attn_learn_gamma": True, "attn_learn_lambda": True}
    before, after = (build(**options, attn_lambda_warmup=number) for number in updates)
    with torch.no_grad():
        for parameter in before.decoder.attention.normalizer.parameters():
            parameter += 0.25

    after.load_state_dict(before.state_dict())

    assert learned(after) == learned(before)


@pytest.mark.parametrize("infix", ["normalizer.", "normalizer.normalizer."])
def test_both_names_of_a_learned_parameter_are_known(build, infix):
    model = build(attn_normalizer="sparsemax", attn_learn_gamma=True)
    state = {name: value for name, value in model.state_dict().items() if ".raw_" not in name}
    state[f"decoder.attention.{infix}raw_gamma"] = torch.tensor(2.0)

    model.load_state_dict(state)

    assert learned(model) == {"raw_gamma": 2.0}


def test_what_a_checkpoint_has_not_learned_starts_from_its_given_value(build):
    model = build(
        attn_normalizer="fusedmax",
        **{"attn_learn_gamma": True, "attn_gamma": 0.5, "attn_learn_lambda": True},
        attn_lambda=0.2,
    )
    model.load_state_dict(build().state_dict())

    options = model.decoder.attention.normalizer.current_options()
    assert {name: round(value.item(), 6) for name, value in options.items()} == {
        "gamma": 0.5,
        "lam": 0.2,
    }


def test_what_is_learned_no_more_is_said(build, caplog):
    before = build(attn_normalizer="sparsemax", attn_learn_gamma=True)
    with caplog.at_level(logging.WARNING):
        build().load_state_dict(before.state_dict())
    assert "the gamma that the checkpoint has learned is not used" in caplog.text


def test_a_parameter_of_the_model_itself_must_still_be_there(build):
    state = build().state_dict()
    del state["decoder.attention.output_proj.weight"]
    with pytest.raises(RuntimeError, match="output_proj"):
        build().load_state_dict(state)
