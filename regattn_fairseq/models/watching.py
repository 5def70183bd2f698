"""Figures that show whether attention still learns, logged during training."""

from collections.abc import Callable
from typing import Any

import torch
from fairseq.logging import metrics
from torch import Tensor

from regattn_fairseq.declared import naming

EVERY = 20  # updates; each costs one more pass through the normalizer, forward and backward
GOLDEN = 0.6180339887  # its multiples, modulo 1, are all different: see _probe
DEAD = 1e-6  # a row's Jacobian counts as zero below this; its entries are at most about 1 / γ


class Watch:
    """Figures of the rows of attention weights, at every :data:`EVERY`-th update.

    They go to fairseq's metrics, and from there to its progress lines, to TensorBoard and to
    ``train_log.jsonl``:

    - ``attn_support``: mean number of words with weight;
    - ``attn_one_word``: share of rows in which one word has all of the weight;
    - ``attn_dead``: share of rows whose Jacobian is zero, so that no gradient reaches the scores:
      one word has all, or all words that have weight are fused;
    - ``attn_spread``: mean standard deviation of a row's scores, divided by γ;
    - ``attn_gamma``, ``attn_lambda``, ``attn_alpha``: what γ, λ and α are at this update; their
      mean, where each head has its own.

    Rows whose scores are all equal, such as those of padding, do not count.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._options_logged = False

    def begin(self, num_updates: int) -> None:
        """Watch the update after this many if its turn has come."""
        self.is_on = num_updates % EVERY == 0
        self._options_logged = False

    def add(
        self,
        weigh: Callable[[Tensor, Tensor | None, dict[str, Any]], Tensor],
        scores: Tensor,
        mask: Tensor | None,
        options: dict[str, Any],
    ) -> None:
        """Log the figures of one call of the normalizer.

        At once, so that a checkpoint after this update has them.

        Args:
            weigh: the map, of scores, mask and options.
            scores: [..., S].
            mask: the mask, as passed to the map.
            options: the options of the map, including γ.
        """
        with torch.enable_grad():
            leaf = scores.detach().requires_grad_()
            weights = weigh(leaf, mask, options)
            # As a sum: for a vector, torch would import its compiler.
            (back,) = torch.autograd.grad((weights * _probe(weights)).sum(), leaf)
        self._log_options(options)
        gamma = options.get("gamma", 1.0)
        if isinstance(gamma, Tensor):
            gamma = gamma.detach()
            gamma = gamma.squeeze(-1) if gamma.dim() else gamma
        weights, leaf = weights.detach(), leaf.detach()
        hidden = leaf == -torch.inf
        if mask is not None:
            hidden = hidden | mask
        x = leaf.float().masked_fill(hidden, 0.0)
        words = (~hidden).sum(-1).clamp(min=1).expand(x.shape[:-1])
        mean = x.sum(-1, keepdim=True) / words.unsqueeze(-1)
        deviation = (x - mean).masked_fill(hidden, 0.0)
        support = weights.gt(0).sum(-1)
        rows = torch.stack(
            (
                support.float(),
                support.eq(1).float(),
                (gamma * back.float().abs().amax(-1)).le(DEAD).float(),
                (deviation.square().sum(-1) / words).sqrt() / gamma,
            ),
            dim=-1,
        )
        rows = rows[deviation.abs().amax(-1) > 0]
        if len(rows) > 0:
            names = ("attn_support", "attn_one_word", "attn_dead", "attn_spread")
            for name, value in zip(names, rows.mean(0).tolist(), strict=True):
                metrics.log_scalar(name, value, len(rows), round=3)

    def _log_options(self, options: dict[str, Any]) -> None:
        """Once an update: a decoder that loops calls the normalizer for each target word."""
        if self._options_logged:
            return
        arguments = naming.arguments()
        for name, option in naming.declared_options().items():
            if option.learnable and name in options:
                metrics.log_scalar(arguments[name], _number(options[name]), round=4)
        self._options_logged = True


def _number(option: float | Tensor) -> float:
    """The option, or the mean of its values."""
    return float(option.detach().mean()) if isinstance(option, Tensor) else option


def _probe(weights: Tensor) -> Tensor:
    """A vector whose product with a Jacobian is zero only if the Jacobian is zero.

    It has the shape of ``weights``. Random numbers would do as well, but drawing them would change
    the random numbers that the training gets.
    """
    steps = torch.arange(1, weights.size(-1) + 1, device=weights.device, dtype=torch.float64)
    return (steps * GOLDEN).remainder(1).to(weights.dtype).expand_as(weights)
