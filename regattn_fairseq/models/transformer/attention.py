"""fairseq's multi-head attention with another map in the place of softmax."""

from typing import Any

from fairseq.modules import MultiheadAttention
from torch import Tensor, nn


class NormalizedMultiheadAttention(MultiheadAttention):
    """Multi-head attention whose weights come from a regularized max.

    For each head, with queries q, keys k and values v of size d (Vaswani et al. 2017)::

        output_t = Σ_s weights_ts v_s,    weights_t = normalizer(q_t·k_1 / √d, …, q_t·k_S / √d)

    fairseq computes the projections, the scores, their masks and the state of a search. A masked
    position has the score −∞, which every normalizer takes as no position: a structured map sees
    what is left as one sequence. Padding may stand on either side, and the future is masked where
    attention is causal.

    Attributes:
        normalizer: maps scores [batch, heads, target, source] to weights. Its learned options may
            have a value for each head, [heads, 1, 1].
    """

    normalizer: nn.Module

    @classmethod
    def adopt(cls, attention: MultiheadAttention, normalizer: nn.Module) -> None:
        """Have a module that fairseq built use the normalizer; its parameters stay as they are."""
        attention.__class__ = cls
        attention.normalizer = normalizer
        # fairseq would leave all to torch's function, which has softmax in it, but for modules
        # whose size that function could not check.
        attention._set_skip_embed_dim_check()

    def forward(
        self,
        query: Tensor,
        key: Tensor | None,
        value: Tensor | None,
        key_padding_mask: Tensor | None = None,
        incremental_state: dict[str, dict[str, Tensor | None]] | None = None,
        need_weights: bool = True,
        static_kv: bool = False,
        attn_mask: Tensor | None = None,
        before_softmax: bool = False,
        need_head_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; the arguments are fairseq's.

        Args:
            query: [target, batch, embed_dim].
            key: [source, batch, kdim]; None where a search has kept it.
            value: as ``key``.
            key_padding_mask: [batch, source], True at padding.
            incremental_state: a search keeps keys and values here.
            need_weights: return the weights.
            static_kv: keys and values are those of the first step.
            attn_mask: added to the scores, [target, source]; −∞ hides a position.
            before_softmax: return scores [batch · heads, target, source] and values instead.
            need_head_weights: return the weights of each head, not their mean.

        Returns:
            output [target, batch, embed_dim]; and weights [batch, target, source], or
            [heads, batch, target, source] with ``need_head_weights``, or None.
        """
        scores, values = super().forward(
            *(query, key, value, key_padding_mask, incremental_state, need_weights, static_kv),
            attn_mask=attn_mask,
            before_softmax=True,
        )
        if before_softmax:
            return scores, values
        rows, target, source = scores.shape
        by_head = (rows // self.num_heads, self.num_heads, target, source)
        weights = self.normalizer(scores.view(by_head))
        mixed = self._mix(self.dropout_module(weights), values)  # [batch, heads, target, head_dim]
        output = self.out_proj(mixed.permute(2, 0, 1, 3).flatten(2))
        if not (need_weights or need_head_weights):
            return output, None
        weights = weights.transpose(0, 1)
        return output, weights if need_head_weights else weights.mean(dim=0)

    def _mix(self, weights: Tensor, values: Tensor) -> Tensor:
        """Sums of values [sentences · heads, source, head_dim], by weights of each batch row.

        In a search, the hypotheses of a sentence may share its values.
        """
        batch, heads, target, source = weights.shape
        if values.size(0) == batch * heads:
            mixed = weights.view(-1, target, source).bmm(values)
        else:
            shared = values.view(-1, 1, heads, source, self.head_dim)
            mixed = weights.view(shared.size(0), -1, heads, target, source) @ shared
        return mixed.view(batch, heads, target, self.head_dim)


def learned_parameters(attention: Any) -> dict[str, Tensor]:
    """The parameters of the attention's normalizer, if it has one of ours."""
    normalizer = getattr(attention, "normalizer", None)
    return {} if normalizer is None else normalizer.state_dict()
