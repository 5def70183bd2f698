"""LSTM decoder with attention."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from fairseq.models import FairseqIncrementalDecoder
from torch import Tensor, nn

from regattn_fairseq.models.attention import Attention
from regattn_fairseq.models.copying import CopyGate, mix_log_probs, source_words
from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.encoder import EncoderOutput
from regattn_fairseq.models.fast import decoding, may_bypass
from regattn_fairseq.models.fertility import require_known
from regattn_fairseq.normalizers import Normalizer

IncrementalState = dict[str, dict[str, Tensor | None]]


class DecoderState(NamedTuple):
    """The state after a step: all that the next steps need."""

    hidden: Tensor  # [layers, batch, hidden]
    cell: Tensor  # [layers, batch, hidden]
    feed: Tensor  # the last attention output, [batch, hidden]
    attended: Tensor | None = None  # the sum of past weights, [batch, source], if they are bounded

    def select(self, batch: Tensor) -> "DecoderState":
        """Keep the rows of these batch indices, in this order."""
        attended = self.attended
        return DecoderState(
            self.hidden.index_select(1, batch),
            self.cell.index_select(1, batch),
            self.feed.index_select(0, batch),
            None if attended is None else attended.index_select(0, batch),
        )


class LSTMDecoder(FairseqIncrementalDecoder):
    """Write the target with an LSTM that attends to the source at every step.

    With input feeding (Luong et al. 2015, section 3.3) a step's attention output is part of the
    next step's input, so the steps run one by one. Without it the LSTM reads the whole target in
    one call, and all steps attend at once. Scores and weights past the end of a sentence have no
    meaning.

    This class is written to be read. If nothing depends on the calls of its submodules,
    :mod:`~regattn_fairseq.models.fast.decoding` computes the same faster.

    Args:
        dictionary: the target dictionary.
        embed_tokens: embeddings [len(dictionary), embed_dim].
        hidden_size: units of a layer.
        num_layers: number of layers; as many as the encoder's.
        out_embed_dim: size of the features that the output layer reads.
        encoder_output_units: size of the encoder's states.
        attention: attends with queries of ``hidden_size`` to values of ``encoder_output_units``.
        input_feeding: whether the attention's output feeds the next step.
        share_input_output_embed: whether ``embed_tokens`` is also the output layer.
        dropout_in: dropout on the embeddings.
        dropout_out: dropout on each layer's output and on the attention's.
        copy_attention: whether output words may be copied from the source; see
            :mod:`~regattn_fairseq.models.copying`.
        fertility: the most weight that all target words together give to a source word; None for
            no bound. The end of the sentence is not bounded, so that there is always a word to
            attend to (Malaviya et al. 2018, arXiv 1805.08241).
        word_fertilities: those of the source's words by themselves, [source vocabulary].
        output_map: the map of word scores to probabilities; None for softmax.
    """

    # torch.jit.script compiles what `forward` needs; only the probabilities need this one.
    __jit_ignored_attributes__ = ("output_map",)

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
        copy_attention: bool = False,
        fertility: float | None = None,
        word_fertilities: Tensor | None = None,
        output_map: Normalizer | None = None,
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
        self.lstm = nn.LSTM(
            embed_tokens.embedding_dim + feed_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout_out if num_layers > 1 else 0.0,
        )
        self.attention = attention
        self.fertility = fertility
        self.register_buffer("word_fertilities", word_fertilities)
        self.eos = dictionary.eos()
        self.additional_fc: nn.Linear | None = None
        if out_embed_dim != hidden_size:
            self.additional_fc = nn.Linear(hidden_size, out_embed_dim)
        self.fc_out: nn.Linear | None = None
        if not share_input_output_embed:
            self.fc_out = nn.Linear(out_embed_dim, len(dictionary))
        self.output_map = output_map
        self.copy_gate: CopyGate | None = None
        if copy_attention:
            self.copy_gate = CopyGate(encoder_output_units, hidden_size, embed_tokens.embedding_dim)

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState | None = None,
        features_only: bool = False,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Score every word at every target position.

        Args:
            prev_output_tokens: the target, shifted right [batch, target].
            encoder_out: the encoded source.
            incremental_state: generation keeps the state between steps here. If it is given, only
                the last column of ``prev_output_tokens`` is read.
            features_only: leave out the output layer.

        Returns:
            word scores [batch, target, vocabulary], or features [batch, target, out_embed_dim];
            and what :meth:`beside` returns, in training too.
        """
        if not torch.jit.is_scripting():  # noqa: SIM102  the compiler passes over this block alone
            if decoding.replaces(self, prev_output_tokens):
                return decoding.run(
                    self, prev_output_tokens, encoder_out, incremental_state, features_only
                )
        outputs, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        if not features_only:
            outputs = self.output_layer(outputs)
        return outputs, extra

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState | None = None,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Like :meth:`forward` with ``features_only``."""
        # 1. The state after the last step. At the first step: the encoder's last states.
        state = self.last_state(encoder_out, incremental_state)
        if incremental_state is not None:
            prev_output_tokens = prev_output_tokens[:, -1:]

        # 2. The previous words: [batch, target, embed_dim].
        words = self.dropout_in_module(self.embed_tokens(prev_output_tokens))

        # 3. At each step, the LSTM reads a word and attends to the source: [batch, target, hidden].
        if self.input_feeding:
            outputs, weights, queries, state = self._step_by_step(words, encoder_out, state)
        else:
            queries, (hidden, cell) = self.lstm(words, (state.hidden, state.cell))
            mixed, weights, attended = self.attend(queries, encoder_out, state.attended)
            outputs = self.dropout_out_module(mixed)
            state = DecoderState(hidden, cell, state.feed, attended)
        self.keep_state(incremental_state, state)

        # 4. The features that the output layer reads: [batch, target, out_embed_dim].
        return self.project_features(outputs), self.beside(weights, queries, words, encoder_out)

    def _step_by_step(
        self, words: Tensor, encoder_out: EncoderOutput, state: DecoderState
    ) -> tuple[Tensor, Tensor, Tensor, DecoderState]:
        """Outputs [batch, target, hidden], weights, queries like outputs, and the last state."""
        hidden, cell, feed, attended = state.hidden, state.cell, state.feed, state.attended
        outputs: list[Tensor] = []
        weights: list[Tensor] = []
        queries: list[Tensor] = []
        for step in range(words.size(1)):
            # 1. One step of the LSTM, from the previous word and attention: [batch, 1, hidden].
            x = torch.cat((words[:, step], feed), dim=1).unsqueeze(1)
            query, (hidden, cell) = self.lstm(x, (hidden, cell))
            # 2. Attention to the source: [batch, 1, hidden] and [batch, 1, source].
            mixed, step_weights, attended = self.attend(query, encoder_out, attended)
            # 3. Its output is the output of this step, and part of the next step's input.
            output = self.dropout_out_module(mixed)
            feed = output.squeeze(1)
            outputs.append(output)
            weights.append(step_weights)
            queries.append(query)
        last = DecoderState(hidden, cell, feed, attended)
        return torch.cat(outputs, 1), torch.cat(weights, 1), torch.cat(queries, 1), last

    def attend(
        self, queries: Tensor, encoder_out: EncoderOutput, attended: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Attend for queries [batch, target, hidden]. A sentence may have several rows.

        Args:
            queries: of all steps, or of some.
            encoder_out: the encoded source.
            attended: the sum of the weights of earlier steps [batch, source]; None if weights are
                not bounded.

        Returns:
            outputs, weights, and the sum after these steps.
        """
        values, padding_mask = encoder_out.states, encoder_out.padding_mask
        batch, target = queries.size(0), queries.size(1)
        together = queries.reshape(values.size(0), -1, queries.size(2))
        if attended is None:
            mixed, weights = self.attention(together, values, padding_mask)
            return mixed.view(batch, target, -1), weights.view(batch, target, -1), None
        scores = self.attention.score(together, values).view(batch, target, -1)
        if padding_mask is not None:
            padding_mask = padding_mask.repeat_interleave(batch // values.size(0), 0)
        fertility = self.fertilities(encoder_out)
        steps: list[Tensor] = []
        for step in range(target):
            upper = (fertility - attended).clamp(min=0.0)
            steps.append(
                self.attention.weigh(scores[:, step], padding_mask, queries[:, step], upper)
            )
            attended = attended + steps[-1]
        weights = torch.stack(steps, 1)
        of_sentences = weights.view(values.size(0), -1, weights.size(2))
        mixed = self.attention.blend(of_sentences, together, values)
        return mixed.view(batch, target, -1), weights, attended

    def fertilities(self, encoder_out: EncoderOutput) -> Tensor:
        """The most weight that each source word may get in all: [batch, source]."""
        assert self.fertility is not None
        tokens = encoder_out.tokens
        if self.word_fertilities is None:
            found = encoder_out.states.new_full(tokens.size(), self.fertility)
        else:
            if not torch.jit.is_scripting():  # noqa: SIM102  as above
                if self.training:
                    require_known(self.word_fertilities)
            found = self.word_fertilities[tokens].to(encoder_out.states)
        found = found.masked_fill(tokens == self.eos, torch.inf)
        return found.repeat_interleave(encoder_out.hidden.size(1) // tokens.size(0), 0)

    def beside(
        self, weights: Tensor, queries: Tensor, words: Tensor, encoder_out: EncoderOutput
    ) -> dict[str, list[Tensor]]:
        """What :meth:`forward` returns beside its scores.

        Args:
            weights: of attention, [batch, target, source].
            queries: the states of the last layer [batch, target, hidden].
            words: the embedded words that were read [batch, target, embed_dim].
            encoder_out: the encoded source.

        Returns:
            ``attn``: the weights; ``queries``, and the states that they attend to; with copy
            attention also ``copy``: the logits of the gate [batch, target], and the source's words
            [sentences, source].
        """
        extra = {"attn": [weights], "queries": [queries, encoder_out.states]}
        if self.copy_gate is not None:
            gate = self.copy_gate(weights, encoder_out.states, queries, words)
            extra["copy"] = [gate, encoder_out.tokens]
        return extra

    def project_features(self, outputs: Tensor) -> Tensor:
        """Turn attention's outputs [..., hidden] into features [..., out_embed_dim]."""
        if self.additional_fc is None:
            return outputs
        features: Tensor = self.dropout_out_module(self.additional_fc(outputs))
        return features

    def output_layer(self, features: Tensor) -> Tensor:
        """Turn features [..., out_embed_dim] into word scores [..., vocabulary]."""
        if self.fc_out is None:
            return F.linear(features, self.embed_tokens.weight)
        return self.fc_out(features)

    def output_weights(self) -> tuple[Tensor, Tensor | None] | None:
        """Weight [vocabulary, out_embed_dim] and bias [vocabulary] of the output layer.

        None if :meth:`output_layer` must be called, because something else depends on the call.
        """
        layer = self.embed_tokens if self.fc_out is None else self.fc_out
        if not may_bypass(layer.weight, layer):
            return None
        return layer.weight, None if self.fc_out is None else self.fc_out.bias

    def last_state(
        self, encoder_out: EncoderOutput, incremental_state: IncrementalState | None
    ) -> DecoderState:
        """The state after the last step, or the initial state of decoding."""
        saved = self.get_incremental_state(incremental_state, "decoder_state")
        attended: Tensor | None = None
        if saved is not None:
            hidden, cell, feed = saved["hidden"], saved["cell"], saved["feed"]
            attended = saved["attended"]
            assert hidden is not None
            assert cell is not None
            assert feed is not None
            return DecoderState(hidden, cell, feed, attended)
        hidden, cell = encoder_out.hidden, encoder_out.cell
        if self.encoder_hidden_proj is not None and self.encoder_cell_proj is not None:
            hidden, cell = self.encoder_hidden_proj(hidden), self.encoder_cell_proj(cell)
        batch = hidden.size(1)
        if self.fertility is not None:
            attended = hidden.new_zeros(batch, encoder_out.tokens.size(1))
        return DecoderState(hidden, cell, hidden.new_zeros(batch, self.hidden_size), attended)

    def keep_state(self, incremental_state: IncrementalState | None, state: DecoderState) -> None:
        """Store the state for the next step."""
        saved: dict[str, Tensor | None] = {
            "hidden": state.hidden,
            "cell": state.cell,
            "feed": state.feed,
            "attended": state.attended,
        }
        self.set_incremental_state(incremental_state, "decoder_state", saved)

    def reorder_incremental_state(
        self, incremental_state: IncrementalState, new_order: Tensor
    ) -> None:
        """Reorder the state when beam search picks, drops or copies hypotheses."""
        saved = self.get_incremental_state(incremental_state, "decoder_state")
        if saved is not None:
            state = DecoderState(**saved)
            decoding.reorder(self, incremental_state, new_order, state.feed.size(0))
            self.keep_state(incremental_state, state.select(new_order))

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Convert parameters of fairseq's own ``lstm``, whose decoder has a cell for each layer.

        fairseq calls this before it loads a checkpoint.

        Args:
            state_dict: the parameters of the whole model; changed in place.
            name: the name of this module in it.
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

        With copy attention they are those of the mixture. In a search the logarithms overwrite the
        scores, which are not needed any more.
        """
        scores = net_output[0].float()
        extra = net_output[1] or {} if len(net_output) > 1 else {}
        if self.output_map is not None:
            probabilities = self.output_map(scores)
            return probabilities.log() if log_probs else probabilities
        copied = extra.get("copy")
        if not log_probs and copied is None:
            return scores.softmax(dim=-1)
        if log_probs and decoding.are_searched(scores):
            logarithms = decoding.log_softmax_(scores)
        else:
            logarithms = scores.log_softmax(dim=-1)
        if copied is not None:
            gate, tokens = copied
            words = source_words(extra["attn"][0].float(), tokens)
            logarithms = mix_log_probs(logarithms, gate.float(), words)
        return logarithms if log_probs else logarithms.exp()
