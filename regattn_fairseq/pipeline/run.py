"""All stages of one experiment in a row."""

from omegaconf import DictConfig

from regattn_fairseq.pipeline.evaluate import evaluate
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.train import Run, check_options, train


def run(cfg: DictConfig) -> Run:
    """Preprocess, train and evaluate; each stage is skipped if it is complete already.

    Args:
        cfg: as composed from ``run.yaml``.

    Raises:
        ValueError: one of the stages cannot run; the message says why.
    """
    check_options(cfg)
    preprocess(cfg)
    train(cfg)
    return evaluate(cfg)
