"""English inflection (British spelling): plurals, verbs, articles, comparison."""

from __future__ import annotations

from dataclasses import dataclass

_VOWELS = "aeiou"


def _add_s(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in _VOWELS:
        return word[:-1] + "ies"
    return word + "s"


def plural(noun: str) -> str:
    """The regular plural."""
    return _add_s(noun)


def possessive(noun: str) -> str:
    """``man's``, ``teachers'``, ``boss's``."""
    return noun + ("'" if noun.endswith("s") and not noun.endswith("ss") else "'s")


_A_BEFORE = ("unif", "unit", "univ", "union", "uniq", "euro", "us", "one")
_AN_BEFORE = ("hour", "honest")


def indefinite_article(next_word: str) -> str:
    """``a`` or ``an``, by the sound that follows."""
    following = next_word.lower()
    if following.startswith(_A_BEFORE):
        return "a"
    return "an" if following[0] in _VOWELS or following.startswith(_AN_BEFORE) else "a"


@dataclass(frozen=True)
class EnglishVerb:
    """``particle`` comes before a noun object but after a pronoun: pick up a book, pick it up."""

    base: str
    past: str
    participle: str
    particle: str = ""
    doubles: bool = False

    def present(self, person: str) -> str:
        """``reads`` in the third person singular, else ``read``."""
        if self.base == "have":
            return "has" if person == "3sg" else "have"
        if person != "3sg":
            return self.base
        return self.base + "es" if self.base in ("go", "do") else _add_s(self.base)

    @property
    def gerund(self) -> str:
        """``reading``, ``making``, ``running``, ``lying``."""
        if self.doubles:
            return self.base + self.base[-1] + "ing"
        if self.base.endswith("ie"):
            return self.base[:-2] + "ying"
        if self.base.endswith("e") and not self.base.endswith(("ee", "oe", "ye")):
            return self.base[:-1] + "ing"
        return self.base + "ing"


def regular_past(base: str, *, doubles: bool = False) -> str:
    """``walked``, ``liked``, ``carried``, ``stopped``."""
    if doubles:
        return base + base[-1] + "ed"
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in _VOWELS:
        return base[:-1] + "ied"
    return base + "ed"


BE_PRESENT = {"1sg": "am", "2sg": "are", "3sg": "is", "1pl": "are", "3pl": "are"}
BE_PAST = {"1sg": "was", "2sg": "were", "3sg": "was", "1pl": "were", "3pl": "were"}

_IRREGULAR_COMPARATIVES = {"good": "better", "bad": "worse"}


def comparative(adjective: str) -> str:
    """``bigger``, ``happier``, ``nicer``, ``more famous``."""
    if adjective in _IRREGULAR_COMPARATIVES:
        return _IRREGULAR_COMPARATIVES[adjective]
    groups = sum(
        letter in "aeiouy" and (i == 0 or adjective[i - 1] not in "aeiouy")
        for i, letter in enumerate(adjective.removesuffix("e"))
    )
    if groups == 2 and adjective.endswith("y"):
        return adjective[:-1] + "ier"
    if groups > 1:
        return "more " + adjective
    if adjective.endswith("e"):
        return adjective + "r"
    if adjective[-1] in "gdtn" and adjective[-2] in _VOWELS and adjective[-3] not in _VOWELS:
        return adjective + adjective[-1] + "er"
    return adjective + "er"


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_word(number: int) -> str:
    """0 to 99 in words: ``twenty-one``."""
    if number < 20:
        return _ONES[number]
    tens, ones = _TENS[number // 10 - 2], number % 10
    return tens if ones == 0 else f"{tens}-{_ONES[ones]}"
