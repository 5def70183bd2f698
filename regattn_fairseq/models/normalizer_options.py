"""The ``attn_*`` options that choose a model's normalizer."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass

from regattn_fairseq.models.schedules import Schedule, ScheduledNormalizer
from regattn_fairseq.normalizers import (
    build_normalizer,
    normalizer_names,
    normalizer_options,
    rule,
)

# fairseq reads these annotations at run time, and knows Optional[X] but not X | None.
OptionalFloat = Optional[float]  # noqa: UP045


@dataclass
class NormalizerOptions(FairseqDataclass):
    """What every model with attention offers."""

    attn_normalizer: str = field(
        default="softmax",
        metadata={
            "help": "what turns scores into attention weights: " + ", ".join(normalizer_names())
        },
    )
    attn_gamma: OptionalFloat = field(
        default=None,
        metadata={
            "help": "strength γ > 0 of the regularization: small is sparse, large is flat "
            "(default: the normalizer's own)"
        },
    )
    attn_gamma_start: OptionalFloat = field(
        default=None,
        metadata={
            "help": "γ at the first update, from which it falls to attn_gamma: a sparse map whose "
            "γ is small from the start gives most words neither weight nor gradient before "
            "training has told them apart (default: attn_gamma times 8 for the sparse maps, but "
            "entmax; attn_gamma for the others)"
        },
    )
    attn_gamma_anneal: int = field(
        default=1000, metadata={"help": "updates over which γ falls; 0: it is whole at once"}
    )
    attn_lambda: OptionalFloat = field(
        default=None,
        metadata={
            "help": "strength λ >= 0 of the structure: of fusing neighbours (fusedmax) or of "
            "grouping any words (oscarmax) (default: the normalizer's own)"
        },
    )
    attn_lambda_warmup: int = field(
        default=1000,
        metadata={
            "help": "updates over which λ grows from 0 to attn_lambda; a large λ may fuse all "
            "words before training has told them apart, which nothing undoes; 0: it is whole at "
            "once"
        },
    )
    attn_normalized: bool = field(
        default=False,
        metadata={
            "help": "make every score a cosine, times the square root of the number of units, so "
            "that its size does not depend on that of the weights; keeps sparse attention from "
            "settling on one word before it has learned which"
        },
    )
    attn_p: OptionalFloat = field(
        default=None,
        metadata={
            "help": "norm of pnormmax, 1 < p <= 2; p = 2 is sparsemax "
            "(default: the normalizer's own)"
        },
    )
    attn_alpha: OptionalFloat = field(
        default=None,
        metadata={
            "help": "exponent of entmax, above 1; 2 is sparsemax, near 1 is near softmax "
            "(default: the normalizer's own)"
        },
    )
    attn_learn_gamma: bool = field(
        default=False,
        metadata={"help": "train γ with the model, from attn_gamma on, kept positive by softplus"},
    )
    attn_learn_lambda: bool = field(
        default=False,
        metadata={"help": "train λ with the model, from attn_lambda on, kept positive by softplus"},
    )


def check_attention_options(parser: argparse.ArgumentParser) -> None:
    """Have the parser refuse ``--attn-*`` values that no normalizer takes."""
    checks: dict[str, Callable[[str], Any]] = {
        "attn_normalizer": _normalizer_name,
        "attn_gamma": _checked_by("sparsemax", "gamma"),
        "attn_gamma_start": _checked_by("sparsemax", "gamma"),
        "attn_lambda": _checked_by("fusedmax", "lam"),
        "attn_p": _checked_by("pnormmax", "p"),
        "attn_alpha": _checked_by("entmax", "alpha"),
    }
    for action in parser._actions:
        if action.dest in checks:
            action.type = checks[action.dest]


def normalizer_from_options(cfg: NormalizerOptions) -> ScheduledNormalizer:
    """Build the normalizer that ``attn_*`` options name, with those of them that it takes.

    Raises:
        ValueError: unknown normalizer, or an option out of range.
    """
    given: dict[str, Any] = {
        "gamma": cfg.attn_gamma,
        "lam": cfg.attn_lambda,
        "p": cfg.attn_p,
        "alpha": cfg.attn_alpha,
    }
    options = {name: option.default for name, option in rule(cfg.attn_normalizer).options.items()}
    options |= {
        name: value for name, value in given.items() if name in options and value is not None
    }
    switches = {"gamma": "attn_learn_gamma", "lam": "attn_learn_lambda"}
    learned = {name: switch for name, switch in switches.items() if getattr(cfg, switch)}
    for name, switch in learned.items():
        if name not in options:
            raise ValueError(
                f"{switch}: {cfg.attn_normalizer} has no {name} to learn; leave the option out"
            )
    normalizer = ScheduledNormalizer(cfg.attn_normalizer, learned=learned, **options)
    normalizer.schedule = _schedule(cfg, options.get("gamma", 1.0))
    return normalizer


def _schedule(cfg: NormalizerOptions, gamma: float) -> Schedule:
    for name in ("attn_gamma_anneal", "attn_lambda_warmup"):
        if getattr(cfg, name) < 0:
            raise ValueError(f"{name} is {getattr(cfg, name)}; use 0 or more updates")
    start, factor = cfg.attn_gamma_start, rule(cfg.attn_normalizer).gamma_start
    if start is not None:
        if not 0.0 < start < math.inf:
            raise ValueError(f"attn_gamma_start is {start}; use a finite number above 0")
        factor = start / gamma
    return Schedule(factor, cfg.attn_gamma_anneal, cfg.attn_lambda_warmup)


def _normalizer_name(text: str) -> str:
    try:
        normalizer_options(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _checked_by(normalizer: str, option: str) -> Callable[[str], float]:
    """A parser of numbers that applies the normalizer's own range check."""

    def number(text: str) -> float:
        value = float(text)
        try:
            options: dict[str, Any] = {option: value}
            build_normalizer(normalizer, **options)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return number
