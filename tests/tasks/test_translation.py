"""fairseq's task as ours changes it: limits of length, scores, word vectors."""

from typing import Any

import numpy as np
import pytest
import sacrebleu
from fairseq.data import Dictionary
from fairseq.tasks.translation import TranslationTask
from omegaconf import OmegaConf

from regattn_fairseq.models import RegattnLSTMConfig
from regattn_fairseq.tasks.translation import RegattnTranslationConfig, RegattnTranslationTask

LENGTHS = np.array([5, 50, 500])


class Dataset:
    """Sentences of which nothing but the length is known."""

    def size(self, index: int) -> tuple[int, int]:
        return int(LENGTHS[index]), int(LENGTHS[index])

    def filter_indices_by_size(self, indices: Any, limits: Any) -> tuple[Any, list[int]]:
        kept = [index for index in indices if max(self.size(index)) <= min(limits)]
        return np.array(kept), [index for index in indices if index not in kept]


def kept(limit: int | None, model_limit: int, *, may_skip: bool) -> list[int]:
    own = {} if limit is None else {"max_source_positions": limit, "max_target_positions": limit}
    task = RegattnTranslationTask(RegattnTranslationConfig(**own), Dictionary(), Dictionary())
    resolved = tuple(min(each, model_limit) for each in task.max_positions())
    return list(task.filter_indices_by_size(np.arange(3), Dataset(), resolved, may_skip))


def test_by_default_only_the_models_own_limit_counts():
    assert kept(None, 100_000, may_skip=False) == [0, 1, 2]
    assert kept(None, 100_000, may_skip=True) == [0, 1, 2]
    with pytest.raises(Exception, match="sample #2 is invalid"):
        kept(None, 100, may_skip=False)


def test_a_limit_that_is_asked_for_is_for_the_training_text():
    assert kept(60, 100_000, may_skip=True) == [0, 1]
    assert kept(60, 100_000, may_skip=False) == [0, 1, 2]


def test_validation_bleu_of_chinese_is_over_its_characters(monkeypatch):
    config = RegattnTranslationConfig(eval_bleu_tokenizer="zh")
    task = RegattnTranslationTask(config, Dictionary(), Dictionary())
    monkeypatch.setattr(
        TranslationTask,
        "_inference_with_bleu",
        # As fairseq's ends.
        lambda *_: sacrebleu.corpus_bleu(["他们和孩子们玩耍。"], [["他们同孩子们玩耍。"]]),
    )
    assert task._inference_with_bleu(None, {}, None).score > 50
    assert TranslationTask._inference_with_bleu(task, None, {}, None).score == 0


def test_a_model_from_a_checkpoint_needs_no_file_of_word_vectors():
    task = RegattnTranslationTask(RegattnTranslationConfig(), Dictionary(), Dictionary())
    options = RegattnLSTMConfig(encoder_embed_path="gone.txt", decoder_embed_path="gone.txt")
    cfg = OmegaConf.structured(options)
    cfg._name = "regattn_lstm"
    with pytest.raises(ValueError, match=r"encoder_embed_path=gone\.txt cannot be read"):
        task.build_model(cfg)
    assert task.build_model(cfg, from_checkpoint=True).encoder.embed_tokens is not None
