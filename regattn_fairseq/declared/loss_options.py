"""What a model's ``loss_*`` options say of the map at its output, and whether it can be met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regattn_fairseq.declared.naming import arguments, declared_options
from regattn_fairseq.declared.normalizers import check_options, declared

CRITERION = "regattn_fenchel_young"
"""The criterion that trains a model with another map at its output than softmax."""


def loss_names() -> dict[str, str]:
    """The model's arguments for the map at its output, by option.

    >>> [loss_names()[name] for name in ("name", "lam", "alpha")]
    ['loss_normalizer', 'loss_lambda', 'loss_alpha']
    """
    names = arguments()
    return {
        name: names[name].replace("attn_", "loss_", 1) for name in ("name", *declared_options())
    }


def loss_map(cfg: Any) -> tuple[str, dict[str, Any]] | None:
    """The map that the ``loss_*`` options name and its options; None for softmax as it is.

    Args:
        cfg: the model's options, as attributes.

    Raises:
        ValueError: no such map, or an option out of range.
    """
    names = loss_names()
    name = getattr(cfg, names["name"], "softmax")
    options = {option: known.default for option, known in declared(name).items()}
    given = {
        option: value
        for option in declared_options()
        if (value := getattr(cfg, names[option], None)) is not None
    }
    for option in given:
        if option not in options:
            raise ValueError(
                f"{names[option]}: {name} has no {option}; leave the option out, or choose another "
                f"{names['name']}"
            )
    options |= given
    check_options(name, options, [])
    if name == "softmax" and options.get("gamma", 1.0) == 1.0:
        return None
    return name, options


def idle_loss_options(model: Mapping[str, Any]) -> set[str]:
    """The ``loss_*`` options of a model whose map at the output is softmax as it is; else none.

    They say no more than a configuration of an earlier version that has none of them.

    >>> "loss_normalizer" in idle_loss_options({"loss_normalizer": "softmax"})
    True
    >>> idle_loss_options({"loss_normalizer": "sparsemax"})
    set()
    """
    names = loss_names()
    is_softmax = model.get(names["name"], "softmax") == "softmax"
    return set(names.values()) if is_softmax and model.get(names["gamma"]) in (None, 1.0) else set()


def check_loss(cfg: Any, criterion: str) -> None:
    """Check that a model and the criterion are about the same probabilities.

    Args:
        cfg: the model's options, as attributes.
        criterion: its name.

    Raises:
        ValueError: they are not, or an option is out of range.
    """
    chosen = loss_map(cfg)
    if chosen is not None and criterion != CRITERION:
        raise ValueError(
            f"loss_normalizer={chosen[0]} needs criterion={CRITERION} (--criterion {CRITERION}); "
            f"{criterion} is the loss of softmax"
        )
    if chosen is not None and getattr(cfg, "copy_attn", False):
        raise ValueError(
            "copy_attn mixes attention with softmax: leave out loss_normalizer or copy_attn"
        )
