"""fairseq's translation task, made to resume exactly."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fairseq.data import BaseWrapperDataset
from fairseq.search import BeamSearch
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from regattn_fairseq.tasks.search import QuickBeamSearch, RepeatBlock


@dataclass
class RegattnTranslationConfig(TranslationConfig):
    """fairseq's options of ``translation``, and two more."""

    rebuild_batches: bool = field(
        default=False,
        metadata={
            "help": "make each epoch's batches from the seed and the epoch alone, so that a "
            "training that is interrupted and resumed sees the same ones"
        },
    )
    train_fraction: float = field(
        default=1.0,
        metadata={
            "help": "train on this share of the training sentences, above 0 and at most 1; which "
            "ones does not depend on the seed, and a larger share holds all of a smaller one"
        },
    )


@register_task("regattn_translation", dataclass=RegattnTranslationConfig)
class RegattnTranslationTask(TranslationTask):
    """Like ``translation``, with four differences.

    ``rebuild_batches`` is an option: fairseq's own task makes the batches once a process, from the
    epoch at which that process starts. ``train_fraction`` is another. Beam search finds the same
    in less time. And a batch of outputs without any word counts as one wrong word, hence as BLEU
    0, where fairseq stops for want of a score.
    """

    def load_dataset(
        self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any
    ) -> None:
        """Load a split; of the training sentences, the share that is wanted."""
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        fraction = self.cfg.train_fraction
        if not 0 < fraction <= 1:
            raise ValueError(f"task.train_fraction is {fraction}: choose above 0 and at most 1")
        if split == self.cfg.train_subset and fraction < 1:
            self.datasets[split] = _Part(self.datasets[split], fraction)

    def build_generator(self, *args: Any, **kwargs: Any) -> Any:
        """What searches for outputs; see fairseq. Plain beam search is a quicker one.

        ``no_repeat_ngram_size`` acts, as fairseq 0.12's does not.
        """
        generator = super().build_generator(*args, **kwargs)
        block = getattr(generator, "repeat_ngram_blocker", None)
        if block is not None:
            generator.repeat_ngram_blocker = RepeatBlock(block.no_repeat_ngram_size)
        if type(getattr(generator, "search", None)) is BeamSearch:
            generator.search = QuickBeamSearch(self.target_dictionary)
        return generator

    def valid_step(self, sample: dict[str, Any], model: Any, criterion: Any) -> tuple:
        """Score one batch; see fairseq."""
        loss, sample_size, log = super().valid_step(sample, model, criterion)
        if self.cfg.eval_bleu and log["_bleu_totals_0"] == 0:
            log["_bleu_totals_0"] = 1
        return loss, sample_size, log


class _Part(BaseWrapperDataset):
    """A dataset of which batches are made from some of the sentences only.

    Args:
        dataset: the whole.
        fraction: above 0, at most 1; at least one sentence is kept.
    """

    def __init__(self, dataset: Any, fraction: float) -> None:
        super().__init__(dataset)
        order = np.random.default_rng(1).permutation(len(dataset))
        self.kept = order[: max(1, round(fraction * len(dataset)))]

    def ordered_indices(self) -> np.ndarray:
        """Numbers of the kept sentences, in the order of the whole: an array of as many ints."""
        indices = self.dataset.ordered_indices()
        return indices[np.isin(indices, self.kept)]
