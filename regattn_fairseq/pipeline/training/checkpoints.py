"""Read checkpoints that may be damaged, and go on from the newest one that is whole."""

import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.utils import overwrite_args_by_name
from omegaconf import DictConfig, OmegaConf

import regattn_fairseq.models  # noqa: F401  registers what a checkpoint names
from regattn_fairseq.options.fairseq_options import DEFAULT_RESTORE, OF_RESTORING
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.tasks.translation import VECTOR_FILES

logger = logging.getLogger(__name__)

LAST = "checkpoint_last.pt"
PREVIOUS = "checkpoint_previous.pt"  # the last one before that
EPOCH_LOG = "regattn_epoch_log"  # in a checkpoint's extra state: numbers of the epoch


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint with torch's safe loader, which runs no code from the file.

    Raises:
        PipelineError: the file is missing, damaged, no checkpoint of fairseq's, or holds objects
            that are not plain data.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is not there: train the run first") from error
    except pickle.UnpicklingError as error:
        raise PipelineError(
            f"{path} is damaged, or holds objects that could run code, and was not loaded: "
            "delete it to train afresh, or restore it from a copy you trust"
        ) from error
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise PipelineError(
            f"{path} is damaged: delete it to train afresh, or copy another checkpoint, such as "
            "checkpoint_best.pt, in its place"
        ) from error
    if not isinstance(state, dict) or not {"model", "cfg", "extra_state"} <= state.keys():
        raise PipelineError(f"{path} is not a checkpoint of fairseq's: delete it to train afresh")
    return state


def load_model(path: Path, **overrides: Any) -> tuple[Any, Any, Any]:
    """A trained model, as fairseq loads it, but without the optimizer's state.

    fairseq itself reads that state too, which is twice the model's size. The files of word vectors
    that the training began with are not read either. They may be gone.

    Args:
        path: of the checkpoint.
        overrides: options whose values differ from those of the training, such as ``data``.

    Returns:
        ``(model, configuration, task)``.

    Raises:
        PipelineError: see `load_checkpoint`.
    """
    state = load_checkpoint(path)
    state["cfg"] = OmegaConf.create(state["cfg"], flags={"allow_objects": True})
    overwrite_args_by_name(state["cfg"], dict.fromkeys(VECTOR_FILES) | overrides)
    (model,), cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    return model, cfg, task


def restore_newest(folder: Path) -> Path | None:
    """Find the checkpoint to go on from, and give it the name ``checkpoint_last.pt``.

    If that one is damaged or incomplete, the one before it takes its place. Every byte of the file
    is compared with the file's checksums.

    Returns:
        The path of the checkpoint; ``None`` if there is none.

    Raises:
        PipelineError: no checkpoint can be read, though there are some.
    """
    last, previous = folder / LAST, folder / PREVIOUS
    if not last.exists() and not previous.exists():
        return None
    try:
        if last.exists():
            _verify(last)
            return last
    except PipelineError as error:
        if not previous.exists():
            raise
        logger.warning("%s", error)
    _verify(previous)
    if last.exists():
        logger.warning("going back to the checkpoint before it, %s", previous)
    previous.replace(last)
    return last


def _verify(path: Path) -> None:
    load_checkpoint(path)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise PipelineError(
            f"{path} is damaged (in {damaged}): delete it to train afresh, or copy another "
            "checkpoint, such as checkpoint_best.pt, in its place"
        )


def start_or_go_on(cfg: DictConfig, own: Path) -> None:
    """Make fairseq start from the checkpoint that the options name, or go on from the run's own.

    Args:
        cfg: fairseq's configuration; its node ``checkpoint`` is changed in place.
        own: the run's last checkpoint. It may not exist yet.

    Raises:
        PipelineError: the checkpoint does not exist, or it has had all epochs already.
    """
    options = cfg.checkpoint
    if own.exists():
        options.update(
            restore_file=DEFAULT_RESTORE,
            continue_once=None,
            finetune_from_model=None,
            optimizer_overrides="{}",
            **{name: False for name in OF_RESTORING if name.startswith("reset_")},
        )
        return
    for name in ("restore_file", "continue_once", "finetune_from_model"):
        path = options[name]
        if path in (None, DEFAULT_RESTORE):
            continue
        if not Path(path).is_file():
            raise PipelineError(f"checkpoint.{name}={path}: there is no such file")
        next_epoch = load_checkpoint(Path(path))["extra_state"]["train_iterator"]["epoch"]
        goes_on = name != "finetune_from_model" and not options.reset_dataloader
        if goes_on and 0 < cfg.optimization.max_epoch < next_epoch:
            raise PipelineError(
                f"checkpoint.{name}={path} has had {next_epoch - 1} epochs already: raise "
                f"training.max_epoch (now {cfg.optimization.max_epoch}), or count anew with "
                "checkpoint.reset_dataloader=true"
            )


def epochs_done(last: Path) -> tuple[int, dict[str, float] | None]:
    """How many epochs the last checkpoint has had, and the numbers of the last one.

    Args:
        last: the checkpoint. It may not exist yet.
    """
    if not last.exists():
        return 0, None
    state = load_checkpoint(last)["extra_state"]
    iterator = state["train_iterator"]
    # fairseq counts from 1, and moves on to the next epoch when one is complete. It is also logged
    # as an epoch where training ends within one, after a last validation.
    ended_within = iterator.get("iterations_in_epoch", 0) > 0 and state["val_loss"] is not None
    return iterator["epoch"] - (0 if ended_within else 1), state.get(EPOCH_LOG)
