"""Options of ``regattn_transformer``: those of fairseq's ``transformer``, and the normalizers'."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.models.transformer import TransformerConfig
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.declared.model_options import KINDS, kind_argument
from regattn_fairseq.models.normalizer_options import NormalizerOptions, option_fields
from regattn_fairseq.models.output_map import LossOptions

# fairseq reads these annotations at run time. It knows Optional[X], but not X | None.
OptionalFloat = Optional[float]  # noqa: UP045
OptionalStr = Optional[str]  # noqa: UP045
OptionalInt = Optional[int]  # noqa: UP045

# Options of fairseq's that would replace the attention, that its own transformer for pairs of texts
# does not read, or that change the dictionaries of the task.
_LEFT_OUT = (
    *("xformers_att_config", "adaptive_input", "char_inputs", "relu_dropout", "export"),
    *("base_layers", "base_sublayers", "base_shuffle", "merge_src_tgt_embed"),
)

# As in fairseq's own architectures, the decoder is as large as the encoder unless it is told so.
_AS_THE_ENCODER = ("decoder_embed_dim", "decoder_ffn_embed_dim")
_AS_THE_EMBEDDINGS = ("decoder_input_dim", "decoder_output_dim")
_HELP = {
    "decoder_embed_dim": "decoder: embedding dimension (default: encoder_embed_dim)",
    "decoder_ffn_embed_dim": "decoder: embedding dimension for FFN (default: the encoder's)",
    "decoder_input_dim": "decoder: input dimension (default: decoder_embed_dim)",
    "decoder_output_dim": "decoder: output dimension (default: decoder_embed_dim)",
}


def _fairseq_fields() -> Iterator[tuple[str, Any, Any]]:
    """The fields of fairseq's configuration under the names that its command line has for them."""
    for each in fields(TransformerConfig):
        if each.name == "_name" or each.name in _LEFT_OUT:
            continue
        if isinstance(each.type, type) and issubclass(each.type, FairseqDataclass):
            for below in fields(each.type):
                if below.name != "_name" and below.name not in _LEFT_OUT:
                    yield _flat(f"{each.name}_{below.name}", below, each.name)
        else:
            yield _flat(each.name, each, None)


def _flat(name: str, declared: Any, side: str | None) -> tuple[str, Any, Any]:
    text = declared.metadata.get("help", name.replace("_", " "))
    metadata = {"help": _HELP.get(name, text if side is None else f"{side}: {text}")}
    if name in _HELP:
        return name, OptionalInt, field(default=None, metadata=metadata)
    if name.endswith("layers_to_keep"):  # fairseq takes them apart as text
        return name, OptionalStr, field(default=None, metadata=metadata)
    assert declared.default is not MISSING
    kind = float if isinstance(declared.default, int) and declared.type is float else None
    default = declared.default if kind is None else kind(declared.default)
    return name, declared.type, field(default=default, metadata=metadata)


def _kind_fields() -> Iterator[tuple[str, Any, Any]]:
    """For each kind of attention, the options of its normalizer."""
    for kind, words in KINDS.items():
        for name, kind_of_value, _field in option_fields():
            flag = f"--{name.replace('_', '-')}"
            text = f"the same as {flag}, for {words} alone (default: as {flag})"
            optional: Any = Optional[kind_of_value]  # noqa: UP045
            yield kind_argument(kind, name), optional, field(default=None, metadata={"help": text})
        text = f"the same as --attn-gamma-start, for {words} alone"
        name = kind_argument(kind, "attn_gamma_start")
        yield name, OptionalFloat, field(default=None, metadata={"help": text})


# A type checker cannot see its fields.
_DeclaredOptions: Any = make_dataclass(
    "_DeclaredOptions",
    [*_fairseq_fields(), *_kind_fields()],
    bases=(NormalizerOptions, LossOptions),
)


@dataclass
class RegattnTransformerConfig(_DeclaredOptions):
    """Every option of the model.

    Names that fairseq's own ``transformer`` has mean the same there. ``attn_*`` are for all kinds
    of attention; ``encoder_self_attn_*``, ``decoder_self_attn_*`` and ``encoder_decoder_attn_*``
    are for one. ``loss_*`` are of the map at the output.
    """


def fairseq_config(cfg: Any) -> TransformerConfig:
    """The configuration that fairseq's own transformer is built from.

    Args:
        cfg: options of :class:`RegattnTransformerConfig`, as a dataclass or as OmegaConf's.
    """
    node = cfg if isinstance(cfg, DictConfig) else OmegaConf.structured(cfg)
    given: Any = OmegaConf.to_container(node, resolve=True, enum_to_str=True)
    options = {name: given[name] for name, _type, _field in _fairseq_fields()}
    for name in (*_AS_THE_ENCODER, *_AS_THE_EMBEDDINGS):
        if options[name] is None:
            other = "decoder_embed_dim" if name in _AS_THE_EMBEDDINGS else f"en{name[2:]}"
            options[name] = options[other]
    return TransformerConfig.from_namespace(Namespace(**options))
