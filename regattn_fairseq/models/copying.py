"""Copy attention: an output word is generated, or copied from the source where attention points.

With a distribution v over the vocabulary, attention weights a over the source words x and a gate g
(See et al. 2017, arXiv 1704.04368, equations 8 and 9)::

    p(w) = g v(w) + (1 − g) Σ_{j: x_j = w} a_j

Source and target share one dictionary, so every source word has an index of the vocabulary.

Only the source's words have two origins. For all others p(w) = g v(w). Therefore the logarithm of
the mixture differs from log g + log v at the indices of the source's words alone, by
log(1 + e^κ Σ a_j) with κ = log((1 − g) / g) − log v(w). In this form a sum of weights that is
exactly zero, as sparse attention gives, needs no logarithm.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CopyGate(nn.Module):
    """The logit of g: how likely a word is generated, not copied.

    g = sigmoid(w_c·context + w_s·state + w_x·input + b). The context is the average of the source
    states by the attention weights, so w_c·context is the average of one number a state.

    Args:
        value_dim: size of the source states.
        query_dim: size of the decoder's states.
        input_dim: size of the word embeddings that the decoder reads.
    """

    def __init__(self, value_dim: int, query_dim: int, input_dim: int) -> None:
        super().__init__()
        self.context_proj = nn.Linear(value_dim, 1, bias=False)
        self.state_proj = nn.Linear(query_dim, 1)
        self.input_proj = nn.Linear(input_dim, 1, bias=False)

    def forward(self, weights: Tensor, values: Tensor, states: Tensor, words: Tensor) -> Tensor:
        """Logits [batch, target].

        Args:
            weights: attention weights [batch, target, source].
            values: source states [sentences, source, value_dim]; a sentence may have several rows
                of the batch, one after the other.
            states: the decoder's states [batch, target, query_dim].
            words: the embedded words that it has read [batch, target, input_dim].
        """
        together = weights.reshape(values.size(0), -1, weights.size(2))
        context = torch.bmm(together, self.context_proj(values)).view(weights.size(0), -1)
        return context + self.state_proj(states).squeeze(2) + self.input_proj(words).squeeze(2)


class SourceWords(NamedTuple):
    """The source's words as candidates for copying. A word that occurs m times has m entries."""

    indices: Tensor  # of the words in the vocabulary, [batch, source]
    mass: (
        Tensor  # Σ_{k: x_k = x_j} a_k: the attention of each entry's word, [batch, target, source]
    )
    share: Tensor  # 1 / m: what an entry counts in a sum over distinct words, [batch, source]


def source_words(weights: Tensor, tokens: Tensor) -> SourceWords:
    """The candidates for copying.

    Args:
        weights: attention weights [batch, target, source].
        tokens: the source [sentences, source]; a sentence may have several rows of the batch.
            Padding has no weight, so that it is never copied.
    """
    batch, sentences = weights.size(0), tokens.size(0)
    equal = (tokens.unsqueeze(2) == tokens.unsqueeze(1)).to(weights.dtype)
    mass = torch.bmm(weights.reshape(sentences, -1, tokens.size(1)), equal)
    share = equal.sum(2).reciprocal()
    rows = batch // sentences
    if rows > 1:
        tokens, share = tokens.repeat_interleave(rows, 0), share.repeat_interleave(rows, 0)
    return SourceWords(tokens, mass.view_as(weights), share)


def largest_exponent(dtype: torch.dtype) -> float:
    """An exponent whose power of e may still be multiplied by large numbers."""
    return math.log(torch.finfo(dtype).max) / 2


def log_gain(kappa: Tensor, mass: Tensor) -> Tensor:
    """log(1 + mass · e^κ), for mass ≥ 0, with all derivatives where the mass is exactly zero."""
    some = mass > 0
    log_mass = torch.where(some, mass, torch.ones_like(mass)).log()
    near_zero = torch.log1p(mass * kappa.clamp(max=largest_exponent(kappa.dtype)).exp())
    return torch.where(some, F.softplus(kappa + log_mass), near_zero)


def mix_log_probs(log_probs: Tensor, gate: Tensor, words: SourceWords) -> Tensor:
    """The logarithm of the mixture. Without gradients it overwrites ``log_probs``.

    Args:
        log_probs: log v, [batch, target, vocabulary].
        gate: the logit of g, [batch, target].
        words: the candidates for copying.

    Returns:
        log p, [batch, target, vocabulary].
    """
    gate = gate.unsqueeze(2)
    indices = words.indices.unsqueeze(1).expand_as(words.mass)
    kappa = -gate - log_probs.gather(2, indices)
    gain = words.share.unsqueeze(1) * log_gain(kappa, words.mass)
    log_gate = F.logsigmoid(gate)
    if torch.is_grad_enabled():
        return (log_probs + log_gate).scatter_add(2, indices, gain)
    return log_probs.add_(log_gate).scatter_add_(2, indices, gain)
