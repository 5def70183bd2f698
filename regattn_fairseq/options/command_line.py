"""Hydra command lines with one-line errors that suggest the nearest name.

Hydra reports an error over several lines, in terms of its own grammar. It also accepts a ``+key``
that nothing reads. This module checks each argument before Hydra composes anything. It turns the
errors that Hydra finds after that into one line, by the class of the exception.
"""

import argparse
import difflib
import functools
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.plugins.config_source import ConfigLoadError
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from regattn_fairseq.guests.hydra import in_mode, parse_arguments, raise_errors
from regattn_fairseq.installation import how_to_install
from regattn_fairseq.options.choices import CONFIGS, groups, offered
from regattn_fairseq.options.generated import GROUPS, OTHERS
from regattn_fairseq.runs.errors import PipelineError, one_line

# Below these nodes, the reader of the options decides which exist: a corpus's class, or Hydra.
_OPEN = ("data.corpus", "data.rouge", "hydra")

_KINDS = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}

# Hydra's name of each plugin that an extra of this package installs, and the name of the extra.
_EXTRAS = {"ray": "ray", "submitit_slurm": "slurm", "optuna": "optuna"}

_HELP_ALL = "--help-all"


class CommandLineError(PipelineError):
    """An argument of the command line is wrong."""


def run(root: str, task: Callable[[DictConfig], Any], arguments: Sequence[str]) -> None:
    """Call a task as ``@hydra.main`` does: once, or once for each job of a sweep (``-m``).

    Args:
        root: name of the root configuration.
        task: is called with the composed configuration.
        arguments: the arguments of the command line.

    Raises:
        CommandLineError: an argument is refused.
        Exception: Hydra cannot compose a configuration from the arguments; see :func:`explain`.
    """
    arguments = [_with_home(argument) for argument in arguments]
    if _HELP_ALL in arguments:
        others = [argument for argument in arguments if argument != _HELP_ALL]
        arguments = [*others, "--help", "hydra.help.template=${all_options:}"]
    flags = parse_arguments(arguments, _refuse)
    if not (flags.hydra_help or flags.shell_completion):
        check(root, flags.overrides, sweep=flags.multirun, config_dir=flags.config_dir)
    decorate: Any = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=root)
    sys.argv[1:] = arguments
    raise_errors()
    with _known_mode(root, flags):
        decorate(task)()


def _known_mode(root: str, flags: argparse.Namespace) -> AbstractContextManager[None]:
    """Tell Hydra the mode, unless only Hydra can know it."""
    elsewhere = flags.config_name or flags.config_path
    if elsewhere or any("hydra.mode" in argument for argument in flags.overrides):
        return nullcontext()
    if not (flags.overrides or flags.config_dir):
        return in_mode(None)  # none of our configurations sets it
    values = _options(root, flags.overrides, flags.config_dir)
    return nullcontext() if values.values is None else in_mode(values.mode)


def version() -> str:
    """The versions of this package and of those that affect results, without heavy imports."""
    others = []
    for name, distributions in (("torch", ["torch"]), ("fairseq", ["ve-fairseq", "fairseq"])):
        for distribution in distributions:
            try:
                others.append(f"{name} {importlib.metadata.version(distribution)}")
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    ours = importlib.metadata.version("regattn-fairseq")
    return f"regattn-fairseq {ours} ({', '.join(others)})"


def check(
    root: str, arguments: Sequence[str], *, sweep: bool = False, config_dir: str | None = None
) -> None:
    """Refuse arguments that Hydra would accept, or would explain only in its own terms.

    Args:
        root: name of the root configuration.
        arguments: ``key=value`` as written.
        sweep: whether an option may have several values.
        config_dir: a folder with further configurations, from Hydra's ``--config-dir``.

    Raises:
        CommandLineError: an argument cannot be parsed, names an option that nothing reads, has a
            value of the wrong kind, or makes a choice that does not work here.
    """
    overrides = [_parsed(argument) for argument in arguments]
    if not overrides:
        return
    for override in overrides:
        if override.is_sweep_override() and not sweep:
            raise CommandLineError(
                f"{override.input_line} has several values: add -m for one run with each, or "
                f"quote it if it is one: {_quoted(override)}"
            )
    own = [o for o in overrides if not o.is_hydra_override() and o.key_or_group != "hydra"]
    elsewhere = config_dir is not None or any(
        override.key_or_group == "hydra.searchpath" for override in overrides
    )
    for override in own:
        _require_offered(override, elsewhere=elsewhere)
    options = _options(root, arguments, config_dir)
    if options.values is None:  # Hydra will report the error
        return
    for override in own:
        _require_known(override, options, arguments)
        _require_kind(override, options)


def explain(error: Exception, root: str, arguments: Sequence[str]) -> str:
    """Explain in one line the error that :func:`run` raised.

    Args:
        error: an error of this package, Hydra or OmegaConf.
        root: name of the root configuration.
        arguments: the arguments of the command line.
    """
    if isinstance(error, CommandLineError):
        return str(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        if choice in _EXTRAS:
            return (
                f"{group}={choice} needs a package that is not installed: "
                f"{how_to_install(_EXTRAS[choice])}"
            )
        return _unknown_choice(group, choice, offered(group) or error.options or ())
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    text = str(error)
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)):
        # OmegaConf names only the missing part. Hydra names the option as it was written.
        written = re.search(r"Could not override '([^']+)'", text)
        options = _options(root, arguments, None)
        return _unknown_option(written[1] if written else str(cause.full_key), options)
    if isinstance(cause, OmegaConfBaseException):
        return bad_value(cause)
    if no_group := re.match(r"Could not override '([^']+)'\.\s*No match", text):
        return _no_group(no_group[1], _options(root, (), None))
    if isinstance(error, HydraException):
        return _first_sentence(text)
    return one_line(error, more=" (--debug shows where)")


def bad_value(error: OmegaConfBaseException) -> str:
    """Explain in one line that an option has no value, or a value of the wrong kind."""
    reason = _first_sentence(str(error.msg or error))
    key = error.full_key or ""
    if follows := re.search(r"dereferencing interpolation '\$\{([\w.]+)\}'", reason):
        key = follows[1]
    if found := re.search(r"Value '(.*)' of type '\w+' could not be converted to (\w+)", reason):
        wanted = _KINDS.get(found[2], f"of the kind {found[2]}")
        return f"{key} is {found[1]!r}, but must be {wanted}"
    return f"{key}: {reason}" if key and key not in reason else reason


@dataclass(frozen=True)
class Options:
    """The options of a command.

    Args:
        values: the configuration with the chosen groups and nothing else; None if it cannot be
            composed.
        groups: the option groups that the command offers.
        mode: whether the chosen groups ask for a single run or for a sweep; None: neither.
    """

    values: DictConfig | None = None
    groups: tuple[str, ...] = ()
    mode: RunMode | None = None

    @property
    def names(self) -> list[str]:
        """The full names of all options and nodes, and the names of all groups."""
        found = [] if self.values is None else list(_names(self.values))
        return [*found, *(group for group in self.groups if group not in found)]


def _refuse(message: str) -> NoReturn:
    raise CommandLineError(f"{message}; --help-all shows what can be written")


def _with_home(argument: str) -> str:
    """Expand ``~`` after the equals sign, which a shell does not expand."""
    key, equals, value = argument.partition("=")
    if equals and re.match(r"~\w*(/|$)", value) and not key.startswith("~"):
        return f"{key}={os.path.expanduser(value)}"
    return argument


def _parsed(argument: str) -> Override:
    if argument.startswith("="):
        raise CommandLineError(_unreadable(argument))
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        raise CommandLineError(_unreadable(argument)) from error


def _unreadable(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if not (key and equals):
        return f"cannot read the argument {argument!r}: write option=value"
    if not re.fullmatch(r"[+~]{0,2}[\w.@/:$-]+", key):
        return f"cannot read the argument {argument!r}: {key!r} is no name of an option"
    written = value.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"cannot read the value of {key}: one with a comma, blank, quote, brace or other special "
        f"character stands in quotes within quotes: \"{key}='{written}'\""
    )


def _quoted(override: Override) -> str:
    key, _, value = str(override.input_line).partition("=")
    return f"\"{key}='{value}'\""


def _require_offered(override: Override, *, elsewhere: bool) -> None:
    """Refuse a choice that does not exist, or one of fairseq's that has no use here.

    Args:
        override: any override.
        elsewhere: whether further choices may exist in other folders that Hydra searches.
    """
    group = override.key_or_group
    known = offered(group)
    for value in _values(override) if known else ():
        if value in known:
            continue
        if value in {*GROUPS.get(group, ()), *OTHERS.get(group, ())}:
            raise CommandLineError(
                f"{group}={value} cannot be used with this package's models and corpora; "
                f"choose one of: {', '.join(known)}"
            )
        if not elsewhere:
            raise CommandLineError(_unknown_choice(group, _shown(value), known))


def _require_known(override: Override, options: Options, arguments: Sequence[str]) -> None:
    """Refuse an unknown key. After a ``+`` it is allowed if another argument reads it."""
    key, added = override.key_or_group, override.is_add() or override.is_force_add()
    if override.is_delete() or override.package is not None:
        return
    if override.is_add() and (key in options.groups or _plain(options.values, key) is not None):
        raise CommandLineError(
            f"{key} is there already: write {str(override.input_line).lstrip('+')}, without +"
        )
    if key in options.names or any(key == node or key.startswith(f"{node}.") for node in _OPEN):
        return
    if isinstance(_plain(options.values, key.rpartition(".")[0]), ListConfig):
        return
    if key in groups():
        raise CommandLineError(_no_group(key, options))
    if added and any("${" + key + "}" in argument for argument in arguments):
        return
    raise CommandLineError(_unknown_option(key, options))


def _require_kind(override: Override, options: Options) -> None:
    """Refuse a value of another kind than the one that it replaces, such as a text for a number.

    OmegaConf checks only the options that have a type. Our options have none: they set fairseq's
    options, and OmegaConf's error would name those.
    """
    key = override.key_or_group
    if key not in options.names or key in options.groups or override.is_delete():
        return
    now = _plain(options.values, key)
    for value in _values(override):
        wanted = _wanted(now, value)
        if wanted is not None:
            raise CommandLineError(
                f"{key} is {value!r}, but must be {wanted}, such as {_shown(now)}"
            )


def _wanted(now: Any, value: Any) -> str | None:
    """The kind of value that should replace the present one; None if ``value`` is of this kind."""
    if now is None or value is None or (isinstance(value, str) and "${" in value):
        return None
    if isinstance(now, ListConfig):
        return None if isinstance(value, list) else "a list in brackets"
    if isinstance(now, DictConfig):
        return None if isinstance(value, dict) else "several options, each with its own name"
    if isinstance(value, (list, dict)):
        return "one value"
    if isinstance(now, bool):
        return "true or false" if isinstance(value, (str, float)) else None
    if isinstance(now, (int, float)):
        return "a number" if isinstance(value, (str, bool)) else None
    return None


def _shown(value: Any) -> str:
    if isinstance(value, (DictConfig, ListConfig)):
        value = OmegaConf.to_container(value, resolve=True)
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(override: Override) -> list[Any]:
    """The values of an option in a sweep; empty if a search chooses them."""
    if override.is_delete():
        return []
    if not override.is_sweep_override():
        return [_unquoted(override.value())]
    if not override.is_discrete_sweep():
        return []
    return [_unquoted(value) for value in override.sweep_iterator()]


def _unquoted(value: Any) -> Any:
    return getattr(value, "text", value)


def _options(root: str, arguments: Iterable[str], config_dir: str | None) -> Options:
    """Compose the chosen groups, without the options that the arguments set."""
    chosen = []
    for argument in arguments:
        try:
            override = _parsed(argument)
        except CommandLineError:
            continue
        values = _values(override)
        if override.key_or_group in groups() and values and isinstance(values[0], str):
            chosen.append(f"{override.key_or_group}={values[0]}")
    if config_dir is not None:
        chosen.append(f"hydra.searchpath=['file://{Path(config_dir).resolve()}']")
    return _composed(root, tuple(chosen))


@functools.cache
def _composed(root: str, chosen: tuple[str, ...]) -> Options:
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            found = compose(root, overrides=list(chosen), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, ConfigLoadError):
        return Options()
    own = tuple(group for group in found.hydra.runtime.choices if not group.startswith("hydra/"))
    mode = found.hydra.mode
    with read_write(found), open_dict(found):
        del found["hydra"]
    return Options(found, own, mode)


def _names(node: DictConfig, prefix: str = "") -> Iterable[str]:
    for key in map(str, node):
        name = f"{prefix}{key}"
        yield name
        below = node._get_node(key)
        if isinstance(below, DictConfig) and not (below._is_none() or below._is_missing()):
            yield from _names(below, f"{name}.")


def _plain(values: Any, key: str) -> Any:
    try:
        return OmegaConf.select(values, key)
    except OmegaConfBaseException:  # refers to options that are not set yet
        return None


def _unknown_option(name: str, options: Options) -> str:
    if found := nearest(name, options.names):
        return f"nothing reads the option {name}, did you mean {found}?"
    return f"nothing reads the option {name}; --help-all lists those that there are"


def _no_group(group: str, options: Options) -> str:
    known = ", ".join(sorted(options.groups))
    return f"this command has no choice of {group}" + (f"; it has {known}" if known else "")


def _unknown_choice(group: str, choice: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = difflib.get_close_matches(choice, known, n=1)
    meant = f", did you mean {close[0]}?" if close else ""
    among = f" (choose one of: {', '.join(known)})" if known else ""
    return (
        f"there is no {group}={choice}{meant}{among}" if group else f"there is no {choice}{meant}"
    )


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The option that was probably meant.

    An option with the same last part, such as ``optimization.max_update`` for
    ``training.max_update``, is preferred to one with a similar spelling.

    >>> nearest("training.max_update", ["training.max_epoch", "optimization.max_update"])
    'optimization.max_update'
    >>> nearest("trainning", ["training", "training.lr", "tracking"])
    'training'
    """
    last = name.rpartition(".")[2]
    same = [option for option in known if option.rpartition(".")[2] == last]
    for candidates, cutoff in ((same, 0.0), (known, 0.75)):
        if close := difflib.get_close_matches(name, candidates, n=1, cutoff=cutoff):
            return close[0]
    parts = {option.rpartition(".")[2]: option for option in reversed(known)}
    close = difflib.get_close_matches(last, parts, n=1, cutoff=0.75)
    return parts[close[0]] if close else None


def _first_sentence(text: str) -> str:
    """The first line with content. The others are Hydra's advice, or where it searched."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else text
