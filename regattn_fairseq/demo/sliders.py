"""Which sliders the page has for the normalizers' options. It needs neither torch nor Gradio."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regattn_fairseq.declared import Option, declared
from regattn_fairseq.declared.naming import declared_options, takers

# A slider reaches from the smallest default divided by it to the largest one times it.
_REACH = 20
_STOPS_A_DECADE = 20


@dataclass(frozen=True)
class OptionSlider:
    """A slider for an option that one or more normalizers take.

    Attributes:
        option: name of the option.
        symbol: its symbol in formulas.
        label: what the option changes, in words.
        low: its lower end.
        high: its upper end.
        step: distance between two positions; 0 if the scale is logarithmic.
        start: its first position.
        stops: all positions of a logarithmic scale, ascending; empty if the scale is linear.
    """

    option: str
    symbol: str
    label: str
    low: float
    high: float
    step: float
    start: float
    stops: tuple[float, ...] = ()

    def start_of(self, trained: Iterable[Mapping[str, Any]]) -> float:
        """Where it stands for these models: at the first trained value.

        Args:
            trained: the trained options of each model.
        """
        return next((model[self.option] for model in trained if self.option in model), self.start)


def option_sliders(
    normalizers: Iterable[str], trained: Iterable[Mapping[str, Any]] = (), length: int | None = None
) -> list[OptionSlider]:
    """A slider for each number that one of these normalizers takes as an option.

    An option that is above 0 and has no upper end, such as γ and λ, has a logarithmic scale, from a
    twentieth of the smallest default to twenty times the largest; the 0 comes first, where it is
    allowed. Any other scale is linear and covers the option's range; if that has no upper end, its
    length is twenty times the distance from the lower end to the largest default, or twice this
    distance for a whole number. All scales include the trained values. A slider starts at the first
    of them, or else at the default of the first normalizer that takes the option.

    Args:
        normalizers: the names of the normalizers.
        trained: the trained options of each model.
        length: the number of scores, which a whole number need not exceed; ``None`` if it is
            unknown.
    """
    names = list(dict.fromkeys(normalizers))
    models = list(trained)
    sliders = []
    for name, option in declared_options().items():
        taken_by = tuple(each for each in names if each in takers(name))
        if not taken_by or option.low is None:
            continue
        everywhere = len(taken_by) == len(names)
        what = f": {option.description}" if everywhere else f" of {in_words(taken_by)}"
        values = [model[name] for model in models if name in model]
        defaults = [declared(each)[name].default for each in taken_by]
        if option.integer and length is not None:
            defaults = [min(default, math.ceil(length / 2)) for default in defaults]
        make = _logarithmic if _is_scale(option) else _linear
        sliders.append(make(option, f"{option.symbol}{what}", defaults, values))
    return sliders


def in_words(names: Sequence[str]) -> str:
    """The names as text, such as ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _is_scale(option: Option) -> bool:
    return option.low == 0 and option.high == math.inf and not option.integer


def _logarithmic(
    option: Option, label: str, defaults: Sequence[float], trained: Sequence[float]
) -> OptionSlider:
    """The stops are twenty a decade, in two digits, and the values that matter."""
    known = {float(value) for value in (*defaults, *trained)}
    above = {value for value in known if value > 0} or {1.0}
    low, high = min(above) / _REACH, max(above) * _REACH
    exponents = range(
        math.floor(_STOPS_A_DECADE * math.log10(low)),
        math.ceil(_STOPS_A_DECADE * math.log10(high)) + 1,
    )
    rounded = {float(f"{10 ** (each / _STOPS_A_DECADE):.2g}") for each in exponents}
    stops = {each for each in rounded if low <= each <= high} | known
    if option.low_included:
        stops.add(0.0)
    ordered = tuple(sorted(stops))
    start = float((*trained, *defaults)[0])
    return OptionSlider(
        option.name, option.symbol, label, ordered[0], ordered[-1], 0, start, ordered
    )


def _linear(
    option: Option, label: str, defaults: Sequence[float], trained: Sequence[float]
) -> OptionSlider:
    assert option.low is not None
    reaches = [default - option.low for default in defaults if default > option.low] or [1.0]
    step = 1 if option.integer else round(min(reaches) / _REACH, 6)
    low = option.low if option.low_included else round(option.low + step, 6)
    longest = (2 if option.integer else _REACH) * max(reaches)
    high = min(option.high, round(option.low + longest, 6))
    start = (*trained, *defaults)[0]
    low, high = min(low, *trained, start), max(high, *trained, start)
    return OptionSlider(option.name, option.symbol, label, low, high, step, start)
