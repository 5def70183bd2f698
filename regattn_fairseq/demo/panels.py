"""What the page shows, as HTML: every text in it is escaped."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from regattn_fairseq.metrics import AttentionRecord, equal_groups
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.normalizers import (
    build_normalizer,
    fusedmax,
    normalizer_options,
    oscarmax,
    smoothed_max,
)

# Those that have a regularizer, and so a max.
NORMALIZERS = ("softmax", "sparsemax", "fusedmax", "oscarmax", "pnormmax")
_WITH_GROUPS = {"fusedmax": fusedmax, "oscarmax": oscarmax}
_SYMBOLS = {"gamma": "γ", "lam": "λ"}

_environment = Environment(
    loader=PackageLoader(__name__.rpartition(".")[0]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class AttentionPanel:
    """One model's output.

    Attributes:
        normalizer: its name.
        options: of the normalizer, as used.
        trained: as they were in training.
        text: what the model wrote.
        attention: the weights, [target, source].
    """

    normalizer: str
    options: Mapping[str, Any]
    trained: Mapping[str, Any]
    text: str
    attention: AttentionRecord

    @property
    def shown_options(self) -> str:
        """Such as ``γ = 1, λ = 0.5 (trained with 0.1)``."""
        return ", ".join(
            f"{_SYMBOLS.get(name, name)} = {_compact(value)}"
            + (
                ""
                if value == self.trained[name]
                else f" (trained with {_compact(self.trained[name])})"
            )
            for name, value in self.options.items()
        )

    @property
    def groups(self) -> list[dict[int, int]]:
        """For each target token: the source positions that share a weight, with their group."""
        return [
            {at: number for number, group in enumerate(equal_groups(row)) for at in group}
            for row in self.attention.weights
        ]

    @property
    def zero_share(self) -> float:
        """Share of the weights that are exactly zero."""
        return float((self.attention.weights == 0).mean()) if self.attention.weights.size else 0.0


@dataclass(frozen=True)
class ScoresPanel:
    """What one normalizer makes of scores.

    Attributes:
        normalizer: its name.
        value: max_Ω of the scores.
        weights: Π_Ω of the scores.
        groups: a letter for each position that was pooled with others; empty for one alone.
    """

    normalizer: str
    value: float
    weights: list[float]
    groups: list[str]


def attention_html(panels: Sequence[AttentionPanel]) -> str:
    """A heat map for each panel: a row a target token, a column a source token."""
    return _environment.get_template("attention.html.j2").render(
        panels=panels, token_labels=token_labels
    )


def score_panels(scores: Sequence[float], **options: float) -> list[ScoresPanel]:
    """Π_Ω and max_Ω of the scores under each normalizer.

    Args:
        scores: any number of them.
        options: ``gamma``, ``lam`` and ``p``; each normalizer takes those that it has.

    Raises:
        ValueError: an option is out of range.
    """
    x = torch.tensor(scores, dtype=torch.float64)
    panels = []
    for name in NORMALIZERS:
        taken: dict[str, Any] = {
            option: value for option, value in options.items() if option in normalizer_options(name)
        }
        if name in _WITH_GROUPS:
            weights, groups = _WITH_GROUPS[name](x, return_groups=True, **taken)
        else:
            weights, groups = build_normalizer(name, **taken)(x), None
        value = smoothed_max(x, normalizer=name, **taken)
        panels.append(ScoresPanel(name, value.item(), weights.tolist(), _letters(groups)))
    return panels


def scores_html(scores: Sequence[float], **options: float) -> str:
    """:func:`score_panels`, drawn."""
    panels = score_panels(scores, **options)
    return _environment.get_template("scores.html.j2").render(panels=panels)


def _letters(groups: torch.Tensor | None) -> list[str]:
    if groups is None:
        return []
    numbers = groups.tolist()
    sizes = Counter(number for number in numbers if number >= 0)
    letters = dict(zip((n for n in sizes if sizes[n] > 1), string.ascii_uppercase, strict=False))
    return [letters.get(number, "") for number in numbers]


def _compact(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
