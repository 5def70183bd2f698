"""λ that grows over the first updates."""

from torch import Tensor, nn

from regattn_fairseq.normalizers import Normalizer


class LambdaWarmup(nn.Module):
    """A normalizer whose λ grows linearly from 0, where it is sparsemax, to its own value.

    Scores start nearly equal. A λ that is large beside their differences fuses all words; the
    weights are then uniform, their Jacobian is zero, and no gradient reaches the scores that would
    tell the words apart. With λ = 0 at first they come apart, and are fused as λ then grows.

    fairseq's trainer calls :meth:`set_num_updates` before every update. A model that is not being
    trained has its full λ.

    Args:
        normalizer: one that has λ.
        updates: number of updates until λ is whole, above 0.
    """

    def __init__(self, normalizer: Normalizer, updates: int) -> None:
        super().__init__()
        self.normalizer = normalizer
        self.updates = updates
        self.lam_factor = 1.0

    def set_num_updates(self, num_updates: int) -> None:
        """Follow the training."""
        self.lam_factor = min(1.0, num_updates / self.updates)

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights for ``scores``, with the λ of this update."""
        weights: Tensor = self.normalizer(scores, mask=mask, lam_factor=self.lam_factor)
        return weights
