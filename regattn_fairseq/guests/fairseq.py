"""Changes in fairseq.

It is imported where it is used: that takes seconds.
"""

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest import mock

from omegaconf import DictConfig


def ignore_warnings() -> None:
    """Ignore warnings about how fairseq calls torch. A user of our commands cannot act on them."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="'pin_memory' argument is set as true")
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


def import_lightly() -> None:
    """Have the import of fairseq leave out scikit-learn and ``scipy.stats``, which take seconds.

    fairseq imports all of its tasks and criterions. One task for audio and one measure of a
    criterion need these libraries. They are imported when such a function is called. It has no
    effect if fairseq is imported already.
    """
    if "fairseq" not in sys.modules and not any(isinstance(x, _Finder) for x in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


# What fairseq imports functions from, parents first.
_FOR_FEW = ("sklearn", "sklearn.metrics", "scipy.stats")


class _Finder(MetaPathFinder):
    """Finds fairseq once, and changes how it is executed."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "fairseq":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_lightly(module: ModuleType) -> None:
                with _imported_later():
                    execute(module)

            spec.loader.exec_module = execute_lightly  # type: ignore[method-assign]
        return spec


class _Later(ModuleType):
    """Stands for a module. Its functions import the module when they are called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: getattr(import_module(self.__name__), name)(*given, **named)


@contextmanager
def _imported_later() -> Iterator[None]:
    missing = [name for name in _FOR_FEW if name not in sys.modules]
    for name in missing:
        module = sys.modules[name] = _Later(name)
        parent, _, last = name.rpartition(".")
        if isinstance(sys.modules.get(parent), _Later):
            setattr(sys.modules[parent], last, module)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
