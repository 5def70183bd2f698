"""The comments in ``configs/``: the source of what ``--help`` and the documentation say.

A comment at the end of an option's line describes the option. The comment at the top of a group's
file describes the choice, and a comment in a root's list of defaults describes the group.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml import CollectionNode, MappingNode, Node

from regattn_fairseq.options.choices import CONFIGS

_GLOBAL = "# @package _global_"


@dataclass(frozen=True)
class Comments:
    """What the comments of one file say.

    Args:
        name: the group and the choice that the file is for, such as ``training=adam``, or the
            command.
        head: the comment at the top, without its commands.
        options: the file's options by full name, each with its comment, which may be empty.
        groups: likewise for the groups in its list of defaults.
        builds_on: the names of the files that its list of defaults names.
    """

    name: str
    head: str
    options: Mapping[str, str]
    groups: Mapping[str, str]
    builds_on: tuple[str, ...]


@functools.cache
def comments() -> Mapping[str, Comments]:
    """Those of every file, by its name: of default choices first, then in alphabetical order."""
    files = [_read(path) for path in sorted(CONFIGS.rglob("*.yaml"))]
    usual = {name for file in files if "=" not in file.name for name in file.builds_on}
    found: dict[str, Comments] = {}
    for file in sorted(files, key=lambda file: file.name not in usual):
        found[file.name] = _joined(found[file.name], file) if file.name in found else file
    return found


@functools.cache
def with_those_below(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of files, and of those that they build on.

    >>> with_those_below(("data=multi30k_en_de", "evaluate"))
    ('data=multi30k_en_de', 'data=multi30k', 'evaluate', 'train', 'preprocess', 'shared')
    """
    found: dict[str, None] = {}
    for name in names:
        if name in comments():
            found[name] = None
            below = {*comments()[name].builds_on} - {name}  # it may have two files
            # What a command chooses of a group is no part of it.
            found |= dict.fromkeys(
                with_those_below(
                    tuple(each for each in sorted(below) if ("=" in each) == ("=" in name))
                )
            )
    return tuple(found)


def _joined(one: Comments, other: Comments) -> Comments:
    """A choice may have a file in its group's folder, and one in ``defaults/``."""
    return Comments(
        one.name,
        one.head or other.head,
        {**other.options, **one.options},
        {**other.groups, **one.groups},
        (*one.builds_on, *other.builds_on),
    )


def _read(path: Path) -> Comments:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    folder = path.parent.relative_to(CONFIGS).parts
    group = folder[-1] if folder else ""
    is_global = not group or lines[0] == _GLOBAL
    options: dict[str, str] = {}
    groups: dict[str, str] = {}
    builds_on: list[str] = []
    root = yaml.compose(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)
    for key, value in root.value if isinstance(root, MappingNode) else ():
        if key.value == "defaults":
            for item in value.value:
                builds_on.append(_named(item))
                if isinstance(item, MappingNode):
                    ((below, chosen),) = item.value
                    groups[below.value] = _comment(below, chosen, lines)
        elif key.value != "hydra":
            options.update(_commented(key, value, lines, "" if is_global else f"{group}."))
    name = f"{group}={path.stem}" if group else path.stem
    return Comments(name, _head(lines), options, groups, tuple(builds_on))


def _named(item: Node) -> str:
    """The name of the file that an item of a list of defaults stands for."""
    if isinstance(item, MappingNode):
        ((group, choice),) = item.value
        return f"{group.value}={choice.value}"
    *folders, stem = str(item.value).partition("@")[0].split("/")
    return f"{folders[-1]}={stem}" if folders else stem


def _commented(key: Node, value: Node, lines: list[str], prefix: str) -> Iterator[tuple[str, str]]:
    name = f"{prefix}{key.value}"
    yield name, _comment(key, value, lines)
    if isinstance(value, MappingNode):
        for inner_key, inner in value.value:
            yield from _commented(inner_key, inner, lines, f"{name}.")


def _comment(key: Node, value: Node, lines: list[str]) -> str:
    """The comment behind an option on its line; the YAML reader knows where the value ends."""
    line = key.start_mark.line
    is_block = isinstance(value, CollectionNode) and not value.flow_style
    ends_here = value.end_mark.line == line and not is_block
    end = value.end_mark.column if ends_here else key.end_mark.column + 1
    _, hash_sign, comment = lines[line][end:].partition("# ")
    return comment.strip() if hash_sign else ""


def _head(lines: list[str]) -> str:
    found = []
    for line in lines:
        if not line.startswith("#"):
            break
        text = line.removeprefix("#").strip()
        if line != _GLOBAL and not text.startswith("regattn-"):
            found.append(text.partition(": regattn-")[0].rstrip("."))
    return ". ".join(found)
