"""Changes in fairseq."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import sacrebleu
from fairseq import checkpoint_utils
from fairseq.logging import progress_bar
from omegaconf import DictConfig


def ignore_warnings() -> None:
    """Ignore warnings about how fairseq calls torch. A user of our commands cannot act on them."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="'pin_memory' argument is set as true")
    # By us, before fairseq: see `pipeline.training.distributed.join`.
    warnings.filterwarnings("ignore", message="Distributed is already initialized")


def replace_trainer(build: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Have fairseq's training use another trainer within the block.

    fairseq's main function takes the class from its own module; no option names it.

    Args:
        build: is called as ``fairseq.trainer.Trainer`` is.
    """
    from fairseq_cli import train

    return mock.patch.object(train, "Trainer", build)


def restore_early_stopping(cfg: DictConfig, scores: Iterable[float]) -> None:
    """Set the memory of fairseq's early stopping to what the training at hand has reached.

    fairseq keeps the best score, and how many epochs ago it was, in attributes of two functions:
    the next training of the same process would be compared with the last one. The best score comes
    back with a checkpoint; the number of epochs does not.

    Args:
        cfg: fairseq's configuration.
        scores: of the validations so far, in their order.
    """
    from fairseq_cli import train

    for function in (checkpoint_utils.save_checkpoint, train.should_stop_early):
        for attribute in ("best", "num_runs"):
            if hasattr(function, attribute):
                delattr(function, attribute)
    for score in scores:
        train.should_stop_early(cfg, score)


@contextmanager
def end_tensorboard() -> Iterator[None]:
    """Close TensorBoard's files at the end of the block.

    fairseq keeps its writers until the process ends, so that the next training of the same process
    would be added to the files of the last one.
    """
    try:
        yield
    finally:
        progress_bar._close_writers()
        progress_bar._tensorboard_writers.clear()


@contextmanager
def end_wandb(settings: Mapping[str, str]) -> Iterator[None]:
    """Give the training in the block a record of its own at Weights & Biases.

    fairseq names each record after the folder of the checkpoints, which has the same name in all of
    our runs, unless a variable of the environment says otherwise. It keeps the record open until
    the process ends.

    Args:
        settings: variables that Weights & Biases reads, such as ``WANDB_NAME``.
    """
    import wandb

    with mock.patch.dict(os.environ, settings):
        try:
            yield
        finally:
            # This also forgets the settings, which are read once in a process.
            wandb.teardown()


def tokenize_bleu(tokenizer: str) -> AbstractContextManager[Any]:
    """Have validation BLEU use a tokenizer of sacrebleu's within the block.

    fairseq's task leaves the choice to sacrebleu, which takes the one for European languages.

    Args:
        tokenizer: sacrebleu's name of it, such as ``char``.
    """
    return mock.patch.object(
        sacrebleu, "corpus_bleu", partial(sacrebleu.corpus_bleu, tokenize=tokenizer)
    )
