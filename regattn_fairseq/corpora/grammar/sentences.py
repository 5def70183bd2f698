"""Constituents that say one thing in German and in English.

Every constituent draws *units* (numbers) for its meanings and marks the words of both languages
with them; two words are aligned where they share a unit. German orders its words by the rules of
the topological field model: prefield, finite verb, middle field, right bracket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from regattn_fairseq.corpora.grammar import english, german
from regattn_fairseq.corpora.grammar.lexicon import Adjective, Fixed, Noun, Verb
from regattn_fairseq.corpora.protocol import Alignment, SentencePair

PUNCTUATION = frozenset(",.?!")


@dataclass(frozen=True)
class Word:
    """A word form and the units of meaning that it expresses."""

    form: str
    units: frozenset[int]


Words = list[Word]


def words(text: str, *units: int) -> Words:
    """The words of ``text``, all expressing the same units."""
    return [Word(form, frozenset(units)) for form in text.split()]


COMMA = [Word(",", frozenset())]


def to_pair(german_words: Words, english_words: Words, end: str) -> SentencePair:
    """Spell both sides with capital and final punctuation, and align them by shared units."""
    source, target = _merge_punctuation(german_words), _merge_punctuation(english_words)
    alignment: Alignment = tuple(
        (i, j)
        for i, left in enumerate(source)
        for j, right in enumerate(target)
        if left.units & right.units
    )
    return SentencePair(_spell(source, end), _spell(target, end), alignment)


def _merge_punctuation(sentence: Words) -> Words:
    """Attach commas to the word before them; adjacent clauses share one."""
    merged: Words = []
    for word in sentence:
        if word.form not in PUNCTUATION:
            merged.append(word)
        elif merged and merged[-1].form[-1] not in PUNCTUATION:
            merged[-1] = Word(merged[-1].form + word.form, merged[-1].units)
    return merged


def _spell(sentence: Words, end: str) -> str:
    text = " ".join(word.form for word in sentence).rstrip(",") + end
    return text[0].upper() + text[1:]


class Nominal(Protocol):
    """Something that can be subject or object."""

    @property
    def person(self) -> str:
        """``1sg 2sg 3sg 1pl 3pl``, the same in both languages."""

    @property
    def is_pronoun(self) -> bool:
        """Pronouns stand first in the German middle field."""

    @property
    def is_indefinite(self) -> bool:
        """Indefinite objects stand late in the German middle field and are negated by kein."""

    def german(self, case: str) -> Words:
        """The German words in ``case``."""

    def english(self, case: str) -> Words:
        """The English words; ``nom`` for subjects, anything else for objects."""


_PRONOUNS = {
    # key: German nom, acc, dat; English subject, object; German and English possessive stems
    "1sg": ("ich", "mich", "mir", "I", "me", "mein", "my"),
    "2sg": ("du", "dich", "dir", "you", "you", "dein", "your"),
    "1pl": ("wir", "uns", "uns", "we", "us", "unser", "our"),
    "m": ("er", "ihn", "ihm", "he", "him", "sein", "his"),
    "f": ("sie", "sie", "ihr", "she", "her", "ihr", "her"),
    "n": ("es", "es", "ihm", "it", "it", "sein", "its"),
    "3pl": ("sie", "sie", "ihnen", "they", "them", "ihr", "their"),
}


def possessive_stems(owner: str) -> tuple[str, str]:
    """German and English possessive determiner for an owner named as in :class:`Pronoun`."""
    return _PRONOUNS[owner][5], _PRONOUNS[owner][6]


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun; ``key`` is a person, or ``m``, ``f``, ``n`` for the third singular."""

    key: str
    unit: int
    is_pronoun: bool = True
    is_indefinite: bool = False

    @property
    def person(self) -> str:
        """Verb agreement."""
        return "3sg" if self.key in ("m", "f", "n") else self.key

    def german(self, case: str) -> Words:
        """ich, mich, mir."""
        return words(_PRONOUNS[self.key][("nom", "acc", "dat").index(case)], self.unit)

    def english(self, case: str) -> Words:
        """I, me."""
        return words(_PRONOUNS[self.key][3 if case == "nom" else 4], self.unit)


@dataclass(frozen=True)
class Gap:
    """What a relative or question word stands for: governs agreement, and is never spoken."""

    person: str = "3sg"
    is_pronoun: bool = False
    is_indefinite: bool = False

    def german(self, case: str) -> Words:
        """Nothing."""
        return []

    def english(self, case: str) -> Words:
        """Nothing."""
        return []


@dataclass(frozen=True)
class Name:
    """A first name, or Herr or Frau with a surname; only the title is translated."""

    name: str
    gender: str
    unit: int
    title_unit: int | None = None
    is_pronoun: bool = False
    is_indefinite: bool = False
    person: str = "3sg"

    def german(self, case: str) -> Words:
        """Peter; Herr Müller, Herrn Müller."""
        bare = words(self.name, self.unit)
        if self.title_unit is None:
            return bare
        title = "Frau" if self.gender == "f" else "Herr" if case == "nom" else "Herrn"
        return words(title, self.title_unit) + bare

    def english(self, case: str) -> Words:
        """Peter; Mr Müller."""
        bare = words(self.name, self.unit)
        if self.title_unit is None:
            return bare
        return words("Mrs" if self.gender == "f" else "Mr", self.title_unit) + bare


Determiner = Literal["definite", "indefinite", "this", "every", "possessive", "number", "negative"]


@dataclass(frozen=True)
class NounPhrase:
    """Determiner, adjectives, noun, and at most one of possessor and relative clause.

    ``negative`` is kein, whose English half (not … a) is split: ``negation_unit`` links it to the
    not of the clause.
    """

    noun: Noun
    plural: bool
    determiner: Determiner
    units: Iterator[int]
    adjectives: tuple[Adjective, ...] = ()
    number: int = 0
    number_in_digits: bool = False
    owner: str = ""
    possessor: Name | NounPhrase | None = None
    relative: RelativeClause | None = None
    negation_unit: int | None = None
    is_pronoun: bool = False
    determiner_unit: int = field(init=False)
    noun_unit: int = field(init=False)
    adjective_units: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Draw the units, so that both languages use the same."""
        object.__setattr__(self, "determiner_unit", next(self.units))
        object.__setattr__(self, "noun_unit", next(self.units))
        object.__setattr__(
            self, "adjective_units", tuple(next(self.units) for _ in self.adjectives)
        )

    @property
    def person(self) -> str:
        """Third person, by number."""
        return "3pl" if self.plural else "3sg"

    @property
    def slot(self) -> str:
        """Column of the German paradigms."""
        return "pl" if self.plural else self.noun.german.gender

    @property
    def is_indefinite(self) -> bool:
        """True for a book, three books, no book."""
        return self.determiner in ("indefinite", "number", "negative")

    def german(self, case: str) -> Words:
        """Der alte Mann; with the possessor behind (Name: before), then the relative clause."""
        key = case + self.slot
        determiner, endings = self._german_determiner(key)
        noun = words(self.noun.german.form(case, self.slot), self.noun_unit)
        core = determiner
        for (adjective, _), unit in zip(self.adjectives, self.adjective_units, strict=True):
            core = core + words(german.inflect_adjective(adjective, endings[key]), unit)
        core = core + noun
        if isinstance(self.possessor, NounPhrase):
            core = core + self.possessor.german("gen")
        if self.relative is not None:
            core = core + COMMA + self.relative.german(self.slot) + COMMA
        return core

    def _german_determiner(self, key: str) -> tuple[Words, dict[str, str]]:
        unit = self.determiner_unit
        if isinstance(self.possessor, Name):
            name = words(self.possessor.name + "s", self.possessor.unit)
            return name, german.STRONG
        match self.determiner:
            case "definite":
                return words(german.DEFINITE[key], unit), german.WEAK
            case "this":
                return words("dies" + german.DIES_ENDINGS[key], unit), german.WEAK
            case "every":
                return words("jed" + german.DIES_ENDINGS[key], unit), german.WEAK
            case "possessive":
                stem, _ = possessive_stems(self.owner)
                return words(stem + german.EIN_ENDINGS[key], unit), german.MIXED
            case "negative":
                assert self.negation_unit is not None
                form = "kein" + german.EIN_ENDINGS[key]
                return words(form, unit, self.negation_unit), german.MIXED
            case "number":
                return words(self._spelled(german.number_word), unit), german.STRONG
            case "indefinite":
                if self.plural or not self.noun.countable:
                    return [], german.STRONG
                return words("ein" + german.EIN_ENDINGS[key], unit), german.MIXED

    def _spelled(self, number_word: Callable[[int], str]) -> str:
        return str(self.number) if self.number_in_digits else number_word(self.number)

    def english(self, case: str) -> Words:
        """The old man; my neighbour's old car; the man who …."""
        form = self.noun.english_plural if self.plural else self.noun.english
        core: Words = []
        for (_, adjective), unit in zip(self.adjectives, self.adjective_units, strict=True):
            core += words(adjective, unit)
        core += words(form, self.noun_unit)
        core = self._english_determiner(core[0].form) + core
        if self.relative is not None:
            core += self.relative.english(self.noun.kind)
        return core

    def _english_determiner(self, following: str) -> Words:
        unit = self.determiner_unit
        if self.possessor is not None:
            owner = self.possessor.english("nom")
            last = owner[-1]
            units = last.units | ({unit} if isinstance(self.possessor, NounPhrase) else set())
            return [*owner[:-1], Word(english.possessive(last.form), units)]
        match self.determiner:
            case "definite":
                return words("the", unit)
            case "this":
                return words("these" if self.plural else "this", unit)
            case "every":
                return words("every", unit)
            case "possessive":
                return words(possessive_stems(self.owner)[1], unit)
            case "number":
                return words(self._spelled(english.number_word), unit)
            case "negative" | "indefinite":
                negative = self.determiner == "negative"
                if self.plural or not self.noun.countable:
                    return words("any", unit) if negative else []
                return words(english.indefinite_article(following), unit)


@dataclass(frozen=True)
class Coordination:
    """Two nominals joined by und: a plural."""

    first: Nominal
    second: Nominal
    unit: int
    person: str = "3pl"
    is_pronoun: bool = False
    is_indefinite: bool = False

    def german(self, case: str) -> Words:
        """Der Mann und die Frau."""
        return self.first.german(case) + words("und", self.unit) + self.second.german(case)

    def english(self, case: str) -> Words:
        """The man and the woman."""
        return self.first.english(case) + words("and", self.unit) + self.second.english(case)


@dataclass(frozen=True)
class Phrase:
    """An adverbial or complement, already in words."""

    german: Words
    english: Words


def fixed_phrase(entry: Fixed, unit: int) -> Phrase:
    """A phrase that is translated as a whole."""
    return Phrase(words(entry[0], unit), words(entry[1], unit))


def prepositional(
    german_preposition: str, case: str, english_preposition: str, nominal: Nominal, unit: int
) -> Phrase:
    """``zum Bahnhof`` with ``to the station``; an English ``-`` is no preposition."""
    complement = nominal.german(case)
    first = complement[0]
    contracted = german.CONTRACTIONS.get((german_preposition, first.form))
    if contracted is None:
        german_words = words(german_preposition, unit) + complement
    else:
        german_words = [Word(contracted, first.units | {unit}), *complement[1:]]
    english_words = nominal.english("acc")
    if english_preposition == "-":
        # English needs no preposition here: align the German one with the phrase that it governs.
        german_words[0] = Word(german_words[0].form, german_words[0].units | first.units)
        return Phrase(german_words, english_words)
    return Phrase(german_words, words(english_preposition, unit) + english_words)


Tense = Literal["present", "past", "future", "progressive"]
Modal = Literal["", "können", "müssen", "wollen", "dürfen", "sollen", "möchten", "gern"]


@dataclass(frozen=True)
class Predicate:
    """The verb of a clause: which verb, its tense and modal, and whether it is negated.

    German's present, perfect and future are English's simple present, simple past and future;
    gerade is the English progressive.
    """

    verb: Verb
    tense: Tense
    units: Iterator[int]
    modal: Modal = ""
    passive: bool = False
    negated: bool = False
    verb_unit: int = field(init=False)
    auxiliary_unit: int = field(init=False)
    negation_unit: int = field(init=False)

    def __post_init__(self) -> None:
        """Draw the units, so that both languages use the same."""
        for name in ("verb_unit", "auxiliary_unit", "negation_unit"):
            object.__setattr__(self, name, next(self.units))

    def german(self, person: str) -> tuple[Words, Words]:
        """The finite verb, and what closes the right bracket."""
        verb = self.verb.german
        if self.passive:
            forms = german.PRETERITE if self.tense == "past" else german.IRREGULAR_PRESENT
            finite = words(forms["werden"][person], self.auxiliary_unit)
            return finite, words(verb.participle, self.verb_unit)
        if self.modal and self.modal != "gern":
            forms = german.PRETERITE if self.tense == "past" else german.IRREGULAR_PRESENT
            finite = words(forms[self.modal][person], self.auxiliary_unit)
            return finite, words(verb.full_infinitive, self.verb_unit)
        if self.tense == "past" and verb.infinitive in german.PRETERITE:
            return words(german.PRETERITE[verb.infinitive][person], self.verb_unit), []
        if self.tense == "past":
            auxiliary = german.IRREGULAR_PRESENT[verb.auxiliary][person]
            finite = words(auxiliary, self.auxiliary_unit, self.verb_unit)
            return finite, words(verb.participle, self.verb_unit)
        if self.tense == "future":
            finite = words(german.IRREGULAR_PRESENT["werden"][person], self.auxiliary_unit)
            return finite, words(verb.full_infinitive, self.verb_unit)
        return words(verb.present(person), self.verb_unit), words(verb.particle, self.verb_unit)

    def german_final(self, person: str) -> Words:
        """The whole verb as it closes a subordinate clause; a particle rejoins its finite verb."""
        finite, right = self.german(person)
        if [word.form for word in right] == [self.verb.german.particle]:
            return words(right[0].form + finite[0].form, self.verb_unit)
        return right + finite

    def english(self, person: str, *, inverted: bool = False) -> tuple[Words, Words]:
        """The auxiliary (may be empty), and the rest of the verb.

        Questions put the auxiliary first, and *not* comes after it. The English particle comes last
        in the rest.
        """
        verb, aux, unit = self.verb.english, self.auxiliary_unit, self.verb_unit
        past = self.tense == "past"
        be = (english.BE_PAST if past else english.BE_PRESENT)[person]
        needs_do = inverted or self.negated
        do = "did" if past else "does" if person == "3sg" else "do"

        def lexical(finite: str, base: str, *units: int) -> tuple[Words, Words]:
            if needs_do:
                return words(do, *units), words(base, *units)
            return [], words(finite, *units)

        particle = words(verb.particle, unit)
        if self.passive:
            return words(be, aux), words(verb.participle, unit) + particle
        match self.modal:
            case "können" | "sollen" | "möchten":
                form = {"können": "could" if past else "can", "sollen": "should"}.get(
                    self.modal, "would"
                )
                like = words("like to", aux) if self.modal == "möchten" else []
                return words(form, aux), like + words(verb.base, unit) + particle
            case "dürfen":
                return words(be, aux), words("allowed to", aux) + words(verb.base, unit) + particle
            case "müssen" | "wollen" | "gern":
                base = {"müssen": "have", "wollen": "want", "gern": "like"}[self.modal]
                third = {"have": "has", "want": "wants", "like": "likes"}[base]
                finite = {"have": "had", "want": "wanted", "like": "liked"}[base]
                if not past:
                    finite = third if person == "3sg" else base
                operator, rest = lexical(finite, base, aux)
                return operator, rest + words("to", aux) + words(verb.base, unit) + particle
        if self.tense == "future":
            return words("will", aux), words(verb.base, unit) + particle
        if self.tense == "progressive":
            return words(be, aux), words(verb.gerund, unit) + particle
        if verb.base == "be":
            return words(be, unit), []
        operator, rest = lexical(verb.past if past else verb.present(person), verb.base, unit)
        return operator, rest + particle

    def english_infinitive(self) -> Words:
        """``read``, ``pick up``."""
        verb = self.verb.english
        return words(f"{verb.base} {verb.particle}", self.verb_unit)


def _with_particle_after_pronoun(verb: Words, particle: str, accusative: Nominal | None) -> Words:
    """``pick him up``, but ``look for him``: a preposition stays before its object."""
    if accusative is None:
        return verb
    obj = accusative.english("acc")
    if accusative.is_pronoun and particle and particle not in ("for", "at"):
        return verb[:-1] + obj + verb[-1:]
    return verb + obj


Front = Literal["subject", "time", "place", "accusative", "dative"]


@dataclass(frozen=True)
class Clause:
    """Subject, predicate, objects and adverbials.

    ``complement`` stands last in the German middle field (goal, prepositional object, predicative),
    and right behind the English object.
    """

    subject: Nominal
    predicate: Predicate
    accusative: Nominal | None = None
    dative: Nominal | None = None
    complement: Phrase | None = None
    time: Phrase | None = None
    mid: Phrase | None = None
    manner: Phrase | None = None
    means: Phrase | None = None
    place: Phrase | None = None

    def german_main(self, front: Front = "subject") -> Words:
        """Verb second, behind ``front``."""
        return self._front(front) + self.german_inverted(front)

    def _front(self, front: str) -> Words:
        if front == "subject":
            return self.subject.german("nom")
        if front == "accusative":
            assert self.accusative is not None
            return self.accusative.german("acc")
        if front == "dative":
            assert self.dative is not None
            return self.dative.german("dat")
        phrase = self.time if front == "time" else self.place
        assert phrase is not None
        return phrase.german

    def german_inverted(self, without: str = "") -> Words:
        """From the finite verb on, with the constituent ``without`` left out: a question."""
        finite, right = self.predicate.german(self.subject.person)
        return finite + self._german_middle(without) + right

    def german_final(self) -> Words:
        """Verb final, as behind a conjunction."""
        return self._german_middle("") + self.predicate.german_final(self.subject.person)

    def _german_middle(self, without: str) -> Words:
        result: Words = []
        if without != "subject":
            result += self.subject.german("nom")
        if self.predicate.verb.german.reflexive:
            result += words(german.REFLEXIVE[self.subject.person], self.predicate.verb_unit)
        accusative = None if without == "accusative" else self.accusative
        if accusative is not None and accusative.is_pronoun:
            result += accusative.german("acc")
        dative = None if without == "dative" else self.dative
        if dative is not None and dative.is_pronoun:
            result += dative.german("dat")
        if self.predicate.modal == "gern":
            result += words("gern", self.predicate.auxiliary_unit)
        if self.time is not None and without != "time":
            result += self.time.german
        if self.predicate.tense == "progressive":
            result += words("gerade", self.predicate.auxiliary_unit)
        if self.mid is not None:
            result += self.mid.german
        if dative is not None and not dative.is_pronoun:
            result += dative.german("dat")
        late_accusative = accusative is not None and accusative.is_indefinite
        if accusative is not None and not accusative.is_pronoun and not late_accusative:
            result += accusative.german("acc")
        if self.predicate.negated and not self._negated_by_kein():
            result += words("nicht", self.predicate.negation_unit)
        for phrase in (self.manner, self.means, self.place if without != "place" else None):
            if phrase is not None:
                result += phrase.german
        if accusative is not None and late_accusative:
            result += accusative.german("acc")
        if self.complement is not None:
            result += self.complement.german
        return result

    def _negated_by_kein(self) -> bool:
        return isinstance(self.accusative, NounPhrase) and self.accusative.determiner == "negative"

    def english_main(self, front: str = "subject") -> Words:
        """Subject, verb, object; a time or place that German puts first stands first here too."""
        start = self._english_front(front)
        operator, rest = self.predicate.english(self.subject.person)
        return start + self.subject.english("nom") + self._english_rest(operator, rest, front)

    def _english_front(self, front: str) -> Words:
        if front == "time" and self.time is not None:
            return self.time.english
        if front == "place" and self.place is not None:
            return self.place.english
        return []

    def english_question(self, without: str = "") -> Words:
        """Auxiliary, subject, verb."""
        operator, rest = self.predicate.english(self.subject.person, inverted=True)
        return operator + self._english_rest([], rest, without, self.subject.english("nom"))

    def _english_rest(
        self, operator: Words, rest: Words, without: str, between: Words | None = None
    ) -> Words:
        result = operator + (between or [])
        if self.predicate.negated:
            result += words("not", self.predicate.negation_unit)
        if self.mid is not None:
            result += self.mid.english
        result += _with_particle_after_pronoun(
            rest, self.predicate.verb.english.particle, self.accusative
        )
        if self.dative is not None:
            if self.predicate.verb.english_to:
                # English says by *to* what German says by a case ending.
                dative = self.dative.english("acc")
                result += [Word("to", dative[0].units), *dative]
            else:
                result += self.dative.english("acc")
        phrases = [self.complement, self.manner, self.means]
        phrases += [self.place if without != "place" else None]
        phrases += [self.time if without != "time" else None]
        for phrase in phrases:
            if phrase is not None:
                result += phrase.english
        return result

    def german_um_zu(self, unit: int) -> Words:
        """Um das Buch zu kaufen; the subject is the main clause's."""
        verb = self.predicate.verb.german
        middle = self._german_middle("subject")
        zu = words(verb.zu_infinitive, self.predicate.verb_unit)
        if len(zu) == 2:
            zu[0] = Word("zu", frozenset({unit}))
        return words("um", unit) + middle + zu

    def english_to_infinitive(self, unit: int) -> Words:
        """To buy the book."""
        return words("to", unit) + self._english_rest(
            [], self.predicate.english_infinitive(), "subject"
        )


@dataclass(frozen=True)
class RelativeClause:
    """A clause with a :class:`Gap` as subject or accusative: the noun that it stands behind."""

    clause: Clause
    gap: Literal["subject", "accusative"]
    unit: int

    def german(self, slot: str) -> Words:
        """Der das Buch liest."""
        case = "nom" if self.gap == "subject" else "acc"
        return words(german.RELATIVE[case + slot], self.unit) + self.clause.german_final()

    def english(self, kind: str) -> Words:
        """Who reads the book; that the man reads."""
        who = kind == "person" and self.gap == "subject"
        return words("who" if who else "that", self.unit) + self.clause.english_main()
