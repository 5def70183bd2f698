"""Hydra configuration besides ``configs/``: groups of fairseq, models and maps, and resolvers."""

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.configs import FairseqConfig
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

import regattn_fairseq
from regattn_fairseq import criterions, tasks  # noqa: F401  registers what those groups name
from regattn_fairseq.guests.hydra import share_config_store
from regattn_fairseq.models import ARCHITECTURES, RegattnLSTMConfig, RegattnLSTMModel
from regattn_fairseq.models.normalizer_options import NormalizerOptions
from regattn_fairseq.normalizers import normalizer_names, rule
from regattn_fairseq.normalizers.naming import arguments, declared_options, takers

FAIRSEQ_NODES = tuple(FairseqConfig.__dataclass_fields__)

# In an installed wheel the configs lie inside the package; in a checkout, beside it.
_PACKAGE = Path(regattn_fairseq.__file__).parent
CONFIGS = next(
    path for path in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if path.is_dir()
)


# fairseq's registered choices that work with our corpora and models.
_OF_FAIRSEQ = {
    "criterion": (
        "cross_entropy",
        "label_smoothed_cross_entropy",
        "label_smoothed_cross_entropy_with_rdrop",
        "regattn_label_smoothed_cross_entropy",
        "sentence_prediction",
    ),
    "lr_scheduler": (
        "cosine",
        "fixed",
        "inverse_sqrt",
        "polynomial_decay",
        "reduce_lr_on_plateau",
        "step",
        "tri_stage",
        "triangular",
    ),
    "optimizer": ("adam", "nag"),
}
# Folders in configs/ that other configurations build on, or that other programs read.
_NO_GROUPS = ("defaults",)
_OF_REPRODUCE = ("reproduce",)  # the only group of regattn-reproduce; no other command has it


def offered(group: str) -> tuple[str, ...]:
    """The choices of a group, in alphabetical order; empty if there is no such group.

    >>> offered("generation")
    ('beam5', 'greedy')
    """
    if group not in groups():
        return ()
    own = {path.stem for path in (CONFIGS / group).glob("*.yaml")}
    return tuple(sorted(own | {*_without_files().get(group, ())}))


def groups() -> tuple[str, ...]:
    """The groups that the commands offer, in alphabetical order."""
    own = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    return tuple(sorted((own | {*_without_files()}).difference(_NO_GROUPS)))


def _without_files() -> dict[str, tuple[str, ...]]:
    """The choices that have no file in configs/, by group."""
    return _OF_FAIRSEQ | {
        "model": ("regattn_entailment", "regattn_lstm", *ARCHITECTURES),
        "normalizer": normalizer_names(),
    }


def _list_choices(*only: str) -> str:
    """The choices as ``--help`` lists them, one line for each group."""
    return "\n".join(
        f"{group}: {', '.join(offered(group))}"
        for group in only or groups()
        if group in only or group not in _OF_REPRODUCE
    )


def register() -> None:
    """Register with Hydra fairseq's option groups, our choices without files, and our resolvers.

    It is safe to call this again.
    """
    nodes = {}
    for name, field in FairseqConfig.__dataclass_fields__.items():
        if isinstance(field.type, type) and issubclass(field.type, FairseqDataclass):
            nodes[name] = OmegaConf.structured(field.type)
    # A plain dictionary of typed nodes. Unlike FairseqConfig, it allows other nodes beside them.
    ConfigStore.instance().store("fairseq", node={**nodes, "model": MISSING}, package="_global_")
    _store_models()
    _store_normalizers()
    share_config_store()

    resolvers: dict[str, Callable[..., Any]] = {
        "choices": _list_choices,
        "either": lambda first, other: first or other,
        "equals": lambda left, right: left == right,
        "differs": lambda left, right: left != right,
        "tenth": lambda number: number / 10,
        "no_cuda": lambda: not torch.cuda.is_available(),
        "log_format": lambda: "tqdm" if sys.stderr.isatty() else "simple",
        "plugin_dir": lambda: str(_PACKAGE),
        "normalizer_default": normalizer_default,
        # The value of fairseq's --remove-bpe that undoes our tokenizer.
        "remove_bpe": lambda tokenizer: "sentencepiece" if tokenizer == "sentencepiece" else None,
        "bleu_tokenizer": _bleu_tokenizer,
    }
    for resolver, function in resolvers.items():
        OmegaConf.register_new_resolver(resolver, function, replace=True)


def _store_models() -> None:
    """Offer each architecture as a choice of ``model``."""
    for name, sizes in ARCHITECTURES.items():
        node = RegattnLSTMConfig(**sizes)
        node._name = RegattnLSTMModel.name
        ConfigStore.instance().store(name, node=node, group="model")


def _store_normalizers() -> None:
    """Offer each map as a choice of ``normalizer``, and pass its options to the model.

    Every choice has the options of all maps, so that a sweep over maps may set an option that only
    some of them take.
    """
    store = ConfigStore.instance()
    names = arguments()
    trained = {each.name: each.default for each in fields(NormalizerOptions)}
    node = {name: trained[argument] for name, argument in names.items()}
    for option in declared_options():
        node[option] = f"${{normalizer_default:${{.name}},{option}}}"
    # By default both schedules end at the same update.
    node["lam_warmup"] = "${.gamma_anneal}"
    for name in normalizer_names():
        store.store(name, node={**node, "name": name}, group="normalizer")
    links = {argument: f"${{normalizer.{name}}}" for name, argument in names.items()}
    store.store("normalizer_of_model", node=links, package="model")


def normalizer_default(name: str, option: str) -> Any:
    """The default of a normalizer's option.

    If the normalizer does not take the option, or does not exist, this is the default of the first
    normalizer that takes it. This value has no effect; it only shows the kind of value.
    """
    known = name in normalizer_names() and option in rule(name).options
    return rule(name if known else takers(option)[0]).options[option].default


def _bleu_tokenizer(language: str) -> str:
    from regattn_fairseq.metrics import bleu_tokenizer  # slow, and not always needed

    return bleu_tokenizer(language)


def import_user_code(cfg: DictConfig) -> None:
    """Import the folder ``common.user_dir``, whose normalizers can then be chosen by name."""
    if "common" in cfg:
        utils.import_user_module(cfg.common)
