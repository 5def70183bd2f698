"""fairseq's translation task, made to resume exactly."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fairseq.data import BaseWrapperDataset
from fairseq.search import BeamSearch
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from regattn_fairseq.guests.fairseq import tokenize_bleu
from regattn_fairseq.tasks.search import (
    QuickBeamSearch,
    QuickEnsemble,
    RepeatBlock,
    SparseBeamSearch,
)

# Model options that a checkpoint does not need: it holds the vectors, and the files may be gone.
VECTOR_FILES = ("encoder_embed_path", "decoder_embed_path")

UNLIMITED = 1_000_000_000


@dataclass
class RegattnTranslationConfig(TranslationConfig):
    """fairseq's options of ``translation``, and three more; lengths are unlimited by default."""

    max_source_positions: int = field(
        default=UNLIMITED,
        metadata={"help": "most tokens of a training sentence; longer ones are left out"},
    )
    max_target_positions: int = field(
        default=UNLIMITED,
        metadata={"help": "most tokens of a training sentence's target; see the above"},
    )
    rebuild_batches: bool = field(
        default=False,
        metadata={
            "help": "make each epoch's batches from the seed and the epoch alone, so that a "
            "training that is interrupted and resumed sees the same ones"
        },
    )
    eval_bleu_tokenizer: str = field(
        default="13a",
        metadata={"help": "sacrebleu's name of the tokenizer that validation BLEU uses"},
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
    """Like ``translation``, with seven differences.

    - The option ``rebuild_batches``: fairseq's own task makes the batches once per process, from
      the epoch at which that process starts.
    - The option ``train_fraction``.
    - The option ``eval_bleu_tokenizer``.
    - Beam search finds the same outputs in less time.
    - A checkpoint opens without the files of word vectors that its training began with.
    - A batch of outputs without any word counts as one wrong word, hence as BLEU 0. fairseq stops
      here, because it has no score.
    - Length limits apply to the training text only: of the text that a model is scored on, no
      sentence is left out, and none causes an error.
    """

    def load_dataset(
        self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any
    ) -> None:
        """Load a split; of the training sentences, only the share ``train_fraction``."""
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        fraction = self.cfg.train_fraction
        if not 0 < fraction <= 1:
            raise ValueError(f"task.train_fraction is {fraction}: choose above 0 and at most 1")
        if split == self.cfg.train_subset and fraction < 1:
            self.datasets[split] = _Part(self.datasets[split], fraction)

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Build the model; see fairseq. One from a checkpoint needs no file of word vectors."""
        if from_checkpoint:
            for option in VECTOR_FILES:
                if getattr(cfg, option, None) is not None:
                    setattr(cfg, option, None)
        return super().build_model(cfg, from_checkpoint)

    def filter_indices_by_size(
        self,
        indices: Any,
        dataset: Any,
        max_positions: Any = None,
        ignore_invalid_inputs: bool = False,
    ) -> Any:
        """Sentences that are not too long; see fairseq.

        Raises:
            Exception: one is longer than the model itself can take, and may not be left out.
        """
        if not ignore_invalid_inputs and isinstance(max_positions, tuple):
            max_positions = tuple(
                math.inf if limit == own else limit
                for limit, own in zip(max_positions, self.max_positions(), strict=True)
            )
        return super().filter_indices_by_size(
            indices, dataset, max_positions, ignore_invalid_inputs
        )

    def build_generator(self, models: Any, *args: Any, **kwargs: Any) -> Any:
        """Build the search for outputs; see fairseq. Plain beam search becomes a quicker one.

        ``no_repeat_ngram_size`` has an effect here; in fairseq 0.12 it has none.
        """
        generator = super().build_generator(models, *args, **kwargs)
        block = getattr(generator, "repeat_ngram_blocker", None)
        if block is not None:
            generator.repeat_ngram_blocker = RepeatBlock(block.no_repeat_ngram_size)
        if type(getattr(generator, "search", None)) is BeamSearch:
            generator.search = QuickBeamSearch(self.target_dictionary)
            if generator.lm_model is None:
                generator.model = QuickEnsemble(list(generator.model.models)).eval()
            if any(getattr(model.decoder, "output_map", None) is not None for model in models):
                generator.search = SparseBeamSearch(
                    self.target_dictionary, generator.max_len_a, generator.max_len_b
                )
        return generator

    def valid_step(self, sample: dict[str, Any], model: Any, criterion: Any) -> tuple:
        """Score one batch; see fairseq."""
        loss, sample_size, log = super().valid_step(sample, model, criterion)
        if self.cfg.eval_bleu and log["_bleu_totals_0"] == 0:
            log["_bleu_totals_0"] = 1
        return loss, sample_size, log

    def _inference_with_bleu(self, generator: Any, sample: dict[str, Any], model: Any) -> Any:
        with tokenize_bleu(self.cfg.eval_bleu_tokenizer):
            return super()._inference_with_bleu(generator, sample, model)


class _Part(BaseWrapperDataset):
    """A dataset that gives only some of its sentences to the batches.

    Args:
        dataset: the whole.
        fraction: above 0, at most 1; at least one sentence is kept.
    """

    def __init__(self, dataset: Any, fraction: float) -> None:
        super().__init__(dataset)
        order = np.random.default_rng(1).permutation(len(dataset))
        self.kept = order[: max(1, round(fraction * len(dataset)))]

    def ordered_indices(self) -> np.ndarray:
        """Indices of the kept sentences, int [kept sentence], in the order of the whole."""
        indices = self.dataset.ordered_indices()
        return indices[np.isin(indices, self.kept)]
