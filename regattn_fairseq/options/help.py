"""What ``--help`` lists: the options to begin with, or with ``--help-all`` every one."""

import textwrap
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, open_dict, read_write

from regattn_fairseq.options.choices import groups, offered
from regattn_fairseq.options.index import Entry, describe_choice, describe_group, entries, entry

WIDTH = 100
_COLUMN = 34  # where descriptions begin
_FEW = 100  # letters: longer lists of choices are left to --help-all

# The first two where there are several runs to make, and more options than those listed.
_FLAGS_OF_RUNS = {
    "-m": "a run with each of several values: seed=1,2,3",
    "--help-all": "every choice and option; they are in docs/options.md, too",
}
_FLAGS = {
    "--cfg job": "print the configuration that the options make, and do nothing",
    "--version, --debug": "versions; tracebacks of errors",
}

# The groups whose choices set options of several nodes.
_OF_MANY_NODES = ("engine", "experiment", "sweep", "tracking")


def options_to_begin_with(names: Collection[str], composed: Any) -> str:
    """A line for each of these options, and the flags.

    Args:
        names: options and groups; none of them: all that the command can use.
        composed: its configuration, with Hydra's node.
    """
    root, cfg, choices = _parts(composed)
    flags = _FLAGS_OF_RUNS | _FLAGS if names else _FLAGS
    found = [entry(root, name, cfg, choices) for name in names] or entries(root, cfg, choices)
    lines = [line for each in found if each.description for line in _line(each, naming=True)]
    shown = [line for flag, text in flags.items() for line in _columns(flag, text)]
    return _for_template(["Options, with their defaults:", *lines, "", "Flags:", *shown])


def all_options(composed: Any) -> str:
    """The choices of each group, and every option that the command can use.

    Options that only follow another one are left out: that one is to be set.

    Args:
        composed: the command's configuration, with Hydra's node.
    """
    root, cfg, choices = _parts(composed)
    found = entries(root, cfg, choices)
    nodes = {each.name.partition(".")[0] for each in found}
    lines = [f"regattn-{root}: every option. Write option=value; --help has examples."]
    for group in groups():
        if group not in choices or group not in {*nodes, *_OF_MANY_NODES}:
            continue
        lines += ["", f"{group}=…: {describe_group(group)}", ""]
        for choice in offered(group):
            lines += _columns(f"{group}={choice}", describe_choice(group, choice))
    node = None
    for each in found:
        if each.follows or not each.description:
            continue
        if (above := each.name.rpartition(".")[0].partition(".")[0]) != node:
            node = above
            lines += [""]
        lines += _line(each)
    return _for_template(lines)


def _parts(composed: Any) -> tuple[str, DictConfig, dict[str, str]]:
    """The command's name, its configuration without Hydra's node, and the choices."""
    cfg = composed.copy()
    root = str(cfg.hydra.job.config_name)
    choices = {
        group: choice
        for group, choice in cfg.hydra.runtime.choices.items()
        if not group.startswith("hydra/") and "@" not in group
    }
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    return root, cfg, choices


def _line(each: Entry, *, naming: bool = False) -> Iterator[str]:
    description = each.description
    if naming and each.kind == "choice":
        names = ", ".join(offered(each.name))
        many = f" ({len(offered(each.name))} choices: --help-all)"
        description += f": {names}" if len(names) <= _FEW else many
    return _columns(f"{each.name}={each.default}", description)


def _columns(left: str, right: str) -> Iterator[str]:
    beside = len(left) < _COLUMN - 3
    if not beside:
        yield f"  {left}"
    first = f"  {left}".ljust(_COLUMN) if beside else " " * _COLUMN
    yield from textwrap.wrap(
        right or "–",
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * _COLUMN,
        break_on_hyphens=False,
    )


def _for_template(lines: Iterable[str]) -> str:
    """Lines as Hydra's template has them, in which a dollar sign begins a name."""
    return "\n".join(lines).replace("$", "$$")
