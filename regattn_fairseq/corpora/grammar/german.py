"""German inflection: articles, adjectives, nouns, verbs.

Keys throughout: case ``nom acc dat gen``; slot ``m f n`` for the singular's gender or ``pl``;
person ``1sg 2sg 3sg 1pl 3pl``.
"""

from __future__ import annotations

from dataclasses import dataclass


def _paradigm(nominative: str, accusative: str, dative: str, genitive: str) -> dict[str, str]:
    """Map ``case + slot`` to a form; each argument has the forms for m, f, n, pl; ``-`` is none."""
    cases = {"nom": nominative, "acc": accusative, "dat": dative, "gen": genitive}
    return {
        case + slot: "" if form == "-" else form
        for case, forms in cases.items()
        for slot, form in zip(("m", "f", "n", "pl"), forms.split(), strict=True)
    }


DEFINITE = _paradigm("der die das die", "den die das die", "dem der dem den", "des der des der")
RELATIVE = _paradigm(
    "der die das die", "den die das die", "dem der dem denen", "dessen deren dessen deren"
)
DIES_ENDINGS = _paradigm("er e es e", "en e es e", "em er em en", "es er es er")
EIN_ENDINGS = _paradigm("- e - e", "en e - e", "em er em en", "es er es er")

WEAK = _paradigm("e e e en", "en e e en", "en en en en", "en en en en")
MIXED = _paradigm("er e es en", "en e es en", "en en en en", "en en en en")
STRONG = _paradigm("er e es e", "en e es e", "em er em en", "en er en er")

CONTRACTIONS = {
    ("in", "dem"): "im",
    ("an", "dem"): "am",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("von", "dem"): "vom",
    ("bei", "dem"): "beim",
    ("in", "das"): "ins",
}


@dataclass(frozen=True)
class GermanNoun:
    """``weak`` nouns (der Junge, den Jungen) take their plural form outside the nominative."""

    singular: str
    plural: str
    gender: str
    weak: bool = False

    def form(self, case: str, slot: str) -> str:
        """The noun in ``case``, plural if ``slot`` is ``pl``."""
        if slot == "pl":
            return self.plural + ("n" if case == "dat" and self.plural[-1] not in "ns" else "")
        if self.weak and case != "nom":
            return self.plural
        if case == "gen" and self.gender != "f":
            return self.singular + _genitive_ending(self.singular)
        return self.singular


def _genitive_ending(noun: str) -> str:
    if noun.endswith(("s", "ß", "x", "z", "sch", "st")):
        return "es"
    vowels = [i for i, letter in enumerate(noun.lower()) if letter in "aeiouäöüy"]
    one_syllable = bool(vowels) and vowels[-1] - vowels[0] < 2
    return "es" if one_syllable and noun[-1] not in "aeiouäöüh" else "s"


@dataclass(frozen=True)
class GermanVerb:
    """``changed`` is the stem of the second and third person singular (lesen: lies-)."""

    infinitive: str
    participle: str
    changed: str = ""
    auxiliary: str = "haben"
    particle: str = ""
    reflexive: bool = False

    def present(self, person: str) -> str:
        """The finite form without the separable particle."""
        if self.infinitive in IRREGULAR_PRESENT:
            return IRREGULAR_PRESENT[self.infinitive][person]
        stem = self.infinitive[: -2 if self.infinitive.endswith("en") else -1]
        if person in ("1pl", "3pl"):
            return self.infinitive
        if person == "1sg":
            return (stem[:-2] + "l" if stem.endswith("el") else stem) + "e"
        ending = "st" if person == "2sg" else "t"
        if self.changed:
            stem = self.changed
            if person == "3sg" and stem.endswith("t"):
                return stem
        elif stem.endswith(("t", "d", "ffn", "chn", "gn", "tm", "ckn")):
            ending = "e" + ending
        if person == "2sg" and stem.endswith(("s", "ß", "x", "z")):
            ending = "t"
        return stem + ending

    @property
    def full_infinitive(self) -> str:
        """``aufmachen``."""
        return self.particle + self.infinitive

    @property
    def zu_infinitive(self) -> str:
        """``aufzumachen`` or ``zu machen``."""
        return self.particle + "zu" + self.infinitive if self.particle else "zu " + self.infinitive


def _persons(forms: str) -> dict[str, str]:
    return dict(zip(("1sg", "2sg", "3sg", "1pl", "3pl"), forms.split(), strict=True))


IRREGULAR_PRESENT = {
    "sein": _persons("bin bist ist sind sind"),
    "haben": _persons("habe hast hat haben haben"),
    "werden": _persons("werde wirst wird werden werden"),
    "wissen": _persons("weiß weißt weiß wissen wissen"),
    "können": _persons("kann kannst kann können können"),
    "müssen": _persons("muss musst muss müssen müssen"),
    "wollen": _persons("will willst will wollen wollen"),
    "dürfen": _persons("darf darfst darf dürfen dürfen"),
    "sollen": _persons("soll sollst soll sollen sollen"),
    "möchten": _persons("möchte möchtest möchte möchten möchten"),
}

PRETERITE = {
    "sein": _persons("war warst war waren waren"),
    "werden": _persons("wurde wurdest wurde wurden wurden"),
    "können": _persons("konnte konntest konnte konnten konnten"),
    "müssen": _persons("musste musstest musste mussten mussten"),
    "wollen": _persons("wollte wolltest wollte wollten wollten"),
    "dürfen": _persons("durfte durftest durfte durften durften"),
}

REFLEXIVE = _persons("mich dich sich uns sich")

_COMPARATIVES = {
    "alt": "älter",
    "arm": "ärmer",
    "dunkel": "dunkler",
    "groß": "größer",
    "gut": "besser",
    "hart": "härter",
    "jung": "jünger",
    "kalt": "kälter",
    "klug": "klüger",
    "kurz": "kürzer",
    "lang": "länger",
    "schwach": "schwächer",
    "stark": "stärker",
    "teuer": "teurer",
    "warm": "wärmer",
}


def comparative(adjective: str) -> str:
    """``größer``, ``schöner``, ``leiser``."""
    if adjective in _COMPARATIVES:
        return _COMPARATIVES[adjective]
    return adjective + ("r" if adjective.endswith("e") else "er")


def inflect_adjective(adjective: str, ending: str) -> str:
    """``alt`` + ``er``; ``teuer`` and ``dunkel`` lose an e, ``müde`` shares its own."""
    if adjective.endswith(("euer", "auer")) or adjective.endswith("unkel"):
        adjective = adjective[:-2] + adjective[-1]
    return adjective.removesuffix("e") + ending


_ONES = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
]
_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
_TEENS = {16: "sechzehn", 17: "siebzehn"}


def number_word(number: int) -> str:
    """0 to 99 in words: ``einundzwanzig``."""
    if number < 13:
        return _ONES[number]
    if number < 20:
        return _TEENS.get(number, _ONES[number - 10] + "zehn")
    tens, ones = _TENS[number // 10 - 2], number % 10
    if ones == 0:
        return tens
    return ("ein" if ones == 1 else _ONES[ones]) + "und" + tens
