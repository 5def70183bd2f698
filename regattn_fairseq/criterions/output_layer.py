"""The output layer and its gradients, a few rows at a time."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CHUNK_BYTES = 2**23  # of scores computed at once: few enough to stay in a cache
MIN_CHUNK_ROWS = 128  # enough for the products to run at nearly their full rate


class ChunkedLayer:
    """Word scores ``features weightᵀ + bias``, of which only a few rows are in memory at once.

    A loss takes each chunk of scores and gives back its gradient by them, so that no row of scores
    is computed twice or kept.

    Args:
        features: [rows, dim].
        weight: [V, dim].
        bias: [V], or none.
        needed: whether the gradients by features, weight and bias are.
    """

    def __init__(
        self, features: Tensor, weight: Tensor, bias: Tensor | None, needed: Sequence[bool]
    ) -> None:
        self._features, self._weight, self._bias = features, weight, bias
        self._by_features = torch.empty_like(features) if needed[0] else None
        self._by_weight = torch.zeros_like(weight) if needed[1] else None
        self._by_bias = torch.zeros_like(bias) if bias is not None and needed[2] else None

    def chunks(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Which rows, their scores [chunk, V], and as much memory for what is made of them."""
        features, words = self._features, self._weight.size(0)
        rows = max(MIN_CHUNK_ROWS, CHUNK_BYTES // (words * features.element_size()))
        scores, spare = features.new_empty(2, min(rows, len(features)), words)
        for start in range(0, len(features), rows):
            here = slice(start, start + rows)
            some = features[here]
            out = scores[: len(some)]
            if self._bias is None:
                torch.mm(some, self._weight.t(), out=out)
            else:
                torch.addmm(self._bias, some, self._weight.t(), out=out)
            yield here, out, spare[: len(some)]

    def add(self, here: slice, grad_scores: Tensor) -> None:
        """Take the gradient of the loss by the scores of these rows: [chunk, V]."""
        if self._by_features is not None:
            torch.mm(grad_scores, self._weight, out=self._by_features[here])
        if self._by_weight is not None:
            self._by_weight.addmm_(grad_scores.t(), self._features[here])
        if self._by_bias is not None:
            self._by_bias += grad_scores.sum(0)

    @property
    def gradients(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """By features, weight and bias; None where they are not needed."""
        return self._by_features, self._by_weight, self._by_bias
