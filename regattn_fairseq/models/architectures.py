"""Named architectures. Each is a choice of ``--arch`` and of Hydra's ``model=``.

The name of an architecture begins with the name of its model.
"""

from argparse import Namespace
from dataclasses import fields
from typing import Any

from fairseq.models import ARCH_CONFIG_REGISTRY, register_model_architecture

from regattn_fairseq.models.encoder_decoder import RegattnLSTMModel
from regattn_fairseq.models.transformer import RegattnTransformerConfig, RegattnTransformerModel


def _of_fairseq(name: str) -> dict[str, Any]:
    """An architecture of fairseq's ``transformer``: the options that differ from ours."""
    filled = Namespace()
    ARCH_CONFIG_REGISTRY[name](filled)
    defaults = {each.name: each.default for each in fields(RegattnTransformerConfig)}
    # A decoder that is as large as the encoder needs no mention.
    return {
        option: value
        for option, value in vars(filled).items()
        if defaults.get(option, value) not in (value, None)
    }


ARCHITECTURES: dict[str, dict[str, Any]] = {
    # For tests and a first try: it trains in seconds, not minutes.
    "regattn_lstm_tiny": {
        "dropout": 0.1,
        "encoder_embed_dim": 32,
        "encoder_hidden_size": 32,
        "decoder_embed_dim": 32,
        "decoder_hidden_size": 32,
        "decoder_out_embed_dim": 32,
    },
    # For corpora of a few thousand words, such as the generated ones.
    "regattn_lstm_small": {
        "dropout": 0.1,
        "encoder_embed_dim": 128,
        "encoder_hidden_size": 64,
        "encoder_bidirectional": True,
        "decoder_embed_dim": 128,
        "decoder_hidden_size": 128,
        "decoder_out_embed_dim": 128,
        "attn_normalized": True,
    },
    # As large as fairseq's lstm_wiseman_iwslt_de_en. Two directions share the encoder's units.
    "regattn_lstm_iwslt_de_en": {
        "dropout": 0.2,
        "encoder_embed_dim": 256,
        "encoder_hidden_size": 128,
        "encoder_bidirectional": True,
        "decoder_embed_dim": 256,
        "decoder_hidden_size": 256,
        "decoder_out_embed_dim": 256,
        "attn_normalized": True,
    },
    # The paper's architecture: OpenNMT-py's defaults of 2017.
    "regattn_lstm_opennmt": {
        "dropout": 0.3,
        "encoder_embed_dim": 500,
        "encoder_hidden_size": 500,
        "encoder_layers": 2,
        "encoder_dropout_in": 0.0,
        "encoder_dropout_out": 0.3,
        "decoder_embed_dim": 500,
        "decoder_hidden_size": 500,
        "decoder_layers": 2,
        "decoder_out_embed_dim": 500,
        "decoder_dropout_in": 0.0,
        "decoder_dropout_out": 0.3,
    },
    "regattn_transformer_tiny": _of_fairseq("transformer_tiny"),
    # For corpora of some ten thousand sentences, such as Multi30k: larger ones learn them by heart.
    "regattn_transformer_small": {
        "encoder_embed_dim": 128,
        "encoder_ffn_embed_dim": 256,
        "encoder_layers": 3,
        "encoder_attention_heads": 4,
        "encoder_normalize_before": True,
        "decoder_layers": 3,
        "decoder_attention_heads": 4,
        "decoder_normalize_before": True,
        "share_decoder_input_output_embed": True,
    },
    "regattn_transformer_iwslt_de_en": _of_fairseq("transformer_iwslt_de_en"),
    "regattn_transformer_vaswani_wmt_en_de_big": _of_fairseq("transformer_vaswani_wmt_en_de_big"),
}


def _register(name: str, sizes: dict[str, Any]) -> None:
    models = (RegattnLSTMModel.name, RegattnTransformerModel.name)
    (model,) = (each for each in models if name.startswith(each))

    @register_model_architecture(model, name)
    def set_sizes(args: Namespace) -> None:
        for option, value in sizes.items():
            if getattr(args, option, None) is None:
                setattr(args, option, value)


for _name, _sizes in ARCHITECTURES.items():
    _register(_name, _sizes)
