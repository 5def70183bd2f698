"""The table of normalizers: their names, the options of each, and the check of given values."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from regattn_fairseq.declared.generated import NORMALIZERS
from regattn_fairseq.declared.option import Option

_declared: dict[str, Mapping[str, Option]] = {**NORMALIZERS}


def declare(name: str, options: Mapping[str, Option]) -> None:
    """Note the options of a map that is registered."""
    _declared[name] = options


def declared(name: str) -> Mapping[str, Option]:
    """The options of a normalizer, by name.

    Raises:
        ValueError: no such normalizer; the message has the nearest name and all names.
    """
    if name not in _declared:
        raise unknown(name)
    return _declared[name]


def unknown(name: str) -> ValueError:
    """The error that there is no normalizer of this name."""
    close = difflib.get_close_matches(name, _declared, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    known = ", ".join(_declared)
    return ValueError(f"unknown normalizer {name!r}; {hint}choose one of: {known}")


def normalizer_names() -> tuple[str, ...]:
    """All names: those of the package, then others in order of registration."""
    return tuple(_declared)


def normalizer_options(name: str) -> tuple[str, ...]:
    """The options that a normalizer takes, such as ``("gamma", "lam")``.

    Raises:
        ValueError: no such normalizer.
    """
    return tuple(declared(name))


def check_options(
    name: str, options: Mapping[str, Any], learned: Collection[str] = ()
) -> dict[str, Any]:
    """The value of every option of a normalizer, given or its default, checked.

    Args:
        name: of the normalizer.
        options: given values.
        learned: the options that are parameters of a model, which start at their values.

    Raises:
        ValueError: no such normalizer, an option that it does not have or that cannot be learned,
            or a bad value.
    """
    known = declared(name)
    for option in (*options, *learned):
        if option not in known:
            has = ", ".join((*known, "dim"))
            raise ValueError(f"normalizer {name!r} has no option {option!r}; it has: {has}")
    checked = {option: known[option].default for option in known} | {
        option: known[option].check(value) for option, value in options.items()
    }
    for option in learned:
        if not known[option].learnable:
            raise ValueError(f"{option} cannot be learned; {_learnable()} can")
        _check_start(known[option], checked[option])
    return checked


def _check_start(option: Option, start: Any) -> None:
    """Check that a learned option, which never leaves its range, can start from a value."""
    low = option.low or 0.0
    if start == low:
        raise ValueError(
            f"a learned {option.name} must start above {low:g}; "
            f"use e.g. {option.name}={low + 0.1:g}"
        )
    if start == option.high:
        raise ValueError(f"a learned {option.name} must start below {option.high:g}")


def _learnable() -> str:
    """The options that can be learned, of whichever normalizer has them."""
    options = {option.name: option for each in _declared.values() for option in each.values()}
    *names, last = [name for name, option in options.items() if option.learnable]
    return f"{', '.join(names)} and {last}"
