"""From a data-bin to checkpoints, with fairseq's own trainer in this process."""

import logging
import statistics
import time
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.guests.fairseq import replace_trainer, restore_early_stopping
from regattn_fairseq.guests.system import keep_freed_memory
from regattn_fairseq.interruption import signals_as_requests
from regattn_fairseq.models.normalizer_options import normalizer_from_options
from regattn_fairseq.normalizers import normalizer_names, normalizer_options
from regattn_fairseq.normalizers.naming import is_idle, option_named
from regattn_fairseq.options import fairseq_options
from regattn_fairseq.options.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.batches import check_lengths
from regattn_fairseq.pipeline.preprocess import prepared_data
from regattn_fairseq.pipeline.preprocessing.tokenization import fairseq_encoders
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.pipeline.training.checkpoints import (
    PREVIOUS,
    load_checkpoint,
    restore_newest,
    start_or_go_on,
)
from regattn_fairseq.pipeline.training.tracking import check_tracking, tracked
from regattn_fairseq.pipeline.training.trainer import EPOCH_LOG, trainer_factory
from regattn_fairseq.runs.errors import OtherRunError, PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    read_json,
    write_json,
    write_text,
)
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import resolved, run_differences, run_directory
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.train_log import TrainLog
from regattn_fairseq.sweep.callback import in_sweep, name_job

logger = logging.getLogger(__name__)


def train(cfg: DictConfig, data: PreparedData | None = None) -> RunFolder:
    """Train until ``training.max_epoch`` or until the validation score stops improving.

    A run that has ended is left as it is; one that was interrupted goes on from its last
    checkpoint. If another process is at the same run, it is waited for. Under torchrun, all
    processes train one model, and the first one writes the files.

    Args:
        cfg: as composed from ``train.yaml``.
        data: what ``cfg.data`` was preprocessed to; None: look for it.

    Raises:
        PipelineError: bad options, no data-bin, a folder that holds another run or cannot be
            written, a checkpoint that cannot be read, a loss that is not finite.
        Interrupted: a signal asked to stop; a checkpoint was written.
    """
    check_options(cfg)
    data = data or prepared_data(cfg)
    if not data.is_complete:
        raise PipelineError(
            f"{data.directory} is not there: run regattn-preprocess with the same data=… options "
            "first, or regattn-run, which does both"
        )
    check_lengths(data, "train", cfg.dataset.max_tokens, "training.max_tokens")
    run = RunFolder(run_directory(cfg, data))
    name_job(run.directory)
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    with clear_write_errors(run.directory, "output_dir"):
        options = resolved(cfg, data, run.directory)
        if not here.is_first:
            distributed.wait_for_all(here)  # until the first has looked at the folder
            if not run.training.is_file():
                _train_with_fairseq(options, data, run, here)
            return run
        run.directory.mkdir(parents=True, exist_ok=True)
        with lease(run.lock, f"the run in {run.directory}"):
            _claim(run, options)
            if run.training.is_file():
                logger.info("trained already: %s", run.directory)
                distributed.wait_for_all(here)
                return run
            fairseq_options = OmegaConf.create(_fairseq(options, data))
            write_text(run.fairseq_config, OmegaConf.to_yaml(fairseq_options))
            checkpoint = restore_newest(run.checkpoints)
            if checkpoint is not None:
                logger.info("resuming from %s", checkpoint)
            distributed.wait_for_all(here)
            _train_with_fairseq(options, data, run, here)
            write_json(run.training, _summary(run))
            (run.checkpoints / PREVIOUS).unlink(missing_ok=True)
    return run


def _fairseq(options: dict[str, Any], data: PreparedData) -> dict[str, Any]:
    nodes = {name: options[name] for name in FAIRSEQ_NODES if name in options}
    return nodes | fairseq_encoders(data.tokenizer)


def check_options(cfg: DictConfig) -> None:
    """Refuse what fairseq would refuse only after minutes, or not at all.

    Raises:
        PipelineError: an option is out of range.
    """
    try:
        normalizer_from_options(cfg.model)
    except ValueError as error:
        raise PipelineError(str(error)) from error
    _refuse_idle_options(cfg)
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


def _refuse_idle_options(cfg: DictConfig) -> None:
    """Refuse an option on the command line that the chosen normalizer does not take.

    In a sweep over normalizers it is said, and left out, where the others take it.
    """
    if not HydraConfig.initialized():
        return
    chosen = cfg.normalizer.name
    for override in HydraConfig.get().overrides.task:
        name = override.partition("=")[0].lstrip("+")
        node, _, key = name.rpartition(".")
        if not (node == "normalizer" or (node == "model" and key.startswith("attn_"))):
            continue
        if not is_idle(key, chosen):
            continue
        option = option_named(key)
        others = ", ".join(
            other for other in normalizer_names() if option in normalizer_options(other)
        )
        taken = ", ".join(f"normalizer.{option}" for option in normalizer_options(chosen))
        message = f"{name}: {chosen} does not take it ({others} do); it takes {taken}"
        if not in_sweep():
            raise PipelineError(message)
        logger.info("%s; left out in this job", message)


def _claim(run: RunFolder, options: dict[str, Any]) -> None:
    """Save the configuration, or check that the folder's run was started with the same one."""
    if not run.config.is_file():
        write_text(run.config, OmegaConf.to_yaml(OmegaConf.create(options)))
        return
    saved: Any = OmegaConf.to_container(OmegaConf.load(run.config))
    if differences := run_differences(saved, options):
        raise OtherRunError(
            f"{run.directory} holds a run with other options ({'; '.join(differences[:3])}): "
            "choose another output_dir=…, or delete that folder"
        )


def _train_with_fairseq(
    options: dict[str, Any], data: PreparedData, run: RunFolder, here: distributed.World
) -> None:
    from fairseq.distributed import utils as distributed_utils
    from fairseq_cli import train as fairseq_train

    cfg = OmegaConf.create(_fairseq(options, data))
    OmegaConf.set_struct(cfg, True)
    start_or_go_on(cfg, run.checkpoint("last"))
    training = options["training"]
    cfg.distributed_training.update(
        distributed.fairseq_options(here, training["distributed"]["backend"])
    )
    keep_freed_memory()
    started = time.monotonic()
    with TrainLog(run.log, run.directory / "train.log" if here.is_first else None) as log:
        if here.is_first:
            log.go_on_after(*_epochs_done(run))
        distributed.wait_for_all(here)
        metric = cfg.checkpoint.best_checkpoint_metric
        scores = (record.get(metric) for record in log.records("valid"))
        restore_early_stopping(cfg, (score for score in scores if score is not None))
        try:
            with (
                signals_as_requests() as request,
                replace_trainer(trainer_factory(request, training["save_minutes"])),
                tracked(cfg, run.directory),
            ):
                distributed_utils.call_main(cfg, fairseq_train.main)
        except FloatingPointError as error:
            raise PipelineError(
                f"the loss or its gradient in {run.directory} is no longer finite: lower "
                f"training.lr (now {training['lr']}) or training.clip_norm (now "
                f"{training['clip_norm']}), or raise normalizer.gamma, with another output_dir=…; "
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


def _epochs_done(run: RunFolder) -> tuple[int, dict[str, float] | None]:
    """How many epochs the last checkpoint has, and what it says of the last of them."""
    if not run.checkpoint("last").exists():
        return 0, None
    state = load_checkpoint(run.checkpoint("last"))["extra_state"]
    iterator = state["train_iterator"]
    # fairseq counts from 1, and moves on to the next epoch when one is complete. It is also logged
    # as an epoch where training ends within one, after a last validation.
    ended_within = iterator.get("iterations_in_epoch", 0) > 0 and state["val_loss"] is not None
    return iterator["epoch"] - (0 if ended_within else 1), state.get(EPOCH_LOG)


def _summary(run: RunFolder) -> dict[str, Any]:
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


def training_summary(run: RunFolder) -> dict[str, Any]:
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
