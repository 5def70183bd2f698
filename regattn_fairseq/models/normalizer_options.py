"""The ``attn_*`` options that choose a model's normalizer."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, make_dataclass
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass

from regattn_fairseq.declared import Option
from regattn_fairseq.declared.model_options import (
    KINDS,
    check_schedule,
    chosen_normalizer,
    kind_argument,
)
from regattn_fairseq.declared.naming import arguments, declared_options, takers
from regattn_fairseq.models.schedules import Schedule, ScheduledNormalizer
from regattn_fairseq.normalizers import normalizer_names, normalizer_options, rule

# fairseq reads these annotations at run time. It knows Optional[X], but not X | None.
OptionalFloat = Optional[float]  # noqa: UP045


def option_fields() -> list[tuple[str, Any, Any]]:
    """The maps' options as arguments of fairseq: fields for ``make_dataclass``.

    Returns:
        For each argument its name, its type, and a field with its default and its help.
    """
    names = arguments()
    maps = "what turns scores into attention weights: " + ", ".join(normalizer_names())
    fields: list[tuple[str, Any, Any]] = [(names["name"], str, _field("softmax", maps))]
    options = declared_options()
    for name, option in options.items():
        kind: Any = Optional[_kind(option)]  # noqa: UP045
        fields.append((names[name], kind, _field(None, _help(option))))
    for name, option in options.items():
        if option.learnable:
            text = (
                f"train {option.symbol} with the model, from {names[name]} on; it stays "
                f"{option.between}"
            )
            fields.append((names[f"learn_{name}"], bool, _field(False, text)))
    return fields


def _field(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


def _kind(option: Option) -> type:
    if option.low is None:  # the option declares only its default
        return type(option.default)
    return int if option.integer else float


def _help(option: Option) -> str:
    """The help text: for each map that takes the option its effect, its range and its default."""
    names = takers(option.name)
    declared = [rule(name).options[option.name] for name in names]
    texts: dict[str, list[str]] = {}
    for name, each in zip(names, declared, strict=True):
        texts.setdefault(each.description, []).append(name)
    everywhere = len(texts) == 1 and len(names) == len(normalizer_names())
    said = "; ".join(
        text if everywhere else f"{text} ({', '.join(maps)})" for text, maps in texts.items()
    )
    same = len({each.default for each in declared}) == 1
    default = f"{option.default}" if same else "the normalizer's own"
    return f"{option.symbol}, {option.range}: {said} (default: {default})"


# A type checker cannot see its fields.
_DeclaredOptions: Any = make_dataclass(
    "_DeclaredOptions", option_fields(), bases=(FairseqDataclass,)
)


_STEEP = ", ".join(name for name in normalizer_names() if rule(name).steep)


@dataclass
class NormalizerOptions(_DeclaredOptions):
    """The options of every model with attention: those of the maps, and of their schedules."""

    attn_gamma_start: OptionalFloat = field(
        default=None,
        metadata={
            "help": "γ at the first update; it falls from there to attn_gamma. With a small γ from "
            "the start, a sparse map gives most words neither weight nor gradient before training "
            "has told them apart (default: attn_gamma times the number of source words for "
            f"{_STEEP}; attn_gamma for the others)"
        },
    )
    attn_gamma_anneal: int = field(
        default=1000,
        metadata={"help": "updates over which γ falls; 0: γ has its final value from the start"},
    )
    attn_lambda_warmup: int = field(
        default=1000,
        metadata={
            "help": "updates over which λ grows from 0 to attn_lambda. A large λ from the start "
            "may fuse all words for good, since no gradient parts them again. 0: λ has its final "
            "value from the start"
        },
    )


@dataclass
class NormalizedScoreOptions(NormalizerOptions):
    """The same, for a model whose scores may be cosines."""

    attn_normalized: bool = field(
        default=False,
        metadata={
            "help": "make every score a cosine, times the square root of the number of units, so "
            "that its size does not depend on that of the weights; this keeps sparse attention "
            "from settling on one word before it has learned which"
        },
    )


def check_attention_options(parser: argparse.ArgumentParser) -> None:
    """Have the parser refuse ``--attn-*`` values that no normalizer takes."""
    names = arguments()
    options = declared_options()
    checks: dict[str, Callable[[str], Any]] = {names["name"]: _normalizer_name}
    checks |= {names[name]: _checked_by(option) for name, option in options.items()}
    checks["attn_gamma_start"] = checks["attn_gamma"]
    checks["attn_fertility"] = checks["attn_window"] = _positive
    for kind in KINDS:
        checks |= {
            kind_argument(kind, name): check
            for name, check in checks.items()
            if name.startswith("attn_")
        }
    for action in parser._actions:
        if action.dest in checks:
            action.type = checks[action.dest]


def normalizer_from_options(cfg: Any, shape: Sequence[int] = ()) -> ScheduledNormalizer:
    """Build the normalizer that the ``attn_*`` options name, with the options that it takes.

    Args:
        cfg: the options, as attributes.
        shape: of each learned option; a number if empty.

    Raises:
        ValueError: unknown normalizer, or an option out of range.
    """
    check_schedule(cfg)
    choice = chosen_normalizer(cfg)
    normalizer = ScheduledNormalizer(
        choice.name, learned=choice.learned, shape=shape, **choice.options
    )
    normalizer.schedule = _schedule(cfg, choice.options.get("gamma", 1.0))
    return normalizer


def _schedule(cfg: Any, gamma: float) -> Schedule:
    start = cfg.attn_gamma_start
    factor = None if rule(cfg.attn_normalizer).steep else 1.0
    if start is not None:
        factor = start / gamma
    return Schedule(factor, cfg.attn_gamma_anneal, cfg.attn_lambda_warmup)


def _normalizer_name(text: str) -> str:
    try:
        normalizer_options(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError("use a finite number above 0, such as 2")
    return value


def _checked_by(option: Option) -> Callable[[str], Any]:
    """A parser of an option's values that applies the option's own range check."""

    def number(text: str) -> Any:
        # Text for a whole number is parsed as a float, since the range check has a better message.
        value = _kind(option)(text) if option.low is None else float(text)
        try:
            return option.check(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return number
