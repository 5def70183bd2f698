"""Configurations as the commands compose them."""

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS


def composed(root: str, *overrides: str) -> DictConfig:
    """That of a command, with Hydra's own node."""
    config.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose(root, overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)  # output_dir reads the overrides there
    return cfg
