"""From a data-bin to checkpoints, with fairseq's own trainer in this process."""

import ctypes
import logging
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.models.normalizer_options import normalizer_from_options
from regattn_fairseq.normalizers import normalizer_options
from regattn_fairseq.pipeline import distributed, fairseq_options
from regattn_fairseq.pipeline.checkpoints import PREVIOUS, load_checkpoint, restore_newest
from regattn_fairseq.pipeline.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.errors import OtherRunError, PipelineError
from regattn_fairseq.pipeline.files import (
    clear_write_errors,
    read_json,
    write_json,
    write_text,
)
from regattn_fairseq.pipeline.interruption import signals_as_requests
from regattn_fairseq.pipeline.leases import lease
from regattn_fairseq.pipeline.prepared import PreparedData
from regattn_fairseq.pipeline.preprocess import check_inputs, prepared_data
from regattn_fairseq.pipeline.tracking import check_tracking, tracked
from regattn_fairseq.pipeline.train_log import TrainLog
from regattn_fairseq.pipeline.trainer import trainer_factory

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
        """Written last, by the evaluation; of several it is the last one's."""
        return self.directory / "result.json"

    def result_of(self, split: str) -> Path:
        """The same of the last evaluation of a split, which that of another leaves alone."""
        return self.directory / f"{split}.result.json"

    @property
    def lock(self) -> Path:
        """There while a process works on the run."""
        return self.directory / ".lock"

    def checkpoint(self, name: str) -> Path:
        """``best`` or ``last``."""
        return self.checkpoints / f"checkpoint_{name}.pt"


def train(cfg: DictConfig) -> Run:
    """Train until ``training.max_epoch`` or until the validation score stops improving.

    A run that has ended is left as it is; one that was interrupted goes on from its last
    checkpoint. If another process is at the same run, it is waited for. Under torchrun, all
    processes train one model, and the first one writes the files.

    Args:
        cfg: as composed from ``train.yaml``.

    Raises:
        PipelineError: bad options, no data-bin, a folder that holds another run or cannot be
            written, a checkpoint that cannot be read, a loss that is not finite.
        Interrupted: a signal asked to stop; a checkpoint was written.
    """
    check_options(cfg)
    data = prepared_data(cfg)
    if not data.is_complete:
        raise PipelineError(
            f"{data.directory} is not there: run regattn-preprocess with the same data=… options "
            "first, or regattn-run, which does both"
        )
    check_inputs(cfg, data)
    fairseq_options.check_lengths(data, "train", cfg.dataset.max_tokens, "training.max_tokens")
    fairseq_options.check_lengths(
        data, "valid", cfg.dataset.max_tokens_valid, "dataset.max_tokens_valid"
    )
    run = Run(Path(cfg.output_dir))
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    with clear_write_errors(run.directory, "output_dir"):
        resolved = _resolve(cfg, data, run)
        if not here.is_first:
            distributed.wait_for_all(here)  # until the first has looked at the folder
            if not run.training.is_file():
                _train_with_fairseq(resolved, run, here)
            return run
        run.directory.mkdir(parents=True, exist_ok=True)
        with lease(run.lock, f"the run in {run.directory}"):
            _claim(run, resolved)
            if run.training.is_file():
                logger.info("trained already: %s", run.directory)
                distributed.wait_for_all(here)
                return run
            write_text(run.fairseq_config, OmegaConf.to_yaml(OmegaConf.create(_fairseq(resolved))))
            checkpoint = restore_newest(run.checkpoints)
            if checkpoint is not None:
                logger.info("resuming from %s", checkpoint)
            distributed.wait_for_all(here)
            _train_with_fairseq(resolved, run, here)
            write_json(run.training, _summary(run))
            (run.checkpoints / PREVIOUS).unlink(missing_ok=True)
    return run


def _fairseq(resolved: dict[str, Any]) -> dict[str, Any]:
    return {name: resolved[name] for name in FAIRSEQ_NODES if name in resolved}


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
    if cfg.training.save_minutes < 0:
        raise PipelineError(
            f"training.save_minutes is {cfg.training.save_minutes}; choose a number of minutes, "
            "or 0 for no checkpoints within an epoch"
        )
    if not 0 < cfg.task.get("train_fraction", 1) <= 1:
        raise PipelineError(
            f"task.train_fraction is {cfg.task.train_fraction}; choose above 0 and at most 1"
        )
    fairseq_options.check_training(cfg)
    check_tracking(cfg)


def _resolve(cfg: DictConfig, data: PreparedData, run: Run) -> dict[str, Any]:
    cfg = cfg.copy()
    OmegaConf.set_readonly(cfg, False)
    # Absolute, so that the saved configuration replays from any folder.
    cfg.task.data = str(data.bin.resolve())
    cfg.checkpoint.save_dir = str(run.checkpoints.resolve())
    if cfg.common.tensorboard_logdir is not None:
        cfg.common.tensorboard_logdir = str(Path(cfg.common.tensorboard_logdir).resolve())
    resolved: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    return resolved


# What may differ between two commands that mean the same run.
_NOT_THE_RUN = (
    "generation",
    "evaluation",
    "alignment",
    "runs_dir",
    "output_dir",
    "cache_dir",
    "preprocess_workers",
)


def _claim(run: Run, resolved: dict[str, Any]) -> None:
    """Save the configuration, or check that the folder's run was started with the same one."""
    if not run.config.is_file():
        write_text(run.config, OmegaConf.to_yaml(OmegaConf.create(resolved)))
        return
    saved: Any = OmegaConf.to_container(OmegaConf.load(run.config))
    if differences := run_differences(saved, resolved):
        raise OtherRunError(
            f"{run.directory} holds a run with other options ({'; '.join(differences[:3])}): "
            "choose another output_dir=…, or delete that folder"
        )


def run_differences(saved: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What tells two resolved configurations apart, as far as the trained model is concerned."""
    idle = _idle_options(wanted["normalizer"]["name"])
    return [
        difference
        for difference in _differences(
            {key: value for key, value in saved.items() if key not in _NOT_THE_RUN},
            {key: value for key, value in wanted.items() if key not in _NOT_THE_RUN},
        )
        if difference.partition(":")[0] not in idle
    ]


def _idle_options(normalizer: str) -> set[str]:
    """What a normalizer does not take: a grid over λ holds softmax once, whatever λ is."""
    places = {
        "lam": ("attn_lambda", "lam_warmup", "attn_lambda_warmup"),
        "p": ("attn_p",),
        "alpha": ("attn_alpha",),
    }
    idle = [
        name
        for option, others in places.items()
        if option not in normalizer_options(normalizer)
        for name in (option, *others)
    ]
    return {f"{node}.{name}" for node in ("normalizer", "model") for name in idle}


# Follow from options that are compared, or from where the run happens to lie.
_DERIVED = {"data.raw_dir", "data.corpus.raw_dir", "task.data", "common.user_dir"} | {
    "checkpoint.save_dir",
    "common.tensorboard_logdir",
    "common.cpu",
    "common.log_format",
    "common.wandb_project",
    "training.save_minutes",
    "training.distributed",
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


def _train_with_fairseq(resolved: dict[str, Any], run: Run, here: distributed.World) -> None:
    from fairseq.distributed import utils as distributed_utils
    from fairseq_cli import train as fairseq_train

    cfg = OmegaConf.create(_fairseq(resolved))
    OmegaConf.set_struct(cfg, True)
    fairseq_options.start_or_go_on(cfg, run.checkpoint("last"))
    options = resolved["training"]
    cfg.distributed_training.update(
        distributed.fairseq_options(here, options["distributed"]["backend"])
    )
    _keep_freed_memory()
    started = time.monotonic()
    with TrainLog(run.log, run.directory / "train.log" if here.is_first else None) as log:
        if here.is_first:
            log.forget_after(_epochs_done(run))
        distributed.wait_for_all(here)
        _restore_function_state(cfg, log)
        try:
            with (
                signals_as_requests() as request,
                mock.patch.object(
                    fairseq_train, "Trainer", trainer_factory(request, options["save_minutes"])
                ),
                tracked(cfg, run.directory),
            ):
                distributed_utils.call_main(cfg, fairseq_train.main)
        except FloatingPointError as error:
            raise PipelineError(
                f"the loss or its gradient in {run.directory} is no longer finite: lower "
                f"training.lr (now {options['lr']}) or training.clip_norm (now "
                f"{options['clip_norm']}), or raise normalizer.gamma, with another output_dir=…; "
                f"train.log there says which layer it was ({' '.join(str(error).split())[:80]})"
            ) from error
        except RuntimeError as error:
            if "PytorchStreamWriter" in str(error) or "inline_container" in str(error):
                raise OSError(
                    None, "a checkpoint could not be written, the disk may be full"
                ) from error
            raise
    if here.is_first:
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
    state = load_checkpoint(run.checkpoint("last"))["extra_state"]
    iterator = state["train_iterator"]
    # fairseq counts from 1, and moves on to the next epoch when one is complete. It is also logged
    # as an epoch where training ends within one, after a last validation.
    ended_within = iterator.get("iterations_in_epoch", 0) > 0 and state["val_loss"] is not None
    return iterator["epoch"] - (0 if ended_within else 1)


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
