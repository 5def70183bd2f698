"""``regattn_label_smoothed_cross_entropy``: the output layer and its loss, a few rows at a time."""

import argparse
import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Optional

import torch
import torch.nn.functional as F
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from fairseq.models import FairseqModel
from torch import Tensor

from regattn_fairseq.criterions.coverage import coverage_loss
from regattn_fairseq.criterions.guided_alignment import alignment_loss_of
from regattn_fairseq.criterions.output_layer import ChunkedLayer
from regattn_fairseq.models.fast import gradients
from regattn_fairseq.models.output_map import output_map_of

# fairseq reads this annotation at run time. It knows Optional[X], but not X | None.
OptionalFloat = Optional[float]  # noqa: UP045

WEIGHTS = ("coverage_weight", "alignment_lambda")  # of the losses of attention


@dataclass
class RegattnLabelSmoothedCrossEntropyConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """fairseq's options of the criterion, and two more."""

    coverage_weight: OptionalFloat = field(
        default=None,
        metadata={
            "help": "weight of the coverage loss, which punishes attention to source words that "
            "had it already (See et al. 2017), 0 or more (default: no such loss)"
        },
    )
    alignment_lambda: OptionalFloat = field(
        default=None,
        metadata={
            "help": "weight of the loss that trains attention towards the links that "
            "--load-alignments reads (Chen et al. 2016), 0 or more (default: no such loss)"
        },
    )


@register_criterion(
    "regattn_label_smoothed_cross_entropy", dataclass=RegattnLabelSmoothedCrossEntropyConfig
)
class RegattnLabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyCriterion):
    """fairseq's ``label_smoothed_cross_entropy``, without the scores of a whole batch in memory.

    If the model has a method ``output_weights``, as ``regattn_lstm`` does, the output layer, the
    loss and their gradients are computed together, for a few target words at a time and without
    padding. The loss is the same, to rounding, and takes less time and memory. fairseq's own code
    runs for other models, in 16 bits, and with options that need the scores for more than the loss
    (``report_accuracy``, ``ignore_prefix_size``).
    """

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of the criterion, checked as they are parsed."""
        super().add_args(parser)
        for action in parser._actions:
            if action.dest in WEIGHTS:
                action.type = partial(_weight_of_text, action.dest)

    def __init__(
        self,
        task: Any,
        sentence_avg: bool,
        label_smoothing: float,
        ignore_prefix_size: int = 0,
        report_accuracy: bool = False,
        coverage_weight: float | None = None,
        alignment_lambda: float | None = None,
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        for name, weight in zip(WEIGHTS, (coverage_weight, alignment_lambda), strict=True):
            if weight is not None:
                _weight(name, weight)
        self.coverage_weight = coverage_weight
        self.alignment_lambda = alignment_lambda

    def forward(
        self, model: FairseqModel, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """The summed loss of a batch, the number to divide it by, and what to log."""
        check_output_map(model)
        layer = self._fusible_layer(model) if reduce else None
        if layer is None:
            result: tuple[Tensor, int, dict[str, Any]] = super().forward(model, sample, reduce)
            return result
        features, extra = model(**sample["net_input"], features_only=True)
        target = sample["target"]
        is_word = target.ne(self.padding_idx)
        given = (features[is_word], *layer, target[is_word], self.eps)
        if "copy" in (extra or {}):
            from regattn_fairseq.criterions.copy_attention import copy_loss  # it imports this one

            loss, nll_loss = copy_loss(*given, extra, is_word)
        else:
            loss, nll_loss = linear_label_smoothed_cross_entropy(*given)
        loss = self._with_attention_losses(loss, model, sample, extra)
        sample_size = target.size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": loss.data,
            "nll_loss": nll_loss.data,
            "ntokens": sample["ntokens"],
            "nsentences": target.size(0),
            "sample_size": sample_size,
        }
        return loss, sample_size, logged

    def compute_loss(
        self, model: FairseqModel, net_output: Any, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Fairseq's loss from a model's output, where the output layer is not computed with it."""
        loss, nll_loss = super().compute_loss(model, net_output, sample, reduce)
        if reduce:
            loss = self._with_attention_losses(loss, model, sample, net_output[1])
        return loss, nll_loss

    def _with_attention_losses(
        self, loss: Tensor, model: Any, sample: dict[str, Any], extra: Any
    ) -> Tensor:
        """Add what attention itself is trained for."""
        if self.coverage_weight:
            is_word = sample["target"].ne(self.padding_idx)
            loss = loss + self.coverage_weight * coverage_loss(extra["attn"][0], is_word)
        if self.alignment_lambda:
            of_links = alignment_loss_of(unwrapped(model), sample, extra, self.padding_idx)
            loss = loss + self.alignment_lambda * of_links
        return loss

    def _fusible_layer(self, model: FairseqModel) -> tuple[Tensor, Tensor | None] | None:
        """Weight and bias of the output layer, if the loss may be computed together with it."""
        output_weights = getattr(unwrapped(model), "output_weights", None)
        if output_weights is None or self.report_accuracy or self.ignore_prefix_size > 0:
            return None
        layer: tuple[Tensor, Tensor | None] | None = output_weights()
        if layer is None or layer[0].dtype not in (torch.float32, torch.float64):
            return None
        return None if torch.is_autocast_enabled(layer[0].device.type) else layer


def _weight(name: str, value: Any) -> float:
    """The weight of a loss.

    Raises:
        ValueError: it is negative, not finite, or no number.
    """
    weight = float(value)
    if not 0 <= weight < math.inf:
        raise ValueError(f"{name} is {value}; use 0 or more, such as 1")
    return weight


def _weight_of_text(name: str, text: str) -> float:
    try:
        return _weight(name, text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def check_output_map(model: Any) -> None:
    """Refuse a model whose probabilities are not softmax's.

    Raises:
        ValueError: they are another map's.
    """
    output_map = output_map_of(unwrapped(model))
    if output_map is not None:
        raise ValueError(
            f"--loss-normalizer {output_map.name} needs --criterion regattn_fenchel_young: this "
            "criterion is the loss of softmax"
        )


def unwrapped(model: Any) -> Any:
    """The model itself, without the wrappers that train it on several devices."""
    while hasattr(model, "module"):
        model = model.module
    return model


def linear_label_smoothed_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Label-smoothed cross-entropy of ``softmax(features weightᵀ + bias)``, summed over the rows.

    With V words and log-probabilities l, a row's loss is fairseq's::

        −(1 − ε − ε/(V−1)) l_target − ε/(V−1) Σ_v l_v

    The gradients are computed in the same pass, so that no row of scores is computed twice or kept.

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
        layer = ChunkedLayer(features, weight, bias, ctx.needs_input_grad[:3])
        # Two tensors, not views of one: fairseq multiplies a loss in place when it must not count.
        loss, nll_loss = features.new_zeros(()), features.new_zeros(())
        for here, scores, spare in layer.chunks():
            at_target = target[here].unsqueeze(1)
            grad_scores = torch.softmax(scores, dim=1, out=spare)
            # log Σ e^score, from the likeliest word: its score minus the log of its probability.
            log_total = scores.amax(dim=1) - grad_scores.amax(dim=1).log()
            nll = (log_total - scores.gather(1, at_target).squeeze(1)).sum()
            nll_loss += nll
            loss += nll * peak
            if spread:
                loss += (words * log_total - scores.sum(dim=1)).sum() * spread
            if any(ctx.needs_input_grad):
                # ∂loss/∂scores = softmax − spread − (peak at the target): peak + V spread = 1.
                grad_scores -= spread
                peaks = grad_scores.new_full(at_target.shape, -peak)
                layer.add(here, grad_scores.scatter_add_(1, at_target, peaks))
        ctx.save_for_backward(features, weight, bias, target, *layer.gradients)
        ctx.epsilon = epsilon
        ctx.mark_non_differentiable(nll_loss)
        return loss, nll_loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _grad_nll: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, target, *saved = ctx.saved_tensors
        if gradients.are_differentiated():
            inputs = (features, weight) if bias is None else (features, weight, bias)

            def plain(*inputs: Tensor) -> Tensor:
                return _plain_loss(F.linear(*inputs), target, ctx.epsilon)

            grads = gradients.of_plain(plain, inputs, grad)
            return *grads, *(None,) * (5 - len(grads))
        return *(None if kept is None else kept * grad for kept in saved), None, None


def _plain_loss(scores: Tensor, target: Tensor, epsilon: float) -> Tensor:
    spread = epsilon / (scores.size(1) - 1)
    log_probs = scores.log_softmax(dim=1)
    at_target = log_probs.gather(1, target.unsqueeze(1)).sum()
    return -(1 - epsilon - spread) * at_target - spread * log_probs.sum()


__all__ = ["RegattnLabelSmoothedCrossEntropy", "linear_label_smoothed_cross_entropy"]
