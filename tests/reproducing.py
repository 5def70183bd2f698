"""The paper's tables and figures, as ``regattn-reproduce`` makes them."""

from pathlib import Path
from typing import Any

from composing import composed
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regattn_fairseq.options.command_line import check
from regattn_fairseq.reproduce import reproduce
from regattn_fairseq.reproduce.plan import check_target
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.sweep import Failure


def loaded(target: str, options: list[str]) -> DictConfig:
    """The configuration of a target."""
    arguments = [f"reproduce={target}", *options]
    check("reproduce", arguments)
    cfg = composed("reproduce", *arguments)
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]  # as Hydra does before it calls a command
    OmegaConf.resolve(cfg)
    check_target(cfg)
    return cfg


def run(cfg: DictConfig) -> Any:
    """Make a run, as ``regattn-run`` does in a sweep."""
    from regattn_fairseq.pipeline.run import run as run_stages

    try:
        return run_stages(cfg)
    except PipelineError as error:
        return Failure(str(error))


def made(target: str, options: list[str], *, command: str) -> Path:
    """Make a target."""
    return reproduce(loaded(target, options), command=command, run=run)
