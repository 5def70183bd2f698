"""Named architectures. Each is a choice of ``--arch`` and of Hydra's ``model=``."""

from argparse import Namespace
from typing import Any

from fairseq.models import register_model_architecture

from regattn_fairseq.models.encoder_decoder import RegattnLSTMModel

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
}


def _register(name: str, sizes: dict[str, Any]) -> None:
    @register_model_architecture(RegattnLSTMModel.name, name)
    def set_sizes(args: Namespace) -> None:
        for option, value in sizes.items():
            if getattr(args, option, None) is None:
                setattr(args, option, value)


for _name, _sizes in ARCHITECTURES.items():
    _register(_name, _sizes)
