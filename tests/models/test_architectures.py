"""Options as argparse and Hydra offer them."""

import argparse
from dataclasses import fields

import pytest
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.models import ARCH_CONFIG_REGISTRY
from hydra.core.config_store import ConfigStore
from in_process import as_fairseq_expects

from regattn_fairseq.models import (
    ARCHITECTURES,
    RegattnLSTMConfig,
    RegattnLSTMModel,
    RegattnTransformerConfig,
    RegattnTransformerModel,
)
from regattn_fairseq.models.transformer.config import fairseq_config
from regattn_fairseq.options.config import register

MODELS = {
    RegattnLSTMModel: RegattnLSTMConfig,
    RegattnTransformerModel: RegattnTransformerConfig,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_hydra_offers_the_architectures_sizes(name):
    register()
    node = ConfigStore.instance().load(f"model/{name}.yaml").node
    (model,) = (each for each in MODELS if name.startswith(each.name))
    assert node._name == model.name
    assert {size: node[size] for size in ARCHITECTURES[name]} == ARCHITECTURES[name]
    others = {field.name: field.default for field in fields(MODELS[model])}
    enums = {"attn_score", "activation_fn"}
    for option in others.keys() - ARCHITECTURES[name].keys() - enums - {"_name"}:
        assert node[option] == others[option]


def test_an_architecture_yields_to_options_that_are_given():
    args = argparse.Namespace(encoder_layers=3)
    ARCH_CONFIG_REGISTRY["regattn_lstm_opennmt"](args)
    assert args.encoder_layers == 3
    assert args.decoder_layers == 2
    assert args.encoder_embed_dim == 500


def parse(*arguments: str) -> argparse.Namespace:
    parser = options.get_training_parser()
    return options.parse_args_and_arch(
        parser, ["data", "--arch", "regattn_lstm_opennmt", "--optimizer", "sgd", *arguments]
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_option_has_a_flag_and_help(model):
    parser = argparse.ArgumentParser()
    model.add_args(parser)
    flags = {action.dest: action for action in parser._actions}
    names = {field.name for field in fields(MODELS[model])} - {"_name"}
    assert len(names) > 20
    for name in names:
        assert flags[name].option_strings[0] == "--" + name.replace("_", "-")
        assert flags[name].help


def test_fairseqs_parser_fills_in_the_architecture():
    args = parse("--attn-normalizer", "oscarmax", "--attn-lambda", "0.2")
    assert (args.attn_normalizer, args.attn_lambda) == ("oscarmax", 0.2)
    assert args.decoder_hidden_size == 500
    assert parse("--attn-normalizer", "topk", "--attn-k", "5").attn_k == 5


def test_a_transformer_has_fairseqs_sizes_and_options_of_each_kind():
    """As fairseq's ``transformer_iwslt_de_en`` does, with options that are given first."""
    parser = options.get_training_parser()
    arguments = ["data", "--arch", "regattn_transformer_iwslt_de_en", "--optimizer", "adam"]
    arguments += ["--encoder-embed-dim", "256", "--attn-normalizer", "entmax"]
    arguments += ["--decoder-self-attn-alpha", "1.2", "--attn-learn-alpha"]
    args = options.parse_args_and_arch(parser, arguments)
    as_fairseq_expects()
    cfg = convert_namespace_to_omegaconf(args).model
    assert (cfg.encoder_ffn_embed_dim, cfg.encoder_attention_heads) == (1024, 4)
    assert (cfg.encoder_embed_dim, cfg.decoder_embed_dim) == (256, None)  # the encoder's
    assert (cfg.encoder_layers, cfg.decoder_layers) == (6, 6)
    assert (cfg.decoder_self_attn_alpha, cfg.encoder_self_attn_alpha) == (1.2, None)
    assert cfg.attn_learn_alpha
    built = fairseq_config(cfg)
    assert (built.decoder.embed_dim, built.decoder.ffn_embed_dim) == (256, 1024)
    assert (built.decoder.input_dim, built.decoder.output_dim) == (256, 256)
    with pytest.raises(SystemExit):
        options.parse_args_and_arch(parser, [*arguments, "--encoder-self-attn-gamma", "0"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attn-normalizer", "softmaxx"], "softmax"),
        (["--attn-gamma", "0"], "gamma"),
        (["--attn-lambda", "-0.1"], "lam"),
        (["--attn-p", "1"], "p"),
        (["--attn-k", "2.5"], "k must be a whole number"),
        (["--attn-alpha", "many"], "'many'"),
    ],
)
def test_bad_values_are_refused_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)
    assert caught.value.code == 2
    *_usage, last = capsys.readouterr().err.strip().splitlines()
    assert arguments[0] in last
    assert message in last
