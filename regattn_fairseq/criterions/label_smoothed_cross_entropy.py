"""``regattn_label_smoothed_cross_entropy``: the output layer and its loss, a few rows at a time."""

from typing import Any

import torch
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from fairseq.models import FairseqModel
from torch import Tensor

from regattn_fairseq.models import RegattnLSTMModel

CHUNK_BYTES = 2**23  # of scores at once: little enough to stay in a cache
MIN_CHUNK_ROWS = 128  # enough for the products to run at nearly their full rate


@register_criterion(
    "regattn_label_smoothed_cross_entropy", dataclass=LabelSmoothedCrossEntropyCriterionConfig
)
class RegattnLabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyCriterion):
    """fairseq's ``label_smoothed_cross_entropy``, without the scores of a whole batch in memory.

    For ``regattn_lstm`` it computes the output layer, the loss and their gradients together, for a
    few target words at a time and for none that is padding: the same loss, to rounding, in less
    time and memory. For other models, in 16 bits, and where more is asked of the scores
    (``report_accuracy``, ``ignore_prefix_size``), it is fairseq's own.
    """

    def forward(
        self, model: FairseqModel, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """The loss of a batch, summed; what it is to be divided by; and what to log."""
        if not (reduce and self._can_be_fused(model)):
            result: tuple[Tensor, int, dict[str, Any]] = super().forward(model, sample, reduce)
            return result
        features, _ = model(**sample["net_input"], features_only=True)
        target = sample["target"]
        is_word = target.ne(self.padding_idx)
        decoder = _unwrapped(model).decoder
        weight, bias = decoder.output_weights()
        loss, nll_loss = linear_label_smoothed_cross_entropy(
            features[is_word], weight, bias, target[is_word], self.eps
        )
        sample_size = target.size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": loss.data,
            "nll_loss": nll_loss.data,
            "ntokens": sample["ntokens"],
            "nsentences": target.size(0),
            "sample_size": sample_size,
        }
        return loss, sample_size, logged

    def _can_be_fused(self, model: FairseqModel) -> bool:
        inner = _unwrapped(model)
        return (
            isinstance(inner, RegattnLSTMModel)
            and not self.report_accuracy
            and self.ignore_prefix_size == 0
            and inner.decoder.embed_tokens.weight.dtype in (torch.float32, torch.float64)
            and not torch.is_autocast_enabled(inner.decoder.embed_tokens.weight.device.type)
        )


def _unwrapped(model: Any) -> Any:
    """The model itself, within what trains it on several devices."""
    while hasattr(model, "module"):
        model = model.module
    return model


def linear_label_smoothed_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Label-smoothed cross-entropy of ``softmax(features weightᵀ + bias)``, summed over the rows.

    With V words and log-probabilities l, a row's loss is fairseq's::

        −(1 − ε − ε/(V−1)) l_target − ε/(V−1) Σ_v l_v

    The gradients are computed on the way, so that no row of scores is made twice or kept.

    Args:
        features: [rows, dim].
        weight: [V, dim].
        bias: [V], or none.
        target: word indices [rows].
        epsilon: share of the probability to spread, in [0, 1).

    Returns:
        the loss, and Σ −l_target without gradient, both scalars.
    """
    result: tuple[Tensor, Tensor] = _LinearCrossEntropy.apply(
        features, weight, bias, target, epsilon
    )
    return result


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        epsilon: float,
    ) -> tuple[Tensor, Tensor]:
        words = weight.size(0)
        spread = epsilon / (words - 1)
        peak = 1 - epsilon - spread
        need_features, need_weight, need_bias, *_ = ctx.needs_input_grad
        of_features = torch.empty_like(features) if need_features else None
        of_weight = torch.zeros_like(weight) if need_weight else None
        of_bias = torch.zeros_like(bias) if bias is not None and need_bias else None

        # No views of one tensor: fairseq multiplies a loss in place that is not to count.
        loss, nll_loss = features.new_zeros(()), features.new_zeros(())
        rows = max(MIN_CHUNK_ROWS, CHUNK_BYTES // (words * features.element_size()))
        scores, probabilities = features.new_empty(2, min(rows, features.size(0)), words)
        for start in range(0, features.size(0), rows):
            chunk_features, chunk_target = (
                features[start : start + rows],
                target[start : start + rows],
            )
            size = chunk_target.size(0)
            out = scores[:size]
            if bias is None:
                torch.mm(chunk_features, weight.t(), out=out)
            else:
                torch.addmm(bias, chunk_features, weight.t(), out=out)
            gradient = torch.softmax(out, dim=1, out=probabilities[:size])
            # The logarithm of the scores' sum of exponentials, read off the likeliest word.
            log_total = out.amax(dim=1) - gradient.amax(dim=1).log()
            at_target = chunk_target.unsqueeze(1)
            nll = (log_total - out.gather(1, at_target).squeeze(1)).sum()
            nll_loss += nll
            loss += nll * peak
            if spread:
                loss += (words * log_total - out.sum(dim=1)).sum() * spread
            if not any(ctx.needs_input_grad):
                continue
            # ∂loss/∂scores = softmax − spread − (peak at the target): peak + V spread = 1.
            gradient -= spread
            gradient.scatter_add_(1, at_target, gradient.new_full((size, 1), -peak))
            if of_features is not None:
                torch.mm(gradient, weight, out=of_features[start : start + size])
            if of_weight is not None:
                of_weight.addmm_(gradient.t(), chunk_features)
            if of_bias is not None:
                of_bias += gradient.sum(0)
        ctx.save_for_backward(of_features, of_weight, of_bias)
        ctx.mark_non_differentiable(nll_loss)
        return loss, nll_loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor, _nll_gradient: Tensor) -> tuple[Tensor | None, ...]:
        scaled = [None if saved is None else saved * gradient for saved in ctx.saved_tensors]
        return *scaled, None, None


__all__ = ["RegattnLabelSmoothedCrossEntropy", "linear_label_smoothed_cross_entropy"]
