"""Local attention: weights that fall off around a place in the source."""

import torch
from torch import Tensor, nn


class LocalWindow(nn.Module):
    """What to multiply the weights with, for a query h and a source of S words.

    The factor of the word at position s is (Luong et al. 2015, arXiv 1508.04025, eq. 9 and 10)::

        exp(−(s − c)² / 2σ²),   c = S · sigmoid(v · tanh(W h)),   σ = D / 2

    The weights of a row then sum to less than one. Positions count from 0 at the first word;
    padding does not count.

    Args:
        query_dim: size of the queries.
        size: D, the words on each side of c that matter.
    """

    def __init__(self, query_dim: int, size: float) -> None:
        super().__init__()
        self.size = size
        self.hidden_proj = nn.Linear(query_dim, query_dim, bias=False)
        self.center_proj = nn.Linear(query_dim, 1, bias=False)

    def forward(self, query: Tensor, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Factors [..., S] for queries [..., query_dim] and scores [..., S].

        ``mask`` is bool, [..., S] or broadcastable to it, and True at padding.
        """
        if mask is None:
            mask = torch.zeros_like(scores, dtype=torch.bool)
        words = (~mask).to(query.dtype)
        length, position = words.sum(-1, keepdim=True), words.cumsum(-1) - 1.0
        center = length * torch.sigmoid(self.center_proj(torch.tanh(self.hidden_proj(query))))
        return torch.exp(-2.0 * ((position - center) / self.size).square())
