"""γ that falls and λ that grows over the first updates."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from regattn_fairseq.models.watching import Watch
from regattn_fairseq.normalizers import Normalizer


@dataclass(frozen=True)
class Schedule:
    """The factors of γ and λ at each update.

    Scores are nearly equal at first. Within a few updates they change by more than the range in
    which a sparse map gives weight to several words. Attention may then reach one of two states:
    one word has all of the weight, or all words are fused. In both, the Jacobian of the map is
    zero, so no gradient can lead attention out of them. A large γ at first lets all words keep
    weight until training has learned to tell them apart. A λ of zero at first, where the structured
    maps are sparsemax, fuses no words before that.

    γ falls linearly. If it fell geometrically, it would be small too soon: half of the updates
    would take it from 8 to 3, and attention would stay on the words that have the weight then. The
    product γλ grows linearly, because γλ is the size of the score differences that λ fuses.
    λ itself stays small while γ is large.

    Attributes:
        gamma_start: the first factor of γ, above 0; the last one is 1.
        gamma_updates: updates until γ has its final value; 0: from the start.
        lam_updates: updates until γλ has its final value; 0: from the start.
    """

    gamma_start: float = 1.0
    gamma_updates: int = 0
    lam_updates: int = 0

    def gamma_factor(self, updates: int) -> float:
        """The factor of γ after this many updates."""
        if updates >= self.gamma_updates:
            return 1.0
        return self.gamma_start + (1.0 - self.gamma_start) * updates / self.gamma_updates

    def lam_factor(self, updates: int) -> float:
        """The factor of λ after this many updates."""
        share = 1.0 if updates >= self.lam_updates else updates / self.lam_updates
        return share / self.gamma_factor(updates)


class ScheduledNormalizer(Normalizer):
    """A model's normalizer, whose γ and λ follow a schedule during training.

    fairseq's trainer calls :meth:`set_num_updates` before every update. In evaluation mode,
    and so in every validation, γ and λ have their final values. A checkpoint is therefore judged
    with the values that it will be used with.

    Attributes:
        schedule: the schedule of γ and λ; λ's has no effect on a map without λ.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Same as :class:`~regattn_fairseq.normalizers.Normalizer`; it has no schedule yet."""
        super().__init__(name, **options)
        self.schedule = Schedule()
        self._updates = 0
        self._watch = Watch()

    def set_num_updates(self, num_updates: int) -> None:
        """Set how many updates the training has done."""
        self._updates = num_updates
        self._watch.begin(num_updates)

    def current_options(self) -> dict[str, Any]:
        """Every option's value by name; in training, the value at this update."""
        options = super().current_options()
        if self.training:
            factors = {
                "gamma": self.schedule.gamma_factor(self._updates),
                "lam": self.schedule.lam_factor(self._updates),
            }
            options |= {name: factors[name] * options[name] for name in factors if name in options}
        return options

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights for ``scores``, with the options of this update."""
        if self.training and self._watch.is_on:
            self._watch.add(super().forward, scores, mask, self.current_options())
        return super().forward(scores, mask)
