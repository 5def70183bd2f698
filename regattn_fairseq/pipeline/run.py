"""All stages of one experiment in a row."""

from contextlib import suppress

from omegaconf import DictConfig

from regattn_fairseq.pipeline.checks import check_options
from regattn_fairseq.pipeline.evaluate import evaluate_run
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment
from regattn_fairseq.pipeline.evaluation.options import bleu_tokenizer_of
from regattn_fairseq.pipeline.preprocess import prepared_data, preprocess
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.pipeline.train import train_on
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import run_directory
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.sweep.callback import in_sweep, name_job


def run(cfg: DictConfig) -> RunFolder:
    """Preprocess, train and evaluate; each stage is skipped if it is complete already.

    Under torchrun, the first process does all but the training alone.

    Args:
        cfg: as composed from ``run.yaml``.

    Raises:
        ValueError: one of the stages cannot run; the message says why.
    """
    _check(cfg)
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    data = _prepare(cfg, here)
    done = train_on(data, cfg)
    if here.is_first:
        evaluate_run(done, data, cfg)
    distributed.wait_for_all(here)
    return done


def _check(cfg: DictConfig) -> None:
    """Check the options of all stages."""
    try:
        check_options(cfg)
        bleu_tokenizer_of(cfg.data, cfg.evaluation)
    except ValueError:
        if in_sweep():  # which keeps the failure in the run's folder, where there can be one
            with suppress(ValueError):
                name_job(run_directory(cfg, prepared_data(cfg)))
        raise


def _prepare(cfg: DictConfig, here: distributed.World) -> PreparedData:
    """Have the first process preprocess, and see that the evaluation can read what it needs."""
    if not here.is_first:
        distributed.wait_for_all(here)
        return prepared_data(cfg)
    data = preprocess(cfg)
    if task_named(cfg.data.task).is_aligned:
        check_alignment(cfg.alignment, data, cfg.evaluation.split)
    distributed.wait_for_all(here)
    return data
