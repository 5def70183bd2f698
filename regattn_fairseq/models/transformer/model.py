"""``regattn_transformer``: fairseq's transformer with any normalizer in each kind of attention."""

import argparse
from typing import Any

from fairseq.data import Dictionary
from fairseq.models import register_model
from fairseq.models.transformer import TransformerConfig, TransformerModelBase
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from regattn_fairseq.declared.model_options import KINDS, chosen_normalizer, options_of_kind
from regattn_fairseq.models.command_line import refuse_16_bits_without_gpu
from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.models.learned_options import adapt_learned_options
from regattn_fairseq.models.normalizer_options import (
    check_attention_options,
    normalizer_from_options,
)
from regattn_fairseq.models.output_map import output_map_from_options
from regattn_fairseq.models.training_setup import check_training_setup
from regattn_fairseq.models.transformer.attention import (
    NormalizedMultiheadAttention,
    learned_parameters,
)
from regattn_fairseq.models.transformer.config import RegattnTransformerConfig, fairseq_config
from regattn_fairseq.models.transformer.heads import attentions
from regattn_fairseq.models.word_vectors import load_word_vectors
from regattn_fairseq.normalizers import Normalizer


@register_model("regattn_transformer", dataclass=RegattnTransformerConfig)
class RegattnTransformerModel(TransformerModelBase):
    """fairseq's transformer, with a normalizer for each kind of attention.

    The encoder, the decoder and all their layers are fairseq's own. A kind of attention whose
    normalizer is plain softmax stays fairseq's, too, so that the model then computes exactly what
    ``transformer`` computes, as fast. Options that are learned have a value for each head of each
    layer: with α-entmax, adaptively sparse heads.

    Source: Vaswani et al. 2017 (arXiv 1706.03762); Correia et al. 2019 (arXiv 1909.00015).
    """

    name = "regattn_transformer"

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of :class:`RegattnTransformerConfig`, checked as they are parsed."""
        super(TransformerModelBase, cls).add_args(parser)
        check_attention_options(parser)
        refuse_16_bits_without_gpu(parser)

    @classmethod
    def build_model(cls, cfg: Any, task: FairseqTask) -> "RegattnTransformerModel":
        """Build the model for a task's dictionaries.

        Raises:
            ModelError: an option is out of range, or two options do not fit together; the message
                names them.
        """
        config = fairseq_config(cfg)
        check_training_setup(task)
        _check_sizes(config)
        try:
            model: RegattnTransformerModel = super().build_model(config, task)
        except ModelError:
            raise
        except ValueError as error:
            raise ModelError(str(error)) from error
        model.decoder.output_map = _output_map(cfg, config)
        for kind, modules in attentions(model).items():
            options = options_of_kind(cfg, kind)
            try:
                _install(modules, options, watched=kind == "encoder_decoder_attn")
            except ValueError as error:
                raise ModelError(f"{KINDS[kind]} ({kind}_…): {error}") from error
        return model

    @classmethod
    def build_embedding(
        cls, cfg: TransformerConfig, dictionary: Dictionary, embed_dim: int, path: str | None = None
    ) -> nn.Embedding:
        """The embeddings of a dictionary, with the vectors of a file where there is one.

        Raises:
            ModelError: the file cannot be read, or does not fit.
        """
        embedding: nn.Embedding = super().build_embedding(cfg, dictionary, embed_dim)
        if path:
            side = "encoder" if path == cfg.encoder.embed_path else "decoder"
            load_word_vectors(path, dictionary, embedding.weight.data, side)
        return embedding

    def get_normalized_probs(
        self,
        net_output: tuple[Tensor, dict[str, Any] | None],
        log_probs: bool,
        sample: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Word probabilities, or their logarithms: [batch, target, vocabulary]."""
        output_map = self.decoder.output_map
        if output_map is None:
            found: Tensor = super().get_normalized_probs(net_output, log_probs, sample)
            return found
        probabilities: Tensor = output_map(net_output[0].float())
        return probabilities.log() if log_probs else probabilities

    def output_weights(self) -> tuple[Tensor, None] | None:
        """Weight [words, dim] of the output layer, which has no bias; None if it is adaptive."""
        layer = self.decoder.output_projection
        return None if layer is None else (layer.weight, None)

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Adapt a checkpoint of fairseq's ``transformer``, or one with other learned options.

        fairseq calls this before it loads a checkpoint.

        Args:
            state_dict: the parameters of the whole model; changed in place.
            name: the name of this module in it.
        """
        super().upgrade_state_dict_named(state_dict, name)
        prefix = f"{name}." if name else ""
        ours = {id(each) for modules in attentions(self).values() for each in modules}
        for place, module in self.named_modules():
            if id(module) in ours:
                starts = learned_parameters(module)
                adapt_learned_options(state_dict, f"{prefix}{place}.normalizer.", starts)


def _install(modules: list[Any], options: Any, *, watched: bool) -> None:
    """Give attention modules of one kind their normalizers, unless that is plain softmax."""
    choice = chosen_normalizer(options)
    plain = choice.name == "softmax" and not choice.learned and choice.options["gamma"] == 1
    if plain and options.attn_gamma_start in (None, 1):
        return
    for module in modules:
        normalizer = normalizer_from_options(options, (module.num_heads, 1, 1))
        normalizer.watched = watched
        NormalizedMultiheadAttention.adopt(module, normalizer)


def _output_map(cfg: Any, config: TransformerConfig) -> Normalizer | None:
    """The map of word scores to probabilities; None for softmax.

    Raises:
        ModelError: an option of the map is out of range, or the output layer has no word scores.
    """
    try:
        output_map = output_map_from_options(cfg)
    except ValueError as error:
        raise ModelError(str(error)) from error
    if output_map is not None and config.adaptive_softmax_cutoff is not None:
        raise ModelError(
            "loss_normalizer maps the scores of all words, which an adaptive softmax does not "
            "have: leave out loss_normalizer or adaptive_softmax_cutoff"
        )
    return output_map


def _check_sizes(config: TransformerConfig) -> None:
    for side in ("encoder", "decoder"):
        part = getattr(config, side)
        if part.attention_heads < 1 or part.embed_dim % part.attention_heads:
            raise ModelError(
                f"{side}_attention_heads={part.attention_heads} does not divide "
                f"{side}_embed_dim={part.embed_dim}: choose a divisor"
            )
        if part.layers < 1:
            raise ModelError(f"{side}_layers={part.layers}: choose 1 or more")


__all__ = ["RegattnTransformerModel"]
