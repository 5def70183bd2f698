"""German and English words, paired by meaning, by hand; compounds are composed from them.

The words are in ``tables/``, one a row. Each list starts with the words that shall be frequent:
sampling weighs them by rank (Zipf's law). Every German entry has exactly one English translation,
so that translating is a function.

- ``nouns.tsv``: ``der Hund, Hunde`` and ``dog``, singular and plural, the English plural only if it
  is irregular. ``-`` stands for no plural, ``*`` for weak declension, ``+in`` if there is a woman's
  form too.
- ``modifiers.tsv``: first parts of compounds with the nouns of the list that has the same name.
- ``places.tsv``: nouns with the prepositions for being there, and for going there.
- ``adjectives.tsv``: the lists are joined below.
- ``verbs.tsv``: ``ein|schlafen (schläf) eingeschlafen +sein`` has ``|`` after a separable particle,
  the changed stem, the participle, and the auxiliary if it is *sein*; ``sich`` stands before a
  reflexive. ``fall fell fallen|asleep`` has the forms if they are irregular, and the particle;
  ``stop+`` doubles its last consonant. The object is a kind of noun. The link to the complement is
  ``to``, or ``auf acc for``: the German preposition, its case, and the English one.
- ``phrases.tsv``: phrases that are used and translated as a whole.
- ``words.tsv``: names, and sets of words; the code asks whether a word is in such a set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from regattn_fairseq.corpora.grammar import english
from regattn_fairseq.corpora.grammar.english import EnglishVerb
from regattn_fairseq.corpora.grammar.german import GermanNoun, GermanVerb
from regattn_fairseq.corpora.tables import read_lists, read_pairs, read_rows, read_words

_TABLES = Path(__file__).with_name("tables")
_NOUNS = read_pairs(_TABLES / "nouns.tsv")
_MODIFIERS = read_pairs(_TABLES / "modifiers.tsv")
_ADJECTIVES = read_pairs(_TABLES / "adjectives.tsv")
_VERBS = read_lists(_TABLES / "verbs.tsv")
_PHRASES = read_pairs(_TABLES / "phrases.tsv")
_WORDS = read_words(_TABLES / "words.tsv")


@dataclass(frozen=True)
class Noun:
    """A noun in both languages; ``kind`` says what verbs and adjectives it goes with."""

    german: GermanNoun
    english: str
    english_plural: str
    kind: str

    @property
    def countable(self) -> bool:
        """False for milk and bread."""
        return self.german.plural != "-"


@dataclass(frozen=True)
class Verb:
    """A verb in both languages.

    ``preposition`` (German word, case, English word) governs its complement, ``object`` is the
    kind of noun that is its direct object, and ``english_to`` marks English verbs that need ``to``
    before the German dative.
    """

    german: GermanVerb
    english: EnglishVerb
    object: str = ""
    preposition: tuple[str, str, str] | None = None
    english_to: bool = False


@dataclass(frozen=True)
class Place:
    """A place noun with the prepositions for being there, in both languages.

    ``goal`` is the German preposition for going there: ``in`` with the accusative (English into) or
    ``zu`` with the dative (English to).
    """

    noun: Noun
    preposition: str
    english: str
    goal: str


GENDERS = {"der": "m", "die": "f", "das": "n"}


def _feminine(noun: Noun) -> Noun:
    """The woman's form in -in, which English does not distinguish."""
    stem = noun.german.singular.removesuffix("e")
    return replace(noun, german=GermanNoun(stem + "in", stem + "innen", "f"))


def _noun(kind: str, german: str, meaning: str) -> Noun:
    article, forms = german.split(" ", 1)
    weak = "*" in forms
    singular, plural_form = forms.replace("+in", "").replace("*", "").strip().split(", ")
    english_forms = meaning.split(", ")
    return Noun(
        GermanNoun(singular, plural_form, GENDERS[article], weak),
        english_forms[0],
        english_forms[1] if len(english_forms) > 1 else english.plural(english_forms[0]),
        kind,
    )


def _nouns(kind: str, name: str) -> list[Noun]:
    """A list of the table, the women's forms included."""
    nouns = []
    for german, meaning in _NOUNS[name]:
        noun = _noun(kind, german, meaning)
        nouns.append(noun)
        if "+in" in german:
            nouns.append(_feminine(noun))
    return nouns


def _compounds(kind: str, name: str) -> list[Noun]:
    """Every modifier before every noun of a list: ``Küchen`` makes ``Küchentisch``, kitchen table.

    Frequent parts come first, so the sum of both ranks orders the result.
    """
    ranked = []
    for i, (combining, meaning) in enumerate(_MODIFIERS[name]):
        for j, head in enumerate(_nouns(kind, name)):
            forms = head.german
            compound = replace(
                forms,
                singular=combining + forms.singular.lower(),
                plural="-" if forms.plural == "-" else combining + forms.plural.lower(),
            )
            noun = replace(
                head,
                german=compound,
                english=f"{meaning} {head.english}",
                english_plural=f"{meaning} {head.english_plural}",
            )
            ranked.append((i + j, i, noun))
    return [noun for _, _, noun in sorted(ranked, key=lambda entry: entry[:2])]


def _interleaved(*lists: list[Noun]) -> list[Noun]:
    """The lists merged by relative rank, so that each list's frequent words stay frequent."""
    ranked = [
        (rank / len(nouns), number, noun)
        for number, nouns in enumerate(lists)
        for rank, noun in enumerate(nouns)
    ]
    return [noun for _, _, noun in sorted(ranked, key=lambda entry: entry[:2])]


_PROFESSIONS = _nouns("person", "professions")
_SPECIALISTS = _interleaved(
    *(_compounds("person", name) for name in ("teachers", "drivers", "players", "sellers"))
)
PERSONS = _interleaved(_nouns("person", "relatives"), _PROFESSIONS) + _SPECIALISTS
# Man's and woman's form, for "Anna ist Lehrerin".
PROFESSIONS = [(noun, _feminine(noun)) for noun in _PROFESSIONS if _feminine(noun) in _PROFESSIONS]

ANIMALS = _nouns("animal", "animals")
# Besides plain things, what a building has, what stands in a room, and what is made of something.
THINGS = _interleaved(
    _nouns("thing", "things"),
    *(_compounds("thing", name) for name in ("parts", "furniture", "materials")),
)
_OPENABLE = [n for n in THINGS if n.german.singular.lower().endswith(tuple(_WORDS["openable"]))]
CLOTHES = _nouns("clothes", "clothes")
VEHICLES = _nouns("vehicle", "vehicles")
FOODS = _interleaved(_nouns("food", "foods"), _compounds("food", "dishes"))
DRINKS = _interleaved(_nouns("drink", "drinks"), _compounds("drink", "mixed_drinks"))
DOCUMENTS = _nouns("document", "documents")

_SIMPLE_PLACES = [
    Place(_noun("place", german, meaning), preposition, english_preposition, goal)
    for german, meaning, preposition, english_preposition, goal in read_rows(_TABLES / "places.tsv")
]
PLACES = _SIMPLE_PLACES + [
    Place(noun, "in", "in", "in")
    for noun in _interleaved(_compounds("place", "shops"), _compounds("place", "quarters"))
]

NOUNS = {
    "person": PERSONS,
    "animal": ANIMALS,
    "thing": THINGS,
    "clothes": CLOTHES,
    "vehicle": VEHICLES,
    "food": FOODS,
    "drink": DRINKS,
    "document": DOCUMENTS,
    "openable": _OPENABLE,
    "place": [place.noun for place in _SIMPLE_PLACES],
}

Adjective = tuple[str, str]


_COLOURS = _ADJECTIVES["colours"]
_SHADES = [
    (shade + colour, f"{meaning} {name}")
    for colour, name in _COLOURS
    if colour not in ("schwarz", "weiß")
    for shade, meaning in _ADJECTIVES["shades"]
]
_NATIONALITIES = _ADJECTIVES["nationalities"]
_GENERAL = _ADJECTIVES["general"]
_SIZES = _ADJECTIVES["sizes"]
CHARACTER = _ADJECTIVES["character"]

ADJECTIVES: dict[str, list[Adjective]] = {
    "person": _ADJECTIVES["person"] + CHARACTER + _NATIONALITIES,
    "animal": _SIZES + _COLOURS[1:3] + _ADJECTIVES["animal"],
    "thing": _GENERAL + _COLOURS + _ADJECTIVES["thing"] + _NATIONALITIES + _SHADES,
    "clothes": _GENERAL + _COLOURS + _ADJECTIVES["clothes"] + _SHADES,
    "vehicle": _GENERAL + _COLOURS + _ADJECTIVES["vehicle"] + _NATIONALITIES,
    "food": _ADJECTIVES["food"] + _NATIONALITIES,
    "drink": _ADJECTIVES["drink"],
    "document": _GENERAL + _ADJECTIVES["document"] + _NATIONALITIES,
    "place": _SIZES + _ADJECTIVES["place"],
}
ADJECTIVES["openable"] = ADJECTIVES["thing"]
# Nobody is more Greek, more deaf or more childless than another.
COMPARABLE = {
    kind: [
        (adjective, meaning)
        for adjective, meaning in adjectives
        if (adjective, meaning) not in [*_NATIONALITIES, *_COLOURS, *_SHADES]
        and adjective not in _WORDS["absolute"]
        and not adjective.endswith("los")
    ]
    for kind, adjectives in ADJECTIVES.items()
}

DEGREES = _PHRASES["degrees"]


def _english_verb(text: str) -> EnglishVerb:
    """Parse ``read read read``, ``open``, ``stop+`` (doubling), ``throw threw thrown|away``."""
    forms, _, particle = text.partition("|")
    base, *rest = forms.split()
    doubles = base.endswith("+")
    base = base.removesuffix("+")
    if not rest:
        rest = [english.regular_past(base, doubles=doubles)] * 2
    return EnglishVerb(base, rest[0], rest[1], particle, doubles)


def _verbs(name: str) -> list[Verb]:
    verbs = []
    for german, meaning, kind, link in _VERBS[name]:
        words = german.split()
        reflexive = words[0] == "sich"
        auxiliary = "sein" if "+sein" in words else "haben"
        words = [word for word in words if word not in ("sich", "+sein")]
        particle, _, infinitive = words[0].rpartition("|")
        changed = next((word[1:-1] for word in words if word.startswith("(")), "")
        verb = Verb(
            GermanVerb(infinitive, words[-1], changed, auxiliary, particle, reflexive),
            _english_verb(meaning),
            kind,
        )
        if link == "to":
            verb = replace(verb, english_to=True)
        elif link:
            preposition, case, english_preposition = link.split()
            verb = replace(verb, preposition=(preposition, case, english_preposition))
        verbs.append(verb)
    return verbs


INTRANSITIVE = _verbs("intransitive")
MOTION = _verbs("motion")
TRANSITIVE = _verbs("transitive")
DITRANSITIVE = _verbs("ditransitive")
DATIVE = _verbs("dative")
PREPOSITIONAL = _verbs("prepositional")
# The thing liked is the German subject, and the English object.
EXPERIENCER = _verbs("experiencer")
REPORTING = _verbs("reporting")
WEATHER = _verbs("weather")
KNOW = next(verb for verb in REPORTING if verb.german.infinitive == "wissen")
(BE,) = _verbs("be")
# Verbs for which "is …ing" or "likes to …" would be odd, and those that somebody may like to do.
STATIVE = frozenset(_WORDS["stative"])
LIKED = frozenset(_WORDS["liked"])

MALE_NAMES = _WORDS["male_names"]
FEMALE_NAMES = _WORDS["female_names"]
SURNAMES = _WORDS["surnames"] + [
    start + end
    for end in _WORDS["surname_endings"]
    for start in _WORDS["surname_stems"]
    if start.lower() != end
]

Fixed = tuple[str, str]

CITIES = _PHRASES["cities"]
COUNTRIES = _PHRASES["countries"]

_WHENEVER = (
    _PHRASES["daytimes"]
    + [(f"am {day}", f"on {name}") for day, name in _PHRASES["weekdays"]]
    + [(f"im {month}", f"in {name}") for month, name in _PHRASES["months"]]
    + _PHRASES["seasons"]
)
TIMES = {
    tense: _PHRASES[tense]
    + [(f"{german} {day}", f"{meaning} {name}") for day, name in _PHRASES["weekdays"]]
    + _WHENEVER
    for tense, german, meaning in (
        ("present", "jeden", "every"),
        ("past", "letzten", "last"),
        ("future", "nächsten", "next"),
    )
}
# Dative plural for vor/in, English plural.
TIME_UNITS = _PHRASES["time_units"]
MID_ADVERBS = _PHRASES["mid_adverbs"]
MANNERS = _PHRASES["manners"]
MEANS = _PHRASES["means"]
