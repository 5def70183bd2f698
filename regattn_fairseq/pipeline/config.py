"""What the YAML files in ``configs/`` rely on: fairseq's option groups, and a few resolvers."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.configs import FairseqConfig
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

import regattn_fairseq
from regattn_fairseq import criterions, models, tasks  # noqa: F401  registers what those groups name
from regattn_fairseq.normalizers import (
    normalizer_defaults,
    normalizer_names,
    normalizer_options,
)

FAIRSEQ_NODES = tuple(FairseqConfig.__dataclass_fields__)

# In an installed wheel the configs lie inside the package; in a checkout, beside it.
_PACKAGE = Path(regattn_fairseq.__file__).parent
CONFIGS = next(
    path for path in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if path.is_dir()
)


def register() -> None:
    """Make fairseq's option groups and our resolvers known to Hydra; harmless to repeat."""
    nodes = {}
    for name, field in FairseqConfig.__dataclass_fields__.items():
        if isinstance(field.type, type) and issubclass(field.type, FairseqDataclass):
            nodes[name] = OmegaConf.structured(field.type)
    # A plain dictionary of typed nodes: unlike FairseqConfig itself it may have neighbours.
    ConfigStore.instance().store("fairseq", node={**nodes, "model": MISSING}, package="_global_")
    # Hydra copies the whole store, all of fairseq's options, for each group that --help lists, and
    # again what it loads from it. The second copy will do, and --help takes a tenth of the time.
    ConfigStore.__deepcopy__ = lambda store, _memo: store  # type: ignore[attr-defined]

    resolvers: dict[str, Callable[..., Any]] = {
        "equals": lambda left, right: left == right,
        "differs": lambda left, right: left != right,
        "no_cuda": lambda: not torch.cuda.is_available(),
        "log_format": lambda: "tqdm" if sys.stderr.isatty() else "simple",
        "plugin_dir": lambda: str(_PACKAGE),
        "normalizer_label": normalizer_label,
        "normalizer_default": normalizer_default,
        # The value of fairseq's --remove-bpe for text that our tokenizer made.
        "remove_bpe": lambda tokenizer: "sentencepiece" if tokenizer == "sentencepiece" else None,
        "suffix": lambda text: "," + str(text).replace("/", "_") if text else "",
    }
    for resolver, function in resolvers.items():
        OmegaConf.register_new_resolver(resolver, function, replace=True)


def normalizer_label(options: DictConfig) -> str:
    """A folder name for a normalizer: its name, and the options that it takes.

    >>> normalizer_label(OmegaConf.create({"name": "fusedmax", "gamma": 1.0, "lam": 0.1}))
    'fusedmax_lam0.1'
    >>> normalizer_label(OmegaConf.create({"name": "sparsemax", "gamma": 2.0, "learn_gamma": True}))
    'sparsemax_gamma2_learned'
    """
    parts = [options.name]
    for option in normalizer_options(options.name):
        if option not in options:
            continue
        learned = options.get(f"learn_{option}", False)
        if option != "gamma" or options.gamma != 1.0 or learned:
            parts.append(f"{option}{options[option]:g}{'_learned' if learned else ''}")
    return "_".join(parts)


def normalizer_default(name: str, option: str) -> Any:
    """What a normalizer's option is unless one is given; None where it takes no such option.

    That a normalizer does not exist is no concern of its options: see ``check_options``.
    """
    return normalizer_defaults(name).get(option) if name in normalizer_names() else None


def import_user_code(cfg: DictConfig) -> None:
    """Import the folder ``common.user_dir``, whose normalizers can then be chosen by name."""
    if "common" in cfg:
        utils.import_user_module(cfg.common)
