"""LSTM encoder."""

from typing import NamedTuple

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.fast import packed_lstm


class EncoderOutput(NamedTuple):
    """What the decoder reads of a source batch.

    In beam search each sentence has the same number of rows in the batch, one for each hypothesis,
    one after the other. These rows share one copy of the sentence's states.
    """

    states: Tensor  # [sentences, source, output_units]; zero where padded
    hidden: Tensor  # [layers, batch, output_units], each layer's last state
    cell: Tensor  # [layers, batch, output_units]
    padding_mask: Tensor | None  # bool [sentences, source], True where no word is; None: no padding
    tokens: Tensor  # the words' indices [sentences, source], padding included


def select_sentences(rows: Tensor, hypotheses: int, *memories: Tensor) -> list[Tensor]:
    """Select the tensors of sentences, for a batch with a new selection of rows.

    If every sentence keeps the same number of rows, one after the other, its rows still share one
    copy, and usually nothing is copied. Otherwise each row gets its own copy.

    Args:
        rows: indices of the rows to pick, [new batch].
        hypotheses: how many rows each sentence has before the selection.
        memories: any number of tensors [sentences, …].
    """
    picked = rows // hypotheses
    sentences, counts = picked.unique_consecutive(return_counts=True)
    if not bool(counts.eq(counts[:1]).all()):
        sentences = picked
    if torch.equal(sentences, torch.arange(memories[0].size(0), device=rows.device)):
        return list(memories)
    return [memory.index_select(0, sentences) for memory in memories]


class LSTMEncoder(FairseqEncoder):
    """Read the source with an LSTM, in one direction or both.

    Padding may be on either side. States and mask keep the positions of ``src_tokens``, so that
    attention weights refer to the caller's positions.

    Args:
        dictionary: the source dictionary.
        embed_tokens: embeddings [len(dictionary), embed_dim].
        hidden_size: units of each layer and direction.
        num_layers: number of layers.
        bidirectional: also read from right to left; states are then twice as wide.
        dropout_in: dropout on the embeddings.
        dropout_out: dropout on each layer's output.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: nn.Embedding,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout_in: float,
        dropout_out: float,
    ) -> None:
        super().__init__(dictionary)
        self.padding_idx = dictionary.pad()
        self.embed_tokens = embed_tokens
        self.dropout_in_module = Dropout(dropout_in, module_name=type(self).__name__)
        self.dropout_out_module = Dropout(dropout_out, module_name=type(self).__name__)
        self.lstm = nn.LSTM(
            embed_tokens.embedding_dim,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout_out if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        self.bidirectional = bidirectional
        self.output_units = hidden_size * (2 if bidirectional else 1)

    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None) -> EncoderOutput:
        """Encode a batch.

        Args:
            src_tokens: word indices [batch, source].
            src_lengths: not used; fairseq passes it. The padding gives the lengths.
        """
        padding_mask = src_tokens.eq(self.padding_idx)
        lengths = (src_tokens.size(1) - padding_mask.sum(dim=1)).cpu()
        has_padding = bool(lengths.min() < src_tokens.size(1))
        # Packed sequences start at position 0: move the words there, keeping their order.
        order = padding_mask.byte().argsort(dim=1, stable=True)
        read = src_tokens.gather(1, order) if has_padding else src_tokens

        embedded = self.dropout_in_module(self.embed_tokens(read))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        packed_states, (hidden, cell) = self._read(packed)
        states, _lengths = pad_packed_sequence(
            packed_states, batch_first=True, total_length=src_tokens.size(1)
        )
        if has_padding:
            back = order.argsort(dim=1).unsqueeze(2).expand_as(states)
            states = states.gather(1, back)
        states = self.dropout_out_module(states)
        if self.bidirectional:
            hidden, cell = _join_directions(hidden), _join_directions(cell)
        mask = padding_mask if has_padding else None
        return EncoderOutput(states, hidden, cell, mask, src_tokens)

    def _read(self, packed: PackedSequence) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        if not torch.jit.is_scripting():  # noqa: SIM102  the compiler passes over this block alone
            if packed_lstm.replaces(self.lstm, packed.data):
                return packed_lstm.run(self.lstm, packed)
        return self.lstm(packed)

    def reorder_encoder_out(self, encoder_out: EncoderOutput, new_order: Tensor) -> EncoderOutput:
        """Pick rows, as beam search does: ``new_order`` holds batch indices."""
        states, hidden, cell, padding_mask, tokens = encoder_out
        memories = [states, tokens] if padding_mask is None else [states, tokens, padding_mask]
        hypotheses = hidden.size(1) // states.size(0)
        states, tokens, *masks = select_sentences(new_order, hypotheses, *memories)
        hidden, cell = hidden.index_select(1, new_order), cell.index_select(1, new_order)
        return EncoderOutput(states, hidden, cell, masks[0] if masks else None, tokens)

    def max_positions(self) -> int:
        """Any length: an LSTM has no positions."""
        return int(1e5)


def _join_directions(final: Tensor) -> Tensor:
    """Last states [layers * 2, batch, hidden] as [layers, batch, 2 * hidden]."""
    return torch.cat((final[0::2], final[1::2]), dim=2)
