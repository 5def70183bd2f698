"""Hydra configuration besides ``configs/``: groups of fairseq, models and maps, and resolvers.

Neither torch nor fairseq is imported to compose it: :mod:`.generated` is a copy of the options that
fairseq and our models declare, and :mod:`regattn_fairseq.declared` of those of the maps.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields, make_dataclass
from functools import lru_cache
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from regattn_fairseq.declared import declared, normalizer_names
from regattn_fairseq.declared.naming import arguments, declared_options, takers
from regattn_fairseq.guests.hydra import compose_quickly
from regattn_fairseq.guests.imports import import_fully
from regattn_fairseq.options import generated
from regattn_fairseq.options.choices import PACKAGE
from regattn_fairseq.options.generated import ARCHITECTURES, GROUPS, NODES

FAIRSEQ_NODES = tuple(NODES)

# The modules of fairseq that hold what a configuration can choose; the models are our own.
FAIRSEQ_MODULES = {
    "models": (),
    "tasks": ("translation", "sentence_prediction"),
    "criterions": tuple(name for name in GROUPS["criterion"] if not name.startswith("regattn_")),
}


@dataclass
class Generation(generated.Generation):
    """fairseq's options of a search, and ours."""

    coverage_penalty: float | None = None
    shortlist: int | None = None


def register() -> None:
    """Register with Hydra fairseq's option groups, our choices without files, and our resolvers.

    It is safe, and cheap, to call this again. Maps that were registered since become choices.
    """
    _register(tuple((name, tuple(declared(name))) for name in normalizer_names()))


@lru_cache(maxsize=1)
def _register(_maps: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    store = ConfigStore.instance()
    # A plain dictionary of typed nodes. Unlike fairseq's class, it allows other nodes beside them.
    own = {**NODES, "generation": Generation}
    nodes = {name: OmegaConf.structured(node) for name, node in own.items() if node is not None}
    store.store("fairseq", node={**nodes, "model": MISSING}, package="_global_")
    for group in GROUPS.keys() - {"model"}:
        for name, choice in GROUPS[group].items():
            store.store(name, node=choice, group=group)
    _store_models()
    _store_normalizers()
    compose_quickly()

    resolvers: dict[str, Callable[..., Any]] = {
        "options": _list_options,
        "all_options": _list_all_options,
        "either": lambda first, other: first or other,
        "equals": lambda left, right: left == right,
        "differs": lambda left, right: left != right,
        "tenth": lambda number: number / 10,
        "log_format": lambda: "tqdm" if sys.stderr.isatty() else "simple",
        "plugin_dir": lambda: str(PACKAGE),
        "normalizer_default": normalizer_default,
        # The value of fairseq's --remove-bpe that undoes our tokenizer.
        "remove_bpe": lambda tokenizer: "sentencepiece" if tokenizer == "sentencepiece" else None,
        "bleu_tokenizer": _bleu_tokenizer,
    }
    for resolver, function in resolvers.items():
        OmegaConf.register_new_resolver(resolver, function, replace=True)


def _store_models() -> None:
    """Offer each model and each architecture as a choice of ``model``."""
    store = ConfigStore.instance()
    models = {name: _with_new_maps(model) for name, model in GROUPS["model"].items()}
    for name, model in models.items():
        store.store(name, node=model, group="model")
    for name, sizes in ARCHITECTURES.items():
        (model,) = (models[each] for each in models if name.startswith(each))
        store.store(name, node=model(**sizes), group="model")


def _with_new_maps(model: type) -> type:
    """A model's options, and those of maps that were registered since the copies were written."""
    known = {each.name for each in fields(model)}
    new = [
        (argument, Any, field(default=False if name.startswith("learn_") else None))
        for name, argument in arguments().items()
        if argument not in known
    ]
    return make_dataclass(model.__name__, new, bases=(model,)) if new else model


def _store_normalizers() -> None:
    """Offer each map as a choice of ``normalizer``, and pass its options to the model.

    Every choice has the options of all maps, so that a sweep over maps may set an option that only
    some of them take.
    """
    store = ConfigStore.instance()
    names = arguments()
    trained = {
        each.name: each.default for each in fields(_with_new_maps(GROUPS["model"]["regattn_lstm"]))
    }
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
    known = name in normalizer_names() and option in declared(name)
    return declared(name if known else takers(option)[0])[option].default


def _list_options(*names: str, _root_: Any) -> str:
    if not _root_.hydra.runtime.choices:
        return ""  # Hydra looks at the value whenever it merges another file, and none is last
    from regattn_fairseq.options.help import options_to_begin_with  # only --help needs it

    return options_to_begin_with(names, _root_)


def _list_all_options(*, _root_: Any) -> str:
    from regattn_fairseq.options.help import all_options

    return all_options(_root_)


def _bleu_tokenizer(language: str) -> str:
    from regattn_fairseq.metrics import bleu_tokenizer  # slow, and not always needed

    return bleu_tokenizer(language)


def import_user_code(cfg: DictConfig) -> None:
    """Import the folder ``common.user_dir``, whose normalizers can then be chosen by name.

    It may build on anything in fairseq, which is then imported with all of its models and tasks.
    By default the folder is this package, and a stage imports what it needs of that.
    """
    if "common" not in cfg or cfg.common.user_dir in (None, str(PACKAGE)):
        return
    import_fully()
    from fairseq import utils

    utils.import_user_module(cfg.common)
