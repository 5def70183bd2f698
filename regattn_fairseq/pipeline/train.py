"""From a data-bin to checkpoints, with fairseq's own trainer in this process."""

import logging
import time
from typing import Any

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.guests.fairseq import replace_trainer, restore_early_stopping
from regattn_fairseq.guests.system import keep_freed_memory
from regattn_fairseq.interruption import signals_as_requests
from regattn_fairseq.options.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.checks import check_lengths, check_options
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.pipeline.preprocessing.tokenization import fairseq_encoders
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.pipeline.training.checkpoints import (
    PREVIOUS,
    epochs_done,
    restore_newest,
    start_or_go_on,
)
from regattn_fairseq.pipeline.training.summary import summarize_training
from regattn_fairseq.pipeline.training.tracking import tracked
from regattn_fairseq.pipeline.training.trainer import trainer_factory
from regattn_fairseq.runs.errors import OtherRunError, PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    write_json,
    write_text,
)
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import resolved, run_differences, run_directory
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.train_log import TrainLog
from regattn_fairseq.sweep.callback import name_job

logger = logging.getLogger(__name__)


def train(cfg: DictConfig) -> RunFolder:
    """Check the options, and train on what ``cfg.data`` was preprocessed to; see `train_on`.

    Args:
        cfg: as composed from ``train.yaml``.

    Raises:
        PipelineError: bad options, no data-bin, and what `train_on` raises.
        Interrupted: a signal asked to stop; a checkpoint was written.
    """
    check_options(cfg)
    data = prepared_data(cfg)
    if not data.is_complete:
        raise PipelineError(
            f"{data.directory} is not there: run regattn-preprocess with the same data=… options "
            "first, or regattn-run, which does both"
        )
    return train_on(data, cfg)


def train_on(data: PreparedData, cfg: DictConfig) -> RunFolder:
    """Train until ``training.max_epoch`` or until the validation score stops improving.

    A run that has ended stays as it is. A run that was interrupted goes on from its last
    checkpoint. If another process works on the same run, this one waits. Under torchrun, all
    processes train one model, and the first one writes the files.

    Args:
        data: what ``cfg.data`` was preprocessed to.
        cfg: as composed from ``train.yaml``; `check_options` found nothing wrong with it.

    Raises:
        PipelineError: a sentence is too long for a batch, the folder holds another run or cannot be
            written, a checkpoint cannot be read, the loss is not finite.
        Interrupted: a signal asked to stop; a checkpoint was written.
    """
    check_lengths(
        task_named(cfg.data.task), data, "train", cfg.dataset.max_tokens, "training.max_tokens"
    )
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
            write_json(run.training, summarize_training(run))
            (run.checkpoints / PREVIOUS).unlink(missing_ok=True)
    return run


def _fairseq(options: dict[str, Any], data: PreparedData) -> dict[str, Any]:
    nodes = {name: options[name] for name in FAIRSEQ_NODES if name in options}
    return nodes | fairseq_encoders(data.tokenizer)


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
            log.go_on_after(*epochs_done(run.checkpoint("last")))
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
