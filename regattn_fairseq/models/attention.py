"""Luong-style attention whose normalizer is any map onto the probability simplex."""

import torch
from torch import Tensor, nn

SCORES = ("dot", "general", "concat")


class Attention(nn.Module):
    """Score every source state, normalize, average, and mix with the query.

    For a query h and source states s_1 … s_S (Luong et al. 2015, arXiv 1508.04025)::

        weights = normalizer(score(h, s_1), …, score(h, s_S))
        context = Σ_i weights_i s_i
        output  = tanh(W [context; h])

    with score(h, s) = h·s (``dot``), h·W s (``general``) or v·tanh(W [h; s]) (``concat``).

    The scores of ``dot`` and ``general`` are sums over the units of a state. Adam moves every
    weight by about the learning rate, so that within a few updates such sums can move further than
    a sparse normalizer's whole range; attention then rests on one word before it has learned
    which. Divided by the square root of the number of units (Vaswani et al. 2017) they move slowly
    enough.

    Args:
        query_dim: size of the queries, and of the output.
        value_dim: size of the source states.
        score: ``dot``, ``general`` or ``concat``.
        scaled: divide the scores by sqrt(query_dim); without effect on ``concat``, whose tanh
            bounds its scores.
        normalizer: module that maps scores [..., S] and a mask to weights [..., S].

    Raises:
        ValueError: if ``score`` is unknown, or is ``dot`` between states of different sizes.
    """

    def __init__(
        self, query_dim: int, value_dim: int, score: str, scaled: bool, normalizer: nn.Module
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
        self.scale = query_dim**-0.5 if scaled else 1.0
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
        if self.score == "general":
            return values @ (self.scale * self.input_proj.weight)
        if self.score == "concat":
            return self.key_proj(values)
        return self.scale * values

    def attend(
        self, query: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Average the source states, for every query.

        Args:
            query: decoder states [batch, target, query_dim].
            keys: from :meth:`project_keys`, [batch, source, query_dim].
            values: source states [batch, source, value_dim].
            padding_mask: bool [batch, source], True where there is no source word.

        Returns:
            context [batch, target, value_dim] and weights [batch, target, source].
        """
        if self.score == "concat":
            # [batch, target, 1, query] + [batch, 1, source, query]
            hidden = torch.tanh(self.query_proj(query).unsqueeze(2) + keys.unsqueeze(1))
            scores = self.score_proj(hidden).squeeze(3)
        else:
            scores = torch.bmm(query, keys.transpose(1, 2))
        weights = self.normalizer(scores, mask=padding_mask.unsqueeze(1))
        return torch.bmm(weights, values), weights

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Attend, and mix each context with its query.

        Takes what :meth:`attend` takes; gives output [batch, target, query_dim] and weights
        [batch, target, source].
        """
        context, weights = self.attend(query, keys, values, padding_mask)
        output = torch.tanh(self.output_proj(torch.cat((context, query), dim=2)))
        return output, weights
