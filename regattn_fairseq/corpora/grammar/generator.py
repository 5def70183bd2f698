"""Draw constituents at random and join them into sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, count
from random import Random
from typing import TypeVar

from regattn_fairseq.corpora.grammar import english, german, lexicon
from regattn_fairseq.corpora.grammar.lexicon import NOUNS, Adjective, Noun, Place, Verb
from regattn_fairseq.corpora.grammar.sentences import (
    COMMA,
    Clause,
    Coordination,
    Determiner,
    Front,
    Gap,
    Modal,
    Name,
    Nominal,
    NounPhrase,
    Phrase,
    Predicate,
    Pronoun,
    RelativeClause,
    Tense,
    Words,
    fixed_phrase,
    prepositional,
    to_pair,
    words,
)
from regattn_fairseq.corpora.protocol import SentencePair

Item = TypeVar("Item")

FIRST_PERSONS = ("1sg", "1pl")
_DETERMINERS: dict[Determiner, float] = {
    "definite": 45,
    "indefinite": 25,
    "possessive": 14,
    "this": 6,
    "number": 10,
}
_SUBJECT_DETERMINERS: dict[Determiner, float] = {
    "definite": 60,
    "possessive": 15,
    "indefinite": 12,
    "this": 6,
    "number": 7,
}
# German ihr is both her and their; a rule decides, see _owner.
_OWNERS = {"1sg": 6, "m": 4, "f": 4, "1pl": 3, "2sg": 1}
_TENSES: dict[Tense, float] = {"past": 42, "present": 40, "future": 10, "progressive": 8}
# Subjects that cannot be taken for objects, so that a relative clause has one reading.
NOMINATIVE_PRONOUNS = ("1sg", "2sg", "1pl", "m")


class SentenceGenerator:
    """Draws sentence pairs from ``random``; equal states of it give equal sentences.

    Words are drawn by Zipf's law, rank to the power of -1.2, within each list of the lexicon.
    """

    def __init__(self, random: Random) -> None:
        """Use ``random`` for every choice."""
        self._random = random
        self._units: Iterator[int] = count()
        self._weights: dict[int, list[float]] = {}

    def sentence(self) -> SentencePair:
        """One sentence in both languages with its alignment."""
        self._units = count()
        german_words, english_words, end = self._weighted(_SENTENCES)(self)
        return to_pair(german_words, english_words, end)

    # Drawing

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _zipf(self, items: Sequence[Item]) -> Item:
        weights = self._weights.get(len(items))
        if weights is None:
            weights = list(accumulate((rank + 1) ** -1.6 for rank in range(len(items))))
            self._weights[len(items)] = weights
        return self._random.choices(items, cum_weights=weights)[0]

    def _weighted(self, choices: Mapping[Item, float]) -> Item:
        return self._random.choices(list(choices), weights=list(choices.values()))[0]

    def _unit(self) -> int:
        return next(self._units)

    # Nominals

    def _subject(self, *, plain: bool = False) -> Nominal:
        kind = self._weighted({"phrase": 50, "pronoun": 24, "name": 20, "both": 0 if plain else 6})
        if kind == "pronoun":
            return self._pronoun({"1sg": 6, "2sg": 2, "1pl": 4, "m": 7, "f": 7, "3pl": 5})
        if kind == "name":
            return self._name()
        if kind == "both":
            first = self._name() if self._chance(0.4) else self._noun_phrase("person", plain=True)
            second = self._noun_phrase("person", plain=True, determiners={"definite": 1})
            return Coordination(first, second, self._unit())
        noun_kind = "animal" if self._chance(0.08) else "person"
        return self._noun_phrase(noun_kind, plain=plain, determiners=_SUBJECT_DETERMINERS)

    def _person_object(self, subject: Nominal, case: str) -> Nominal:
        kind = self._weighted({"phrase": 60, "pronoun": 18, "name": 22})
        if kind == "pronoun":
            weights = {"1sg": 4, "2sg": 2, "1pl": 2, "m": 4, "f": 4}
            if case == "dat":
                weights["3pl"] = 3
            if subject.person in FIRST_PERSONS:
                weights = {key: w for key, w in weights.items() if key not in FIRST_PERSONS}
            weights.pop(subject.person, None)
            return self._pronoun(weights)
        if kind == "name":
            return self._name()
        return self._noun_phrase("person", plain=True)

    def _pronoun(self, weights: Mapping[str, float]) -> Pronoun:
        return Pronoun(self._weighted(weights), self._unit())

    def _name(self) -> Name:
        gender = self._weighted({"m": 1, "f": 1})
        if self._chance(0.3):
            return Name(self._zipf(lexicon.SURNAMES), gender, self._unit(), self._unit())
        names = lexicon.MALE_NAMES if gender == "m" else lexicon.FEMALE_NAMES
        return Name(self._zipf(names), gender, self._unit())

    def _noun_phrase(
        self,
        kind: str,
        *,
        plain: bool = False,
        noun: Noun | None = None,
        determiners: Mapping[Determiner, float] | None = None,
        negation_unit: int | None = None,
        owner: str = "",
    ) -> NounPhrase:
        noun = noun or self._zipf(NOUNS[kind])
        determiner = self._weighted(determiners or _DETERMINERS)
        # "Söhne holen ihn ab" is grammatical, but nobody says it.
        bare_persons = determiner == "indefinite" and kind == "person"
        plural = noun.countable and not bare_persons and self._chance(0.22)
        if determiner == "indefinite" and negation_unit is not None:
            determiner = "negative"
        if determiner == "number":
            if noun.countable and negation_unit is None:
                plural = True
            else:
                determiner = "definite"
        possessor: Name | NounPhrase | None = None
        relative = None
        if determiner == "definite" and kind not in ("person", "animal", "place", "drink"):
            possessor = self._possessor() if self._chance(0.16) else None
        adjectives: tuple[Adjective, ...] = ()
        if self._chance(0.15 if plain or possessor else 0.4):
            adjectives = (self._zipf(lexicon.ADJECTIVES[kind]),)
        if not plain and possessor is None and determiner == "definite" and self._chance(0.16):
            relative = self._relative(noun, plural, kind)
        digits = determiner == "number" and self._chance(0.3)
        return NounPhrase(
            noun,
            plural,
            determiner,
            self._units,
            adjectives,
            number=self._number(digits) if determiner == "number" else 0,
            number_in_digits=digits,
            owner=owner or self._weighted(_OWNERS),
            possessor=possessor,
            relative=relative,
            negation_unit=negation_unit,
        )

    def _number(self, digits: bool) -> int:
        if digits:
            return self._random.choice(
                (15, 20, 50, 100, 200, 500, 1000, self._random.randint(13, 999))
            )
        return self._zipf(range(2, 13 if self._chance(0.7) else 100))

    def _possessor(self) -> Name | NounPhrase:
        if self._chance(0.45):
            names = lexicon.MALE_NAMES + lexicon.FEMALE_NAMES
            possible = [name for name in names if not name.endswith(("s", "x", "z"))]
            return Name(self._zipf(possible), "", self._unit())
        return self._noun_phrase("person", plain=True, determiners={"definite": 3, "possessive": 1})

    def _relative(self, noun: Noun, plural: bool, kind: str) -> RelativeClause | None:
        gap = Gap("3pl" if plural else "3sg")
        if kind == "person":
            clause = self._clause(subject=gap, plain=True)
            return RelativeClause(clause, "subject", self._unit())
        verbs = [verb for verb in lexicon.TRANSITIVE if verb.object == kind]
        if not verbs:
            return None
        subject: Nominal
        if plural or noun.german.gender != "m" or self._chance(0.5):
            subject = self._pronoun(dict.fromkeys(NOMINATIVE_PRONOUNS, 1.0))
        else:
            subject = self._name()
        tense: Tense = "past" if self._chance(0.7) else "present"
        clause = Clause(subject, Predicate(self._zipf(verbs), tense, self._units), accusative=gap)
        return RelativeClause(clause, "accusative", self._unit())

    # Adverbials

    def _time(self, tense: Tense) -> Phrase:
        if tense in ("past", "future") and self._chance(0.25):
            number = self._zipf(range(2, 21))
            german_unit, english_unit = self._zipf(lexicon.TIME_UNITS)
            number_id, noun, marker = self._unit(), self._unit(), self._unit()
            source = words("vor" if tense == "past" else "in", marker)
            source += words(german.number_word(number), number_id) + words(german_unit, noun)
            target = words(english.number_word(number), number_id) + words(english_unit, noun)
            if tense == "past":
                return Phrase(source, target + words("ago", marker))
            return Phrase(source, words("in", marker) + target)
        if self._chance(0.12):
            hour, unit, clock = self._zipf(range(1, 13)), self._unit(), self._unit()
            spoken = "ein" if hour == 1 else german.number_word(hour)
            return Phrase(
                words("um", clock) + words(spoken, unit) + words("Uhr", clock),
                words("at", clock)
                + words(english.number_word(hour), unit)
                + words("o'clock", clock),
            )
        return fixed_phrase(self._zipf(lexicon.TIMES[tense]), self._unit())

    def _place(self) -> Phrase:
        if self._chance(0.2):
            city = self._zipf(lexicon.CITIES + lexicon.COUNTRIES)
            unit, name = self._unit(), self._unit()
            return Phrase(
                words("in", unit) + words(city[0], name), words("in", unit) + words(city[1], name)
            )
        if self._chance(0.1):
            return fixed_phrase(("zu Hause", "at home"), self._unit())
        place = self._zipf(lexicon.PLACES)
        return prepositional(
            place.preposition, "dat", place.english, self._place_phrase(place), self._unit()
        )

    def _goal(self) -> Phrase:
        if self._chance(0.3):
            city = self._zipf(lexicon.CITIES + lexicon.COUNTRIES)
            unit, name = self._unit(), self._unit()
            return Phrase(
                words("nach", unit) + words(city[0], name), words("to", unit) + words(city[1], name)
            )
        if self._chance(0.15):
            return fixed_phrase(("nach Hause", "home"), self._unit())
        place = self._zipf(lexicon.PLACES)
        case = "dat" if place.goal == "zu" else "acc"
        return prepositional(place.goal, case, "to", self._place_phrase(place), self._unit())

    def _place_phrase(self, place: Place) -> NounPhrase:
        adjectives: tuple[Adjective, ...] = ()
        if self._chance(0.15):
            adjectives = (self._zipf(lexicon.ADJECTIVES["place"]),)
        return NounPhrase(place.noun, False, "definite", self._units, adjectives)

    # Clauses

    def _clause(
        self, *, subject: Nominal | None = None, plain: bool = False, tense: Tense | None = None
    ) -> Clause:
        """A clause about what a person does; ``plain`` for those inside longer sentences."""
        subject = subject or self._subject(plain=plain)
        frame = self._weighted(_FRAMES)
        verb = self._zipf(frame)
        tense = tense or self._tense()
        modal: Modal = ""
        if tense == "progressive" and verb.english.base in lexicon.STATIVE:
            tense = "present"
        if tense == "present" and self._chance(0.25):
            modal = self._weighted(
                {
                    "können": 4,
                    "müssen": 4,
                    "wollen": 4,
                    "dürfen": 2,
                    "sollen": 2,
                    "möchten": 3,
                    "gern": 4,
                }
            )
            if modal == "gern" and verb.english.base not in lexicon.LIKED:
                modal = "wollen"
        elif tense == "past" and self._chance(0.1):
            modal = self._weighted({"können": 1, "müssen": 1, "wollen": 1})
        every = isinstance(subject, NounPhrase) and subject.determiner == "number"
        negated = not every and modal != "gern" and tense != "progressive" and self._chance(0.14)
        predicate = Predicate(verb, tense, self._units, modal, negated=negated)
        clause = self._with_objects(Clause(subject, predicate), frame, plain)
        return self._with_adverbials(clause, frame, plain)

    def _tense(self) -> Tense:
        return self._weighted(_TENSES)

    def _with_objects(self, clause: Clause, frame: tuple[Verb, ...], plain: bool) -> Clause:
        verb, subject = clause.predicate.verb, clause.subject
        negation = clause.predicate.negation_unit if clause.predicate.negated else None
        if frame is TRANSITIVE or frame is DITRANSITIVE:
            clause = replace(clause, accusative=self._object(verb.object, subject, plain, negation))
        if frame is DITRANSITIVE or frame is DATIVE:
            clause = replace(clause, dative=self._person_object(subject, "dat"))
        if frame is MOTION:
            clause = replace(clause, complement=self._goal())
        if verb.preposition is not None:
            preposition, case, meaning = verb.preposition
            if verb.object == "person":
                nominal = self._person_object(subject, case)
            else:
                nominal = self._noun_phrase(verb.object, plain=True)
            phrase = prepositional(preposition, case, meaning, nominal, self._unit())
            clause = replace(clause, complement=phrase)
        return clause

    def _object(
        self, kind: str, subject: Nominal, plain: bool, negation_unit: int | None
    ) -> Nominal:
        if kind == "person":
            return self._person_object(subject, "acc")
        determiners: dict[Determiner, float] | None = None
        if kind == "place":
            determiners = {"definite": 6, "this": 1, "possessive": 1}
        return self._noun_phrase(
            kind,
            plain=plain,
            negation_unit=negation_unit,
            owner=self._owner(subject),
            determiners=determiners,
        )

    def _owner(self, subject: Nominal) -> str:
        """The owner of the object: a pronoun subject itself; ihr is their after plural subjects."""
        if isinstance(subject, Pronoun) and subject.key != "n":
            return subject.key
        owner = self._weighted(_OWNERS)
        return "3pl" if owner == "f" and subject.person == "3pl" else owner

    def _with_adverbials(self, clause: Clause, frame: tuple[Verb, ...], plain: bool) -> Clause:
        predicate = clause.predicate
        timeless = predicate.tense == "progressive" or predicate.modal == "gern"
        if not timeless and self._chance(0.2 if plain else 0.42):
            clause = replace(clause, time=self._time(predicate.tense))
        elif not timeless and not predicate.negated and not predicate.modal and self._chance(0.1):
            clause = replace(
                clause, mid=fixed_phrase(self._zipf(lexicon.MID_ADVERBS), self._unit())
            )
        if frame is MOTION:
            if predicate.verb.german.infinitive == "fahren" and self._chance(0.5):
                clause = replace(
                    clause, means=fixed_phrase(self._zipf(lexicon.MEANS), self._unit())
                )
        elif predicate.verb.object != "place" and self._chance(0.08 if plain else 0.2):
            clause = replace(clause, place=self._place())
        deliberate = predicate.verb.english.base not in lexicon.STATIVE and not predicate.negated
        if deliberate and frame in (INTRANSITIVE, TRANSITIVE) and self._chance(0.06):
            clause = replace(clause, manner=fixed_phrase(self._zipf(lexicon.MANNERS), self._unit()))
        return clause

    def _front(self, clause: Clause) -> Front:
        """What a main clause starts with; an object only where its case shows."""
        weights: dict[Front, float] = {"subject": 55}
        if clause.time is not None:
            weights["time"] = 50
        if clause.place is not None:
            weights["place"] = 15
        accusative = clause.accusative
        if (
            isinstance(accusative, NounPhrase)
            and accusative.slot == "m"
            and accusative.possessor is None
            and accusative.determiner in ("definite", "this")
            and not (isinstance(clause.subject, Pronoun) and clause.subject.key in ("f", "3pl"))
        ):
            weights["accusative"] = 10
        return self._weighted(weights)

    # Sentences: German words, English words, final mark

    def _statement(self) -> tuple[Words, Words, str]:
        clause = self._clause()
        front = self._front(clause)
        return clause.german_main(front), clause.english_main(front), "."

    def _passive(self) -> tuple[Words, Words, str]:
        verb = self._zipf(_PASSIVE)
        tense: Tense = "past" if self._chance(0.6) else "present"
        predicate = Predicate(verb, tense, self._units, passive=True)
        subject = self._noun_phrase(
            verb.object, plain=True, determiners={"definite": 6, "this": 1, "possessive": 2}
        )
        clause = Clause(subject, predicate)
        if self._chance(0.7):
            agent = self._name() if self._chance(0.3) else self._noun_phrase("person", plain=True)
            clause = replace(
                clause, complement=prepositional("von", "dat", "by", agent, self._unit())
            )
        if self._chance(0.5):
            clause = replace(clause, time=self._time(tense))
        front = self._front(clause)
        return clause.german_main(front), clause.english_main(front), "."

    def _copula(self) -> tuple[Words, Words, str]:
        tense: Tense = "past" if self._chance(0.3) else "present"
        predicate = Predicate(lexicon.BE, tense, self._units, negated=self._chance(0.18))
        unit = self._unit()
        subject: Nominal
        if not predicate.negated and self._chance(0.35):
            subject, complement = self._profession(unit)
        else:
            kind = self._weighted({"person": 5, "thing": 2, "document": 2, "place": 1, "food": 1})
            if kind == "person":
                subject = self._subject(plain=True)
                adjective = self._zipf(lexicon.CHARACTER)
            else:
                subject = self._noun_phrase(
                    kind, determiners={"definite": 6, "this": 2, "possessive": 2}
                )
                adjective = self._zipf(lexicon.ADJECTIVES[kind])
            complement = Phrase(words(adjective[0], unit), words(adjective[1], unit))
            if not predicate.negated and self._chance(0.45):
                degree = fixed_phrase(self._zipf(lexicon.DEGREES), self._unit())
                complement = Phrase(
                    degree.german + complement.german, degree.english + complement.english
                )
        clause = Clause(subject, predicate, complement=complement)
        if tense == "past" and self._chance(0.25):
            clause = replace(clause, time=self._time(tense))
        front = self._front(clause)
        return clause.german_main(front), clause.english_main(front), "."

    def _profession(self, unit: int) -> tuple[Nominal, Phrase]:
        name = self._name()
        noun = self._zipf(lexicon.PROFESSIONS)[name.gender == "f"]
        article = english.indefinite_article(noun.english)
        return name, Phrase(
            words(noun.german.singular, unit), words(f"{article} {noun.english}", unit)
        )

    def _comparison(self) -> tuple[Words, Words, str]:
        kind = self._weighted({"person": 3, "thing": 2, "animal": 1, "document": 1})
        source_adjective, target_adjective = self._zipf(lexicon.COMPARABLE[kind])
        determiners: dict[Determiner, float] = {"definite": 5, "possessive": 2, "this": 1}
        first = self._noun_phrase(kind, plain=True, determiners=determiners)
        second = self._noun_phrase(kind, plain=True, determiners=determiners)
        unit, than = self._unit(), self._unit()
        complement = Phrase(
            words(german.comparative(source_adjective), unit)
            + words("als", than)
            + second.german("nom"),
            words(english.comparative(target_adjective), unit)
            + words("than", than)
            + second.english("nom"),
        )
        tense: Tense = "past" if self._chance(0.2) else "present"
        clause = Clause(first, Predicate(lexicon.BE, tense, self._units), complement=complement)
        return clause.german_main(), clause.english_main(), "."

    def _experiencer(self) -> tuple[Words, Words, str]:
        verb = self._zipf(lexicon.EXPERIENCER)
        tense: Tense = "past" if self._chance(0.4) else "present"
        predicate = Predicate(verb, tense, self._units, negated=self._chance(0.2))
        thing = self._noun_phrase(
            verb.object, determiners={"definite": 5, "this": 2, "possessive": 1}
        )
        person = self._person_object(thing, "dat")
        source = Clause(thing, predicate, dative=person)
        target = Clause(person, predicate, accusative=thing)
        front: Front = "dative" if self._chance(0.6) else "subject"
        return source.german_main(front), target.english_main(), "."

    def _existence(self) -> tuple[Words, Words, str]:
        kind = self._weighted({"person": 3, "animal": 2, "thing": 3, "food": 1})
        phrase = self._noun_phrase(kind, plain=True, determiners={"indefinite": 3, "number": 1})
        place, unit = self._place(), self._unit()
        past = self._chance(0.3)
        be = (english.BE_PAST if past else english.BE_PRESENT)[phrase.person]
        source = place.german + words("gab es" if past else "gibt es", unit) + phrase.german("acc")
        return source, words(f"there {be}", unit) + phrase.english("acc") + place.english, "."

    def _with_subordinate(self) -> tuple[Words, Words, str]:
        conjunction, meaning, present_only = self._zipf(_CONJUNCTIONS)
        tense: Tense = "present" if present_only or self._chance(0.4) else "past"
        unit = self._unit()
        main = self._clause(plain=True, tense=tense)
        subordinate = self._subordinate(tense)
        source = words(conjunction, unit) + subordinate.german_final()
        target = words(meaning, unit) + subordinate.english_main()
        if self._chance(0.35):
            return (
                source + COMMA + main.german_inverted(),
                target + COMMA + main.english_main(),
                ".",
            )
        front = self._front(main)
        return main.german_main(front) + COMMA + source, main.english_main(front) + target, "."

    def _subordinate(self, tense: Tense) -> Clause:
        if self._chance(0.15):
            predicate = Predicate(self._zipf(lexicon.WEATHER), tense, self._units)
            return Clause(Pronoun("n", self._unit()), predicate)
        if self._chance(0.35):
            adjective, unit = self._zipf(lexicon.CHARACTER), self._unit()
            complement = Phrase(words(adjective[0], unit), words(adjective[1], unit))
            predicate = Predicate(lexicon.BE, tense, self._units)
            return Clause(self._subject(plain=True), predicate, complement=complement)
        return self._clause(plain=True, tense=tense)

    def _report(self) -> tuple[Words, Words, str]:
        tense: Tense = "past" if self._chance(0.4) else "present"
        unit = self._unit()
        if self._chance(0.2):
            predicate = Predicate(lexicon.KNOW, "present", self._units, negated=True)
            conjunction, meaning = "ob", "whether"
        else:
            predicate = Predicate(self._zipf(lexicon.REPORTING), tense, self._units)
            conjunction, meaning = "dass", "that"
        main = Clause(self._subject(plain=True), predicate)
        content = self._subordinate("past" if self._chance(0.5) else "present")
        return (
            main.german_main() + COMMA + words(conjunction, unit) + content.german_final(),
            main.english_main() + words(meaning, unit) + content.english_main(),
            ".",
        )

    def _purpose(self) -> tuple[Words, Words, str]:
        tense: Tense = "past" if self._chance(0.6) else "present"
        subject = self._subject(plain=True)
        motion = Predicate(self._zipf(MOTION), tense, self._units)
        main = Clause(subject, motion, complement=self._goal())
        if self._chance(0.3):
            main = replace(main, time=self._time(tense))
        purpose = Predicate(self._zipf(_DELIBERATE), "present", self._units)
        kind = purpose.verb.object
        inner = Clause(
            subject, purpose, accusative=self._object(kind, subject, plain=True, negation_unit=None)
        )
        front, unit = self._front(main), self._unit()
        return (
            main.german_main(front) + COMMA + inner.german_um_zu(unit),
            main.english_main(front) + inner.english_to_infinitive(unit),
            ".",
        )

    def _yes_no(self) -> tuple[Words, Words, str]:
        clause = self._clause(plain=True)
        return clause.german_inverted(), clause.english_question(), "?"

    def _wh(self) -> tuple[Words, Words, str]:
        unit = self._unit()
        kind = self._weighted({"subject": 3, "object": 3, "adverb": 5})
        if kind == "subject":
            clause = self._clause(subject=Gap(), plain=True)
            return (
                words("wer", unit) + clause.german_inverted(),
                words("who", unit) + clause.english_main(),
                "?",
            )
        tense: Tense = "past" if self._chance(0.6) else "present"
        subject = self._subject(plain=True)
        if kind == "object":
            verb = self._zipf(TRANSITIVE)
            clause = Clause(subject, Predicate(verb, tense, self._units), accusative=Gap())
            source, target = ("wen", "who") if verb.object == "person" else ("was", "what")
        else:
            verb = self._zipf(INTRANSITIVE)
            clause = Clause(subject, Predicate(verb, tense, self._units))
            source, target = self._zipf(
                [("warum", "why"), ("wo", "where"), ("wann", "when"), ("wie lange", "how long")]
            )
        return (
            words(source, unit) + clause.german_inverted(),
            words(target, unit) + clause.english_question(),
            "?",
        )

    def _coordinated(self) -> tuple[Words, Words, str]:
        tense: Tense = "past" if self._chance(0.5) else "present"
        first, second = self._clause(plain=True, tense=tense), self._clause(plain=True, tense=tense)
        unit = self._unit()
        kind = self._weighted({"und": 4, "aber": 4, "deshalb": 3})
        if kind == "deshalb":
            return (
                first.german_main() + COMMA + words("deshalb", unit) + second.german_inverted(),
                first.english_main() + COMMA + words("so", unit) + second.english_main(),
                ".",
            )
        comma = COMMA if kind == "aber" else []
        meaning = {"und": "and", "aber": "but"}[kind]
        return (
            first.german_main() + comma + words(kind, unit) + second.german_main(),
            first.english_main() + comma + words(meaning, unit) + second.english_main(),
            ".",
        )


INTRANSITIVE = tuple(lexicon.INTRANSITIVE)
MOTION = tuple(lexicon.MOTION)
TRANSITIVE = tuple(lexicon.TRANSITIVE)
DITRANSITIVE = tuple(lexicon.DITRANSITIVE)
DATIVE = tuple(lexicon.DATIVE)
PREPOSITIONAL = tuple(lexicon.PREPOSITIONAL)

_DELIBERATE = [v for v in TRANSITIVE if v.english.base not in lexicon.STATIVE]
_PASSIVE = [v for v in TRANSITIVE if v.object not in ("person", "place", "clothes")]

_FRAMES: dict[tuple[Verb, ...], float] = {
    INTRANSITIVE: 18,
    MOTION: 14,
    TRANSITIVE: 46,
    DITRANSITIVE: 8,
    DATIVE: 6,
    PREPOSITIONAL: 8,
}

# German, English, and whether only the present makes sense.
_CONJUNCTIONS = [
    ("weil", "because", False),
    ("wenn", "when", True),
    ("obwohl", "although", False),
    ("während", "while", False),
    ("bevor", "before", False),
    ("falls", "if", True),
    ("bis", "until", False),
    ("sobald", "as soon as", True),
]

_Sentence = Callable[[SentenceGenerator], tuple[Words, Words, str]]
_SENTENCES: dict[_Sentence, float] = {
    SentenceGenerator._statement: 40,
    SentenceGenerator._copula: 12,
    SentenceGenerator._with_subordinate: 11,
    SentenceGenerator._report: 7,
    SentenceGenerator._coordinated: 5,
    SentenceGenerator._passive: 5,
    SentenceGenerator._experiencer: 5,
    SentenceGenerator._existence: 4,
    SentenceGenerator._purpose: 4,
    SentenceGenerator._comparison: 3,
    SentenceGenerator._yes_no: 4,
    SentenceGenerator._wh: 3,
}
