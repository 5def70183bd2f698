"""An option of a normalizer: its range and its default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """A number that shapes a map.

    Attributes:
        name: the keyword by which the map takes it.
        symbol: as formulas write it.
        description: one line, without the range.
        low: the lower end of its range; None if it may be anything, even no number.
        high: the upper end of its range, which is infinite where there is none.
        low_included: whether it may equal ``low``.
        high_included: whether it may equal ``high``.
        integer: whether it must be a whole number.
        learnable: whether it may be a tensor, with a gradient.
        default: what the map's signature says.
    """

    name: str
    symbol: str
    description: str
    low: float | None
    high: float = math.inf
    low_included: bool = False
    high_included: bool = False
    integer: bool = False
    learnable: bool = False
    default: Any = None

    @property
    def range(self) -> str:
        """The values that it may have, in words, such as "finite and > 0"."""
        if self.low is None:
            return "anything"
        if self.integer:
            return f"a whole number >= {self.low:g}"
        if self.high == math.inf:
            return f"finite and {'>=' if self.low_included else '>'} {self.low:g}"
        opening, closing = "[" if self.low_included else "(", "]" if self.high_included else ")"
        return f"in {opening}{self.low:g}, {self.high:g}{closing}"

    @property
    def between(self) -> str:
        """Where a learned value stays, in words, such as "above 0"."""
        above = f"above {self.low:g}"
        return above if self.high == math.inf else f"{above} and below {self.high:g}"

    def check(self, value: Any) -> Any:
        """Return the value as a number if it lies in the option's range.

        Raises:
            ValueError: it does not; one line that names the option and the fix.
        """
        if self.low is None:
            return value
        # Nearly always enough, and quick.
        if type(value) is float and self.low < value < self.high and not self.integer:
            return value
        if not self._holds(value):
            raise ValueError(
                f"{self.name} {self._must}, got {value}; use e.g. {self.name}={self.default}"
            )
        return int(value) if self.integer else float(value)

    @property
    def _must(self) -> str:
        return f"must {'lie' if self.range.startswith('in ') else 'be'} {self.range}"

    def _holds(self, value: Any) -> Any:
        above = value >= self.low if self.low_included else value > self.low
        below = value <= self.high if self.high_included else value < self.high
        return above & below & (value % 1 == 0) if self.integer else above & below
