"""Options of ``regattn_lstm``: one dataclass defines the argparse flags and the Hydra node."""

from dataclasses import dataclass, field
from typing import Optional, cast

from fairseq.dataclass import ChoiceEnum
from omegaconf import DictConfig

from regattn_fairseq.models.normalizer_options import NormalizedScoreOptions
from regattn_fairseq.models.output_map import LossOptions

# fairseq reads these annotations at run time. It knows Optional[X], but not X | None.
OptionalInt = Optional[int]  # noqa: UP045
OptionalFloat = Optional[float]  # noqa: UP045
OptionalStr = Optional[str]  # noqa: UP045


@dataclass
class RegattnLSTMConfig(NormalizedScoreOptions, LossOptions):
    """Every option of the model. Names shared with fairseq's own ``lstm`` mean the same there."""

    dropout: float = field(default=0.1, metadata={"help": "dropout probability"})

    encoder_embed_dim: int = field(
        default=512, metadata={"help": "size of the source word embeddings"}
    )
    encoder_embed_path: OptionalStr = field(
        default=None, metadata={"help": "file of pretrained source embeddings, in text format"}
    )
    encoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the source embeddings"}
    )
    encoder_hidden_size: OptionalInt = field(
        default=None,
        metadata={"help": "units of an encoder layer and direction (default: encoder_embed_dim)"},
    )
    encoder_layers: int = field(default=1, metadata={"help": "number of encoder layers"})
    encoder_bidirectional: bool = field(
        default=False, metadata={"help": "read the source in both directions"}
    )
    encoder_dropout_in: OptionalFloat = field(
        default=None, metadata={"help": "dropout on the source embeddings (default: dropout)"}
    )
    encoder_dropout_out: OptionalFloat = field(
        default=None, metadata={"help": "dropout on each encoder layer's output (default: dropout)"}
    )

    decoder_embed_dim: int = field(
        default=512, metadata={"help": "size of the target word embeddings"}
    )
    decoder_embed_path: OptionalStr = field(
        default=None, metadata={"help": "file of pretrained target embeddings, in text format"}
    )
    decoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the target embeddings"}
    )
    decoder_hidden_size: OptionalInt = field(
        default=None, metadata={"help": "units of a decoder layer (default: decoder_embed_dim)"}
    )
    decoder_layers: int = field(default=1, metadata={"help": "number of decoder layers"})
    decoder_out_embed_dim: int = field(
        default=512,
        metadata={"help": "size of the vector that the output layer turns into word scores"},
    )
    decoder_dropout_in: OptionalFloat = field(
        default=None, metadata={"help": "dropout on the target embeddings (default: dropout)"}
    )
    decoder_dropout_out: OptionalFloat = field(
        default=None, metadata={"help": "dropout on each decoder layer's output (default: dropout)"}
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "use the target embeddings as output layer, too"}
    )
    share_all_embeddings: bool = field(
        default=False,
        metadata={"help": "one table for source, target and output (needs a joined dictionary)"},
    )

    attn_score: ChoiceEnum(["dot", "general", "concat"]) = field(  # type: ignore[valid-type]
        default="general",
        metadata={
            "help": "how a decoder state h scores a source state s (Luong et al. 2015): "
            "dot: h's; general: h'Ws; concat: v'tanh(W[h; s])"
        },
    )
    attn_scaled: bool = field(
        default=False,
        metadata={
            "help": "divide dot and general scores by the square root of the decoder's units; "
            "keeps sparse attention from settling on one word before it has learned which"
        },
    )
    attn_fertility: OptionalFloat = field(
        default=None,
        metadata={
            "help": "the most weight that a source word may get from all target words together, "
            "above 0; the end of the sentence may get any. For softmax and sparsemax, which become "
            "constrained softmax and constrained sparsemax (default: no bound)"
        },
    )
    attn_fertility_guided: bool = field(
        default=False,
        metadata={
            "help": "instead, each source word may get as much as the most target words that the "
            "training text's links give it, and a word without links attn_fertility; needs links "
            "as load_alignments does"
        },
    )
    attn_window: OptionalFloat = field(
        default=None,
        metadata={
            "help": "local attention (Luong et al. 2015): how many words on each side of a "
            "predicted place get weights, above 0, such as 10 (default: all words, anywhere)"
        },
    )
    copy_attn: bool = field(
        default=False,
        metadata={
            "help": "let the output copy source words, as likely as attention looks at them (See "
            "et al. 2017); needs a joined dictionary"
        },
    )
    no_input_feeding: bool = field(
        default=False,
        metadata={
            "help": "do not feed the attention's output into the next step; the whole target is "
            "then read in one call, which is faster"
        },
    )


def resolve_defaults(cfg: RegattnLSTMConfig) -> DictConfig:
    """Fill in, in place, the options whose default is another option's value."""
    options = cast(DictConfig, cfg)  # fairseq and Hydra turn the dataclass into one
    for side in ("encoder", "decoder"):
        if options[f"{side}_hidden_size"] is None:
            options[f"{side}_hidden_size"] = options[f"{side}_embed_dim"]
        for place in ("in", "out"):
            if options[f"{side}_dropout_{place}"] is None:
                options[f"{side}_dropout_{place}"] = options.dropout
    return options
