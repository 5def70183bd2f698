"""From a data-bin to checkpoints, with fairseq's own trainer in this process."""

import ctypes
import logging
import pickle
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.models.lstm import normalizer_from_options
from regattn_fairseq.pipeline.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.errors import PipelineError
from regattn_fairseq.pipeline.files import (
    clear_write_errors,
    read_json,
    write_json,
    write_text,
)
from regattn_fairseq.pipeline.preprocess import PreparedData, prepared_data
from regattn_fairseq.pipeline.train_log import TrainLog

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The folder of one run.

    Args:
        directory: the run's ``output_dir``.
    """

    directory: Path

    @property
    def config(self) -> Path:
        """The whole configuration, as composed and resolved."""
        return self.directory / "config.yaml"

    @property
    def fairseq_config(self) -> Path:
        """Its fairseq part, for ``fairseq-hydra-train --config-dir … --config-name fairseq``."""
        return self.directory / "fairseq.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder of ``checkpoint_best.pt`` and ``checkpoint_last.pt``."""
        return self.directory / "checkpoints"

    @property
    def log(self) -> Path:
        """One JSON object for each epoch and split, written as training goes."""
        return self.directory / "train_log.jsonl"

    @property
    def training(self) -> Path:
        """Summary of the training, written when it has ended."""
        return self.directory / "train.json"

    @property
    def result(self) -> Path:
        """Written last, by the evaluation."""
        return self.directory / "result.json"

    def checkpoint(self, name: str) -> Path:
        """``best`` or ``last``."""
        return self.checkpoints / f"checkpoint_{name}.pt"


def train(cfg: DictConfig) -> Run:
    """Train until ``training.max_epoch`` or until the validation score stops improving.

    A run that has ended is left as it is; one that was interrupted goes on from its last
    checkpoint.

    Args:
        cfg: as composed from ``train.yaml``.

    Raises:
        PipelineError: bad options, no data-bin, a folder that holds another run or cannot be
            written, a checkpoint that cannot be read.
    """
    check_options(cfg)
    data = prepared_data(cfg)
    if not data.is_complete:
        raise PipelineError(
            f"{data.directory} is not there: run regattn-preprocess with the same data=… options "
            "first, or regattn-run, which does both"
        )
    run = Run(Path(cfg.output_dir))
    with clear_write_errors(run.directory, "output_dir"):
        run.directory.mkdir(parents=True, exist_ok=True)
        resolved = _resolve(cfg, data, run)
        _claim(run, resolved)
        if run.training.is_file():
            logger.info("trained already: %s", run.directory)
            return run
        fairseq_cfg = {name: resolved[name] for name in FAIRSEQ_NODES if name in resolved}
        write_text(run.fairseq_config, OmegaConf.to_yaml(OmegaConf.create(fairseq_cfg)))
        _check_resumable(run)
        _train_with_fairseq(fairseq_cfg, run)
        write_json(run.training, _summary(run))
    return run


def check_options(cfg: DictConfig) -> None:
    """Refuse what fairseq would refuse only after minutes, or not at all.

    Raises:
        PipelineError: an option is out of range.
    """
    try:
        normalizer_from_options(cfg.model)
    except ValueError as error:
        raise PipelineError(str(error)) from error
    is_entailment = cfg.data.task == "entailment"
    if is_entailment != (cfg.task._name == "sentence_prediction"):
        raise PipelineError(
            f"data={cfg.data.name} is for {cfg.data.task}, but the rest of the options are not: "
            + ("add" if is_entailment else "leave out")
            + " experiment=entailment"
        )
    metric = "accuracy" if is_entailment else "bleu"
    if cfg.training.best_metric not in ("loss", metric):
        raise PipelineError(
            f"training.best_metric is {cfg.training.best_metric!r}; choose loss or {metric}"
        )


def _resolve(cfg: DictConfig, data: PreparedData, run: Run) -> dict[str, Any]:
    cfg = cfg.copy()
    OmegaConf.set_readonly(cfg, False)
    # Absolute, so that the saved configuration replays from any folder.
    cfg.task.data = str(data.bin.resolve())
    cfg.checkpoint.save_dir = str(run.checkpoints.resolve())
    cfg.common.tensorboard_logdir = str((run.directory / "tensorboard").resolve())
    resolved: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    return resolved


# What may differ between two commands that mean the same run.
_NOT_THE_RUN = ("generation", "evaluation", "runs_dir", "output_dir", "cache_dir")


def _claim(run: Run, resolved: dict[str, Any]) -> None:
    """Save the configuration, or check that the folder's run was started with the same one."""
    if not run.config.is_file():
        write_text(run.config, OmegaConf.to_yaml(OmegaConf.create(resolved)))
        return
    saved: Any = OmegaConf.to_container(OmegaConf.load(run.config))
    if differences := run_differences(saved, resolved):
        raise PipelineError(
            f"{run.directory} holds a run with other options ({'; '.join(differences[:3])}): "
            "choose another output_dir=…, or delete that folder"
        )


def run_differences(saved: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What tells two resolved configurations apart, as far as the trained model is concerned."""
    return _differences(
        {key: value for key, value in saved.items() if key not in _NOT_THE_RUN},
        {key: value for key, value in wanted.items() if key not in _NOT_THE_RUN},
    )


# Follow from options that are compared, or from where the run happens to lie.
_DERIVED = {"data.raw_dir", "data.corpus.raw_dir", "task.data", "common.user_dir"} | {
    "checkpoint.save_dir",
    "common.tensorboard_logdir",
    "common.cpu",
    "common.log_format",
}


def _differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    if path in _DERIVED:
        return []
    if isinstance(saved, dict) and isinstance(wanted, dict):
        found = []
        for key in sorted({*saved, *wanted}):
            below = f"{path}.{key}" if path else key
            found += _differences(saved.get(key), wanted.get(key), below)
        return found
    return [] if saved == wanted else [f"{path}: {saved} there, {wanted} here"]


def _check_resumable(run: Run) -> None:
    """Read the last checkpoint before fairseq does, to say in one line what is wrong with it."""
    path = run.checkpoint("last")
    if not path.exists():
        return
    load_checkpoint(path)
    logger.info("resuming from %s", path)


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


def _train_with_fairseq(fairseq_cfg: dict[str, Any], run: Run) -> None:
    from fairseq.distributed import utils as distributed_utils
    from fairseq_cli import train as fairseq_train

    cfg = OmegaConf.create(fairseq_cfg)
    OmegaConf.set_struct(cfg, True)
    _keep_freed_memory()
    started = time.monotonic()
    with TrainLog(run.log, run.directory / "train.log") as log:
        log.forget_after(_epochs_done(run))
        _restore_function_state(cfg, log)
        try:
            distributed_utils.call_main(cfg, fairseq_train.main)
        except RuntimeError as error:
            if "PytorchStreamWriter" in str(error) or "inline_container" in str(error):
                raise OSError(
                    None, "a checkpoint could not be written, the disk may be full"
                ) from error
            raise
    logger.info("trained for %.0f s: %s", time.monotonic() - started, run.directory)


def _keep_freed_memory() -> None:
    """Have glibc keep the memory that a training step frees, for the next step to take.

    By default it hands every large array back to the system, which must then clear its pages again
    at the next step: a third of the time of a step on a CPU.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    trim_threshold, mmap_threshold = -1, -3  # names of glibc's malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**30)


def _epochs_done(run: Run) -> int:
    if not run.checkpoint("last").exists():
        return 0
    iterator = load_checkpoint(run.checkpoint("last"))["extra_state"]["train_iterator"]
    # fairseq counts from 1, and moves on to the next epoch when one is complete.
    return iterator["epoch"] - (1 if iterator.get("iterations_in_epoch", 0) == 0 else 0)


def _restore_function_state(cfg: DictConfig, log: TrainLog) -> None:
    """Set what fairseq keeps in attributes of its functions, across runs of one process.

    The best score comes back with the checkpoint; how many epochs ago it was reached, which early
    stopping counts, does not, and is read off the log.
    """
    from fairseq import checkpoint_utils
    from fairseq_cli import train as fairseq_train

    for function in (checkpoint_utils.save_checkpoint, fairseq_train.should_stop_early):
        for attribute in ("best", "num_runs"):
            if hasattr(function, attribute):
                delattr(function, attribute)
    for record in log.records("valid"):
        score = record.get(cfg.checkpoint.best_checkpoint_metric)
        if score is not None:
            fairseq_train.should_stop_early(cfg, score)


def _summary(run: Run) -> dict[str, Any]:
    state = load_checkpoint(run.checkpoint("last"))
    with TrainLog(run.log, None) as log:
        training, validation = log.records("train"), log.records("valid")
    shapes = {id(tensor.untyped_storage()): tensor.numel() for tensor in state["model"].values()}
    speeds = [record["wps"] for record in training if "wps" in record]
    best = min(validation, key=lambda record: record["loss"])
    return {
        "epochs": int(max(record["epoch"] for record in training)),
        "updates": int(state["optimizer_history"][-1]["num_updates"]),
        "wall_s": float(state["extra_state"]["previous_training_time"]),
        "target_tokens_per_s": statistics.median_high(speeds) if speeds else None,
        "valid_loss": best["loss"],
        "valid_ppl": best.get("ppl"),
        "parameters": sum(shapes.values()),
    }


def training_summary(run: Run) -> dict[str, Any]:
    """The summary that :func:`train` left.

    Raises:
        PipelineError: the training has not ended.
    """
    if not run.training.is_file():
        raise PipelineError(
            f"{run.directory} holds no finished training: run regattn-train with the same options "
            "(it resumes by itself), or regattn-run"
        )
    summary: dict[str, Any] = read_json(run.training)
    return summary
