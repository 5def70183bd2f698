"""What command lines, configurations and labels call a normalizer's options.

A map's rule declares its options, and nothing else does: this module derives their other names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from regattn_fairseq.declared.normalizers import (
    declared,
    normalizer_names,
    normalizer_options,
)
from regattn_fairseq.declared.option import Option

# Python keeps the word "lambda" for itself; command lines do not.
_SPELLINGS = {"lam": "lambda"}
# What else a training can be told of an option, for its first updates.
_SCHEDULED = {"gamma": ("start", "anneal"), "lam": ("warmup",)}


def declared_options() -> dict[str, Option]:
    """Every option of any map that can be written on a command line, by name.

    Several maps may share an option; it is here as the first of them declares it.

    >>> list(declared_options())
    ['gamma', 'lam', 'p', 'alpha', 'k']
    """
    found: dict[str, Option] = {}
    for normalizer in normalizer_names():
        for name, option in declared(normalizer).items():
            if isinstance(option.default, (int, float, str)):
                found.setdefault(name, option)
    return found


def takers(option: str) -> tuple[str, ...]:
    """The names of the maps that take an option, in order of registration.

    >>> takers("lam")
    ('fusedmax', 'oscarmax', 'oscarmax_published')
    """
    return tuple(name for name in normalizer_names() if option in declared(name))


def arguments() -> dict[str, str]:
    """The model's arguments, by what the node ``normalizer`` of a configuration calls them.

    >>> [arguments()[name] for name in ("name", "lam", "lam_warmup", "learn_lam")]
    ['attn_normalizer', 'attn_lambda', 'attn_lambda_warmup', 'attn_learn_lambda']
    """
    return {"name": "attn_normalizer"} | {name: argument for name, argument, _option in _names()}


def option_named(name: str) -> str | None:
    """The option that a name in a configuration is about; None if it is about none.

    >>> [option_named(name) for name in ("attn_lambda_warmup", "learn_gamma", "p", "dropout")]
    ['lam', 'gamma', 'p', None]
    """
    for in_node, argument, option in _names():
        if name in (in_node, argument):
            return option
    return None


def is_idle(name: str, normalizer: str) -> bool:
    """Whether a name in a configuration is about an option that the normalizer does not take.

    >>> is_idle("attn_lambda_warmup", "softmax"), is_idle("attn_gamma", "softmax")
    (True, False)
    """
    option = option_named(name)
    return option is not None and option not in normalizer_options(normalizer)


def symbol(normalizer: str, option: str) -> str:
    """What formulas and labels call an option of a map; its name if the map does not declare it.

    >>> symbol("fusedmax", "lam"), symbol("fusedmax", "dropout")
    ('λ', 'dropout')
    """
    known = declared(normalizer) if normalizer in normalizer_names() else {}
    return known[option].symbol if option in known else option


def labelled(options: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """What a label says of a normalizer, in the order of the options.

    It leaves out γ = 1, which is how every map is defined, unless γ is learned.

    Args:
        options: as in the node ``normalizer``, such as ``lam`` and ``learn_lam``.

    Returns:
        Of each option its name, its value, and whether it is learned.

    >>> list(labelled({"name": "fusedmax", "lam": 0.1, "gamma": 1.0, "learn_lam": True}))
    [('lam', '0.1', True)]
    """
    switches = {f"learn_{option}": option for option in declared_options()}
    learned = {option for switch, option in switches.items() if options.get(switch)}
    for option, value in options.items():
        if option == "name" or option in switches:
            continue
        if option in learned or not (option == "gamma" and value == 1):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            yield option, shown, option in learned


def _names() -> list[tuple[str, str, str]]:
    """Names in the node ``normalizer``, the model's arguments for them, and the options."""
    options = declared_options()
    found = []
    for option in options:
        for name in (option, *(f"{option}_{what}" for what in _SCHEDULED.get(option, ()))):
            found.append((name, f"attn_{_spelled(option)}{name.removeprefix(option)}", option))
    for option, known in options.items():
        if known.learnable:
            found.append((f"learn_{option}", f"attn_learn_{_spelled(option)}", option))
    return found


def _spelled(option: str) -> str:
    return _SPELLINGS.get(option, option)
