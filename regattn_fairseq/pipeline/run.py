"""All stages of one experiment in a row."""

from contextlib import suppress

from omegaconf import DictConfig

from regattn_fairseq.pipeline.checks import check_options
from regattn_fairseq.pipeline.evaluate import evaluate_run
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment
from regattn_fairseq.pipeline.evaluation.options import bleu_tokenizer_of
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.pipeline.train import train_on
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import run_directory
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.sweep.callback import in_sweep, name_job


def run(cfg: DictConfig) -> RunFolder:
    """Preprocess, train and evaluate. A stage that is complete already does nothing.

    Under torchrun, all processes train, and the first one alone does the rest.

    Args:
        cfg: as composed from ``run.yaml``.

    Raises:
        ValueError: a stage cannot run. The message says why.
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
        if in_sweep():  # the sweep notes the failure in the run's folder, if the run has one
            with suppress(ValueError):
                name_job(run_directory(cfg, prepared_data(cfg)))
        raise


def _prepare(cfg: DictConfig, here: distributed.World) -> PreparedData:
    """Preprocess in the first process alone, and check the alignment before the training."""
    if not here.is_first:
        distributed.wait_for_all(here)
        return prepared_data(cfg)
    data = preprocess(cfg)
    if task_named(cfg.data.task).is_aligned:
        check_alignment(cfg.alignment, data, cfg.evaluation.split)
    distributed.wait_for_all(here)
    return data
