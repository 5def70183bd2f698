"""Trackers of experiments that fairseq can report to, besides TensorBoard."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from fairseq.logging import progress_bar
from omegaconf import DictConfig

from regattn_fairseq.installation import how_to_install
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import fingerprint


def check_tracking(cfg: DictConfig) -> None:
    """Refuse what fairseq would only warn of.

    Raises:
        PipelineError: the tracker is not installed.
    """
    if cfg.common.wandb_project and importlib.util.find_spec("wandb") is None:
        raise PipelineError(
            "tracking=wandb needs a package that is not installed: "
            f"{how_to_install('wandb')}, or choose tracking=tensorboard"
        )


@contextmanager
def tracked(cfg: DictConfig, directory: Path) -> Iterator[None]:
    """Give a training its own record, and end it with the training.

    fairseq keeps TensorBoard's writers and the run of Weights & Biases until the process ends, so
    that the next job of the same process would be added to them. With Weights & Biases it also
    names every run after the folder of its checkpoints, which is ``checkpoints`` for all of ours.
    """
    try:
        with _named_for_wandb(cfg, directory):
            yield
    finally:
        progress_bar._close_writers()
        progress_bar._tensorboard_writers.clear()


@contextmanager
def _named_for_wandb(cfg: DictConfig, directory: Path) -> Iterator[None]:
    if not cfg.common.wandb_project:
        yield
        return
    import wandb

    settings = {
        "WANDB_NAME": "/".join(directory.absolute().parts[-3:]),
        # A training that resumes goes on with the record that it has.
        "WANDB_RUN_ID": fingerprint(str(directory.resolve())),
        "WANDB_RESUME": "allow",
        "WANDB_DIR": str(directory),
    }
    with mock.patch.dict(os.environ, settings):
        try:
            yield
        finally:
            # Ends the record, and forgets these settings, which it reads once in a process.
            wandb.teardown()
