"""What fairseq does by itself, and what it does once it is told otherwise."""

import os
import sys
import warnings
from types import SimpleNamespace

import pytest
import sacrebleu
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import FairseqConfig
from fairseq.distributed.utils import distributed_init
from fairseq.logging import progress_bar
from fairseq.tasks.translation import TranslationTask
from fairseq_cli import train
from omegaconf import OmegaConf

from regattn_fairseq.guests import fairseq as guest


def autocast() -> None:
    """As fairseq's tasks call it at each update."""
    torch.cuda.amp.autocast(enabled=False)


def pinned() -> None:
    """As fairseq's iterators load batches."""
    next(iter(torch.utils.data.DataLoader([1], pin_memory=True)))


def joined_twice() -> None:
    """As fairseq does after our own call."""
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        distributed_init(
            OmegaConf.create(
                {
                    "common": {"tpu": False},
                    "model": {},
                    "distributed_training": {"distributed_rank": 0},
                }
            )
        )
    except Exception:  # what comes after the warning reads more options
        pass
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("call", [autocast, pinned, joined_twice])
def test_warnings_that_no_user_can_act_on(call):
    if call is pinned and torch.accelerator.is_available():
        pytest.skip("there is no such warning where there is a GPU")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert caught
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guest.ignore_warnings()
        call()
    assert not caught


def test_fairseqs_trainer_is_no_option():
    assert "Trainer" in train.main.__code__.co_names
    assert not [name for name in FairseqConfig.__dataclass_fields__ if "trainer" in name]
    before = train.Trainer
    with guest.replace_trainer(lambda *given: given):
        assert train.Trainer(1, 2) == (1, 2)
    assert train.Trainer is before


def test_early_stopping_remembers_the_training_before():
    cfg = OmegaConf.create(
        {"checkpoint": {"patience": 1, "maximize_best_checkpoint_metric": False}}
    )
    guest.restore_early_stopping(cfg, [])
    assert not train.should_stop_early(cfg, 1.0)
    assert train.should_stop_early(cfg, 2.0)  # the first score of another training
    checkpoint_utils.save_checkpoint.best = 1.0
    guest.restore_early_stopping(cfg, [])
    assert not train.should_stop_early(cfg, 2.0)
    assert not hasattr(checkpoint_utils.save_checkpoint, "best")
    cfg.checkpoint.patience = 2
    guest.restore_early_stopping(cfg, [1.0, 2.0])
    assert train.should_stop_early(cfg, 3.0)
    guest.restore_early_stopping(cfg, [])


def logged(folder) -> None:
    bar = progress_bar.progress_bar([], log_format="none", tensorboard_logdir=str(folder))
    bar.log({"loss": 1.0}, tag="train", step=1)


def test_fairseq_adds_the_next_training_to_tensorboards_files_of_the_last(tmp_path):
    logged(tmp_path / "first")
    logged(tmp_path / "second")
    assert not (tmp_path / "second").exists()
    with guest.end_tensorboard():
        pass
    with guest.end_tensorboard():
        logged(tmp_path / "second")
    assert (tmp_path / "second" / "train").exists()
    assert not progress_bar._tensorboard_writers


def test_fairseq_names_wandbs_records_after_the_checkpoints_folder_and_ends_none(monkeypatch):
    assert {"WANDB_NAME"} <= set(train.train.__wrapped__.__code__.co_consts)
    done = []
    wandb = SimpleNamespace(
        init=lambda **options: done.append(os.environ.get("WANDB_NAME")),
        run=None,
        teardown=lambda: done.append("ended"),
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setattr(progress_bar, "wandb", wandb)
    monkeypatch.delenv("WANDB_NAME", raising=False)

    def training() -> None:
        progress_bar.progress_bar([], wandb_project="p", wandb_run_name="checkpoints")

    training()
    assert done == [None]
    with guest.end_wandb({"WANDB_NAME": "softmax/seed1"}):
        training()
    assert done == [None, "softmax/seed1", "ended"]
    assert "WANDB_NAME" not in os.environ


def test_fairseqs_validation_bleu_takes_no_tokenizer(monkeypatch):
    asked = []
    monkeypatch.setattr(sacrebleu, "corpus_bleu", lambda *_, **options: asked.append(options))
    task = SimpleNamespace(
        inference_step=lambda *_, **__: [],
        cfg=SimpleNamespace(eval_bleu_print_samples=False, eval_tokenized_bleu=False),
    )
    TranslationTask._inference_with_bleu(task, None, None, None)
    with guest.tokenize_bleu("char"):
        TranslationTask._inference_with_bleu(task, None, None, None)
    assert asked == [{}, {"tokenize": "char"}]
