"""γ that falls and λ that grows over the first updates."""

from dataclasses import dataclass
from functools import partial
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

    A steep map, such as sparsemax, starts with d times its γ, where d is the number of source
    words. Its weights then follow the scores with a slope of 1/d, as those of softmax do, whether
    sources are short or long. (In a batch, d is the length of the longest source.)

    γ falls linearly. If it fell geometrically, it would be small too soon: half of the updates
    would take it from 8 to 3, and attention would stay on the words that have the weight then. The
    product γλ grows linearly, because γλ is the size of the score differences that λ fuses.
    λ itself stays small while γ is large.

    Attributes:
        gamma_start: the first factor of γ, above 0; None: the number of words. The last one is 1.
        gamma_updates: updates until γ has its final value; 0: from the start.
        lam_updates: updates until γλ has its final value; 0: from the start.
    """

    gamma_start: float | None = 1.0
    gamma_updates: int = 0
    lam_updates: int = 0

    def gamma_factor(self, updates: int, words: int) -> float:
        """The factor of γ after this many updates, for sources of this many words."""
        if updates >= self.gamma_updates:
            return 1.0
        start = words if self.gamma_start is None else self.gamma_start
        return start + (1.0 - start) * updates / self.gamma_updates

    def lam_factor(self, updates: int, words: int) -> float:
        """The factor of λ after this many updates, for sources of this many words."""
        share = 1.0 if updates >= self.lam_updates else updates / self.lam_updates
        return share / self.gamma_factor(updates, words)


class ScheduledNormalizer(Normalizer):
    """A model's normalizer, whose γ and λ follow a schedule during training.

    fairseq's trainer calls :meth:`set_num_updates` before every update. In evaluation mode,
    and so in every validation, γ and λ have their final values. A checkpoint is therefore judged
    with the values that it will be used with.

    Attributes:
        schedule: the schedule of γ and λ; λ's has no effect on a map without λ.
        watched: whether training logs the figures of a
            :class:`~regattn_fairseq.models.watching.Watch`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Same as :class:`~regattn_fairseq.normalizers.Normalizer`; it has no schedule yet."""
        super().__init__(name, **options)
        self.schedule = Schedule()
        self.watched = True
        self._updates = 0
        self._watch = Watch()

    def set_num_updates(self, num_updates: int) -> None:
        """Set how many updates the training has done."""
        self._updates = num_updates
        self._watch.begin(num_updates)

    def forward(
        self, scores: Tensor, mask: Tensor | None = None, upper: Tensor | None = None
    ) -> Tensor:
        """Weights for ``scores``, with the options of this update."""
        if not self.training:
            return super().forward(scores, mask, upper)
        options = self._scheduled_options(max(1, scores.size(self.dim)))
        if self.watched and self._watch.is_on:
            bound = None if upper is None else upper.detach()
            self._watch.add(partial(self.weigh, upper=bound), scores, mask, options)
        return self.weigh(scores, mask, options, upper)

    def _scheduled_options(self, words: int) -> dict[str, Any]:
        """Every option's value at this update, for sources of this many words."""
        options = self.current_options()
        factors = {
            "gamma": self.schedule.gamma_factor(self._updates, words),
            "lam": self.schedule.lam_factor(self._updates, words),
        }
        return options | {
            name: factor * options[name] for name, factor in factors.items() if name in options
        }
