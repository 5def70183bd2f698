"""Fast implementations of the decoder, which avoid repeated work in a loop over steps or a search.

- The words' part of the first layer's gates is one product for all steps.
- Steps skip padding: the batch gets smaller as sentences end.
- The gradients of a loop's matrices are computed once for each batch, see
  :mod:`~regattn_fairseq.models.fast.loop_products`.
- A search computes once what does not change between steps: the keys of attention, the gates'
  matrices, and each word's part of the gates. At its first step all hypotheses of a sentence are
  equal, so only one of them is scored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from regattn_fairseq.kernels.running import Kernels, works_on
from regattn_fairseq.models.encoder import EncoderOutput, select_sentences
from regattn_fairseq.models.fast import is_ordinary, may_bypass, packed_lstm
from regattn_fairseq.models.fast.loop_products import LoopBatchedLinear, LoopLinear, LoopLSTMCell

if TYPE_CHECKING:
    from regattn_fairseq.models.attention import Attention
    from regattn_fairseq.models.decoder import DecoderState, IncrementalState, LSTMDecoder

_kernels = Kernels("regattn_fairseq.kernels.log_softmax", {"log_softmax": 1})


def replaces(decoder: LSTMDecoder, tokens: Tensor) -> bool:
    """Whether :func:`run` may replace the decoder's own computation."""
    attention = decoder.attention
    return may_bypass(
        tokens, decoder.embed_tokens, decoder.lstm, attention, *attention.projections()
    )


class _Read(NamedTuple):
    """What the decoder makes of the target's words."""

    outputs: Tensor  # of attention, [batch, target, hidden]
    weights: Tensor  # [batch, target, source]
    queries: Tensor  # [batch, target, hidden]
    words: Tensor  # embedded, [batch, target, embed_dim]


def run(
    decoder: LSTMDecoder,
    tokens: Tensor,
    encoder_out: EncoderOutput,
    incremental_state: IncrementalState | None,
    features_only: bool,
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """Scores or features, and what is beside them, as the decoder's ``forward`` computes them."""
    if incremental_state is None:
        state = decoder.last_state(encoder_out, None)
        whole = _loop if decoder.input_feeding else _all_at_once
        read = whole(decoder, tokens, encoder_out, state)
    else:
        hypotheses = encoder_out.hidden.size(1) // encoder_out.states.size(0)
        if hypotheses > 1 and _begins_alike(decoder, tokens, incremental_state):
            return _first_step(
                decoder, tokens, encoder_out, incremental_state, features_only, hypotheses
            )
        state = decoder.last_state(encoder_out, incremental_state)
        search = _Search.of(decoder, encoder_out, incremental_state)
        read, state = search.step(tokens[:, -1], encoder_out, state)
        decoder.keep_state(incremental_state, state)
    features = decoder.project_features(read.outputs)
    extra = decoder.beside(read.weights, read.queries, read.words, encoder_out)
    return (features if features_only else decoder.output_layer(features)), extra


def reorder(
    decoder: LSTMDecoder, incremental_state: IncrementalState, rows: Tensor, batch: int
) -> None:
    """Select the state of a search for these rows of the batch, in this order."""
    saved: Any = decoder.get_incremental_state(incremental_state, "search")
    if saved is not None:
        search: _Search = saved["search"]
        hypotheses = batch // search.keys.size(0)
        (search.keys,) = select_sentences(rows, hypotheses, search.keys)


def _begins_alike(
    decoder: LSTMDecoder, tokens: Tensor, incremental_state: IncrementalState
) -> bool:
    """Whether this is a search's first step, at which all hypotheses are equal."""
    return (
        decoder.get_incremental_state(incremental_state, "decoder_state") is None
        and _repeats_itself(decoder)
        and bool(tokens.eq(tokens[:1]).all())
    )


def _first_step(
    decoder: LSTMDecoder,
    tokens: Tensor,
    encoder_out: EncoderOutput,
    incremental_state: IncrementalState,
    features_only: bool,
    hypotheses: int,
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """:func:`run` for one hypothesis of each sentence; the others get the same result."""
    one_each = encoder_out._replace(
        hidden=encoder_out.hidden[:, ::hypotheses], cell=encoder_out.cell[:, ::hypotheses]
    )
    outputs, extra = run(decoder, tokens[::hypotheses], one_each, incremental_state, features_only)
    rows = torch.arange(len(outputs), device=outputs.device).repeat_interleave(hypotheses)
    state = decoder.last_state(encoder_out, incremental_state)
    decoder.keep_state(incremental_state, state.select(rows))
    for name, (of_hypotheses, *of_sentences) in extra.items():
        extra[name] = [of_hypotheses.index_select(0, rows), *of_sentences]
    return outputs.index_select(0, rows), extra


def _repeats_itself(decoder: LSTMDecoder) -> bool:
    """Whether the same input always gives the same output, and no gradient is needed."""
    random = any(
        dropout.p > 0 and (decoder.training or dropout.apply_during_inference)
        for dropout in (decoder.dropout_in_module, decoder.dropout_out_module)
    )
    return not random and not torch.is_grad_enabled()


def _pack(decoder: LSTMDecoder, tokens: Tensor) -> PackedSequence:
    """Embed each sentence's words [batch, target] up to its last one, packed by steps."""
    embedded = decoder.dropout_in_module(decoder.embed_tokens(tokens))
    positions = torch.arange(1, tokens.size(1) + 1, device=tokens.device)
    lengths = (tokens.ne(decoder.padding_idx) * positions).amax(dim=1).clamp(min=1)
    return pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)


def _read(
    decoder: LSTMDecoder, words: PackedSequence, state: DecoderState
) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
    """Have the LSTM read a packed batch in one call."""
    start = (state.hidden, state.cell)
    if packed_lstm.replaces(decoder.lstm, words.data):
        return packed_lstm.run(decoder.lstm, words, start)
    read: tuple[PackedSequence, tuple[Tensor, Tensor]] = decoder.lstm(words, start)
    return read


def _all_at_once(
    decoder: LSTMDecoder, tokens: Tensor, encoder_out: EncoderOutput, state: DecoderState
) -> _Read:
    """Without input feeding."""
    packed_words = _pack(decoder, tokens)
    packed, _ = _read(decoder, packed_words, state)
    queries, words = (_unpack(each, tokens) for each in (packed, packed_words))
    mixed, weights, _ = decoder.attend(queries, encoder_out, state.attended)
    return _Read(decoder.dropout_out_module(mixed), weights, queries, words)


def _unpack(packed: PackedSequence, tokens: Tensor) -> Tensor:
    """A packed batch of the shape of ``tokens`` as [batch, target, size]."""
    padded, _ = pad_packed_sequence(packed, batch_first=True, total_length=tokens.size(1))
    return padded


def _loop(
    decoder: LSTMDecoder, tokens: Tensor, encoder_out: EncoderOutput, state: DecoderState
) -> _Read:
    """With input feeding, step by step."""
    gates = _Gates(decoder)
    words = _pack(decoder, tokens)
    shares, sizes, order, back = gates.share(words.data), *words[1:]
    assert order is not None
    # Longest sentences first: the rows of a step are then the first rows of the step before.
    state = state.select(order)
    sentences = order // (order.numel() // encoder_out.states.size(0))
    left = None if state.attended is None else decoder.fertilities(encoder_out)[order]
    attend = loop_attention(decoder.attention, encoder_out, sentences, left)
    hidden, cell, feed = list(state.hidden.unbind(0)), list(state.cell.unbind(0)), state.feed
    steps = []
    for share in shares.split(sizes.tolist()):
        query = gates.step(share, hidden, cell, feed)
        mixed, weights = attend(query)
        feed = decoder.dropout_out_module(mixed)
        steps.append((feed, weights, query))
    packed = (
        PackedSequence(torch.cat(each), sizes, order, back) for each in zip(*steps, strict=True)
    )
    return _Read(*(_unpack(each, tokens) for each in (*packed, words)))


class _Gates:
    """The LSTM's weights in a form for single steps: one product for each layer and step.

    A layer's matrix multiplies its input and its own last state, side by side. The words' part of
    the first layer's gates needs no loop, so it has a matrix of its own.
    """

    def __init__(self, decoder: LSTMDecoder) -> None:
        self._decoder = decoder
        self._cells: list[LoopLSTMCell] = []
        self._biases: list[Tensor] = []  # each [4 hidden]
        embedding_size = decoder.embed_tokens.embedding_dim
        self._word_weight = decoder.lstm.all_weights[0][0][:, :embedding_size]
        for layer, weights in enumerate(decoder.lstm.all_weights):
            weight_ih, weight_hh, bias_ih, bias_hh = weights
            read = embedding_size if layer == 0 else 0
            self._cells.append(LoopLSTMCell(torch.cat((weight_ih[:, read:], weight_hh), dim=1)))
            self._biases.append(bias_ih + bias_hh)

    def share(self, embedded: Tensor) -> Tensor:
        """The words' part of the first layer's gates: [..., embedding_size] to [..., 4 hidden]."""
        return F.linear(embedded, self._word_weight, self._biases[0])

    def step(self, share: Tensor, hidden: list[Tensor], cell: list[Tensor], feed: Tensor) -> Tensor:
        """Make one step of all layers.

        Args:
            share: the part of the step's words in the gates, [rows, 4 hidden].
            hidden: hidden state of each layer; replaced; [≥ rows, hidden] before and
                [rows, hidden] after.
            cell: cell of each layer; replaced; shapes as for ``hidden``.
            feed: the last attention output, [≥ rows, hidden].

        Returns:
            the last layer's new hidden state.
        """
        rows = share.size(0)
        x = feed[:rows]
        for layer, make_step in enumerate(self._cells):
            if layer > 0:
                x, share = self._decoder.dropout_out_module(hidden[layer - 1]), self._biases[layer]
            x = torch.cat((x, hidden[layer][:rows]), dim=1)
            hidden[layer], cell[layer] = make_step(x, share, cell[layer][:rows])
        return hidden[-1]


def project_keys(attention: Attention, values: Tensor) -> Tensor:
    """Compute the keys [batch, source, query_dim], which are the same for all queries."""
    if attention.key_proj is not None:
        keys: Tensor = attention.key_proj(values)
        return keys
    if attention.input_proj is None:
        return attention.scale * attention.one_size(values)
    if attention.normalized:
        return attention.scale * attention.one_size(values @ attention.input_proj.weight)
    return values @ (attention.scale * attention.input_proj.weight)


def _score(attention: Attention, query: Tensor, keys: Tensor) -> Tensor:
    """Scores [batch, target, source] of queries [batch, target, query_dim]."""
    if attention.query_proj is not None:
        hidden = torch.tanh(attention.query_proj(query).unsqueeze(2) + keys.unsqueeze(1))
        return attention.score_hidden(hidden)
    return torch.bmm(attention.one_size(query), keys.transpose(1, 2))


def loop_attention(
    attention: Attention,
    encoder_out: EncoderOutput,
    sentences: Tensor,
    left: Tensor | None = None,
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Prepare attention for a loop in which each query depends on the output before it.

    Args:
        attention: the module that has the parameters.
        encoder_out: the encoded source.
        sentences: the index of each row's sentence, [batch].
        left: the most weight that each source word may get in all steps, [batch, source]; None for
            no bound.

    Returns:
        ``query ↦ (output, weights)`` for queries [rows, query_dim] of the first rows.
    """
    keys = project_keys(attention, encoder_out.states).index_select(0, sentences)
    values = encoder_out.states.index_select(0, sentences)
    padding_mask = encoder_out.padding_mask
    if padding_mask is not None:
        padding_mask = padding_mask.index_select(0, sentences)
    score, average = LoopBatchedLinear(keys), LoopBatchedLinear(values.transpose(1, 2))
    mix = LoopLinear(attention.output_proj.weight)

    def attend(query: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal left
        rows = query.size(0)
        if attention.query_proj is None:
            scores = score(attention.one_size(query))
        else:
            scores = _score(attention, query.unsqueeze(1), keys[:rows]).squeeze(1)
        mask = None if padding_mask is None else padding_mask[:rows]
        if left is None:
            weights = attention.weigh(scores, mask, query)
        else:
            weights = attention.weigh(scores, mask, query, left[:rows].clamp(min=0.0))
            left = left[:rows] - weights
        return mix(torch.cat((average(weights), query), dim=1)).tanh(), weights

    return attend


class _Search:
    """Values that all steps of one search share."""

    def __init__(self, decoder: LSTMDecoder, encoder_out: EncoderOutput) -> None:
        self._decoder = decoder
        self.keys = project_keys(decoder.attention, encoder_out.states)
        self._gates = _Gates(decoder) if decoder.input_feeding else None
        self._table: Tensor | None = None
        self._known: Tensor | None = None

    @classmethod
    def of(
        cls, decoder: LSTMDecoder, encoder_out: EncoderOutput, incremental_state: IncrementalState
    ) -> _Search:
        """The search that this state belongs to, or a new one."""
        saved: Any = decoder.get_incremental_state(incremental_state, "search")
        if saved is None:
            saved = {"search": cls(decoder, encoder_out)}
            decoder.set_incremental_state(incremental_state, "search", saved)
        search: _Search = saved["search"]
        return search

    def step(
        self, words: Tensor, encoder_out: EncoderOutput, state: DecoderState
    ) -> tuple[_Read, DecoderState]:
        """Read words [batch]; the state is that after them."""
        decoder = self._decoder
        embedded = decoder.dropout_in_module(decoder.embed_tokens(words))
        if self._gates is None:
            packed = PackedSequence(embedded, torch.tensor([len(words)]))
            packed, (hidden, cell) = _read(decoder, packed, state)
            query = packed.data
        else:
            hiddens, cells = list(state.hidden.unbind(0)), list(state.cell.unbind(0))
            query = self._gates.step(self._share(self._gates, words), hiddens, cells, state.feed)
            hidden, cell = torch.stack(hiddens), torch.stack(cells)
        # The rows of a sentence are its queries: [sentences, hypotheses, hidden].
        queries = query.view(encoder_out.states.size(0), -1, query.size(1))
        scores = _score(decoder.attention, queries, self.keys)
        mask, attended = encoder_out.padding_mask, state.attended
        if mask is not None:
            mask = mask.unsqueeze(1)
        if attended is None:
            weights = decoder.attention.weigh(scores, mask, queries)
        else:
            upper = (decoder.fertilities(encoder_out) - attended).clamp(min=0.0)
            weights = decoder.attention.weigh(scores, mask, queries, upper.view_as(scores))
            attended = attended + weights.view_as(attended)
        mixed = decoder.attention.blend(weights, queries, encoder_out.states)
        output = decoder.dropout_out_module(mixed.view_as(query))
        read = _Read(
            output.unsqueeze(1),
            weights.view(len(query), 1, -1),
            query.unsqueeze(1),
            embedded.unsqueeze(1),
        )
        return read, state._replace(hidden=hidden, cell=cell, feed=output, attended=attended)

    def _share(self, gates: _Gates, words: Tensor) -> Tensor:
        """The words' part of the gates [rows]; if it never changes, computed once for each word."""
        decoder = self._decoder
        if not (words.is_cpu and _repeats_itself(decoder)):
            return gates.share(decoder.dropout_in_module(decoder.embed_tokens(words)))
        if self._table is None or self._known is None:
            # The system provides memory only for the rows that are written.
            size, units = decoder.embed_tokens.num_embeddings, 4 * decoder.hidden_size
            self._table = gates.share(decoder.embed_tokens(words[:1])).new_empty(size, units)
            self._known = torch.zeros(size, dtype=torch.bool)
        new = words[~self._known[words]].unique()
        if new.numel() > 0:
            self._table[new] = gates.share(decoder.embed_tokens(new))
            self._known[new] = True
        return self._table.index_select(0, words)


def are_searched(scores: Tensor) -> bool:
    """Whether these are scores of single steps, without gradient, that a kernel can process."""
    return (
        is_ordinary(scores)
        and works_on(scores)
        and scores.size(1) == 1
        and scores.is_contiguous()
        and not torch.is_grad_enabled()
    )


def log_softmax_(scores: Tensor) -> Tensor:
    """Replace scores [batch, 1, words] by the logarithms of their softmax."""
    words = scores.size(2)
    _kernels.run("log_softmax", scores.dtype, scores.size(0), words, scores.data_ptr())
    return scores
