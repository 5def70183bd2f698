"""Writes the copies of declared options that are read in the place of torch and fairseq.

``python -m regattn_fairseq.options.generate``

Options are declared in three places: fairseq's dataclasses, those of our models, task and
criterion, and the rules of the normalizers. To import any of them takes seconds, which a command
would spend before it can say what is wrong with its arguments. So a configuration is composed from
copies, which are Python modules that import nothing heavy:

- :mod:`regattn_fairseq.options.generated`: fairseq's option groups, and the choices of its
  registries that our commands offer, ours included;
- :mod:`regattn_fairseq.options.generated_help`: what each of these options is for, which only
  ``--help`` and the documentation read;
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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.configs import FairseqConfig
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_DATACLASS_REGISTRY

import regattn_fairseq
from regattn_fairseq.declared import Option
from regattn_fairseq.files import new_file
from regattn_fairseq.models import ARCHITECTURES
from regattn_fairseq.normalizers.rules import Rule, rules
from regattn_fairseq.runs.errors import PipelineError

_PACKAGE = Path(regattn_fairseq.__file__).parent
_COMMAND = "python -m regattn_fairseq.options.generate"

# The choices in fairseq's registries that work with our corpora and models.
_OFFERED = {
    "criterion": (
        "cross_entropy",
        "label_smoothed_cross_entropy",
        "label_smoothed_cross_entropy_with_rdrop",
        "regattn_fenchel_young",
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
    "model": ("regattn_entailment", "regattn_lstm", "regattn_transformer"),
}

# Options whose defaults fairseq takes from the machine and from torchrun's variables; our commands
# set them when a training begins.
_OF_MACHINE = {
    "distributed_training.distributed_world_size": 1,
    "distributed_training.distributed_num_procs": 1,
    "distributed_training.nprocs_per_node": 1,
    "distributed_training.device_id": 0,
}


def write() -> bool:
    """Write the modules; return whether one of them has changed."""
    changed = False
    for path, parts in _modules().items():
        text = "\n\n".join(parts) + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            changed = True
            with new_file(path) as file:
                file.write(text.encode())
    return changed


@functools.cache
def check() -> None:
    """Compare the modules with what is installed.

    The list of choices that fairseq has and the commands do not offer is not compared: a command
    has fairseq register no others than the commands offer.

    Raises:
        PipelineError: they differ.
    """
    for path, parts in _modules().items():
        text = path.read_text(encoding="utf-8")
        for part in parts:
            if part not in text and part != _others():
                odd = (line.strip() for line in part.splitlines() if line not in text)
                shown = "".join(f", which has {line!r}" for line in (*odd,)[:1])
                raise PipelineError(
                    f"{path} is not what is installed{shown}: write it anew with {_COMMAND}"
                )


def _modules() -> dict[Path, list[str]]:
    """The text of each module, in parts, by its path."""
    return {
        _PACKAGE / "options" / "generated.py": [*_option_groups(), _others()],
        _PACKAGE / "options" / "generated_help.py": _help(),
        _PACKAGE / "declared" / "generated.py": _normalizers(),
    }


def _nodes() -> dict[str, Any]:
    """The nodes of fairseq that are no choice of a group."""
    return {
        name: field.type
        for name, field in FairseqConfig.__dataclass_fields__.items()
        if isinstance(field.type, type) and issubclass(field.type, FairseqDataclass)
    }


def _option_groups() -> list[str]:
    classes: dict[str, str] = {}
    nodes = {name: _class(name, declared, classes) for name, declared in _nodes().items()}
    groups = {
        group: {
            name: _class(f"{name}_{group}", _registered(group)[name], classes, chosen=name)
            for name in offered
        }
        for group, offered in _OFFERED.items()
    }
    return [
        f'"""fairseq\'s option groups and ours. Do not edit it: ``{_COMMAND}``."""',
        "# mypy: ignore-errors",
        "from dataclasses import dataclass, field\nfrom enum import StrEnum",
        "from typing import Any",
        *classes.values(),
        "# Every node of fairseq's configuration; None where a group's choice stands there.\n"
        + _table("NODES", {name: nodes.get(name) for name in FairseqConfig.__dataclass_fields__}),
        "# The choices of fairseq's registries that the commands offer.\n"
        + _tables("GROUPS", groups),
        "# The architectures of our models: options that differ from the model's.\n"
        + _tables("ARCHITECTURES: dict[str, dict[str, Any]]", ARCHITECTURES, _literal),
    ]


def _registered(group: str) -> dict[str, Any]:
    """The dataclasses in fairseq's registry of a group, by name."""
    found: dict[str, Any] = {
        "model": MODEL_DATACLASS_REGISTRY,
        "task": TASK_DATACLASS_REGISTRY,
        **{name: registry["dataclass_registry"] for name, registry in REGISTRIES.items()},
    }[group]
    return {name: declared for name, declared in found.items() if declared is not None}


def _class(name: str, declared: Any, classes: dict[str, str], *, chosen: str | None = None) -> str:
    """Add a class with the same fields to the text; return its name.

    Args:
        name: of the node, or of the choice and its group.
        declared: the dataclass.
        classes: the text of each class so far.
        chosen: the name of the choice.
    """
    title = _title(name)
    types: list[str] = []
    lines = []
    for field in dataclasses.fields(declared):
        kind = _type(field.type, title + _title(field.name), types)
        if field.name == "_name":
            default = _literal(chosen)
        elif field.default_factory is not dataclasses.MISSING:
            default = f"field(default_factory=lambda: {_literal(field.default_factory())})"
        else:
            default = _literal(_OF_MACHINE.get(f"{name}.{field.name}", field.default))
        lines.append(f"    {field.name}: {kind} = {default}")
    classes[title] = "\n".join([*types, "@dataclass", f"class {title}:", *lines])
    return title


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _type(declared: Any, title: str, types: list[str]) -> str:
    """The annotation that OmegaConf reads in the same way.

    Args:
        declared: the annotation that was declared.
        title: a name for the type of an option that takes one of several names.
        types: gets the definition of this type. It has a name, since launchers pickle it.
    """
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if declared is Any:
        return "Any"
    if origin is typing.Union:
        (present,) = (each for each in arguments if each is not type(None))
        return f"{_type(present, title, types)} | None"
    if origin in (list, tuple):
        return f"{origin.__name__}[{', '.join(_type(each, title, types) for each in arguments)}]"
    if issubclass(declared, enum.Enum):
        members = ", ".join(f"{_literal(name)}: {_literal(name)}" for name in declared.__members__)
        types.append(f'{title} = StrEnum("{title}", {{{members}}})\n')
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


def _others() -> str:
    others = {group: sorted(_registered(group).keys() - names) for group, names in _OFFERED.items()}
    return (
        "# Other choices of fairseq's, which do not work with our models and corpora.\n"
        + _table("OTHERS", {group: _literal(names) for group, names in others.items()})
    )


def _help() -> list[str]:
    declared = _nodes() | {
        f"{group}={name}": _registered(group)[name]
        for group, names in _OFFERED.items()
        for name in names
    }
    options = {
        node: {
            field.name: _literal(" ".join(field.metadata["help"].replace("%%", "%").split()))
            for field in dataclasses.fields(fields)
            if field.metadata.get("help")
        }
        for node, fields in declared.items()
    }
    choices = {
        "model": {name: _first_line(MODEL_REGISTRY[name]) for name in _OFFERED["model"]},
        "normalizer": {rule.name: _first_line(rule.function) for rule in _own_rules()},
    }
    return [
        f'"""What options and choices are for. Do not edit it: ``{_COMMAND}``."""',
        "# By node of fairseq's, or by group and choice.\n" + _tables("OPTIONS", options),
        "# By group.\n" + _tables("CHOICES", choices),
    ]


def _first_line(documented: Any) -> str:
    return _literal((documented.__doc__ or "").strip().partition("\n")[0])


def _own_rules() -> list[Rule]:
    """The rules of this package's maps, without a user's own."""
    return [rule for rule in rules() if rule.function.__module__.startswith("regattn_fairseq.")]


def _normalizers() -> list[str]:
    options = {
        rule.name: {name: f"Option({_arguments(each)})" for name, each in rule.options.items()}
        for rule in _own_rules()
    }
    return [
        f'"""The options that the maps\' rules declare. Do not edit it: ``{_COMMAND}``."""',
        "from regattn_fairseq.declared.option import Option",
        _tables("NORMALIZERS", options),
    ]


def _arguments(option: Option) -> str:
    """The arguments that are not Option's own defaults."""
    return ", ".join(
        f"{field.name}={_literal(value)}"
        for field in dataclasses.fields(Option)
        if (value := getattr(option, field.name)) != field.default
    )


def _table(name: str, entries: Mapping[str, str | None]) -> str:
    lines = (f'    "{key}": {value},' for key, value in entries.items())
    return "\n".join([f"{name} = {{", *lines, "}"])


def _tables(
    name: str, tables: Mapping[str, Mapping[str, Any]], shown: Callable[[Any], str] = str
) -> str:
    lines = []
    for key, entries in tables.items():
        inner = (f'        "{each}": {shown(value)},' for each, value in entries.items())
        lines += [f'    "{key}": {{', *inner, "    },"]
    return "\n".join([f"{name} = {{", *lines, "}"])


if __name__ == "__main__":
    # The models' options follow from those of the maps, which were the old ones until now.
    if write():
        os.execv(sys.executable, [sys.executable, *_COMMAND.split()[1:]])
