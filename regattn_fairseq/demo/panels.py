"""What the page shows, as HTML: every text in it is escaped."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from regattn_fairseq.metrics import AttentionRecord, equal_groups
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.normalizers import (
    Option,
    build_normalizer,
    normalizer_options,
    rule,
    smoothed_max,
)
from regattn_fairseq.normalizers.naming import declared_options, symbol
from regattn_fairseq.normalizers.rules import rules

# max_Ω exists where a map has a regularizer Ω.
NORMALIZERS = tuple(each.name for each in rules() if each.penalty is not None)

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
            f"{symbol(self.normalizer, name)} = {_compact(value)}"
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


@dataclass(frozen=True)
class OptionSlider:
    """A slider for an option of normalizers.

    Attributes:
        option: name of the option.
        symbol: as formulas write it.
        label: what it changes, for a reader.
        low: its lower end.
        high: its upper end.
        step: between two positions.
        start: where it stands at first.
    """

    option: str
    symbol: str
    label: str
    low: float
    high: float
    step: float
    start: float


def option_sliders(
    normalizers: Iterable[str], trained: Iterable[Mapping[str, Any]] = ()
) -> list[OptionSlider]:
    """A slider for each number that one of these normalizers takes as an option.

    A slider covers the option's range. If the range has no upper end, the slider is twenty times
    as long as the largest default is away from the lower end, or twice as long for a whole number.
    It starts at the trained value if all models that take the option have the same one, otherwise
    at the default of the first normalizer that takes it.

    Args:
        normalizers: names.
        trained: the options of models.
    """
    names = list(dict.fromkeys(normalizers))
    models = list(trained)
    sliders = []
    for name, declared in declared_options().items():
        takers = tuple(each for each in names if name in normalizer_options(each))
        if not takers or declared.low is None:
            continue
        what = (
            f": {declared.description}" if len(takers) == len(names) else f" of {in_words(takers)}"
        )
        values = {model[name] for model in models if name in model}
        defaults = [rule(each).options[name].default for each in takers]
        sliders.append(_slider(declared, f"{declared.symbol}{what}", defaults, values))
    return sliders


def _slider(
    option: Option, label: str, defaults: Sequence[float], trained: set[float]
) -> OptionSlider:
    assert option.low is not None
    reaches = [default - option.low for default in defaults if default > option.low] or [1.0]
    step = 1 if option.integer else round(min(reaches) / 20, 6)
    low = option.low if option.low_included else round(option.low + step, 6)
    high = min(option.high, round(option.low + (2 if option.integer else 20) * max(reaches), 6))
    start = next(iter(trained)) if len(trained) == 1 else defaults[0]
    return OptionSlider(
        option=option.name,
        symbol=option.symbol,
        label=label,
        low=min(low, *trained, start),
        high=max(high, *trained, start),
        step=step,
        start=start,
    )


def in_words(names: Sequence[str]) -> str:
    """Such as ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def attention_html(panels: Sequence[AttentionPanel]) -> str:
    """A heat map for each panel: a row a target token, a column a source token."""
    return _environment.get_template("attention.html.j2").render(
        panels=panels, token_labels=token_labels
    )


def score_panels(scores: Sequence[float], **options: float) -> list[ScoresPanel]:
    """Π_Ω and max_Ω of the scores under each normalizer.

    Args:
        scores: any number of them.
        options: such as ``gamma`` and ``lam``; each normalizer takes those that it has.

    Raises:
        ValueError: an option is out of range.
    """
    x = torch.tensor(scores, dtype=torch.float64)
    panels = []
    for name in NORMALIZERS:
        taken: dict[str, Any] = {
            option: value for option, value in options.items() if option in normalizer_options(name)
        }
        if rule(name).grouped:
            weights, groups = rule(name).function(x, return_groups=True, **taken)
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
