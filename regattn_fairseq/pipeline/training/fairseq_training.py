"""fairseq's training in this process, with our trainer, our log and errors in one line."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

import regattn_fairseq.models  # noqa: F401  registers what the configuration names
from regattn_fairseq.guests.fairseq import replace_trainer, restore_early_stopping
from regattn_fairseq.guests.system import keep_freed_memory
from regattn_fairseq.guests.torch import leave_compiler_out
from regattn_fairseq.interruption import signals_as_requests
from regattn_fairseq.options import generate, generated
from regattn_fairseq.options.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.preprocessing.tokenization import fairseq_encoders
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.pipeline.training.checkpoints import epochs_done, start_or_go_on
from regattn_fairseq.pipeline.training.tracking import tracked
from regattn_fairseq.pipeline.training.trainer import trainer_factory
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.train_log import TrainLog
from regattn_fairseq.sweep import job_name

logger = logging.getLogger(__name__)


def fairseq_config(options: dict[str, Any], data: PreparedData) -> DictConfig:
    """The part of a run's configuration that fairseq reads.

    Args:
        options: the whole configuration, resolved.
        data: the preprocessed corpus, whose tokenizers belong to that part.
    """
    nodes = {name: options[name] for name in FAIRSEQ_NODES if name in options}
    # The others are our own, for evaluations.
    known = {each.name for each in fields(generated.Generation)}
    nodes["generation"] = {
        name: value for name, value in nodes["generation"].items() if name in known
    }
    return OmegaConf.create(nodes | fairseq_encoders(data.tokenizer))


def train_with_fairseq(
    options: dict[str, Any], data: PreparedData, run: RunFolder, here: distributed.World
) -> None:
    """Start fairseq's training, or go on with it.

    Args:
        options: the whole configuration, resolved.
        data: the preprocessed corpus.
        run: the folder of the run.
        here: this process among those that train together.

    Raises:
        PipelineError: the loss is not finite, or the checkpoint to start from cannot be used.
        OSError: a checkpoint cannot be written.
        Interrupted: a signal asked to stop; a checkpoint was written.
    """
    from fairseq.distributed import utils as distributed_utils
    from fairseq_cli import train as fairseq_train

    generate.check()
    cfg = fairseq_config(options, data)
    OmegaConf.set_struct(cfg, True)
    start_or_go_on(cfg, run.checkpoint("last"))
    training = options["training"]
    cfg.distributed_training.update(
        distributed.fairseq_options(here, training["distributed"]["backend"])
    )
    keep_freed_memory()
    leave_compiler_out()
    started = time.monotonic()
    text = run.directory / "train.log" if here.is_first else None
    with TrainLog(run.log, text, job_name()) as log:
        if here.is_first:
            log.go_on_after(*epochs_done(run.checkpoint("last")))
        distributed.wait_for_all(here)
        metric = cfg.checkpoint.best_checkpoint_metric
        scores = (record.get(metric) for record in log.records("valid"))
        restore_early_stopping(cfg, (score for score in scores if score is not None))
        with (
            _clear_errors(run, training),
            signals_as_requests() as request,
            replace_trainer(trainer_factory(request, training["save_minutes"])),
            tracked(cfg, run.directory),
        ):
            distributed_utils.call_main(cfg, fairseq_train.main)
    if here.is_first:
        logger.info("trained for %.0f s: %s", time.monotonic() - started, run.directory)


@contextmanager
def _clear_errors(run: RunFolder, training: dict[str, Any]) -> Iterator[None]:
    """Say what a user can do about an error of fairseq's or torch's."""
    try:
        yield
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
