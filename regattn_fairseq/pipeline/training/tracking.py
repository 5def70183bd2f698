"""Trackers of experiments that fairseq can report to, besides TensorBoard."""

import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from omegaconf import DictConfig

from regattn_fairseq.guests.fairseq import end_tensorboard, end_wandb
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
    """Give a training its own record, and end it with the training."""
    with end_tensorboard(), _wandb(cfg, directory):
        yield


def _wandb(cfg: DictConfig, directory: Path) -> AbstractContextManager[None]:
    if not cfg.common.wandb_project:
        return nullcontext()
    return end_wandb(
        {
            "WANDB_NAME": "/".join(directory.absolute().parts[-3:]),
            # A training that resumes goes on with the record that it has.
            "WANDB_RUN_ID": fingerprint(str(directory.resolve())),
            "WANDB_RESUME": "allow",
            "WANDB_DIR": str(directory),
        }
    )
