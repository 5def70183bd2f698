"""All stages of one experiment in a row."""

from pathlib import Path

from omegaconf import DictConfig

from regattn_fairseq.pipeline import distributed
from regattn_fairseq.pipeline.alignments import check_alignment
from regattn_fairseq.pipeline.evaluate import bleu_tokenizer_of, evaluate
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.sweep import name_job
from regattn_fairseq.pipeline.train import Run, check_options, train


def run(cfg: DictConfig) -> Run:
    """Preprocess, train and evaluate; each stage is skipped if it is complete already.

    Under torchrun, the first process does all but the training alone.

    Args:
        cfg: as composed from ``run.yaml``.

    Raises:
        ValueError: one of the stages cannot run; the message says why.
    """
    name_job(Path(cfg.output_dir))
    check_options(cfg)
    bleu_tokenizer_of(cfg.data, cfg.evaluation)
    here = distributed.world()
    distributed.join(here, cfg.training.distributed.backend)
    if here.is_first:
        data = preprocess(cfg)
        if cfg.data.task != "entailment":
            check_alignment(cfg.alignment, data, cfg.evaluation.split)
    distributed.wait_for_all(here)
    done = train(cfg)
    if here.is_first:
        evaluate(cfg)
    distributed.wait_for_all(here)
    return done
