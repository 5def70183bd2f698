"""LSTM decoder with attention."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from fairseq.models import FairseqIncrementalDecoder
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from regattn_fairseq.kernels.running import Kernels, works_on
from regattn_fairseq.models.attention import Attention
from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.encoder import EncoderOutput, select_sentences
from regattn_fairseq.models.recurrence import LSTM
from regattn_fairseq.models.step_products import StepLSTM

_kernels = Kernels("regattn_fairseq.models.output_kernels", {"log_softmax": 1})

IncrementalState = dict[str, dict[str, Tensor | None]]


class DecoderState(NamedTuple):
    """All that a later step needs of the earlier ones."""

    hidden: Tensor  # [layers, batch, hidden]
    cell: Tensor  # [layers, batch, hidden]
    feed: Tensor  # the last attention output, [batch, hidden]

    def select(self, batch: Tensor) -> "DecoderState":
        """Keep the rows of these batch indices, in this order."""
        return DecoderState(
            self.hidden.index_select(1, batch),
            self.cell.index_select(1, batch),
            self.feed.index_select(0, batch),
        )


class _Gates:
    """An LSTM's weights as single steps take them: one product a layer and step.

    A layer's matrix is for its input and its own last state, side by side. The words' share of
    the first layer's gates needs no loop, and has a matrix of its own.

    Args:
        lstm: the LSTM; its inputs begin with a word's embedding.
        embedding_size: of a word.
    """

    def __init__(self, lstm: LSTM, embedding_size: int) -> None:
        self.layers: list[StepLSTM] = []
        self.biases: list[Tensor] = []  # each [4 hidden]
        for layer, (weight_ih, weight_hh, bias_ih, bias_hh) in enumerate(lstm.all_weights):
            if layer == 0:
                self.of_words = weight_ih[:, :embedding_size]
            of_input = weight_ih[:, embedding_size:] if layer == 0 else weight_ih
            self.layers.append(StepLSTM(torch.cat((of_input, weight_hh), dim=1)))
            self.biases.append(bias_ih + bias_hh)
        self._table: Tensor | None = None
        self._known: Tensor | None = None

    def share(self, embedded: Tensor) -> Tensor:
        """Of words in the first layer's gates: [..., embedding_size] to [..., 4 hidden]."""
        return F.linear(embedded, self.of_words, self.biases[0])

    def look_up_share(self, words: Tensor, embeddings: nn.Embedding) -> Tensor:
        """The same for indices [rows], computed but once for each word that turns up."""
        if self._table is None or self._known is None:
            # Takes memory where it is written to.
            size = embeddings.num_embeddings
            self._table = self.biases[0].new_empty(size, self.biases[0].size(0))
            self._known = torch.zeros(size, dtype=torch.bool, device=words.device)
        new = words[~self._known[words]].unique()
        if new.numel() > 0:
            self._table[new] = self.share(embeddings(new))
            self._known[new] = True
        return self._table.index_select(0, words)


class LSTMDecoder(FairseqIncrementalDecoder):
    """Write the target with an LSTM that attends to the source at every step.

    With input feeding (Luong et al. 2015, section 3.3) a step's attention output is part of the
    next step's input, so the steps run one by one. Without it the LSTM reads the whole target in
    one call, and all steps attend at once. The steps pass over padding: what stands past the end
    of a sentence, in scores and weights, means nothing.

    Args:
        dictionary: the target dictionary.
        embed_tokens: embeddings [len(dictionary), embed_dim].
        hidden_size: units of a layer.
        num_layers: number of layers; as many as the encoder's.
        out_embed_dim: size of the features that the output layer reads.
        encoder_output_units: size of the encoder's states.
        attention: from queries of ``hidden_size`` to values of ``encoder_output_units``.
        input_feeding: whether the attention's output feeds the next step.
        share_input_output_embed: whether ``embed_tokens`` is the output layer, too.
        dropout_in: dropout on the embeddings.
        dropout_out: dropout on each layer's output and on the attention's.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: nn.Embedding,
        hidden_size: int,
        num_layers: int,
        out_embed_dim: int,
        encoder_output_units: int,
        attention: Attention,
        input_feeding: bool,
        share_input_output_embed: bool,
        dropout_in: float,
        dropout_out: float,
    ) -> None:
        super().__init__(dictionary)
        self.padding_idx = dictionary.pad()
        self.embed_tokens = embed_tokens
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.input_feeding = input_feeding
        self.dropout_in_module = Dropout(dropout_in, module_name=type(self).__name__)
        self.dropout_out_module = Dropout(dropout_out, module_name=type(self).__name__)

        self.encoder_hidden_proj: nn.Linear | None = None
        self.encoder_cell_proj: nn.Linear | None = None
        if encoder_output_units != hidden_size:
            self.encoder_hidden_proj = nn.Linear(encoder_output_units, hidden_size)
            self.encoder_cell_proj = nn.Linear(encoder_output_units, hidden_size)

        feed_size = hidden_size if input_feeding else 0
        self.lstm = LSTM(
            embed_tokens.embedding_dim + feed_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout_out if num_layers > 1 else 0.0,
        )
        self.attention = attention
        self.additional_fc: nn.Linear | None = None
        if out_embed_dim != hidden_size:
            self.additional_fc = nn.Linear(hidden_size, out_embed_dim)
        self.fc_out: nn.Linear | None = None
        if not share_input_output_embed:
            self.fc_out = nn.Linear(out_embed_dim, len(dictionary))

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState | None = None,
        features_only: bool = False,
        **_: object,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Score every word at every target position.

        Args:
            prev_output_tokens: the target, shifted right [batch, target].
            encoder_out: the encoded source.
            incremental_state: where generation keeps the state between steps; only the last
                column of ``prev_output_tokens`` is then read.
            features_only: leave out the output layer.

        Returns:
            word scores [batch, target, vocabulary], or features [batch, target, out_embed_dim];
            and ``{"attn": [weights]}`` with weights [batch, target, source], in training too.
        """
        hypotheses = encoder_out.hidden.size(1) // encoder_out.states.size(0)
        if (
            hypotheses > 1
            and incremental_state is not None
            and self._load(incremental_state) is None
            and self._repeats_itself()
            and prev_output_tokens.eq(prev_output_tokens[:1]).all()
        ):
            return self._first_step(
                prev_output_tokens, encoder_out, incremental_state, features_only, hypotheses
            )
        features, weights = self.extract_features(
            prev_output_tokens, encoder_out, incremental_state
        )
        outputs = features if features_only else self.output_layer(features)
        return outputs, {"attn": [weights]}

    def _first_step(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState,
        features_only: bool,
        hypotheses: int,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """:meth:`forward` for a sentence's hypotheses at once, which begin with the same word."""
        of_sentences = encoder_out._replace(
            hidden=encoder_out.hidden[:, ::hypotheses], cell=encoder_out.cell[:, ::hypotheses]
        )
        outputs, extra = self.forward(
            prev_output_tokens[::hypotheses], of_sentences, incremental_state, features_only
        )
        saved = self._load(incremental_state)
        assert saved is not None
        keys, state = saved
        rows = torch.arange(outputs.size(0), device=outputs.device).repeat_interleave(hypotheses)
        self._save(incremental_state, keys, state.select(rows))
        (weights,) = extra["attn"]
        return outputs.index_select(0, rows), {"attn": [weights.index_select(0, rows)]}

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Like :meth:`forward` up to the output layer: [batch, target, out_embed_dim], weights."""
        saved = self._load(incremental_state)
        if incremental_state is not None:
            prev_output_tokens = prev_output_tokens[:, -1:]
        keys, state = saved or (
            self.attention.project_keys(encoder_out.states),
            self._initial_state(encoder_out),
        )

        target = prev_output_tokens.size(1)
        if self.input_feeding:
            gates = self._gates(incremental_state)
            if (
                incremental_state is not None
                and prev_output_tokens.is_cpu
                and self._repeats_itself()
            ):
                share = gates.look_up_share(prev_output_tokens[:, 0], self.embed_tokens)
                shares = PackedSequence(share, torch.tensor([share.size(0)]))
            else:
                words = self._pack(prev_output_tokens)
                shares = words._replace(data=gates.share(words.data))
            outputs, weights, state = self._step_by_step(
                shares, target, encoder_out, keys, state, gates
            )
        else:
            words = self._pack(prev_output_tokens)
            outputs, weights, state = self._all_at_once(words, target, encoder_out, keys, state)
        self._save(incremental_state, keys, state)

        if self.additional_fc is not None:
            outputs = self.dropout_out_module(self.additional_fc(outputs))
        return outputs, weights

    def output_layer(self, features: Tensor) -> Tensor:
        """Turn features [..., out_embed_dim] into word scores [..., vocabulary]."""
        return F.linear(features, *self.output_weights())

    def output_weights(self) -> tuple[Tensor, Tensor | None]:
        """Weight [vocabulary, out_embed_dim] and bias [vocabulary] of the output layer."""
        if self.fc_out is None:
            return self.embed_tokens.weight, None
        return self.fc_out.weight, self.fc_out.bias

    def _initial_state(self, encoder_out: EncoderOutput) -> DecoderState:
        hidden, cell = encoder_out.hidden, encoder_out.cell
        if self.encoder_hidden_proj is not None and self.encoder_cell_proj is not None:
            hidden, cell = self.encoder_hidden_proj(hidden), self.encoder_cell_proj(cell)
        return DecoderState(
            hidden=hidden,
            cell=cell,
            feed=hidden.new_zeros(hidden.size(1), self.hidden_size),
        )

    def _pack(self, tokens: Tensor) -> PackedSequence:
        """Embed the words [batch, target] of each sentence up to its last, by steps."""
        embedded = self.dropout_in_module(self.embed_tokens(tokens))
        if tokens.size(1) == 1:
            return PackedSequence(embedded.squeeze(1), torch.tensor([tokens.size(0)]))
        positions = torch.arange(1, tokens.size(1) + 1, device=tokens.device)
        lengths = (tokens.ne(self.padding_idx) * positions).amax(dim=1).clamp(min=1)
        return pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)

    def _all_at_once(
        self,
        words: PackedSequence,
        target: int,
        encoder_out: EncoderOutput,
        keys: Tensor,
        state: DecoderState,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        packed, (hidden, cell) = self.lstm(words, (state.hidden, state.cell))
        queries, _lengths = pad_packed_sequence(packed, batch_first=True, total_length=target)
        outputs, weights = self._attend(queries, keys, encoder_out)
        outputs = self.dropout_out_module(outputs)
        return outputs, weights, state._replace(hidden=hidden, cell=cell)

    def _attend(
        self, queries: Tensor, keys: Tensor, encoder_out: EncoderOutput
    ) -> tuple[Tensor, Tensor]:
        """Attend for queries [batch, target, hidden]; a sentence may have several rows."""
        values, padding_mask = encoder_out.states, encoder_out.padding_mask
        together = queries.reshape(values.size(0), -1, queries.size(2))
        outputs, weights = self.attention(together, keys, values, padding_mask)
        return outputs.view_as(queries), weights.view(*queries.shape[:2], -1)

    def _attend_once(
        self, keys: Tensor, encoder_out: EncoderOutput
    ) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        def attend(query: Tensor) -> tuple[Tensor, Tensor]:
            output, weights = self._attend(query.unsqueeze(1), keys, encoder_out)
            return output.squeeze(1), weights.squeeze(1)

        return attend

    def _step_by_step(
        self,
        word_shares: PackedSequence,
        target: int,
        encoder_out: EncoderOutput,
        keys: Tensor,
        state: DecoderState,
        gates: _Gates,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        of_words, sizes, order, back = word_shares
        if order is None:  # a single step
            attend = self._attend_once(keys, encoder_out)
        else:  # longest sentences first: a step's rows are the first of the last step's
            state = state.select(order)
            sentences = order // (order.numel() // keys.size(0))
            padding_mask = encoder_out.padding_mask
            attend = self.attention.step_by_step(
                keys.index_select(0, sentences),
                encoder_out.states.index_select(0, sentences),
                None if padding_mask is None else padding_mask.index_select(0, sentences),
            )

        hidden, cell, feed = list(state.hidden.unbind(0)), list(state.cell.unbind(0)), state.feed
        shares = list(gates.biases)
        outputs, weights = [], []
        for word_gates in of_words.split(sizes.tolist()):
            rows = word_gates.size(0)
            layer_input, shares[0] = feed[:rows], word_gates
            for layer, step in enumerate(gates.layers):
                if layer > 0:
                    layer_input = self.dropout_out_module(hidden[layer - 1])
                x = torch.cat((layer_input, hidden[layer][:rows]), dim=1)
                hidden[layer], cell[layer] = step(x, shares[layer], cell[layer][:rows])
            mixed, step_weights = attend(hidden[-1])
            feed = self.dropout_out_module(mixed)
            outputs.append(feed)
            weights.append(step_weights)
        if order is None:
            state = DecoderState(torch.stack(hidden), torch.stack(cell), feed)
            return outputs[0].unsqueeze(1), weights[0].unsqueeze(1), state
        padded_outputs, padded_weights = (
            pad_packed_sequence(
                PackedSequence(torch.cat(of_steps), sizes, order, back),
                batch_first=True,
                total_length=target,
            )[0]
            for of_steps in (outputs, weights)
        )
        return padded_outputs, padded_weights, state

    def _repeats_itself(self) -> bool:
        """Whether the same input gives the same once more, and no gradient is wanted."""
        random = any(
            dropout.p > 0 and (self.training or dropout.apply_during_inference)
            for dropout in (self.dropout_in_module, self.dropout_out_module)
        )
        return not random and not torch.is_grad_enabled()

    def _gates(self, incremental_state: IncrementalState | None) -> _Gates:
        """Laid out once a search, or once a batch."""
        saved = self.get_incremental_state(incremental_state, "gates")
        if saved is not None:
            found: _Gates = saved["gates"]
            return found
        gates = _Gates(self.lstm, self.embed_tokens.embedding_dim)
        self.set_incremental_state(incremental_state, "gates", {"gates": gates})
        return gates

    def _load(
        self, incremental_state: IncrementalState | None
    ) -> tuple[Tensor, DecoderState] | None:
        saved = self.get_incremental_state(incremental_state, "decoder_state")
        if saved is None:
            return None
        keys, *state = saved.values()
        return keys, DecoderState(*state)

    def _save(
        self, incremental_state: IncrementalState | None, keys: Tensor, state: DecoderState
    ) -> None:
        saved = {"keys": keys, **state._asdict()}
        self.set_incremental_state(incremental_state, "decoder_state", saved)

    def reorder_incremental_state(
        self, incremental_state: IncrementalState, new_order: Tensor
    ) -> None:
        """Follow beam search when it picks, drops or copies hypotheses."""
        saved = self._load(incremental_state)
        if saved is not None:
            keys, state = saved
            hypotheses = state.feed.size(0) // keys.size(0)
            (keys,) = select_sentences(new_order, hypotheses, keys)
            self._save(incremental_state, keys, state.select(new_order))

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Take the parameters of fairseq's own ``lstm``, whose decoder has a cell for each layer.

        fairseq calls this for a checkpoint before it loads it.

        Args:
            state_dict: of the whole model, changed in place.
            name: of this module in it.
        """
        prefix = f"{name}.layers."
        for key in [key for key in state_dict if key.startswith(prefix)]:
            layer, parameter = key.removeprefix(prefix).split(".")
            state_dict[f"{name}.lstm.{parameter}_l{layer}"] = state_dict.pop(key)

    def max_positions(self) -> int:
        """Any length: an LSTM has no positions."""
        return int(1e5)

    def get_normalized_probs(
        self, net_output: Any, log_probs: bool, sample: dict[str, Any] | None = None
    ) -> Tensor:
        """Word probabilities, or their logarithms, in float32: [batch, target, vocabulary].

        In a search the logarithms take the place of the scores, which nobody reads again.
        """
        scores = net_output[0].float()
        if log_probs and _is_searched(scores):
            words = scores.size(2)
            _kernels.run("log_softmax", scores.dtype, scores.size(0), words, scores.data_ptr())
            result: Tensor = scores
            return result
        return scores.log_softmax(dim=-1) if log_probs else scores.softmax(dim=-1)


def _is_searched(scores: Tensor) -> bool:
    """Whether these are scores of single steps, without gradient, that a kernel can deal with."""
    return (
        works_on(scores)
        and scores.size(1) == 1
        and scores.is_contiguous()
        and not torch.is_grad_enabled()
    )
