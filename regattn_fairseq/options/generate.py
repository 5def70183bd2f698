"""Writes the copies of declared options that are read in the place of torch and fairseq.

``python -m regattn_fairseq.options.generate``

Options are declared in three places: fairseq's dataclasses, those of our models, task and
criterion, and the rules of the normalizers. To import any of them takes seconds, which a command
would spend before it can say what is wrong with its arguments. So a configuration is composed from
copies, which are Python modules that import nothing heavy:

- :mod:`regattn_fairseq.options.generated`: fairseq's option groups, and the choices of its
  registries that our commands offer, ours included;
- :mod:`regattn_fairseq.declared.generated`: the normalizers and their options.

A test, and every training, compare them with what is installed.
"""

import dataclasses
import enum
import functools
import json
import os
import sys
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.configs import FairseqConfig
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

import regattn_fairseq
from regattn_fairseq.declared import Option
from regattn_fairseq.files import new_file
from regattn_fairseq.models import ARCHITECTURES
from regattn_fairseq.normalizers.rules import rules
from regattn_fairseq.runs.errors import PipelineError

_PACKAGE = Path(regattn_fairseq.__file__).parent
_COMMAND = "python -m regattn_fairseq.options.generate"

# The choices in fairseq's registries that work with our corpora and models.
_OFFERED = {
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
    "task": ("regattn_translation", "sentence_prediction"),
    "model": ("regattn_entailment", "regattn_lstm"),
}

# Options whose defaults fairseq takes from the machine and torchrun's variables; our commands set
# them when a training begins.
_OF_MACHINE = {
    "distributed_training.distributed_world_size": 1,
    "distributed_training.distributed_num_procs": 1,
    "distributed_training.nprocs_per_node": 1,
    "distributed_training.device_id": 0,
}


def modules() -> dict[Path, str]:
    """The text of each generated module, by its path, of what is installed."""
    return {
        _PACKAGE / "options" / "generated.py": _option_groups(),
        _PACKAGE / "declared" / "generated.py": _normalizers(),
    }


def write() -> bool:
    """Write the modules; return whether one of them has changed."""
    changed = {
        path: text
        for path, text in modules().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    for path, text in changed.items():
        with new_file(path) as file:
            file.write(text.encode())
    return bool(changed)


@functools.cache
def check() -> None:
    """Compare the modules with what is installed.

    Raises:
        PipelineError: they differ.
    """
    for path, text in modules().items():
        now, wanted = path.read_text(encoding="utf-8").splitlines(), text.splitlines()
        if now != wanted:
            odd = next((line for line in wanted if line not in now), "fewer lines").strip()
            raise PipelineError(
                f"{path} differs from what is installed ({odd}): write it anew with {_COMMAND}"
            )


def _option_groups() -> str:
    classes: dict[str, str] = {}
    nodes = {
        name: _class(name, field.type, classes)
        for name, field in FairseqConfig.__dataclass_fields__.items()
        if isinstance(field.type, type) and issubclass(field.type, FairseqDataclass)
    }
    store = ConfigStore.instance().repo
    groups, others = {}, {}
    for group, offered in _OFFERED.items():
        registered = {
            name.removesuffix(".yaml"): OmegaConf.get_type(node.node)
            for name, node in store[group].items()
            if node.provider == "fairseq"
        }
        groups[group] = {
            name: _class(f"{name}_{group}", registered[name], classes, chosen=name)
            for name in offered
        }
        others[group] = tuple(sorted(registered.keys() - offered))
    parts = [
        f'"""fairseq\'s option groups and ours. Do not edit it: ``{_COMMAND}``."""\n',
        "# mypy: ignore-errors\n",
        "from dataclasses import dataclass, field",
        "from enum import StrEnum",
        "from typing import Any",
        *classes.values(),
        "",
        "# Every node of fairseq's configuration; None where a group's choice stands there.",
        *_table("NODES", {name: nodes.get(name) for name in FairseqConfig.__dataclass_fields__}),
        "",
        "# The choices of fairseq's registries that the commands offer.",
        *_tables("GROUPS", groups),
        "",
        "# Its other choices, which do not work with our models and corpora.",
        *_lists("OTHERS", others),
        "",
        "# The architectures of regattn_lstm: options that differ from the model's.",
        *_tables("ARCHITECTURES", {k: _literals(v) for k, v in ARCHITECTURES.items()}),
    ]
    return "\n".join(parts) + "\n"


def _class(name: str, declared: Any, classes: dict[str, str], *, chosen: str | None = None) -> str:
    """Add a class with the same fields to the text; return its name."""
    title = _title(name)
    names, lines = [], ["", "@dataclass", f"class {title}:"]
    for field in dataclasses.fields(declared):
        if field.default_factory is not dataclasses.MISSING:
            default = f"field(default_factory=lambda: {_literal(field.default_factory())})"
        elif field.name == "_name":
            default = _literal(chosen)
        else:
            default = _literal(_OF_MACHINE.get(f"{name}.{field.name}", field.default))
        kind = _type(field.type, title + _title(field.name), names)
        lines.append(f"    {field.name}: {kind} = {default}")
    classes[title] = "\n".join([*names, *lines, ""])
    return title


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _type(declared: Any, title: str, names: list[str]) -> str:
    """The annotation that OmegaConf reads in the same way.

    Args:
        declared: the annotation that was declared.
        title: a name for the type of an option that takes one of several names.
        names: gets the definition of this type. It has a name, since launchers pickle it.
    """
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if declared is Any:
        return "Any"
    if origin is typing.Union:
        (present,) = (each for each in arguments if each is not type(None))
        return f"{_type(present, title, names)} | None"
    if origin in (list, tuple):
        inner = ", ".join(_type(each, title, names) for each in arguments)
        return f"{origin.__name__}[{inner}]"
    if issubclass(declared, enum.Enum):
        members = ", ".join(f"{_literal(name)}: {_literal(name)}" for name in declared.__members__)
        names.append(f'\n{title} = StrEnum("{title}", {{{members}}})')
        return title
    return str(declared.__name__)


def _literal(value: Any) -> str:
    if isinstance(value, enum.Enum):
        value = value.name
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if value is not None and not isinstance(value, bool | int | float | tuple):
        raise TypeError(f"no literal of {value!r}")
    return repr(value)


def _literals(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _literal(value) for name, value in values.items()}


def _table(name: str, entries: Mapping[str, str | None]) -> list[str]:
    return [f"{name} = {{", *(f'    "{key}": {value},' for key, value in entries.items()), "}"]


def _tables(name: str, tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    lines = [f"{name} = {{"]
    for key, entries in tables.items():
        inner = (f'        "{each}": {value},' for each, value in entries.items())
        lines += [f'    "{key}": {{', *inner, "    },"]
    return [*lines, "}"]


def _lists(name: str, lists: Mapping[str, Iterable[str]]) -> list[str]:
    return _table(
        name, {key: f"({', '.join(map(_literal, each))},)" for key, each in lists.items()}
    )


def _normalizers() -> str:
    lines = [
        f'"""The options that the maps\' rules declare. Do not edit it: ``{_COMMAND}``."""',
        "",
        "from regattn_fairseq.declared.option import Option",
        "",
        "NORMALIZERS = {",
    ]
    for rule in rules():
        if not rule.function.__module__.startswith("regattn_fairseq."):  # a user's own
            continue
        lines.append(f'    "{rule.name}": {{')
        for name, option in rule.options.items():
            lines.append(f'        "{name}": Option({_arguments(option)}),')
        lines.append("    },")
    return "\n".join([*lines, "}"]) + "\n"


def _arguments(option: Option) -> str:
    """The arguments that are not Option's own defaults."""
    return ", ".join(
        f"{field.name}={_literal(value)}"
        for field in dataclasses.fields(Option)
        if (value := getattr(option, field.name)) != field.default
    )


if __name__ == "__main__":
    # The models' options follow from those of the maps, which were the old ones until now.
    if write():
        os.execv(sys.executable, [sys.executable, *_COMMAND.split()[1:]])
