"""The content of the page as HTML. All text in it is escaped."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from regattn_fairseq.declared import Option
from regattn_fairseq.declared.naming import declared_options, symbol
from regattn_fairseq.metrics import HEAD_KINDS, HEAD_TITLES, AttentionRecord, equal_groups
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.normalizers import (
    build_normalizer,
    normalizer_options,
    rule,
    smoothed_max,
)
from regattn_fairseq.normalizers.rules import rules

# Only maps with a regularizer Ω have a max_Ω.
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
    """The output of one model.

    Attributes:
        normalizer: its name.
        options: the normalizer's options that were used.
        trained: the normalizer's options in training.
        text: the model's output.
        attention: the weights, [target, source].
        causal: whether the weights after a row's own position are those of the future.
    """

    normalizer: str
    options: Mapping[str, Any]
    trained: Mapping[str, Any]
    text: str
    attention: AttentionRecord
    causal: bool = False

    def of_head(self, choice: str) -> AttentionPanel:
        """The same with the weights of one head, if the model has it.

        Args:
            choice: ``<kind> <layer> <head>``, as in `head_choices`; empty for the mean.
        """
        kind, *numbers = choice.split() or [""]
        if kind not in self.attention.heads or len(numbers) != 2:
            return self
        layer, head = map(int, numbers)
        weights = self.attention.heads[kind]
        if not (0 <= layer < weights.shape[0] and 0 <= head < weights.shape[1]):
            return self
        words = {"source": self.attention.source_tokens, "target": self.attention.target_tokens}
        rows, columns = HEAD_KINDS[kind]
        shown = AttentionRecord(words[columns], words[rows], weights[layer, head])
        return replace(self, attention=shown, causal=kind == "decoder_self_attn")

    @property
    def shown_options(self) -> str:
        """The options as text, such as ``γ = 1, λ = 0.5 (trained with 0.1)``."""
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
        """For each target token: the source positions that share a weight, and their groups."""
        return [
            {at: number for number, group in enumerate(groups) for at in group}
            for groups in equal_groups(self.attention.weights)
        ]

    @property
    def zero_share(self) -> float:
        """Share of the weights that are exactly zero; those of the future do not count."""
        weights = self.attention.weights
        if self.causal:
            weights = weights[np.tril_indices_from(weights)]
        return float((weights == 0).mean()) if weights.size else 0.0


@dataclass(frozen=True)
class ScoresPanel:
    """The values of one normalizer for some scores.

    Attributes:
        normalizer: its name.
        value: max_Ω of the scores.
        weights: Π_Ω of the scores.
        groups: for each position the letter of its group; empty if it has none.
    """

    normalizer: str
    value: float
    weights: list[float]
    groups: list[str]


@dataclass(frozen=True)
class OptionSlider:
    """A slider for an option that one or more normalizers take.

    Attributes:
        option: name of the option.
        symbol: its symbol in formulas.
        label: what the option changes, in words.
        low: its lower end.
        high: its upper end.
        step: distance between two positions.
        start: its first position.
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

    A slider covers the option's range. If the range has no upper end, the slider's length is twenty
    times the distance from the lower end to the largest default, or twice this distance for a whole
    number. It starts at the trained value if that is the same for all models that take the option,
    otherwise at the default of the first normalizer that takes it.

    Args:
        normalizers: the names of the normalizers.
        trained: the trained options of each model.
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


def head_choices(counts: Mapping[str, tuple[int, int]]) -> list[tuple[str, str]]:
    """What the heads of a transformer are called, and `AttentionPanel.of_head`'s name of each.

    Args:
        counts: layers and heads of each kind of attention.
    """
    choices = [("output to source, mean of the last layer's heads", "")]
    for kind in reversed(HEAD_KINDS):
        layers, heads = counts.get(kind, (0, 0))
        choices += [
            (f"{HEAD_TITLES[kind]}, layer {layer + 1}, head {head + 1}", f"{kind} {layer} {head}")
            for layer in range(layers)
            for head in range(heads)
        ]
    return choices


def in_words(names: Sequence[str]) -> str:
    """The names as text, such as ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def attention_html(panels: Sequence[AttentionPanel]) -> str:
    """A heat map for each panel: each row is a target token, each column a source token."""
    return _environment.get_template("attention.html.j2").render(
        panels=panels, token_labels=token_labels
    )


def score_panels(scores: Sequence[float], **options: float) -> list[ScoresPanel]:
    """Π_Ω and max_Ω of the scores under each normalizer.

    Args:
        scores: any number of them.
        options: such as ``gamma`` and ``lam``; each normalizer uses the ones that it has.

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
    """The result of :func:`score_panels` as HTML."""
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
