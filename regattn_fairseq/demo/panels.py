"""The content of the page as HTML. All text in it is escaped."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from regattn_fairseq.declared.naming import symbol
from regattn_fairseq.metrics import HEAD_KINDS, HEAD_TITLES, AttentionRecord, equal_groups
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.normalizers import (
    build_normalizer,
    normalizer_options,
    rule,
    smoothed_max,
)
from regattn_fairseq.normalizers.autograd import backend
from regattn_fairseq.normalizers.rules import rules

# Only maps with a regularizer Ω have a max_Ω.
NORMALIZERS = tuple(each.name for each in rules() if each.penalty is not None)

UNKNOWN = "<unk>"
"""What a model reads, and writes, in place of every word that its dictionary lacks."""

_environment = Environment(
    loader=PackageLoader(__name__.rpartition(".")[0]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def weight_text(weight: float) -> str:
    """A weight as readers see it: a rounded figure is never taken for an exact 0.

    >>> [weight_text(weight) for weight in (0.0, 1e-9, 0.0004, 0.0006, 0.25, 1.0)]
    ['0', '< 0.001', '< 0.001', '0.001', '0.250', '1.000']
    """
    if weight == 0:
        return "0"
    return f"{weight:.3f}" if weight >= 0.0005 else "< 0.001"


def share_text(share: float) -> str:
    """A share in percent, which is 0 or 100 only if it is that exactly.

    >>> [share_text(share) for share in (0.0, 0.001, 0.256, 0.999, 1.0)]
    ['0 %', '< 1 %', '26 %', '> 99 %', '100 %']
    """
    if 0 < share < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


_environment.filters["weight"] = weight_text
_environment.filters["share"] = share_text


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


def attention_html(*answers: Sequence[AttentionPanel]) -> str:
    """A heat map for each panel: each row is a target token, each column a source token.

    Args:
        answers: what the models made of one sentence; or of two, and then each model's two heat
            maps stand side by side.
    """
    return _environment.get_template("attention.html.j2").render(
        panels=[panel for of_one_model in zip(*answers, strict=True) for panel in of_one_model],
        compared=len(answers) > 1,
        token_labels=token_labels,
        unknown=UNKNOWN,
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
    # Compiling kernels for so few scores would take a minute, where they are not cached yet.
    with backend("torch"):
        return [_score_panel(name, x, options) for name in NORMALIZERS]


def _score_panel(name: str, x: torch.Tensor, options: Mapping[str, float]) -> ScoresPanel:
    taken: dict[str, Any] = {
        option: value for option, value in options.items() if option in normalizer_options(name)
    }
    if rule(name).grouped:
        weights, groups = rule(name).function(x, return_groups=True, **taken)
    else:
        weights, groups = build_normalizer(name, **taken)(x), None
    value = smoothed_max(x, normalizer=name, **taken)
    return ScoresPanel(name, value.item(), weights.tolist(), _letters(groups))


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
