"""Luong-style attention whose normalizer is any map onto the probability simplex."""

import torch
from torch import Tensor, nn

from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.models.learned_options import adapt_learned_options
from regattn_fairseq.models.local_attention import LocalWindow
from regattn_fairseq.models.scripting import Snapshot

SCORES = ("dot", "general", "concat")


class Attention(nn.Module):
    """Score all source states, normalize the scores, average the states, and mix in the query.

    For a query h and source states s_1 … s_S (Luong et al. 2015, arXiv 1508.04025)::

        weights = normalizer(score(h, s_1), …, score(h, s_S))
        context = Σ_i weights_i s_i
        output  = tanh(W [context; h])

    with score(h, s) = h·s (``dot``), h·W s (``general``) or v·tanh(W [h; s]) (``concat``).

    Such scores are sums over units. Adam changes every weight by about the learning rate, so within
    a few updates such a sum may change by more than a sparse normalizer's whole range. Then one
    word has all of the attention before the model has learned which word it should be. Two options
    prevent that:

    - ``scaled`` divides the scores by the square root of the number of units (Vaswani et al. 2017),
      so that they change more slowly;
    - ``normalized`` makes each score n^½ times the cosine of two vectors of n units: of query and
      key, or of the hidden layer and v (``concat``). The scores of unrelated words then have a
      standard deviation of about 1, however large the weights are, and training changes only the
      weights' direction, not their size (as in Henry et al. 2020, arXiv 2010.04245, whose learned
      factor is γ here).

    Args:
        query_dim: size of the queries, and of the output.
        value_dim: size of the source states.
        score: ``dot``, ``general`` or ``concat``.
        scaled: divide the scores by sqrt(query_dim); without effect on ``concat``, and on
            normalized scores.
        normalized: use cosines as scores, as described above.
        normalizer: module that maps scores [..., S] and a mask to weights [..., S].
        window: the words on each side of a learned place that weights reach
            (:class:`~regattn_fairseq.models.local_attention.LocalWindow`); None for all words.

    Raises:
        ModelError: if ``score`` is unknown, or is ``dot`` for states of different sizes.
    """

    # torch.jit.script must not compile this attribute; it takes the one below instead.
    __jit_ignored_attributes__ = ("normalizer",)
    __constants__ = ("_compiled_normalizer",)
    _compiled_normalizer = Snapshot()

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        score: str,
        scaled: bool,
        normalized: bool,
        normalizer: nn.Module,
        window: float | None = None,
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ModelError(f"attn_score is {score!r}; choose one of {', '.join(SCORES)}")
        if score == "dot" and query_dim != value_dim:
            raise ModelError(
                f"attn_score=dot needs states of one size, but the decoder's have {query_dim} "
                f"units and the encoder's {value_dim}; use attn_score=general"
            )
        self.normalized = normalized
        self.scale = query_dim**-0.5 if scaled or normalized else 1.0
        self.normalizer = normalizer
        self.window = None if window is None else LocalWindow(query_dim, window)
        self.input_proj: nn.Linear | None = None
        self.query_proj: nn.Linear | None = None
        self.key_proj: nn.Linear | None = None
        self.score_proj: nn.Linear | None = None
        if score == "general":
            # The same name and shape as in fairseq's lstm, so that its checkpoints load.
            self.input_proj = nn.Linear(query_dim, value_dim, bias=False)
        elif score == "concat":
            self.query_proj = nn.Linear(query_dim, query_dim, bias=True)
            self.key_proj = nn.Linear(value_dim, query_dim, bias=False)
            self.score_proj = nn.Linear(query_dim, 1, bias=False)
        self.output_proj = nn.Linear(query_dim + value_dim, query_dim, bias=False)

    def forward(
        self, query: Tensor, values: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend, for any number of queries at once.

        Args:
            query: decoder states [batch, target, query_dim].
            values: source states [batch, source, value_dim].
            padding_mask: bool [batch, source], True at padding; None if there is no padding.

        Returns:
            output [batch, target, query_dim] and weights [batch, target, source].
        """
        return self.mix(self.score(query, values), query, values, padding_mask)

    def score(self, query: Tensor, values: Tensor) -> Tensor:
        """Scores [batch, target, source]. The arguments are those of :meth:`forward`."""
        if (
            self.query_proj is not None
            and self.key_proj is not None
            and self.score_proj is not None
        ):
            # [batch, target, 1, query_dim] + [batch, 1, source, query_dim]
            hidden = self.query_proj(query).unsqueeze(2) + self.key_proj(values).unsqueeze(1)
            return self.score_hidden(torch.tanh(hidden))
        if self.input_proj is not None and self.normalized:
            # The keys W'v. This calls the layer, which may not be a plain matrix any more.
            transposed = self.input_proj(_identity(query))
            values = values @ transposed.t()
        elif self.input_proj is not None:
            query = self.input_proj(query)
        return self.scale * torch.bmm(self.one_size(query), self.one_size(values).transpose(1, 2))

    def score_hidden(self, hidden: Tensor) -> Tensor:
        """Scores [...] of the hidden layer [..., query_dim] of ``concat``."""
        assert self.score_proj is not None
        if not self.normalized:
            return self.score_proj(hidden).squeeze(-1)
        weight = self.score_proj(_identity(hidden)).squeeze(1)
        return self.one_size(hidden) @ (self.scale * self.one_size(weight))

    def one_size(self, vectors: Tensor) -> Tensor:
        """Scale vectors [..., n] to a mean square of 1, if scores are normalized."""
        if not self.normalized:
            return vectors
        return nn.functional.rms_norm(vectors, vectors.shape[-1:], eps=1e-7)

    def mix(
        self, scores: Tensor, query: Tensor, values: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Turn scores [batch, target, source] into outputs and weights; as :meth:`forward`."""
        mask = None if padding_mask is None else padding_mask.unsqueeze(1)
        weights = self.weigh(scores, mask, query)
        return self.blend(weights, query, values), weights

    def blend(self, weights: Tensor, query: Tensor, values: Tensor) -> Tensor:
        """The output [batch, target, query_dim] for weights [batch, target, source]."""
        context = torch.bmm(weights, values)
        return torch.tanh(self.output_proj(torch.cat((context, query), dim=2)))

    def weigh(
        self, scores: Tensor, mask: Tensor | None, query: Tensor, upper: Tensor | None = None
    ) -> Tensor:
        """The weights of the source words: their scores normalized, and within the window.

        Args:
            scores: [..., source].
            mask: bool, broadcastable to the scores, True at padding; None if there is none.
            query: decoder states [..., query_dim].
            upper: bounds of the weights [..., source]; None for no bounds.
        """
        weights = self.normalize(scores, mask, upper)
        return weights if self.window is None else weights * self.window(query, scores, mask)

    def normalize(self, scores: Tensor, mask: Tensor | None, upper: Tensor | None) -> Tensor:
        """Normalize scores [..., source]; ``upper`` bounds the weights, if it is given."""
        if not torch.jit.is_scripting():
            if upper is None:
                weights: Tensor = self.normalizer(scores, mask=mask)
            else:
                weights = self.normalizer(scores, mask=mask, upper=upper)
            return weights
        name, options, values = self._compiled_normalizer
        return torch.ops.regattn.normalize(scores, mask, name, options, values, upper)

    @torch.jit.unused
    def projections(self) -> list[nn.Module | None]:
        """The layers of this module; None for layers that its kind of score does not need."""
        return [
            *(self.input_proj, self.query_proj, self.key_proj, self.score_proj),
            self.output_proj,
        ]

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Adapt a checkpoint whose normalizer learned other options, or none.

        fairseq calls this before it loads a checkpoint. If this normalizer learns an option that
        the checkpoint lacks, the option starts from its given value. If the checkpoint has an
        option that is not learned any more, it is dropped. This works however the normalizer is
        wrapped.

        Args:
            state_dict: the parameters of the whole model; changed in place.
            name: the name of this module in it.
        """
        adapt_learned_options(state_dict, f"{name}.normalizer.", self.normalizer.state_dict())


def _identity(like: Tensor) -> Tensor:
    """The identity matrix [n, n] for vectors [..., n]."""
    return torch.eye(like.size(-1), dtype=like.dtype, device=like.device)
