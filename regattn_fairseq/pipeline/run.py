"""All stages of one experiment in a row."""

from contextlib import suppress

from omegaconf import DictConfig

from regattn_fairseq.pipeline.evaluate import bleu_tokenizer_of, evaluate
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment
from regattn_fairseq.pipeline.preprocess import prepared_data, preprocess
from regattn_fairseq.pipeline.train import check_options, train
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import run_directory
from regattn_fairseq.sweep.callback import in_sweep, name_job


def run(cfg: DictConfig) -> RunFolder:
    """Preprocess, train and evaluate; each stage is skipped if it is complete already.

    Under torchrun, the first process does all but the training alone.

    Args:
        cfg: as composed from ``run.yaml``.

    Raises:
        ValueError: one of the stages cannot run; the message says why.
    """
    try:
        check_options(cfg)
        bleu_tokenizer_of(cfg.data, cfg.evaluation)
    except ValueError:
        if in_sweep():  # which keeps the failure in the run's folder, where there can be one
            with suppress(ValueError):
                name_job(run_directory(cfg, prepared_data(cfg)))
        raise
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    data = None
    if here.is_first:
        data = preprocess(cfg)
        if cfg.data.task != "entailment":
            check_alignment(cfg.alignment, data, cfg.evaluation.split)
    distributed.wait_for_all(here)
    done = train(cfg, data)
    if here.is_first:
        evaluate(cfg, done)
    distributed.wait_for_all(here)
    return done
