"""``regattn_lstm``: LSTM encoder-decoder with regularized attention."""

import argparse

from fairseq.data import Dictionary
from fairseq.models import FairseqEncoderDecoderModel, register_model
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from regattn_fairseq.declared.model_options import check_normalizer
from regattn_fairseq.models.attention import Attention
from regattn_fairseq.models.command_line import refuse_16_bits_without_gpu
from regattn_fairseq.models.decoder import LSTMDecoder
from regattn_fairseq.models.encoder import LSTMEncoder
from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.models.fertility import guided_fertilities
from regattn_fairseq.models.lstm_config import RegattnLSTMConfig, resolve_defaults
from regattn_fairseq.models.normalizer_options import (
    check_attention_options,
    normalizer_from_options,
)
from regattn_fairseq.models.output_map import output_map_from_options
from regattn_fairseq.models.training_setup import check_training_setup
from regattn_fairseq.models.word_vectors import load_word_vectors

INIT_RANGE = 0.1  # Weights start uniform in ±0.1, as in OpenNMT's and fairseq's LSTM models.


@register_model("regattn_lstm", dataclass=RegattnLSTMConfig)
class RegattnLSTMModel(FairseqEncoderDecoderModel):
    """LSTM encoder-decoder whose attention weights come from a regularized max.

    With ``--attn-normalizer softmax --attn-score general`` it computes the same as fairseq's own
    ``lstm``, up to rounding.

    Source: V. Niculae and M. Blondel, A Regularized Framework for Sparse and Structured Neural
    Attention, NIPS 2017 (arXiv 1705.07704), section 4; Luong et al. 2015 (arXiv 1508.04025).
    """

    name = "regattn_lstm"

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of :class:`RegattnLSTMConfig`, checked as they are parsed."""
        super().add_args(parser)
        check_attention_options(parser)
        refuse_16_bits_without_gpu(parser)

    @classmethod
    def build_model(cls, cfg: RegattnLSTMConfig, task: FairseqTask) -> "RegattnLSTMModel":
        """Build the model for a task's dictionaries.

        Raises:
            ModelError: an option is out of range, or two options do not fit together; the message
                names them.
        """
        options = resolve_defaults(cfg)
        check_normalizer(options)
        source, target = task.source_dictionary, task.target_dictionary
        if options.encoder_layers != options.decoder_layers:
            raise ModelError(
                "each decoder layer starts from the encoder's last state of the same layer: set "
                f"encoder_layers ({options.encoder_layers}) and decoder_layers "
                f"({options.decoder_layers}) to the same number"
            )
        check_training_setup(task)
        if options.copy_attn and output_map_from_options(cfg) is not None:
            raise ModelError(
                "copy_attn mixes attention with softmax's probabilities, not with those of "
                "loss_normalizer: leave one of the two out"
            )
        if options.copy_attn and source != target:
            raise ModelError(
                "copy_attn needs one dictionary for both sides: preprocess with "
                "--joined-dictionary (data.tokenizer.joint=true)"
            )
        encoder_embed, decoder_embed = _build_embeddings(cfg, source, target)
        encoder = LSTMEncoder(
            source,
            encoder_embed,
            hidden_size=options.encoder_hidden_size,
            num_layers=options.encoder_layers,
            bidirectional=options.encoder_bidirectional,
            dropout_in=options.encoder_dropout_in,
            dropout_out=options.encoder_dropout_out,
        )
        attention = Attention(
            options.decoder_hidden_size,
            encoder.output_units,
            score=str(options.attn_score),
            scaled=options.attn_scaled,
            normalized=options.attn_normalized,
            normalizer=normalizer_from_options(cfg),
            window=options.attn_window,
        )
        decoder = LSTMDecoder(
            target,
            decoder_embed,
            hidden_size=options.decoder_hidden_size,
            num_layers=options.decoder_layers,
            out_embed_dim=options.decoder_out_embed_dim,
            encoder_output_units=encoder.output_units,
            attention=attention,
            input_feeding=not options.no_input_feeding,
            share_input_output_embed=options.share_decoder_input_output_embed
            or options.share_all_embeddings,
            dropout_in=options.decoder_dropout_in,
            dropout_out=options.decoder_dropout_out,
            copy_attention=options.copy_attn,
            fertility=options.attn_fertility,
            word_fertilities=guided_fertilities(task, options.attn_fertility)
            if options.attn_fertility_guided
            else None,
            output_map=output_map_from_options(cfg),
        )
        for module in (encoder.lstm, decoder):
            for name, parameter in module.named_parameters():
                if "embed_tokens" not in name and "normalizer" not in name:
                    nn.init.uniform_(parameter, -INIT_RANGE, INIT_RANGE)
        return cls(encoder, decoder)

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None,
        prev_output_tokens: Tensor,
        features_only: bool = False,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Score the target words given the source; see the decoder's ``forward``."""
        encoder_out = self.encoder(src_tokens, src_lengths)
        return self.decoder(
            prev_output_tokens, encoder_out=encoder_out, features_only=features_only
        )

    def output_weights(self) -> tuple[Tensor, Tensor | None] | None:
        """Weight and bias of the output layer; see the decoder's method of this name."""
        weights: tuple[Tensor, Tensor | None] | None = self.decoder.output_weights()
        return weights


def _build_embeddings(
    cfg: RegattnLSTMConfig, source: Dictionary, target: Dictionary
) -> tuple[nn.Embedding, nn.Embedding]:
    if cfg.share_all_embeddings:
        if source != target:
            raise ModelError(
                "share_all_embeddings needs one dictionary for both sides: preprocess with "
                "--joined-dictionary (data.tokenizer.joint=true)"
            )
        if cfg.encoder_embed_dim != cfg.decoder_embed_dim:
            raise ModelError(
                f"share_all_embeddings needs encoder_embed_dim ({cfg.encoder_embed_dim}) equal to "
                f"decoder_embed_dim ({cfg.decoder_embed_dim})"
            )
        if cfg.decoder_embed_path not in (None, cfg.encoder_embed_path):
            raise ModelError("share_all_embeddings takes one file: set only encoder_embed_path")
    if (
        cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
    ) and cfg.decoder_embed_dim != cfg.decoder_out_embed_dim:
        raise ModelError(
            f"sharing the output layer needs decoder_embed_dim ({cfg.decoder_embed_dim}) equal to "
            f"decoder_out_embed_dim ({cfg.decoder_out_embed_dim})"
        )
    encoder_embed = _embedding(source, cfg.encoder_embed_dim, cfg.encoder_embed_path, "encoder")
    if cfg.share_all_embeddings:
        decoder_embed = encoder_embed
    else:
        decoder_embed = _embedding(target, cfg.decoder_embed_dim, cfg.decoder_embed_path, "decoder")
    encoder_embed.weight.requires_grad_(not cfg.encoder_freeze_embed)
    if cfg.decoder_freeze_embed:
        decoder_embed.weight.requires_grad_(False)
    return encoder_embed, decoder_embed


def _embedding(dictionary: Dictionary, dim: int, path: str | None, side: str) -> nn.Embedding:
    embedding = nn.Embedding(len(dictionary), dim, padding_idx=dictionary.pad())
    nn.init.uniform_(embedding.weight, -INIT_RANGE, INIT_RANGE)
    nn.init.zeros_(embedding.weight[dictionary.pad()])
    if path is not None:
        load_word_vectors(path, dictionary, embedding.weight.data, side)
    return embedding


__all__ = ["RegattnLSTMModel"]
