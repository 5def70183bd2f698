"""From a data-bin to checkpoints, with fairseq's own trainer in this process."""

import logging
from typing import Any

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.pipeline.checks import check_lengths, check_options
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.errors import OtherRunError, PipelineError
from regattn_fairseq.runs.files import clear_write_errors, write_json, write_text
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import resolved, run_differences, run_directory
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData
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
    run = RunFolder(run_directory(cfg, data))
    if not run.training.is_file():
        check_lengths(
            task_named(cfg.data.task), data, "train", cfg.dataset.max_tokens, "training.max_tokens"
        )
    name_job(run.directory)
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    with clear_write_errors(run.directory, "output_dir"):
        options = resolved(cfg, data, run.directory)
        if not here.is_first:
            distributed.wait_for_all(here)  # until the first has looked at the folder
            if not run.training.is_file():
                _train(options, data, run, here)
            return run
        run.directory.mkdir(parents=True, exist_ok=True)
        with lease(run.lock, f"the run in {run.directory}"):
            _claim(run, options)
            if run.training.is_file():
                logger.info("trained already: %s", run.directory)
                distributed.wait_for_all(here)
                return run
            _train(options, data, run, here)
    return run


def _train(
    options: dict[str, Any], data: PreparedData, run: RunFolder, here: distributed.World
) -> None:
    """Train from the newest checkpoint, if there is one. The first process writes the files."""
    # They import torch and fairseq, which a finished run does not need.
    from regattn_fairseq.pipeline.training.checkpoints import PREVIOUS, restore_newest
    from regattn_fairseq.pipeline.training.fairseq_training import (
        fairseq_config,
        train_with_fairseq,
    )
    from regattn_fairseq.pipeline.training.summary import summarize_training

    if not here.is_first:
        train_with_fairseq(options, data, run, here)
        return
    if options["task"].get("load_alignments") or options["model"].get("attn_fertility_guided"):
        from regattn_fairseq.pipeline.guidance import binarize_links

        binarize_links(data, options)
    write_text(run.fairseq_config, OmegaConf.to_yaml(fairseq_config(options, data)))
    checkpoint = restore_newest(run.checkpoints)
    if checkpoint is not None:
        logger.info("resuming from %s", checkpoint)
    distributed.wait_for_all(here)
    train_with_fairseq(options, data, run, here)
    write_json(run.training, summarize_training(run))
    (run.checkpoints / PREVIOUS).unlink(missing_ok=True)


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
