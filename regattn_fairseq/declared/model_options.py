"""What a model's ``attn_*`` options say of its normalizer, and whether they can be met."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, NamedTuple

from regattn_fairseq.declared.naming import arguments, declared_options
from regattn_fairseq.declared.normalizers import check_options, declared

KINDS = {
    "encoder_self_attn": "the encoder's self-attention",
    "decoder_self_attn": "the decoder's self-attention",
    "encoder_decoder_attn": "the decoder's attention to the encoder",
}
"""A transformer's kinds of attention, by the prefix of their options."""

# How long a schedule takes is of the training, not of a kind of attention.
_OF_TRAINING = ("attn_gamma_anneal", "attn_lambda_warmup")


class Choice(NamedTuple):
    """The normalizer that a model's options choose.

    Attributes:
        name: of the normalizer.
        options: the value of each option that it takes, as given.
        learned: the options that the model learns.
    """

    name: str
    options: dict[str, Any]
    learned: list[str]


def chosen_normalizer(cfg: Any) -> Choice:
    """The normalizer that the ``attn_*`` options of a model name, with the options that it takes.

    Args:
        cfg: the model's options, as attributes.

    Raises:
        ValueError: no such normalizer, or an option to learn that it does not take.
    """
    name, names = cfg.attn_normalizer, arguments()
    options = {option: known.default for option, known in declared(name).items()}
    for option in options.keys() & names.keys():
        # A plugin may register a map after the models have defined their arguments.
        given = getattr(cfg, names[option], None)
        if given is not None:
            options[option] = given
    learned = [
        option
        for option, known in declared_options().items()
        if known.learnable and getattr(cfg, names[f"learn_{option}"], False)
    ]
    for option in learned:
        if option not in options:
            raise ValueError(
                f"{names[f'learn_{option}']}: {name} has no {option} to learn; leave the option out"
            )
    return Choice(name, options, learned)


def kind_argument(kind: str, argument: str) -> str:
    """What the model calls an ``attn_*`` option of one kind of attention.

    >>> kind_argument("encoder_self_attn", "attn_lambda")
    'encoder_self_attn_lambda'
    """
    return kind + argument.removeprefix("attn")


def options_of_kind(cfg: Any, kind: str) -> SimpleNamespace:
    """The ``attn_*`` options that hold for one kind of a transformer's attention.

    An option of the kind's own comes first. What it leaves open is as ``attn_*`` says, unless the
    kind has another map: then it is that map's default.

    Args:
        cfg: the model's options, as attributes.
        kind: one of :data:`KINDS`.
    """
    own = getattr(cfg, kind_argument(kind, "attn_normalizer"), None)
    shared = own in (None, cfg.attn_normalizer)
    found = {}
    for argument in arguments().values():
        value = getattr(cfg, kind_argument(kind, argument), None)
        if value is None and (shared or argument in _OF_TRAINING):
            value = getattr(cfg, argument, None)
        found[argument] = value
    return SimpleNamespace(**found | {"attn_normalizer": own or cfg.attn_normalizer})


def check_normalizer(cfg: Any) -> None:
    """Check the ``attn_*`` options of a model, and those of its kinds of attention.

    Args:
        cfg: the model's options, as attributes.

    Raises:
        ValueError: no such normalizer, or an option out of range.
    """
    if not hasattr(cfg, kind_argument("encoder_self_attn", "attn_normalizer")):
        _check_one(cfg)
        return
    for kind in KINDS:
        try:
            _check_one(options_of_kind(cfg, kind))
        except ValueError as error:
            raise ValueError(f"{KINDS[kind]} ({kind}_…): {error}") from None


def _check_one(cfg: Any) -> None:
    choice = chosen_normalizer(cfg)
    check_options(choice.name, choice.options, choice.learned)
    check_schedule(cfg)
    check_fertility(cfg)
    check_window(cfg)


BOUNDED = ("softmax", "sparsemax")
"""The maps whose weights may have upper bounds."""


def check_fertility(cfg: Any) -> None:
    """Check the bound on the weight that a source word gets in all.

    Raises:
        ValueError: it is out of range, or the normalizer takes no bounds.
    """
    fertility = getattr(cfg, "attn_fertility", None)
    if fertility is None:
        if getattr(cfg, "attn_fertility_guided", False):
            raise ValueError(
                "attn_fertility_guided needs attn_fertility, the bound of words without links: "
                "add attn_fertility, such as 1"
            )
        return
    if not 0.0 < fertility < math.inf:
        raise ValueError(f"attn_fertility is {fertility}; use a finite number above 0, such as 2")
    if cfg.attn_normalizer not in BOUNDED:
        raise ValueError(
            f"attn_fertility bounds the weights of {' and '.join(BOUNDED)}, not of "
            f"{cfg.attn_normalizer}: choose one of them, or leave the option out"
        )


def check_window(cfg: Any) -> None:
    """Check the size of local attention's window.

    Raises:
        ValueError: it is out of range, or the model copies words, which takes weights that sum to
            one.
    """
    window = getattr(cfg, "attn_window", None)
    if window is None:
        return
    if not 0.0 < window < math.inf:
        raise ValueError(f"attn_window is {window}; use a finite number above 0, such as 10")
    if getattr(cfg, "copy_attn", False):
        raise ValueError(
            "copy_attn needs weights that sum to one, and those in a window do not: leave out "
            "attn_window or copy_attn"
        )


def check_schedule(cfg: Any) -> None:
    """Check the ``attn_*`` options of the first updates.

    Raises:
        ValueError: one of them is out of range.
    """
    for name in ("attn_gamma_anneal", "attn_lambda_warmup"):
        if getattr(cfg, name) < 0:
            raise ValueError(f"{name} is {getattr(cfg, name)}; use 0 or more updates")
    start = cfg.attn_gamma_start
    if start is not None and not 0.0 < start < math.inf:
        raise ValueError(f"attn_gamma_start is {start}; use a finite number above 0")
