"""Changes in Hydra and its launchers."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.utils import get_class


def share_config_store() -> None:
    """Have a deep copy of Hydra's store of configurations be the store itself.

    Hydra copies the whole store, with all of fairseq's options, for each group that ``--help``
    lists. It also copies each configuration that it loads from the store, which is enough. Without
    the first copy ``--help`` takes a tenth of the time.
    """
    ConfigStore.__deepcopy__ = lambda store, _memo: store  # type: ignore[attr-defined]


def raise_errors() -> None:
    """Have Hydra raise what goes wrong. By default it prints several lines and ends the process."""
    os.environ["HYDRA_FULL_ERROR"] = "1"


def parse_arguments(
    arguments: Sequence[str], refuse: Callable[[str], NoReturn]
) -> argparse.Namespace:
    """Hydra's flags, such as ``--multirun``, and its overrides.

    About a flag that it does not know, its parser prints a usage of many lines, and it ends the
    process.

    Args:
        arguments: the command line's.
        refuse: is called instead, with the reason.
    """
    parser = get_args_parser()
    parser.error = refuse  # type: ignore[assignment, method-assign]
    return parser.parse_args(list(arguments))


def around_launch(launcher: str, around: Callable[[Callable[[], Any]], Any]) -> None:
    """Have a function decide how a launcher starts the jobs of a sweep.

    Hydra's callbacks hear of a sweep's start and end, but not of what the launcher raises: they can
    neither launch again after a killed process, as joblib's launcher requires, nor put an exception
    in the place of another, as is needed where Ray raises a ``KeyboardInterrupt`` of its own.

    Args:
        launcher: full name of the class.
        around: gets a function that launches the jobs, which it may call more than once. It returns
            what that returns.
    """
    launcher_class: Any = get_class(launcher)
    original = launcher_class.launch

    def launch(*jobs: Any, **named_jobs: Any) -> Any:
        return around(lambda: original(*jobs, **named_jobs))

    launcher_class.launch = launch
