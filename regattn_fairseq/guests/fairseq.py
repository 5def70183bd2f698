"""Changes in fairseq.

It is imported where it is used: that takes seconds.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any
from unittest import mock

from omegaconf import DictConfig


def ignore_warnings() -> None:
    """Ignore warnings about how fairseq calls torch. A user of our commands cannot act on them."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="'pin_memory' argument is set as true")
    # In fairseq's transformer, where a batch has padding.
    warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
    # We initialize it before fairseq does: see `pipeline.training.distributed.join`.
    warnings.filterwarnings("ignore", message="Distributed is already initialized")


def replace_trainer(build: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Have fairseq's training use another trainer within the block.

    fairseq's main function takes the class from its own module, and no option changes that.

    Args:
        build: is called with the arguments of ``fairseq.trainer.Trainer``.
    """
    from fairseq_cli import train

    return mock.patch.object(train, "Trainer", build)


def restore_early_stopping(cfg: DictConfig, scores: Iterable[float]) -> None:
    """Set the state of fairseq's early stopping to that of the present training.

    fairseq keeps the best score, and the number of epochs since then, in attributes of two
    functions. The next training in the same process would therefore be compared with the last one.
    A checkpoint restores the best score, but not the number of epochs.

    Args:
        cfg: fairseq's configuration.
        scores: the scores of the validations so far, in order.
    """
    from fairseq import checkpoint_utils
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

    fairseq keeps its writers until the process ends. Without this change, the next training in the
    same process would be written to the files of the last one.
    """
    from fairseq.logging import progress_bar

    try:
        yield
    finally:
        progress_bar._close_writers()
        progress_bar._tensorboard_writers.clear()


@contextmanager
def end_wandb(settings: Mapping[str, str]) -> Iterator[None]:
    """Give the training in the block a run of its own at Weights & Biases.

    Unless an environment variable sets the name, fairseq names each run after the folder of the
    checkpoints, which has the same name in all of our runs. It also keeps the run open until the
    process ends.

    Args:
        settings: environment variables that Weights & Biases reads, such as ``WANDB_NAME``.
    """
    import wandb

    with mock.patch.dict(os.environ, settings):
        try:
            yield
        finally:
            # This also resets the settings, which wandb reads only once in a process.
            wandb.teardown()


def tokenize_bleu(tokenizer: str) -> AbstractContextManager[Any]:
    """Have validation BLEU use the given tokenizer of sacrebleu within the block.

    fairseq's task names no tokenizer, so sacrebleu takes the one for European languages.

    Args:
        tokenizer: sacrebleu's name of the tokenizer, such as ``char``.
    """
    import sacrebleu

    return mock.patch.object(
        sacrebleu, "corpus_bleu", partial(sacrebleu.corpus_bleu, tokenize=tokenizer)
    )
