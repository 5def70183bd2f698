"""The options of a command: name, kind, default and description.

Our own options are described by the comments in ``configs/``, fairseq's and the models' where they
are declared. ``--help`` and ``docs/options.md`` are written from here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq.declared.naming import arguments
from regattn_fairseq.options.comments import comments, with_those_below
from regattn_fairseq.options.fairseq_options import use_of
from regattn_fairseq.options.generated import ARCHITECTURES
from regattn_fairseq.options.generated_help import CHOICES, OPTIONS

_KINDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}

# Numbers whose default is null, which shows no kind.
_NUMBERS = ("data.rouge.test.bytes", "jobs", "preprocess_workers")

# Defaults that depend on the machine, as they are shown.
_OF_MACHINE = {"common.user_dir": "regattn_fairseq", "common.log_format": "tqdm"}

# What each command reads of the configuration that it shares with others; all, if not listed.
_READ = {
    "preprocess": ("data.", "cache_dir", "preprocess_workers"),
    "evaluate": (
        *("output_dir", "runs_dir", "cache_dir", "common.user_dir"),
        *("evaluation.", "generation.", "alignment."),
    ),
}
_NOT_READ = {"train": ("evaluation.", "generation.")}

_SET_BY_RUN = re.compile(r"(^|\.)_\w+$|^task\.data$")


@dataclass(frozen=True)
class Entry:
    """An option.

    Args:
        name: in full, such as ``training.lr``.
        kind: of its values, in words.
        default: as it is written on a command line.
        follows: the option whose value it has unless it is set; empty if there is none.
        description: what it is for; empty if nothing says so.
    """

    name: str
    kind: str
    default: str
    follows: str
    description: str


def entries(root: str, cfg: DictConfig, choices: Mapping[str, str]) -> list[Entry]:
    """The options that a command can use, in the order of its configuration.

    Args:
        root: the command, such as ``train``.
        cfg: its configuration, without Hydra's node.
        choices: what is chosen of each group.
    """
    found = [
        _entry(root, name, parent, key, cfg, choices)
        for name, parent, key in _leaves(cfg)
        if not _SET_BY_RUN.search(name) and use_of(name).acts
    ]
    # An option that is null shows no kind, but fairseq's that follows it has one.
    kinds = {each.follows: each.kind for each in reversed(found) if each.follows}
    return [
        replace(each, kind=kinds.get(each.name, each.kind)) if each.default == "null" else each
        for each in found
        if _is_read(root, each.name)
    ]


def entries_of_class(
    group: str, declared: type, cfg: DictConfig, choices: Mapping[str, str]
) -> list[Entry]:
    """The options that a choice of one of fairseq's groups declares.

    Args:
        group: such as ``model``.
        declared: the choice's dataclass.
        cfg: the configuration of ``regattn-run``, where the choice is another one.
        choices: what is chosen there.
    """
    node = OmegaConf.structured(declared)
    within = OmegaConf.merge({}, {group: node})
    return [
        _entry("run", f"{group}.{key}", node, str(key), within, choices)  # type: ignore[arg-type]
        for key in node
        if not _SET_BY_RUN.search(f"{group}.{key}") and use_of(f"{group}.{key}").acts
    ]


def entry(root: str, name: str, cfg: DictConfig, choices: Mapping[str, str]) -> Entry:
    """One option, or a group; a group's default is what is chosen."""
    if name in choices:
        return Entry(name, "choice", choices[name] or "…", "", describe_group(name))
    parent, _, key = name.rpartition(".")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    return _entry(root, name, node, key, cfg, choices)


def describe_group(group: str) -> str:
    """What a group is for."""
    return next((file.groups[group] for file in comments().values() if file.groups.get(group)), "")


def describe_choice(group: str, choice: str) -> str:
    """What a choice of a group is."""
    file = comments().get(f"{group}={choice}")
    if file is not None and file.head and group != "normalizer":
        return file.head
    if group == "model" and choice in ARCHITECTURES:
        return ", ".join(f"{name}={value}" for name, value in ARCHITECTURES[choice].items())
    return CHOICES.get(group, {}).get(choice, "").replace("``", "`").rstrip(".")


def _leaves(node: DictConfig, prefix: str = "") -> Iterator[tuple[str, DictConfig, str]]:
    for key in map(str, node):
        below = node._get_node(key)
        if isinstance(below, DictConfig) and not (below._is_none() or below._is_missing()):
            yield from _leaves(below, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", node, key


def _is_read(root: str, name: str) -> bool:
    read, not_read = _READ.get(root, ("",)), _NOT_READ.get(root, ())
    return name.startswith(read) and not (not_read and name.startswith(not_read))


def _entry(
    root: str,
    name: str,
    parent: DictConfig,
    key: str,
    cfg: DictConfig,
    choices: Mapping[str, str],
) -> Entry:
    written = _written(parent, key)
    follows = _follows(name, written)
    default = _OF_MACHINE.get(name) or _default(parent, key, written)
    description = _describe(name, cfg, choices, root) or (f"as {follows}" if follows else "")
    return Entry(name, _kind(name, parent, key), default, follows, description)


def _written(parent: DictConfig, key: str) -> Any:
    """The value as it stands in the configuration, with ``${…}``."""
    node: Any = parent._get_node(key)
    return OmegaConf.to_container(node) if isinstance(node, ListConfig) else node._value()


def _follows(name: str, written: Any) -> str:
    """The option that an interpolation, ``${…}`` or ``[${…}]``, refers to."""
    if isinstance(written, list) and len(written) == 1:
        (written,) = written
    found = re.fullmatch(r"\$\{(?:oc\.select:)?(\.?)([\w.]+)(?:,\w*)?\}", str(written))
    if found is None:
        return ""
    return f"{name.rpartition('.')[0]}.{found[2]}" if found[1] else found[2]


def _kind(name: str, parent: DictConfig, key: str) -> str:
    node = parent._get_node(key)
    if isinstance(node, ListConfig):
        return "list"
    declared: Any = node._metadata.ref_type  # type: ignore[union-attr]
    if isinstance(declared, type) and issubclass(declared, Enum):
        return " or ".join(declared.__members__)
    if declared in _KINDS:
        return _KINDS[declared]
    if name in _NUMBERS:
        return _KINDS[int]
    return _KINDS.get(type(_value(parent, key)), "text")


def _value(parent: DictConfig, key: str) -> Any:
    try:
        return None if OmegaConf.is_missing(parent, key) else parent[key]
    except OmegaConfBaseException:  # refers to an option that has no value yet
        return None


def _default(parent: DictConfig, key: str, written: Any) -> str:
    if OmegaConf.is_missing(parent, key):
        return "…"
    if isinstance(written, str) and re.search(r"\$\{\w+\}.", written):  # a path, of which a part
        return re.sub(r"\$\{(\w+)\}", r"<\1>", written)
    value = _value(parent, key)
    if isinstance(value, (DictConfig, ListConfig)):
        value = OmegaConf.to_container(value, resolve=True)
    if value is None:
        return "null"
    if isinstance(value, list):
        items = (f'"{each}"' if "=" in str(each) else str(each) for each in value)
        return f"[{','.join(items)}]"
    if isinstance(value, Enum):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"


def _describe(name: str, cfg: DictConfig, choices: Mapping[str, str], root: str) -> str:
    """The comment of the files in use; what the option's class says; other choices' comments."""
    node, _, option = name.partition(".")
    used = with_those_below((*(f"{group}={choice}" for group, choice in choices.items()), root))
    others = [each for each in comments() if each.startswith(f"{node}=")]
    declared = OPTIONS.get(node, {})
    if node == "normalizer":
        node, option = "model", arguments().get(option, option)
    if node in cfg and isinstance(cfg[node], DictConfig) and "_name" in cfg[node]:
        declared = OPTIONS.get(f"{node}={cfg[node]._name}", declared)
    said = (*_said(used, name), declared.get(option, ""), *_said(others, name))
    text = next((each for each in said if each), "")
    return re.sub(r" \(default: [\d.]+\)", "", text).rstrip(".")


def _said(files: Iterable[str], name: str) -> Iterator[str]:
    for file in files:
        yield comments()[file].options.get(name, "")
