"""``regattn_fenchel_young``: the loss of a model whose word probabilities may be exactly zero."""

from typing import Any

import torch
import torch.nn.functional as F
from fairseq import metrics
from fairseq.criterions import register_criterion
from torch import Tensor

from regattn_fairseq.criterions.label_smoothed_cross_entropy import (
    RegattnLabelSmoothedCrossEntropy,
    RegattnLabelSmoothedCrossEntropyConfig,
    unwrapped,
)
from regattn_fairseq.criterions.output_layer import ChunkedLayer
from regattn_fairseq.declared.loss_options import CRITERION
from regattn_fairseq.models.fast import gradients
from regattn_fairseq.models.output_map import output_map_of
from regattn_fairseq.normalizers import Normalizer, fenchel_young_loss
from regattn_fairseq.normalizers.smoothed_max import Problem


@register_criterion(CRITERION, dataclass=RegattnLabelSmoothedCrossEntropyConfig)
class RegattnFenchelYoung(RegattnLabelSmoothedCrossEntropy):
    """The Fenchel-Young loss of the map that the model has at its output (``--loss-normalizer``).

    With softmax it is ``regattn_label_smoothed_cross_entropy``. Otherwise a target word's loss is
    ``fenchel_young_loss`` of its scores against the smoothed target distribution q, which spreads a
    share ε over all words, plus what softmax's loss has too where labels are smoothed: −γ Ω(q) + γ
    Ω(e), e all on the target, a constant. So the loss is never negative, and with ε = 0 exactly
    zero where the target leads by enough.

    Beside the loss it logs ``support``, the mean number of words with a probability above zero, and
    ``missed``, the share of target words without any.

    Source: Peters, Niculae and Martins 2019, "Sparse Sequence-to-Sequence Models".
    """

    def forward(
        self, model: Any, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """The summed loss of a batch, the number to divide it by, and what to log."""
        output_map = output_map_of(unwrapped(model))
        if output_map is None:
            result: tuple[Tensor, int, dict[str, Any]] = super().forward(model, sample, reduce)
            return result
        layer = self._fusible_layer(model)
        target = sample["target"]
        is_word = target.ne(self.padding_idx)
        if layer is None:
            scores, extra = model(**sample["net_input"])
            loss, counts = fenchel_young(
                scores[is_word].float(), target[is_word], output_map, self.eps
            )
        else:
            features, extra = model(**sample["net_input"], features_only=True)
            loss, counts = linear_fenchel_young(
                features[is_word], *layer, target[is_word], output_map, self.eps
            )
        loss = self._with_attention_losses(loss, model, sample, extra)
        sample_size = target.size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": loss.data,
            "nll_loss": loss.data,
            "support": counts[0],
            "missed": counts[1],
            "ntokens": sample["ntokens"],
            "nsentences": target.size(0),
            "sample_size": sample_size,
        }
        return loss, sample_size, logged

    @classmethod
    def reduce_metrics(cls, logging_outputs: list[dict[str, Any]]) -> None:
        """Log the means over the batches; in bits, as fairseq's losses are."""
        super().reduce_metrics(logging_outputs)
        if not any("support" in log for log in logging_outputs):
            return
        words = sum(log.get("ntokens", 0) for log in logging_outputs)
        for name, digits in (("support", 2), ("missed", 4)):
            total = sum(float(log.get(name, 0)) for log in logging_outputs)
            metrics.log_scalar(name, total / max(words, 1), words, round=digits)


def smoothed(target: Tensor, words: int, epsilon: float, like: Tensor) -> Tensor:
    """The target distributions q: [rows, words], as fairseq's label smoothing has them."""
    spread = epsilon / (words - 1)
    q = like.new_full((len(target), words), spread)
    return q.scatter_(1, target.unsqueeze(1), 1 - epsilon)


def fenchel_young(
    scores: Tensor, target: Tensor, output_map: Normalizer, epsilon: float
) -> tuple[Tensor, Tensor]:
    """The loss summed over the rows, and how many words have probability, and targets have none.

    Args:
        scores: [rows, V].
        target: word indices [rows].
        output_map: the map of the scores.
        epsilon: share of the probability to spread, in [0, 1).

    Returns:
        a scalar, and two counts [2] without gradient.
    """
    options = output_map.current_options()
    q = smoothed(target, scores.size(1), epsilon, scores)
    loss = fenchel_young_loss(scores, q, normalizer=output_map.name, **options).sum()
    if epsilon:
        loss = loss + _offset(scores, target, output_map, q)
    with torch.no_grad():
        p = output_map(scores)
        counts = _counts(p, target)
    return loss, counts


def linear_fenchel_young(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    output_map: Normalizer,
    epsilon: float,
) -> tuple[Tensor, Tensor]:
    """:func:`fenchel_young` of ``features weightᵀ + bias``, a few rows at a time.

    Args:
        features: [rows, dim].
        weight: [V, dim].
        bias: [V], or none.
        target: word indices [rows].
        output_map: the map of the scores.
        epsilon: share of the probability to spread, in [0, 1).
    """
    result: tuple[Tensor, Tensor] = _LinearFenchelYoung.apply(
        features, weight, bias, target, output_map, epsilon
    )
    return result


class _LinearFenchelYoung(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        output_map: Normalizer,
        epsilon: float,
    ) -> tuple[Tensor, Tensor]:
        layer = ChunkedLayer(features, weight, bias, ctx.needs_input_grad[:3])
        words = weight.size(0)
        spread = epsilon / (words - 1)
        peak = 1 - epsilon - spread
        loss, counts = features.new_zeros(()), features.new_zeros(2)
        for here, scores, _spare in layer.chunks():
            some = target[here].unsqueeze(1)
            p = output_map(scores)
            counts += _counts(p, target[here])
            # max_Ω(x) + γ Ω(e) − ⟨x, q⟩ = ⟨x, p − q⟩ + γ (Ω(e) − Ω(p)). Both sum to one, so that
            # the best score may be taken off first, which keeps the difference exact.
            top = scores.amax(dim=1, keepdim=True)
            scores.sub_(top)
            matched = (p * scores).sum() - peak * scores.gather(1, some).sum()
            if spread:
                matched -= spread * scores.sum()
            loss += matched + _omegas(output_map, scores, p, some)
            if any(ctx.needs_input_grad):
                peaks = p.new_full(some.shape, -peak)
                layer.add(here, p.sub_(spread).scatter_add_(1, some, peaks))
        ctx.save_for_backward(features, weight, bias, target, *layer.gradients)
        ctx.output_map, ctx.epsilon = output_map, epsilon
        ctx.mark_non_differentiable(counts)
        return loss, counts

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _grad_counts: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, target, *saved = ctx.saved_tensors
        if gradients.are_differentiated():
            inputs = (features, weight) if bias is None else (features, weight, bias)

            def plain(*inputs: Tensor) -> Tensor:
                return fenchel_young(F.linear(*inputs), target, ctx.output_map, ctx.epsilon)[0]

            grads = gradients.of_plain(plain, inputs, grad)
            return *grads, *(None,) * (6 - len(grads))
        return *(None if kept is None else kept * grad for kept in saved), None, None, None


def _counts(p: Tensor, target: Tensor) -> Tensor:
    found = p > 0
    missed = ~found.gather(1, target.unsqueeze(1))
    return torch.stack([found.sum(), missed.sum()]).to(p.dtype)


def _omegas(output_map: Normalizer, scores: Tensor, p: Tensor, some: Tensor) -> Tensor:
    """Σ over rows of γ (Ω(e) − Ω(p)), e all on the target."""
    options: Any = output_map.current_options()
    problem = Problem.of(output_map.name, scores, None, -1, options)
    of_maps = problem.regularizer(p)[0]
    e = torch.zeros_like(p).scatter_(1, some, 1.0)
    return (problem.gamma * (problem.regularizer(e)[0] - of_maps)).sum()


def _offset(scores: Tensor, target: Tensor, output_map: Normalizer, q: Tensor) -> Tensor:
    """Σ over rows of γ (Ω(e) − Ω(q)), which does not depend on the scores."""
    return _omegas(output_map, scores.detach(), q, target.unsqueeze(1))


__all__ = ["RegattnFenchelYoung", "fenchel_young", "linear_fenchel_young"]
