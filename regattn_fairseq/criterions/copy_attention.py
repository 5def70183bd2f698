"""The output layer of copy attention and its loss, a few rows at a time.

With a mixture p(w) = g v(w) + (1 − g) c(w) of a distribution v over V words and one c over the
source's words, label smoothing means what it means without copying: the cross-entropy of p from a
target distribution q that spreads a share ε over all words::

    loss = −Σ_w q(w) log p(w),   q(w) = (1 − ε − ε/(V−1)) [w is the target] + ε/(V−1)

This is fairseq's loss of the logarithms that ``get_normalized_probs`` returns. A word of the spread
can only be generated unless it is in the source, so that ε keeps g away from 0.

With r(w) = g v(w) / p(w), the probability that w was generated, which is 1 for every word outside
the source, and ρ = Σ_w q(w) r(w), the gradients are::

    by the score of a word:   ρ v(w) − q(w) r(w)
    by the logit of g:        g − ρ
    by c(w):                  −q(w) (1 − g) / p(w)

No array of the vocabulary's size is needed for c and r: they matter for the source's words alone.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from regattn_fairseq.criterions.output_layer import ChunkedLayer
from regattn_fairseq.models.copying import (
    SourceWords,
    largest_exponent,
    log_gain,
    mix_log_probs,
    source_words,
)
from regattn_fairseq.models.fast import gradients


def copy_loss(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    epsilon: float,
    extra: dict[str, list[Tensor]],
    is_word: Tensor,
) -> tuple[Tensor, Tensor]:
    """:func:`copy_label_smoothed_cross_entropy` of a batch, from what a decoder returns.

    Args:
        features: of the target's words, without padding [rows, dim]; the next four likewise.
        weight: of the output layer.
        bias: of the output layer.
        target: word indices.
        epsilon: share of the probability to spread.
        extra: what the decoder returns beside its features, ``attn`` and ``copy``.
        is_word: bool [batch, target], True where no padding is.
    """
    gate, tokens = extra["copy"]
    words = source_words(extra["attn"][0], tokens)
    of_rows = SourceWords(
        *(
            each.unsqueeze(1).expand_as(words.mass)[is_word] if each.dim() == 2 else each[is_word]
            for each in words
        )
    )
    return copy_label_smoothed_cross_entropy(
        features, weight, bias, target, epsilon, gate[is_word], of_rows
    )


def copy_label_smoothed_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    epsilon: float,
    gate: Tensor,
    words: SourceWords,
) -> tuple[Tensor, Tensor]:
    """Label-smoothed cross-entropy of a mixture, summed over the rows.

    The gradients are computed in the same pass, so that no row of scores is computed twice or kept.

    Args:
        features: [rows, dim].
        weight: [V, dim].
        bias: [V], or none.
        target: word indices [rows].
        epsilon: share of the probability to spread, in [0, 1).
        gate: the logit of g, [rows].
        words: the source's words of each row: all three [rows, source].

    Returns:
        the loss, and Σ −log p(target) without gradient, both scalars.
    """
    result: tuple[Tensor, Tensor] = _CopyCrossEntropy.apply(
        features, weight, bias, gate, words.mass, words.indices, words.share, target, epsilon
    )
    return result


class _CopyCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gate: Tensor,
        mass: Tensor,
        indices: Tensor,
        share: Tensor,
        target: Tensor,
        epsilon: float,
    ) -> tuple[Tensor, Tensor]:
        count = weight.size(0)
        spread = epsilon / (count - 1)
        peak = 1 - epsilon - spread
        layer = ChunkedLayer(features, weight, bias, ctx.needs_input_grad[:3])
        grad_gate, grad_mass = torch.empty_like(gate), torch.empty_like(mass)
        # Two tensors, not views of one: fairseq multiplies a loss in place when it must not count.
        loss, nll_loss = features.new_zeros(()), features.new_zeros(())
        for here, out, spare in layer.chunks():
            at_target, places = target[here].unsqueeze(1), indices[here]
            grad_scores = torch.softmax(out, dim=1, out=spare)
            # log Σ e^score, from the likeliest word: its score minus the log of its probability.
            log_total = (out.amax(dim=1) - grad_scores.amax(dim=1).log()).unsqueeze(1)
            kappa = log_total - out.gather(1, places) - gate[here].unsqueeze(1)
            gain = log_gain(kappa, mass[here])
            is_target = (places == at_target).to(features.dtype)
            wanted = share[here] * (spread + peak * is_target)  # q, shared among a word's entries

            generated = log_total - out.gather(1, at_target)  # −log v(target)
            log_gate = F.logsigmoid(gate[here]).sum()
            nll_loss += generated.sum() - log_gate - (share[here] * is_target * gain).sum()
            loss += peak * generated.sum() - log_gate - (wanted * gain).sum()
            if spread:
                loss += (count * log_total.sum() - out.sum()) * spread
            if not any(ctx.needs_input_grad):
                continue
            copied = wanted * -torch.expm1(-gain)  # q (1 − r)
            rho = 1 - copied.sum(dim=1, keepdim=True)  # peak + V spread = 1
            grad_gate[here] = gate[here].sigmoid() - rho.squeeze(1)
            limit = largest_exponent(kappa.dtype)
            grad_mass[here] = -wanted * (kappa - gain).clamp(max=limit).exp()
            grad_scores.mul_(rho).sub_(spread)
            grad_scores.scatter_add_(1, at_target, grad_scores.new_full(at_target.shape, -peak))
            layer.add(here, grad_scores.scatter_add_(1, places, copied))
        ctx.save_for_backward(
            *(features, weight, bias, gate, mass, indices, share, target),
            *(*layer.gradients, grad_gate, grad_mass),
        )
        ctx.epsilon = epsilon
        ctx.mark_non_differentiable(nll_loss)
        return loss, nll_loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _grad_nll: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, gate, mass, indices, share, target, *saved = ctx.saved_tensors
        if gradients.are_differentiated():

            def plain(features: Tensor, weight: Tensor, *rest: Tensor) -> Tensor:
                *given, gate, mass = rest
                log_probs = F.linear(features, weight, *given).log_softmax(1)
                words = SourceWords(indices, mass.unsqueeze(1), share)
                mixed = mix_log_probs(log_probs.unsqueeze(1), gate.unsqueeze(1), words)
                return _plain_loss(mixed.squeeze(1), target, ctx.epsilon)

            layer = (features, weight) if bias is None else (features, weight, bias)
            grads = gradients.of_plain(plain, (*layer, gate, mass), grad)
            no_bias = (None,) * (3 - len(layer))
            return *grads[:-2], *no_bias, *grads[-2:], *(None,) * 4
        return *(None if kept is None else kept * grad for kept in saved), *(None,) * 4


def _plain_loss(log_probs: Tensor, target: Tensor, epsilon: float) -> Tensor:
    spread = epsilon / (log_probs.size(1) - 1)
    at_target = log_probs.gather(1, target.unsqueeze(1)).sum()
    return -(1 - epsilon - spread) * at_target - spread * log_probs.sum()


__all__ = ["copy_label_smoothed_cross_entropy", "copy_loss"]
