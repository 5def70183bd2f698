"""Luong-style attention whose normalizer is any map onto the probability simplex."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn

from regattn_fairseq.models.step_products import StepBatchedLinear, StepLinear

logger = logging.getLogger(__name__)

SCORES = ("dot", "general", "concat")


class Attention(nn.Module):
    """Score every source state, normalize, average, and mix with the query.

    For a query h and source states s_1 … s_S (Luong et al. 2015, arXiv 1508.04025)::

        weights = normalizer(score(h, s_1), …, score(h, s_S))
        context = Σ_i weights_i s_i
        output  = tanh(W [context; h])

    with score(h, s) = h·s (``dot``), h·W s (``general``) or v·tanh(W [h; s]) (``concat``).

    Such scores are sums over units. Adam moves every weight by about the learning rate, so that
    within a few updates such sums move further than a sparse normalizer's whole range, and
    attention rests on one word before it has learned which. Two ways to prevent that:

    - divided by the square root of the number of units (``scaled``; Vaswani et al. 2017) they move
      more slowly;
    - ``normalized``, they are n^½ times the cosine of two vectors of n units, of query and key, or
      of the hidden layer and v (``concat``). Whatever the weights' size, the scores of unrelated
      words then have a standard deviation of about 1, and weights turn, but do not grow (as in
      Henry et al. 2020, arXiv 2010.04245, whose learned factor is γ here).

    Args:
        query_dim: size of the queries, and of the output.
        value_dim: size of the source states.
        score: ``dot``, ``general`` or ``concat``.
        scaled: divide the scores by sqrt(query_dim); without effect on ``concat``, and on
            normalized scores.
        normalized: take cosines.
        normalizer: module that maps scores [..., S] and a mask to weights [..., S].

    Raises:
        ValueError: if ``score`` is unknown, or is ``dot`` between states of different sizes.
    """

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        score: str,
        scaled: bool,
        normalized: bool,
        normalizer: nn.Module,
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ValueError(f"attn_score is {score!r}; choose one of {', '.join(SCORES)}")
        if score == "dot" and query_dim != value_dim:
            raise ValueError(
                f"attn_score=dot needs states of one size, but the decoder's have {query_dim} "
                f"units and the encoder's {value_dim}; use attn_score=general"
            )
        self.score = score
        self.normalized = normalized
        self.scale = query_dim**-0.5 if scaled or normalized else 1.0
        self.normalizer = normalizer
        if score == "general":
            # Named and shaped as in fairseq's lstm, whose checkpoints therefore load.
            self.input_proj = nn.Linear(query_dim, value_dim, bias=False)
        elif score == "concat":
            self.query_proj = nn.Linear(query_dim, query_dim, bias=True)
            self.key_proj = nn.Linear(value_dim, query_dim, bias=False)
            self.score_proj = nn.Linear(query_dim, 1, bias=False)
        self.output_proj = nn.Linear(query_dim + value_dim, query_dim, bias=False)

    def project_keys(self, values: Tensor) -> Tensor:
        """Do the part of the scores that no query changes, once a batch.

        Args:
            values: source states [batch, source, value_dim].

        Returns:
            keys [batch, source, query_dim], which :meth:`forward` takes beside the values.
        """
        if self.score == "concat":
            return self.key_proj(values)
        if self.score == "dot":
            return self.scale * self._one_size(values)
        if self.normalized:
            return self.scale * self._one_size(values @ self.input_proj.weight)
        return values @ (self.scale * self.input_proj.weight)

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend, for any number of queries at once.

        Args:
            query: decoder states [batch, target, query_dim].
            keys: from :meth:`project_keys`, [batch, source, query_dim].
            values: source states [batch, source, value_dim].
            padding_mask: bool [batch, source], True where there is no source word; None if there
                is one everywhere.

        Returns:
            output [batch, target, query_dim] and weights [batch, target, source].
        """
        if self.score == "concat":
            # [batch, target, 1, query] + [batch, 1, source, query]
            hidden = torch.tanh(self.query_proj(query).unsqueeze(2) + keys.unsqueeze(1))
            scores = self._score_hidden(hidden)
        else:
            scores = torch.bmm(self._one_size(query), keys.transpose(1, 2))
        mask = None if padding_mask is None else padding_mask.unsqueeze(1)
        weights = self.normalizer(scores, mask=mask)
        context = torch.bmm(weights, values)
        return torch.tanh(self.output_proj(torch.cat((context, query), dim=2))), weights

    def step_by_step(
        self, keys: Tensor, values: Tensor, padding_mask: Tensor | None
    ) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """Attend for one query after the other, where each depends on the output before it.

        Args:
            keys: as :meth:`forward` takes them.
            values: likewise.
            padding_mask: likewise.

        Returns:
            ``query ↦ (output, weights)``: the same as :meth:`forward` for queries
            [rows, query_dim] of the batch's first rows, with gradients made for a loop (see
            :mod:`~regattn_fairseq.models.step_products`).
        """
        scores_of = self._step_scores(keys)
        context_of = StepBatchedLinear(values.transpose(1, 2))
        mix = StepLinear(self.output_proj.weight)

        def attend(query: Tensor) -> tuple[Tensor, Tensor]:
            mask = None if padding_mask is None else padding_mask[: query.size(0)]
            weights = self.normalizer(scores_of(query), mask=mask)
            return mix(torch.cat((context_of(weights), query), dim=1)).tanh(), weights

        return attend

    def _step_scores(self, keys: Tensor) -> Callable[[Tensor], Tensor]:
        if self.score != "concat":
            product = StepBatchedLinear(keys)
            return lambda query: product(self._one_size(query))

        def scores(query: Tensor) -> Tensor:
            hidden = torch.tanh(self.query_proj(query).unsqueeze(1) + keys[: query.size(0)])
            return self._score_hidden(hidden)

        return scores

    def _score_hidden(self, hidden: Tensor) -> Tensor:
        """Scores [...] of the hidden layer [..., query_dim] of ``concat``."""
        weight = self.score_proj.weight.squeeze(0)
        if self.normalized:
            weight = self.scale * self._one_size(weight)
        return self._one_size(hidden) @ weight

    def _one_size(self, vectors: Tensor) -> Tensor:
        """Bring vectors [..., n] to a mean square of 1, if scores are normalized."""
        if not self.normalized:
            return vectors
        return nn.functional.rms_norm(vectors, vectors.shape[-1:], eps=1e-7)

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Take the parameters of a normalizer that learned other options, or none.

        fairseq calls this for a checkpoint before it loads it. An option of the normalizer that is
        to be learned and that the checkpoint lacks starts from its given value; one that is not
        learned any more is left out. How the normalizer is wrapped does not matter.

        Args:
            state_dict: of the whole model, changed in place.
            name: of this module in it.
        """
        prefix = f"{name}.normalizer."
        learned = {
            key.rpartition(".")[2]: state_dict.pop(key)
            for key in list(state_dict)
            if key.startswith(prefix)
        }
        for key, start in self.normalizer.state_dict().items():
            state_dict[prefix + key] = learned.pop(key.rpartition(".")[2], start)
        for parameter in learned:
            option = parameter.removeprefix("raw_")
            logger.warning(
                "the %s that the checkpoint has learned is not used: this model's is fixed", option
            )
