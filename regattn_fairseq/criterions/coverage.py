"""The coverage loss: attention to what was attended to already."""

from torch import Tensor, minimum


def coverage_loss(weights: Tensor, is_word: Tensor) -> Tensor:
    """Σ_t Σ_j min(p_tj, Σ_{t' < t} p_t'j), summed over a batch: a scalar.

    Args:
        weights: attention weights p, [batch, target, source].
        is_word: bool [batch, target], False at the target's padding.

    Source: See et al. 2017, arXiv 1704.04368, equation 12.
    """
    weights = weights.float() if weights.dtype.itemsize < 4 else weights
    past = weights.cumsum(1) - weights
    return minimum(weights, past)[is_word].sum()
