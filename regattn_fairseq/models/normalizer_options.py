"""The ``attn_*`` options that choose a model's normalizer."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fairseq.dataclass import FairseqDataclass
from torch import nn

from regattn_fairseq.models.lambda_warmup import LambdaWarmup
from regattn_fairseq.normalizers import build_normalizer, normalizer_names, normalizer_options


@dataclass
class NormalizerOptions(FairseqDataclass):
    """What every model with attention offers."""

    attn_normalizer: str = field(
        default="softmax",
        metadata={
            "help": "what turns scores into attention weights: " + ", ".join(normalizer_names())
        },
    )
    attn_gamma: float = field(
        default=1.0,
        metadata={"help": "strength γ > 0 of the regularization: small is sparse, large is flat"},
    )
    attn_lambda: float = field(
        default=0.1,
        metadata={
            "help": "strength λ >= 0 of the structure: of fusing neighbours (fusedmax) or of "
            "grouping any words (oscarmax)"
        },
    )
    attn_lambda_warmup: int = field(
        default=0,
        metadata={
            "help": "updates over which λ grows from 0 to attn_lambda; without them a large λ may "
            "fuse all words before training has told them apart, which nothing undoes"
        },
    )
    attn_p: float = field(
        default=1.5, metadata={"help": "norm of pnormmax, 1 < p <= 2; p = 2 is sparsemax"}
    )
    attn_alpha: float = field(
        default=1.5,
        metadata={"help": "exponent of entmax, above 1; 2 is sparsemax, near 1 is near softmax"},
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
        "attn_lambda": _checked_by("fusedmax", "lam"),
        "attn_p": _checked_by("pnormmax", "p"),
        "attn_alpha": _checked_by("entmax", "alpha"),
    }
    for action in parser._actions:
        if action.dest in checks:
            action.type = checks[action.dest]


def normalizer_from_options(cfg: NormalizerOptions) -> nn.Module:
    """Build the normalizer that ``attn_*`` options name, with those of them that it takes.

    Raises:
        ValueError: unknown normalizer, or an option out of range.
    """
    values: dict[str, Any] = {
        "gamma": cfg.attn_gamma,
        "lam": cfg.attn_lambda,
        "p": cfg.attn_p,
        "alpha": cfg.attn_alpha,
    }
    taken = normalizer_options(cfg.attn_normalizer)
    switches = {"gamma": "attn_learn_gamma", "lam": "attn_learn_lambda"}
    learned = {name: switch for name, switch in switches.items() if getattr(cfg, switch)}
    for name, switch in learned.items():
        if name not in taken:
            raise ValueError(
                f"{switch}: {cfg.attn_normalizer} has no {name} to learn; leave the option out"
            )
    normalizer = build_normalizer(
        cfg.attn_normalizer,
        learned=learned,
        **{name: value for name, value in values.items() if name in taken},
    )
    if cfg.attn_lambda_warmup < 0:
        raise ValueError(f"attn_lambda_warmup is {cfg.attn_lambda_warmup}; use 0 or more updates")
    if cfg.attn_lambda_warmup > 0 and "lam" in taken:
        return LambdaWarmup(normalizer, cfg.attn_lambda_warmup)
    return normalizer


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
