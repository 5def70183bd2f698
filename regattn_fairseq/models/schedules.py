"""γ that falls and λ that grows over the first updates."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from regattn_fairseq.models.watching import Watch
from regattn_fairseq.normalizers import Normalizer


@dataclass(frozen=True)
class Schedule:
    """What γ and λ are multiplied with at each update.

    Scores start nearly equal, and within a few updates move by more than the range in which a
    sparse map shares its weight out. Two states are then reached from which no gradient leads back,
    since the Jacobian of the map is zero there: one word has all of the weight, or all words are
    fused. A γ that is large at first keeps the words apart in the running until training has told
    them apart. A λ that is zero at first, where the structured maps are sparsemax, fuses nothing
    before that.

    γ falls linearly. Falling geometrically it would be small too soon: half of its updates take it
    from 8 to 3, and what attention rests on then, it keeps. What grows linearly is γλ, for that is
    how large the differences of scores are that λ fuses: λ itself stays small while γ is large.

    Attributes:
        gamma_start: the first factor of γ, above 0; the last one is 1.
        gamma_updates: updates until γ is its own; 0: from the start.
        lam_updates: updates until γλ is what it would be with γ's last value; 0: from the start.
    """

    gamma_start: float = 1.0
    gamma_updates: int = 0
    lam_updates: int = 0

    def gamma_factor(self, updates: int) -> float:
        """Of γ after this many updates."""
        if updates >= self.gamma_updates:
            return 1.0
        return self.gamma_start + (1.0 - self.gamma_start) * updates / self.gamma_updates

    def lam_factor(self, updates: int) -> float:
        """Of λ after this many updates."""
        share = 1.0 if updates >= self.lam_updates else updates / self.lam_updates
        return share / self.gamma_factor(updates)


class ScheduledNormalizer(Normalizer):
    """A model's normalizer: its γ and λ follow a schedule while the model is trained.

    fairseq's trainer calls :meth:`set_num_updates` before every update. In evaluation mode, hence
    in every validation too, γ and λ are their own, so that a checkpoint is judged as it will be
    used.

    Attributes:
        schedule: of γ and λ; that of λ is without effect on a map that has none.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """As :class:`~regattn_fairseq.normalizers.Normalizer`, without a schedule."""
        super().__init__(name, **options)
        self.schedule = Schedule()
        self._updates = 0
        self._watch = Watch()

    def set_num_updates(self, num_updates: int) -> None:
        """Follow the training."""
        self._updates = num_updates
        self._watch.begin(num_updates)

    def current_options(self) -> dict[str, Any]:
        """Every option's value by name, at this update of the training if the model is trained."""
        options = super().current_options()
        if self.training:
            factors = {
                "gamma": self.schedule.gamma_factor(self._updates),
                "lam": self.schedule.lam_factor(self._updates),
            }
            options |= {name: factors[name] * options[name] for name in factors if name in options}
        return options

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights for ``scores``, by the options of this update."""
        if self.training and self._watch.is_on:
            self._watch.add(super().forward, scores, mask, self.current_options())
        return super().forward(scores, mask)
