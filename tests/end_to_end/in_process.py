"""Trainings within the test process, or in forks of it: no time goes into starting Python."""

import multiprocessing
from pathlib import Path

import torch
from commands import TINY
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.version import VersionBase
from omegaconf import DictConfig, open_dict, read_write
from packaging.version import Version

from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS
from regattn_fairseq.pipeline.training.checkpoints import LAST

FORK = multiprocessing.get_context("fork")

# OpenMP's threads do not survive a fork, and a child that waits for them waits for ever.
torch.set_num_threads(1)


def as_fairseq_expects() -> None:
    """Give Hydra its default back, which fairseq's options need; other tests set another."""
    VersionBase.instance().setbase(Version("1.1"))


def composed(toy: list[str], *overrides: str, root: str = "train") -> DictConfig:
    """The configuration of a tiny training of three epochs, eight updates each."""
    config.register()
    given = [*toy, *TINY, "training.max_epoch=3", "training.patience=-1", *overrides]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose(root, overrides=given, return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]  # as Hydra does before it calls a command
    return cfg


def parameters(folder: Path) -> dict[str, torch.Tensor]:
    """Those of a run's last checkpoint."""
    found: dict[str, torch.Tensor] = torch.load(
        folder / "checkpoints" / LAST, weights_only=True, map_location="cpu"
    )["model"]
    return found
