"""``regattn_entailment``: does the second sentence follow from the first?"""

import argparse
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel, register_model
from fairseq.modules import FairseqDropout
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from regattn_fairseq.models.attention import Attention
from regattn_fairseq.models.command_line import refuse_16_bits_without_gpu
from regattn_fairseq.models.lstm_config import OptionalStr
from regattn_fairseq.models.normalizer_options import (
    NormalizedScoreOptions,
    check_attention_options,
    normalizer_from_options,
)
from regattn_fairseq.models.word_vectors import load_word_vectors


@dataclass
class RegattnEntailmentConfig(NormalizedScoreOptions):
    """Every option of the model. Names shared with ``regattn_lstm`` mean the same there."""

    dropout: float = field(
        default=0.1, metadata={"help": "dropout on the projected words and on the last layer"}
    )
    encoder_embed_dim: int = field(default=300, metadata={"help": "size of the word embeddings"})
    encoder_embed_path: OptionalStr = field(
        default=None,
        metadata={"help": "file of pretrained word vectors, in GloVe's or word2vec's text format"},
    )
    encoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the word embeddings, only their projection"}
    )
    encoder_hidden_size: int = field(
        default=100, metadata={"help": "units of the encoders, and of the projected words"}
    )


@register_model("regattn_entailment", dataclass=RegattnEntailmentConfig)
class RegattnEntailmentModel(BaseFairseqModel):
    """Classify a premise and a hypothesis, with attention over the premise's words.

    x and y are the embeddings of the two sentences' words, projected by one matrix. GRU and GRU'
    are two recurrent networks with gated units::

        h_1 … h_T = GRU(x_1 … x_T)                   the premise
        q         = last state of GRU'(y_1 … y_H)    the hypothesis
        p         = normalizer(v·tanh(W h_t + U q + b) for t = 1 … T)
        u         = tanh(V [Σ_t p_t h_t; q])
        labels    = softmax(C u + c)

    The model is for fairseq's own ``sentence_prediction`` task and criterion. Their batches hold
    the two sentences one after the other, and each ends in ``</s>``.

    Args:
        dictionary: the dictionary of both sentences.
        embed_tokens: word embeddings [len(dictionary), embed_dim].
        hidden_size: units of the encoders.
        dropout: dropout on the projected words and on u.
        normalized: see :class:`~regattn_fairseq.models.attention.Attention`.
        normalizer: module that maps scores [..., T] and a mask to weights [..., T].

    Source: Niculae and Blondel, NIPS 2017 (arXiv 1705.07704), section 4; Martins and Astudillo
    2016 (arXiv 1602.02068), section 4; Rocktäschel et al. 2016 (arXiv 1509.06664).
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: nn.Embedding,
        hidden_size: int,
        dropout: float,
        normalized: bool,
        normalizer: nn.Module,
    ) -> None:
        super().__init__()
        self.padding_idx, self.eos_idx = dictionary.pad(), dictionary.eos()
        self.embed_tokens = embed_tokens
        self.dropout_module = FairseqDropout(dropout, module_name=type(self).__name__)
        self.projection = nn.Linear(embed_tokens.embedding_dim, hidden_size, bias=False)
        self.premise_encoder = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.hypothesis_encoder = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.attention = Attention(
            hidden_size,
            hidden_size,
            score="concat",
            scaled=False,
            normalized=normalized,
            normalizer=normalizer,
        )
        self.classification_heads = nn.ModuleDict()

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of :class:`RegattnEntailmentConfig`, checked as they are parsed."""
        super().add_args(parser)
        check_attention_options(parser)
        refuse_16_bits_without_gpu(parser)

    @classmethod
    def build_model(
        cls, cfg: RegattnEntailmentConfig, task: FairseqTask
    ) -> "RegattnEntailmentModel":
        """Build the model for a task's dictionary.

        Raises:
            ValueError: an option is out of range, or the file of word vectors cannot be used.
        """
        dictionary = task.source_dictionary
        embed_tokens = nn.Embedding(
            len(dictionary), cfg.encoder_embed_dim, padding_idx=dictionary.pad()
        )
        if cfg.encoder_embed_path is not None:
            load_word_vectors(cfg.encoder_embed_path, dictionary, embed_tokens.weight.data)
        embed_tokens.weight.requires_grad_(not cfg.encoder_freeze_embed)
        return cls(
            dictionary,
            embed_tokens,
            hidden_size=cfg.encoder_hidden_size,
            dropout=cfg.dropout,
            normalized=cfg.attn_normalized,
            normalizer=normalizer_from_options(cfg),
        )

    def register_classification_head(self, name: str, num_classes: int, **_: Any) -> None:
        """Add the last layer. The task calls this with its name and its number of labels."""
        units = self.projection.out_features
        self.classification_heads[name] = nn.Linear(units, num_classes)

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        *,
        classification_head_name: str,
        **_: Any,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Score the labels.

        Args:
            src_tokens: indices [batch, length] of premise, ``</s>``, hypothesis, ``</s>``.
            src_lengths: not used; fairseq passes it. The tokens give the lengths.
            classification_head_name: the name of the last layer to use.

        Returns:
            label scores [batch, labels], and under ``attn`` the weights of the premise's words
            [batch, longest premise], its ``</s>`` included.

        Raises:
            ValueError: a row holds no second sentence.
        """
        premise, hypothesis = self.split_pair(src_tokens)
        states, _last = self._encode(self.premise_encoder, premise)
        _states, query = self._encode(self.hypothesis_encoder, hypothesis)
        mixed, weights = self.attention(
            query.unsqueeze(1),
            states,
            premise.eq(self.padding_idx),
        )
        head = self.classification_heads[classification_head_name]
        return head(self.dropout_module(mixed.squeeze(1))), {"attn": weights.squeeze(1)}

    def split_pair(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Premise [batch, longest premise] and hypothesis [batch, longest hypothesis].

        Each starts at the left, ends in its ``</s>``, and is followed by padding.
        """
        present = tokens.ne(self.padding_idx)
        ended = tokens.eq(self.eos_idx)
        sentence = ended.cumsum(dim=1) - ended.long()  # [batch, length]: 0, 1, … for each word
        parts = []
        for number in (0, 1):
            chosen = present & sentence.eq(number)
            lengths = chosen.sum(dim=1)
            if not bool(lengths.all()):
                raise ValueError(
                    "regattn_entailment needs two sentences for each example: put the premises "
                    "into input0 and the hypotheses into input1"
                )
            longest = int(lengths.max())
            order = (~chosen).byte().argsort(dim=1, stable=True)[:, :longest]
            beyond = torch.arange(longest, device=tokens.device) >= lengths.unsqueeze(1)
            parts.append(tokens.gather(1, order).masked_fill(beyond, self.padding_idx))
        return parts[0], parts[1]

    def _encode(self, encoder: nn.GRU, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """All states [batch, length, units], and the state at each sentence's end [batch, units].

        The padding is after the words and so does not change their states. Packed sequences would
        give the same states, but take longer on a CPU.
        """
        states, _last = encoder(self.dropout_module(self.projection(self.embed_tokens(tokens))))
        ends = tokens.ne(self.padding_idx).sum(dim=1) - 1
        return states, states[torch.arange(len(states), device=states.device), ends]


__all__ = ["RegattnEntailmentConfig", "RegattnEntailmentModel"]
