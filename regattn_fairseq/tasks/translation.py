"""fairseq's translation task, made to resume exactly."""

from dataclasses import dataclass, field
from typing import Any

from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask


@dataclass
class RegattnTranslationConfig(TranslationConfig):
    """fairseq's options of ``translation``, and one more."""

    rebuild_batches: bool = field(
        default=False,
        metadata={
            "help": "make each epoch's batches from the seed and the epoch alone, so that a "
            "training that is interrupted and resumed sees the same ones"
        },
    )


@register_task("regattn_translation", dataclass=RegattnTranslationConfig)
class RegattnTranslationTask(TranslationTask):
    """Like ``translation``, with two differences.

    ``rebuild_batches`` is an option: fairseq's own task makes the batches once a process, from the
    epoch at which that process starts. And a batch of outputs without any word counts as one wrong
    word, hence as BLEU 0, where fairseq stops for want of a score.
    """

    def valid_step(self, sample: dict[str, Any], model: Any, criterion: Any) -> tuple:
        """Score one batch; see fairseq."""
        loss, sample_size, log = super().valid_step(sample, model, criterion)
        if self.cfg.eval_bleu and log["_bleu_totals_0"] == 0:
            log["_bleu_totals_0"] = 1
        return loss, sample_size, log
