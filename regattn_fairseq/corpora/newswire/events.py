"""What happens in the world, and how an agency's lead and a newspaper's headline tell it.

Every event is a method that returns a :class:`Story`. The lead is ordinary English with capitals,
digits and the Penn Treebank's quotation marks; :mod:`.conventions` writes it down. The headline
depends on what happened only, never on how the lead words it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import TypeVar

from regattn_fairseq.corpora.grammar.english import indefinite_article, number_word
from regattn_fairseq.corpora.newswire.names import (
    COMPANIES,
    COUNTRIES,
    FIRST_NAMES,
    SURNAMES,
    TABLES,
    Country,
)
from regattn_fairseq.corpora.tables import read_pairs, read_words

Item = TypeVar("Item")


@dataclass(frozen=True)
class Story:
    """A lead sentence and its headline, as written before tokenization."""

    lead: str
    headline: str


@dataclass(frozen=True)
class Person:
    """A person from a region."""

    first: str
    last: str

    @property
    def full(self) -> str:
        """First and last name, as at the first mention in a lead."""
        return f"{self.first} {self.last}"


# How the lead tells it, and what the headline makes of it.
RETOLD = read_pairs(TABLES / "retold.tsv")
PHRASES = read_words(TABLES / "phrases.tsv")


class Newsroom:
    """Draws stories from ``random``; equal states of it give equal stories.

    Words are drawn by Zipf's law, 1 / (rank + 5), within each list.
    """

    def __init__(self, random: Random) -> None:
        """Use ``random`` for every choice."""
        self._random = random
        self._weights: dict[int, list[float]] = {}

    def story(self) -> Story:
        """One lead with its headline."""
        return self._weighted(_EVENTS)(self)

    # Drawing

    def _one(self, *choices: Item) -> Item:
        return self._random.choice(choices)

    def _zipf(self, items: Sequence[Item]) -> Item:
        weights = self._weights.get(len(items))
        if weights is None:
            weights = list(accumulate(1 / (rank + 5) for rank in range(len(items))))
            self._weights[len(items)] = weights
        return self._random.choices(items, cum_weights=weights)[0]

    def _phrase(self, name: str) -> str:
        return self._zipf(PHRASES[name])

    def _retold(self, name: str) -> tuple[str, str]:
        return self._zipf(RETOLD[name])

    def _weighted(self, choices: Mapping[Item, float]) -> Item:
        return self._random.choices(list(choices), weights=list(choices.values()))[0]

    def _country(self) -> Country:
        return self._zipf(COUNTRIES)

    def _other_country(self, country: Country) -> Country:
        other = self._country()
        while other == country:
            other = self._country()
        return other

    def _city(self, country: Country) -> str:
        return self._zipf(country.cities)

    def _person(self, country: Country) -> Person:
        return Person(
            self._random.choice(FIRST_NAMES[country.region]), self._zipf(SURNAMES[country.region])
        )

    def _day(self) -> str:
        return f"on {self._random.choice(PHRASES['days'])}"

    def _year(self) -> int:
        return self._random.randint(1982, 2006)

    def _count(self, largest: int = 90) -> tuple[str, str]:
        """A number for the lead, in words below ten, and for the headline, in digits."""
        number = self._random.randint(2, 9 if self._random.random() < 0.6 else largest)
        return number_word(number) if number < 10 else str(number), str(number)

    def _thousands(self) -> str:
        return f"{self._random.randint(1, 90)},{self._random.randint(1, 9)}00"

    def _percent(self) -> str:
        return f"{self._random.randint(0, 9)}.{self._random.randint(1, 9)}"

    def _quote(self) -> str:
        return f"`` {self._phrase('complaints')} , ''"

    # Events

    def _attack(self) -> Story:
        country = self._country()
        city, day = self._city(country), self._day()
        dead, dead_digits = self._count()
        injured, _ = self._count()
        victims, source = self._phrase("victims"), self._phrase("witnesses")
        attack, label = self._retold("attacks")
        target = self._phrase("targets")
        place = self._one(
            f"in the {country.adjective} city of {city}", f"in {city} , {country.name} ,"
        )
        lead = self._one(
            f"At least {dead} {victims} were killed and {injured} others wounded when {attack} "
            f"{target} {place} {day} , {source} .",
            f"{attack[0].upper()}{attack[1:]} {target} {place} {day} , killing {dead} {victims} "
            f"and wounding {injured} , {source} .",
        )
        return Story(lead, f"{dead_digits} {victims} killed in {label} {city}")

    def _accident(self) -> Story:
        country = self._country()
        city, day = self._city(country), self._day()
        dead, dead_digits = self._count()
        injured, _ = self._count()
        victims, source = self._phrase("victims"), self._phrase("witnesses")
        accident, label = self._retold("accidents")
        area = self._phrase("areas")
        lead = self._one(
            f"{dead} {victims} died and {injured} were injured {day} when {accident} {city} in "
            f"{area} {country.name} , {source} .",
            f"{accident[0].upper()}{accident[1:]} {city} in {area} {country.name} {day} , leaving "
            f"{dead} {victims} dead and {injured} others missing , {source} .",
        )
        return Story(lead, f"{dead_digits} {victims} die in {label} {country.name}")

    def _appointment(self) -> Story:
        country = self._country()
        leader, person = self._person(country), self._person(country)
        post, career, day = (
            self._phrase("posts"),
            self._phrase("careers"),
            self._day(),
        )
        age = self._random.randint(36, 71)
        lead = self._one(
            f"{country.adjective} President {leader.full} {day} named {person.full} , a "
            f"{age}-year-old {career} , as the country 's new {post} , {self._phrase('reports')} .",
            f"{person.full} , {indefinite_article(career)} {career} aged {age} , was appointed "
            f"new {post} of "
            f"{country.name} {day} by President {leader.full} , {self._phrase('reports')} .",
        )
        return Story(lead, f"{country.adjective} president names {person.last} {post}")

    def _resignation(self) -> Story:
        country = self._country()
        person, office = self._person(country), self._zipf(PHRASES["officials"][1:])
        day, analysis = self._day(), self._phrase("analyses")
        crime, label = self._retold("crimes")
        lead = (
            f"{country.adjective} {office.title()} {person.full} "
            f"{self._one('resigned', 'stepped down', 'left office')} {day} {analysis} over "
            f"allegations of {crime} , {self._phrase('reports')} ."
        )
        return Story(lead, f"{country.adjective} {office} resigns over {label}")

    def _visit(self) -> Story:
        country = self._country()
        host = self._other_country(country)
        person, office = self._person(country), self._phrase("officials")
        topic, label = self._retold("topics")
        city, day = self._city(host), self._day()
        length = number_word(self._random.randint(2, 6))
        lead = self._one(
            f"{country.adjective} {office.title()} {person.full} arrived in {city} {day} for a "
            f"{length}-day visit to discuss {topic} with {host.adjective} leaders , "
            f"{self._phrase('reports')} .",
            f"{country.adjective} {office.title()} {person.full} began talks on {topic} with "
            f"{host.adjective} officials in {city} {day} {self._phrase('analyses')} .",
        )
        return Story(lead, f"{country.adjective} {office} in {city} for {label}")

    def _agreement(self) -> Story:
        country = self._country()
        partner = self._other_country(country)
        kind, day, city = self._phrase("agreements"), self._day(), self._city(partner)
        value = self._random.randint(2, 90)
        lead = self._one(
            f"{country.name} and {partner.name} signed {indefinite_article(kind)} {kind} "
            f"agreement worth "
            f"{value} million dollars in {city} {day} {self._phrase('analyses')} , "
            f"{self._phrase('reports')} .",
            f"After talks in {city} {day} , ministers from {country.name} and {partner.name} put "
            f"their signatures under {indefinite_article(kind)} {kind} accord that will run for "
            f"{number_word(self._random.randint(2, 30))} years , {self._phrase('reports')} .",
        )
        return Story(lead, f"{country.name} , {partner.name} sign {kind} agreement")

    def _appeal(self) -> Story:
        country = self._country()
        person, office = self._person(country), self._phrase("officials")
        audience, request = self._retold("appeals")
        verb = self._one("urged", "called on", "appealed to")
        longer = (
            request.replace("to ", "to quickly ", 1) if self._random.random() < 0.2 else request
        )
        ending = self._one(
            f", saying {self._quote()} {self._phrase('reports')} .",
            f"{self._phrase('analyses')} , {self._phrase('reports')} .",
        )
        lead = (
            f"{country.adjective} {office.title()} {person.full} , {self._phrase('backgrounds')} "
            f"{self._year()} , {self._day()} {verb} {audience} {longer} {ending}"
        )
        short = (
            audience.removeprefix("the ")
            .replace("United Nations", "U.N.")
            .replace("European Union", "EU")
        )
        return Story(lead, f"{country.adjective} {office} urges {short} {request}")

    def _protest(self) -> Story:
        country = self._country()
        city, protesters = self._city(country), self._phrase("protesters")
        grievance = self._phrase("grievances")
        crowd = self._one(
            "Thousands of", "Hundreds of", "Tens of thousands of", "Some " + self._thousands()
        )
        action, label = self._one(
            ("marched through the streets of", "protest against"),
            ("gathered in the centre of", "protest against"),
            ("stopped work in", "strike over"),
            ("blocked roads in", "block roads over"),
        )
        lead = (
            f"{crowd} {country.adjective} {protesters} {action} {city} {self._day()} to protest "
            f"against {grievance} , {self._phrase('analyses')} , {self._phrase('witnesses')} ."
        )
        cause = grievance.removeprefix("the ").removeprefix("a ")
        return Story(lead, f"{country.adjective} {protesters} {label} {cause}")

    def _sentence(self) -> Story:
        country = self._country()
        person, offender = self._person(country), self._phrase("offenders")
        city, day = self._city(country), self._day()
        crime, label = self._retold("crimes")
        years, digits = self._count(25)
        lead = self._one(
            f"A court in the {country.adjective} city of {city} {day} sentenced {person.full} , a "
            f"former {offender} , to {years} years in prison for {crime} , "
            f"{self._phrase('court_sources')} .",
            f"Former {offender} {person.full} was jailed for {years} years by a court in {city} , "
            f"{country.name} , {day} after being found guilty of {crime} , "
            f"{self._phrase('court_sources')} .",
        )
        return Story(lead, f"former {country.adjective} {offender} gets {digits} years for {label}")

    def _arrest(self) -> Story:
        country = self._country()
        city, day = self._city(country), self._day()
        number, digits = self._count()
        suspects, label = self._retold("suspects")
        seized, goods = self._random.randint(12, 900), self._phrase("seizures")
        lead = self._one(
            f"{country.adjective} police arrested {number} {suspects} and seized {seized} {goods} "
            f"in a series of raids in {city} {day} , {self._phrase('reports')} .",
            f"{number} {suspects} were detained {day} after officers found {seized} {goods} in a "
            f"house in {city} , {country.name} , {self._phrase('witnesses')} .",
        )
        return Story(lead, f"{digits} {label} arrested in {country.name}")

    def _shares(self) -> Story:
        country = self._country()
        city, percent = self._city(country), self._percent()
        direction, label = self._one(
            ("rose", "up"),
            ("gained", "up"),
            ("fell", "down"),
            ("lost", "down"),
            ("dropped", "down"),
        )
        index = f"{self._random.uniform(1000, 19999):,.2f}"
        lead = self._one(
            f"Shares on the {city} stock exchange {direction} {percent} percent {self._day()} as "
            f"{self._phrase('market_reasons')} , {self._phrase('dealers')} .",
            f"The main index of the {city} stock market {direction} {percent} percent to close at "
            f"{index} points {self._day()} as {self._phrase('market_reasons')} , "
            f"{self._phrase('dealers')} .",
        )
        return Story(lead, f"{city} shares close {label} {percent} percent")

    def _profit(self) -> Story:
        country = self._country()
        company, industry = self._zipf(COMPANIES), self._phrase("industries")
        percent, quarter = self._random.randint(2, 95), self._phrase("quarters")
        verb, label = self._one(
            ("rose", "rises"), ("jumped", "rises"), ("fell", "falls"), ("slumped", "falls")
        )
        money = self._random.randint(11, 990)
        lead = (
            f"{country.adjective} {industry} {company} said {self._day()} its net profit {verb} "
            f"{percent} percent to {money} million dollars in the {quarter} "
            f"{self._one('as ' + self._phrase('market_reasons'), self._phrase('analyses'))} ."
        )
        return Story(lead, f"{company} profit {label} {percent} percent in {quarter}")

    def _takeover(self) -> Story:
        country = self._country()
        buyer, bought = self._zipf(COMPANIES), self._zipf(COMPANIES)
        industry = self._phrase("industries")
        price = f"{self._random.randint(1, 30)}.{self._random.randint(1, 9)}"
        rival = self._other_country(country)
        lead = self._one(
            f"{country.adjective} {industry} {buyer} {self._day()} agreed to buy its "
            f"{rival.adjective} "
            f"rival {bought} for {price} billion dollars in cash and shares , "
            f"{self._phrase('business_sources')} .",
            f"{rival.adjective} {industry} {bought} will be taken over by {buyer} of "
            f"{country.name} "
            f"in a deal worth {price} billion dollars , {self._phrase('business_sources')} "
            f"{self._day()} .",
        )
        return Story(lead, f"{buyer} to buy {bought} for {price} billion dollars")

    def _jobs(self) -> Story:
        country = self._country()
        company, industry = self._zipf(COMPANIES), self._phrase("industries")
        number = self._thousands()
        cut = self._random.random() < 0.6
        verb = self._one("cut", "axe", "shed") if cut else self._one("create", "add")
        lead = (
            f"{country.adjective} {industry} {company} plans to {verb} {number} jobs at its "
            f"plants in {self._city(country)} and {self._city(country)} by the end of "
            f"{self._phrase('months')} , {self._phrase('business_sources')} {self._day()} ."
        )
        return Story(lead, f"{company} to {'cut' if cut else 'create'} {number} jobs")

    def _earthquake(self) -> Story:
        country = self._country()
        city, magnitude = (
            self._city(country),
            f"{self._random.randint(4, 8)}.{self._random.randint(0, 9)}",
        )
        area = self._phrase("areas")
        damage = self._one(
            "damaging houses but causing no casualties",
            "sending panicked residents into the streets",
            "cutting power and telephone lines",
            "but there were no immediate reports of damage",
            "triggering landslides that blocked several roads",
        )
        lead = (
            f"{self._one('A strong', 'A moderate', 'A powerful')} earthquake measuring "
            f"{magnitude} on "
            f"the Richter scale {self._one('struck', 'shook', 'hit')} {area} {country.name} near "
            f"the "
            f"city of {city} {self._day()} , {damage} , {self._phrase('witnesses')} ."
        )
        return Story(lead, f"{magnitude} magnitude earthquake hits {area} {country.name}")

    def _disaster(self) -> Story:
        country = self._country()
        disaster, label = self._retold("disasters")
        number, area = self._thousands(), self._phrase("areas")
        lead = self._one(
            f"{disaster[0].upper()}{disaster[1:]} forced more than {number} people to flee their "
            f"homes in {area} {country.name} {self._day()} , {self._phrase('witnesses')} , and "
            f"rescue teams were sent from {self._city(country)} .",
            f"More than {number} people have been left homeless by {disaster} in {area} "
            f"{country.name} , {self._phrase('witnesses')} {self._day()} , as aid began to "
            f"arrive from {self._other_country(country).name} .",
        )
        verb = "force" if label in ("floods", "forest fires") else "forces"
        return Story(lead, f"{label} {verb} {number} from homes in {country.name}")

    def _study(self) -> Story:
        country = self._country()
        remedy, label = self._retold("discoveries")
        disease, city = self._phrase("diseases"), self._city(country)
        helps = self._random.random() < 0.75
        effect = (
            self._one("can reduce the risk of", "may protect people from", "lowers the danger of")
            if helps
            else self._one("does nothing to prevent", "offers no protection from")
        )
        lead = self._one(
            f"{remedy[0].upper()}{remedy[1:]} {effect} {disease} , according to a study of "
            f"{self._thousands()} "
            f"patients published {self._day()} by researchers at the University of {city} .",
            f"Scientists in the {country.adjective} city of {city} said {self._day()} they had "
            f"found "
            f"that {remedy} {effect} {disease} , after following {self._thousands()} volunteers "
            f"for "
            f"{number_word(self._random.randint(2, 20))} years .",
        )
        verdict = "may prevent" if helps else "does not prevent"
        return Story(lead, f"{label} {verdict} {disease} , study says")

    def _obituary(self) -> Story:
        country = self._country()
        person, artist = self._person(country), self._phrase("artists")
        age, day, city = self._random.randint(51, 99), self._day(), self._city(country)
        lead = self._one(
            f"{person.full} , the {country.adjective} {artist} known for {self._phrase('marks')} , "
            f"died {day} at home in {city} at the age of {age} , relatives said .",
            f"{country.adjective} {artist} {person.full} , remembered for "
            f"{self._phrase('marks')} , has died in a hospital in {city} aged {age} , "
            f"{self._phrase('reports')} {day} .",
        )
        return Story(lead, f"{country.adjective} {artist} {person.last} dies at {age}")

    def _football(self) -> Story:
        country = self._zipf([c for c in COUNTRIES if c.football_league])
        teams = [self._phrase("team_forms").format(self._city(country)) for _ in range(2)]
        scorer = self._person(self._country())
        goals = self._random.randint(2, 6)
        score = f"{goals}-{self._random.randrange(goals)}"
        minute = self._random.randint(2, 90)
        standing = self._one(
            "to go top of the table",
            f"to move {number_word(self._random.randint(2, 9))} points clear at the top",
            "to climb out of the relegation zone",
            "to keep alive their title hopes",
            "in front of a sell-out crowd",
        )
        lead = self._one(
            f"{scorer.full} scored "
            f"{self._one('twice', 'a hat-trick', f'in the {minute}th minute')} as "
            f"{teams[0]} beat {teams[1]} {score} in the {country.football_league} {self._day()} "
            f"{standing} .",
            f"{teams[0]} defeated {teams[1]} {score} {self._day()} in the "
            f"{country.football_league} with {number_word(self._random.randint(2, 5))} goals by "
            f"{scorer.full} {standing} .",
        )
        return Story(lead, f"{teams[0]} beat {teams[1]} {score}")

    def _tournament(self) -> Story:
        country = self._country()
        winner, loser = self._person(country), self._person(self._other_country(country))
        sport, event = self._retold("sports")
        city = self._city(self._country())
        reached = self._phrase("rounds")
        seed = self._one("Top", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth")
        lead = (
            f"{seed} seed {winner.full} of {country.name} reached the {reached} of the {city} "
            f"{event} "
            f"{sport} tournament {self._day()} with a "
            f"{self._one('hard-fought', 'comfortable', 'surprise')} "
            f"{self._one('victory over', 'win against')} {loser.full} ."
        )
        return Story(lead, f"{winner.last} reaches {reached} of {city} {event}")

    def _championship(self) -> Story:
        country = self._country()
        winner, second = self._person(country), self._person(self._country())
        title, city = self._phrase("titles"), self._city(self._country())
        cup, label = self._one(
            ("world championships", "world"), ("European championships", "European"),
            ("World Cup meeting", "World Cup"),
        )  # fmt: skip
        lead = (
            f"{winner.full} of {country.name} {self._phrase('wins')} the {title} title at the "
            f"{cup} in {city} {self._day()} , finishing {self._percent()} seconds ahead of "
            f"{second.full} {self._phrase('finishes')} ."
        )
        return Story(lead, f"{winner.last} wins {label} {title} title")

    def _election(self) -> Story:
        country = self._country()
        winner, loser = self._person(country), self._person(country)
        career, percent = self._phrase("careers"), self._random.randint(50, 79)
        kind = self._one("presidential", "parliamentary", "mayoral")
        where = self._city(country) if kind == "mayoral" else country.name
        lead = self._one(
            f"{winner.full} , a former {career} , won the {kind} election in {where} with "
            f"{percent} percent of the vote , beating {loser.full} , official results showed "
            f"{self._day()} .",
            f"Former {career} {winner.full} was declared winner of the {kind} election in {where} "
            f"{self._day()} after taking {percent} percent of the vote against {loser.full} .",
        )
        return Story(lead, f"{winner.last} wins {kind} election in {where}")

    def _prices(self) -> Story:
        country = self._country()
        figure = self._zipf(
            ["inflation", "unemployment", "industrial output", "exports", "retail sales", "imports"]
        )
        verb, label = self._one(
            ("rose", "up"), ("increased", "up"), ("fell", "down"), ("declined", "down")
        )
        percent, month = self._percent(), self._phrase("months")
        lead = (
            f"{figure[0].upper()}{figure[1:]} in {country.name} {verb} {percent} percent in "
            f"{month} "
            f"from a year earlier "
            f"{self._one('as ' + self._phrase('market_reasons'), self._phrase('analyses'))} , "
            f"the {self._one('statistics office', 'central bank', 'finance ministry')} said "
            f"{self._day()} ."
        )
        return Story(lead, f"{country.adjective} {figure} {label} {percent} percent in {month}")


_EVENTS: dict[Callable[[Newsroom], Story], float] = {
    Newsroom._attack: 9,
    Newsroom._accident: 7,
    Newsroom._appointment: 5,
    Newsroom._resignation: 4,
    Newsroom._visit: 7,
    Newsroom._agreement: 5,
    Newsroom._appeal: 7,
    Newsroom._protest: 6,
    Newsroom._sentence: 5,
    Newsroom._arrest: 5,
    Newsroom._shares: 5,
    Newsroom._profit: 4,
    Newsroom._takeover: 4,
    Newsroom._jobs: 3,
    Newsroom._earthquake: 3,
    Newsroom._disaster: 4,
    Newsroom._study: 4,
    Newsroom._obituary: 4,
    Newsroom._football: 5,
    Newsroom._tournament: 4,
    Newsroom._championship: 3,
    Newsroom._election: 4,
    Newsroom._prices: 3,
}
