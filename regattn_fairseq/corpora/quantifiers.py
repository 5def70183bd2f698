"""A small logic of quantified statements, which decides whether one follows from another.

A statement says how many members of a kind do something: *at most two dogs run at the lake*. In
every situation an individual is of one species, does one thing, and is in one place. There is at
least one individual of every kind that a statement mentions, so that *all dogs run* implies *some
dogs run*. A number always has an explicit bound: *at least three*, never just *three*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product

KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "animals": {
        "dogs": ("poodles", "terriers", "beagles"),
        "birds": ("owls", "gulls", "sparrows"),
    },
    "people": {
        "artists": ("painters", "dancers", "poets"),
        "workers": ("bakers", "drivers", "miners"),
    },
    "monsters": {
        "giants": ("trolls", "ogres", "cyclopes"),
        "ghosts": ("phantoms", "banshees", "wraiths"),
    },
}
"""Families, the kinds in them, and the species of each kind."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "move": ("run", "walk", "crawl"),
    "rest": ("sleep", "sit", "doze"),
    "make noise": ("sing", "shout", "whistle"),
}
PLACES = ("in the park", "at the lake", "on the hill")
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}

# What no statement names: a further action of every sort, and any other place.
_OTHER = "other"


@dataclass(frozen=True)
class Statement:
    """``quantifier`` members of ``kind`` do ``action``, at ``place`` if one is named.

    Attributes:
        quantifier: ``no``, ``some``, ``all``, ``not all``, or ``at least``, ``at most``,
            ``exactly`` with ``number``.
        number: a key of :data:`NUMBERS`; 0 for a quantifier without one.
        kind: a family, kind or species of :data:`KINDS`.
        action: an action of :data:`ACTIONS`, or a sort of actions.
        place: one of :data:`PLACES`, or empty: anywhere.
    """

    quantifier: str
    number: int
    kind: str
    action: str
    place: str = ""

    def __str__(self) -> str:
        number = NUMBERS.get(self.number, "")
        parts = (self.quantifier, number, self.kind, self.action, self.place)
        return " ".join(part for part in parts if part)

    @property
    def counted(self) -> frozenset[tuple[str, str]]:
        """What the individuals do that the statement counts: pairs of action and place."""
        if self.quantifier in ("all", "not all"):
            return other_deeds(self.action, self.place)
        return deeds(self.action, self.place)

    @property
    def bounds(self) -> tuple[float, float]:
        """The fewest and the most individuals that do what :attr:`counted` says."""
        if self.quantifier in ("no", "all"):
            return 0, 0
        if self.quantifier in ("some", "not all"):
            return 1, math.inf
        low = 0 if self.quantifier == "at most" else self.number
        return low, math.inf if self.quantifier == "at least" else self.number


@cache
def species(kind: str) -> frozenset[str]:
    """The species that a family or kind consists of; for a species, the species itself."""
    for family, kinds in KINDS.items():
        if kind == family:
            return frozenset(name for names in kinds.values() for name in names)
        for group, names in kinds.items():
            if kind == group:
                return frozenset(names)
            if kind in names:
                return frozenset((kind,))
    raise ValueError(f"{kind!r} is no kind")


@cache
def deeds(action: str, place: str) -> frozenset[tuple[str, str]]:
    """Pairs of action and place that count as doing ``action`` at ``place``."""
    actions = (*ACTIONS[action], f"{_OTHER} {action}") if action in ACTIONS else (action,)
    return frozenset(product(actions, (place,) if place else (*PLACES, _OTHER)))


EVERYTHING = frozenset(deed for action in ACTIONS for deed in deeds(action, ""))


@cache
def other_deeds(action: str, place: str) -> frozenset[tuple[str, str]]:
    """All other pairs of action and place."""
    return EVERYTHING - deeds(action, place)


def judge(premise: Statement, hypothesis: Statement) -> str:
    """How ``hypothesis`` relates to ``premise``: ``entailment``, ``neutral``, ``contradiction``.

    Each statement counts the individuals of some species that do certain deeds. The premise bounds
    its own count. From this follow the least and the most that the hypothesis's count can be, and
    these decide.
    """
    least, most = _possible_counts(premise, hypothesis)
    low, high = hypothesis.bounds
    if low <= least and most <= high:
        return "entailment"
    if most < low or least > high:
        return "contradiction"
    return "neutral"


def _possible_counts(premise: Statement, hypothesis: Statement) -> tuple[float, float]:
    those, these = species(premise.kind), species(hypothesis.kind)
    did, do = premise.counted, hypothesis.counted
    low, high = premise.bounds
    least: float = 0
    if those <= these and did <= do:
        least = low
    if high == 0 and (these <= those or those <= these) and did | do == EVERYTHING:
        # Both kinds have individuals. Those of the smaller kind belong to both, and since they do
        # nothing that the premise counts, they do what the hypothesis counts.
        least = max(least, 1)
    most = high if these <= those and do <= did else math.inf
    return least, most
