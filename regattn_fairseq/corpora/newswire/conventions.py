"""How annotated Gigaword writes text (Rush et al. 2015): lowercase tokens, ``#``, ``UNK``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

UNKNOWN = "UNK"
"""In capitals, so that no lowercased word can be taken for it."""

_TOKEN = re.compile(
    r"``|''"  # quotation marks of the Penn Treebank
    r"|\d+(?:[.,:-]\d+)*(?:-?[^\W\d]+)*"  # 14 3,000 6.3 3-1 90th 36-year-old
    r"|(?:[^\W\d]\.){2,}"  # U.N.
    r"|'s\b"
    r"|[^\W\d]+(?:-[^\W\d]+)*"
    r"|\S"
)


def gigaword(text: str) -> str:
    """Lowercased tokens, separated by single spaces, with every digit written as ``#``."""
    return re.sub(r"\d", "#", " ".join(_TOKEN.findall(text)).lower())


def rare_words(texts: Iterable[str], minimum: int) -> set[str]:
    """Words that occur fewer than ``minimum`` times."""
    counts = Counter(word for text in texts for word in text.split())
    return {word for word, count in counts.items() if count < minimum}


def mask(text: str, rare: set[str]) -> str:
    """The text with rare words written as :data:`UNKNOWN`."""
    return " ".join(UNKNOWN if word in rare else word for word in text.split())
