"""Changes in Hydra and its launchers."""

import argparse
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest import mock

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from hydra.utils import get_class
from omegaconf import DictConfig

from regattn_fairseq.guests.imports import collecting_later


def compose_quickly() -> None:
    """Have Hydra compose configurations in less time.

    - A deep copy of Hydra's store of configurations is the store itself. Hydra copies the whole
      store, with all of fairseq's options, for each group that ``--help`` lists. These copies are
      not needed, because Hydra also copies each configuration that it loads from the store. Without
      them ``--help`` takes a tenth of the time.
    - Python looks for cyclic garbage only afterwards. Composing makes so many objects, hardly any
      of them garbage, that these searches take a fifth of its time.
    """
    ConfigStore.__deepcopy__ = lambda store, _memo: store  # type: ignore[attr-defined]
    original = ConfigLoaderImpl.load_configuration
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def load_configuration(*arguments: Any, **options: Any) -> DictConfig:
        with collecting_later():
            return original(*arguments, **options)

    ConfigLoaderImpl.load_configuration = load_configuration  # type: ignore[method-assign]


def raise_errors() -> None:
    """Have Hydra raise its errors. By default it prints several lines and ends the process."""
    os.environ["HYDRA_FULL_ERROR"] = "1"


@contextmanager
def in_mode(mode: RunMode | None) -> Iterator[None]:
    """Tell Hydra within the block which mode the configuration sets: a single run or a sweep.

    Hydra composes the whole configuration once to find that out, and then again to run it.

    Args:
        mode: the value of ``hydra.mode``; None if nothing sets it.
    """
    with mock.patch.object(Hydra, "get_mode", return_value=mode):
        yield


def parse_arguments(
    arguments: Sequence[str], refuse: Callable[[str], NoReturn]
) -> argparse.Namespace:
    """Parse Hydra's flags, such as ``--multirun``, and its overrides.

    For an unknown flag, Hydra's parser prints a usage of many lines and ends the process.

    Args:
        arguments: the arguments of the command line.
        refuse: is called instead, with the reason.
    """
    parser = get_args_parser()
    parser.error = refuse  # type: ignore[assignment, method-assign]
    return parser.parse_args(list(arguments))


def around_launch(launcher: str, around: Callable[[Callable[[], Any]], Any]) -> None:
    """Have a function decide how a launcher starts the jobs of a sweep.

    Hydra calls its callbacks at the start and the end of a sweep, but not for errors of the
    launcher. So they cannot launch again after a process was killed, as joblib's launcher requires.
    They also cannot replace an exception, which is needed because Ray raises its own kind of
    ``KeyboardInterrupt``.

    Args:
        launcher: full name of the class.
        around: is called with a function that launches the jobs. It may call this function more
            than once, and returns its result.
    """
    launcher_class: Any = get_class(launcher)
    original = launcher_class.launch

    def launch(*jobs: Any, **named_jobs: Any) -> Any:
        return around(lambda: original(*jobs, **named_jobs))

    launcher_class.launch = launch
