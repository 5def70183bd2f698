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
    Country,
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Story:
    """A lead sentence and its headline, as written before tokenization."""

    lead: str
    headline: str


@dataclass(frozen=True)
class Person:
    """Somebody of a region."""

    first: str
    last: str

    @property
    def full(self) -> str:
        """First and last name, as at the first mention in a lead."""
        return f"{self.first} {self.last}"


def _listed(table: str) -> list[str]:
    return [entry.strip() for entry in table.replace("\n", ";").split(";") if entry.strip()]


def _pairs(table: str) -> list[tuple[str, str]]:
    pairs = []
    for entry in _listed(table):
        left, right = entry.split(" = ")
        pairs.append((left, right))
    return pairs


DAYS = _listed("Monday; Tuesday; Wednesday; Thursday; Friday; Saturday; Sunday")
MONTHS = _listed("""
    January; February; March; April; May; June; July; August; September; October; November
    December
""")
QUARTERS = _listed("first quarter; second quarter; third quarter; fourth quarter; first half")

# How the lead tells it, and what the headline makes of it.
ATTACKS = _pairs("""
    a car bomb exploded outside = car bombing in
    a suicide bomber blew himself up at = suicide attack in; gunmen opened fire at = shooting in
    a bomb went off near = bomb blast in; a rocket hit = rocket attack in
    rebels stormed = rebel attack in; fighters shelled = shelling in
    a grenade was thrown into = grenade attack in
""")
TARGETS = _listed("""
    a crowded market; a police station; a mosque; a hotel; a bus station; an army checkpoint
    a school; a restaurant; the main court building; a church; a recruiting centre; a wedding party
    a government building; an embassy; a shopping centre; a hospital; a railway station; a bank
    a refugee camp; a polling station; a cinema; a police academy
""")
ACCIDENTS = _pairs("""
    a bus plunged into a ravine near = bus crash in; two trains collided near = train crash in
    a ferry capsized off = ferry accident in; a coal mine collapsed near = mine accident in
    a small plane crashed near = plane crash in; fire swept through a factory in = factory fire in
    a building collapsed in = building collapse in; a truck overturned near = truck accident in
    a helicopter went down near = helicopter crash in
    an avalanche hit a village near = avalanche in; a gas pipeline exploded in = pipeline blast in
    a nightclub burned down in = nightclub fire in
""")
VICTIMS = _listed("""
    people; civilians; soldiers; policemen; workers; passengers; children; tourists; students
    pilgrims; villagers; miners; firefighters; refugees; fishermen
""")
OFFICIALS = _listed("""
    president; prime minister; foreign minister; finance minister; defense minister
    interior minister; justice minister; health minister; trade minister; education minister
    energy minister; environment minister; central bank governor; army chief; agriculture minister
    transport minister; culture minister; deputy prime minister; opposition leader; labor minister
""")
POSTS = _listed("""
    finance minister; foreign minister; prime minister; army chief; central bank governor
    ambassador to Washington; chief justice; defense minister; health minister; police chief
    intelligence chief; trade minister; spokesman; attorney general; interior minister
""")
CAREERS = _listed("""
    lawyer; diplomat; general; banker; economist; professor; businessman; judge; mayor; senator
    journalist; admiral; engineer; trade unionist; physician; ambassador; colonel; lawmaker
""")
TOPICS = _pairs("""
    trade and investment = trade talks; the peace process = peace talks
    border security = security talks; energy cooperation = energy talks
    climate change = climate talks; the nuclear dispute = nuclear talks
    fishing rights = fishing talks; debt relief = debt talks; military cooperation = military talks
    visa rules = visa talks; water supplies = water talks; regional stability = regional talks
    air traffic = aviation talks; refugee returns = refugee talks; oil prices = oil talks
""")
AGREEMENTS = _listed("""
    free trade; energy; extradition; border; fishing; military; nuclear; cultural; transport
    investment; tourism; water; aviation; customs; tax; gas; labor; science; environmental; visa
""")
APPEALS = _pairs("""
    rebels = to lay down arms; lawmakers = to approve budget; donors = to send more aid
    voters = to back reforms; neighboring countries = to close borders; workers = to end strike
    investors = to stay calm; the United Nations = to send peacekeepers
    banks = to cut interest rates; farmers = to grow more rice
    the European Union = to lift sanctions; parties = to form coalition
    students = to return to classes; kidnappers = to release hostages; drivers = to save fuel
    parents = to vaccinate children; world leaders = to fight poverty
    companies = to hire young people; oil producers = to raise output
    the army = to respect cease-fire; scientists = to share data
""")
PROTESTERS = _listed("""
    teachers; farmers; students; nurses; doctors; taxi drivers; miners; steelworkers; truck drivers
    civil servants; journalists; pensioners; dockers; lawyers; airline pilots; fishermen
    bank clerks; postal workers; railway workers; shopkeepers; textile workers; bus drivers
    prison guards
""")
GRIEVANCES = _listed("""
    pension cuts; higher taxes; job losses; low wages; rising prices; school closures
    privatization plans; the new labor law; government corruption; fuel shortages; cheap imports
    hospital closures; working conditions; a nuclear plant; election fraud; budget cuts
    tuition fees; the war; water shortages
""")
CRIMES = _pairs("""
    fraud = fraud; murder = murder; bribery = bribery; drug trafficking = drug trafficking
    spying = spying; tax evasion = tax evasion; armed robbery = robbery; kidnapping = kidnapping
    arms smuggling = arms smuggling; war crimes = war crimes; money laundering = money laundering
    manslaughter = manslaughter; insider trading = insider trading; embezzlement = embezzlement
    arson = arson; forgery = forgery; human trafficking = human trafficking
    corruption = corruption; treason = treason; perjury = perjury; art theft = art theft
    computer hacking = hacking; extortion = extortion
""")
OFFENDERS = _listed("""
    banker; police officer; businessman; politician; soldier; general; doctor; lawyer; journalist
    priest; teacher; minister; footballer; mayor; actor; singer; judge; diplomat; accountant
    hacker; pilot; nurse; sea captain; tax inspector; customs officer; art dealer; trade unionist
    pharmacist
""")
SUSPECTS = _pairs("""
    suspected drug traffickers = drug suspects; suspected militants = suspected militants
    illegal immigrants = illegal immigrants; alleged arms smugglers = arms suspects
    members of a car theft ring = car thieves; football hooligans = hooligans
    alleged members of the mafia = mafia suspects; suspected pirates = suspected pirates
    alleged people smugglers = smuggling suspects; suspected poachers = poaching suspects
    opposition activists = opposition activists; suspected hackers = hacking suspects
    alleged forgers = forgery suspects; fugitive rebels = rebels; suspected spies = spy suspects
""")
SEIZURES = _listed("""
    kilograms of cocaine; kilograms of heroin; forged passports; assault rifles; stolen cars
    boxes of ammunition; kilograms of explosives; counterfeit banknotes; elephant tusks
    mobile phones; smuggled cigarettes; laptop computers; litres of alcohol; stolen paintings
    hand grenades
""")
INDUSTRIES = _listed("""
    bank; carmaker; airline; oil company; steelmaker; insurer; retailer; drugmaker; telecoms group
    software company; brewer; chipmaker; publisher; railway operator; mining group; shipbuilder
    supermarket chain; aircraft maker; chemicals group; cement maker; electronics maker; food group
    hotel chain; power company; tobacco company; clothing chain; internet company; toymaker
""")
MARKET_REASONS = _listed("""
    investors welcomed strong corporate earnings; oil prices fell; traders took profits
    fears of higher interest rates grew; the currency weakened; banking stocks led the way
    technology shares dragged the market; foreign funds bought heavily; inflation data disappointed
    hopes for a recovery faded; a rally on Wall Street lifted sentiment; exporters gained
    mining stocks tumbled; bargain hunters returned; the central bank kept rates unchanged
""")
DISASTERS = _pairs("""
    floods = floods; a powerful typhoon = typhoon; forest fires = forest fires
    a hurricane = hurricane; a volcanic eruption = volcano; heavy snow = heavy snow
    a landslide = landslide; a drought = drought; torrential rain = heavy rain; a cyclone = cyclone
    a chemical leak = chemical leak; a tropical storm = tropical storm; a dam burst = dam burst
    fighting = fighting
""")
AREAS = _listed("""
    northern; southern; eastern; western; central; north-eastern; south-western; coastal
    mountainous; north-western; south-eastern; rural
""")
DISCOVERIES = _pairs("""
    coffee = coffee; a common painkiller = painkiller; garlic = garlic; regular exercise = exercise
    green tea = green tea; a new vaccine = new vaccine; red wine = red wine
    a gene therapy = gene therapy; fish oil = fish oil; an experimental drug = experimental drug
    dark chocolate = dark chocolate; a low-fat diet = low-fat diet; vitamin supplements = vitamins
    breast-feeding = breast-feeding; a simple blood test = blood test; olive oil = olive oil
    walking = walking; sleep = sleep
""")
DISEASES = _listed("""
    cancer; diabetes; heart disease; malaria; asthma; depression; stroke; dementia; tuberculosis
    obesity; high blood pressure; arthritis; influenza; migraine; hepatitis; osteoporosis; measles
    blindness; kidney failure; allergies
""")
ARTISTS = _listed("""
    composer; novelist; film director; poet; painter; actor; singer; sculptor; architect; pianist
    conductor; playwright; photographer; dancer; opera singer; jazz trumpeter; fashion designer
    comedian; cartoonist; philosopher; historian; astronaut; physicist; chess champion; mountaineer
""")
MARKS = _listed("""
    a string of award-winning works; a quiet humor; a generation of younger colleagues
    a long fight against censorship; a famous school; daring early experiments
    performances around the world; a bestselling autobiography
""")
LEAGUES = {
    "Germany": "Bundesliga",
    "France": "French league",
    "Britain": "Premier League",
    "Italy": "Serie A",
    "Spain": "Spanish league",
    "Portugal": "Portuguese league",
    "Turkey": "Turkish league",
    "Brazil": "Brazilian league",
    "Argentina": "Argentine league",
    "Greece": "Greek league",
}
TEAM_FORMS = _listed("{}; {} United; {} City; Real {}; Dynamo {}; Sporting {}; {} Rovers")
ROUNDS = _listed("final; semi-finals; quarter-finals; third round; second round; fourth round")
SPORTS = _pairs("""
    tennis = Open; golf = Masters; badminton = Open; squash = Open; table tennis = Open
    chess = Masters; judo = Grand Prix; snooker = Masters
""")
TITLES = _listed("""
    100 metres; marathon; downhill; slalom; decathlon; high jump; long jump; javelin; pole vault
    1,500 metres; 200 metres freestyle; time trial; ski jumping; triple jump; hammer; pentathlon
    figure skating; heavyweight; 400 metres hurdles; cross-country; shot put; discus
""")
FINISHES = _listed("to defend the crown; in a new record; in heavy rain; after a slow start")
WINS = _listed("won; took; captured; claimed")
COMPLAINTS = _listed("""
    the talks were very useful; we will not give in; the situation is under control
    it is a sad day; we have no choice; there is still a long way to go; we are on the right track
    nobody was warned; this is unacceptable; the people have spoken; we did our best
    the worst is over; our patience is running out; we will find those responsible
    it was a difficult decision
""")
ANALYSES = _listed("""
    despite growing criticism from the opposition; after months of delays; in a surprise move
    amid rising tension in the region; following weeks of speculation; for the first time in years
    under pressure from foreign lenders; a week before parliamentary elections
    after an all-night meeting; in spite of warnings from experts; as part of a reform program
    in the face of an economic slowdown; after a public outcry; on the eve of a summit
""")
BACKGROUNDS = _listed("""
    who took office in; who has been in power since; who was re-elected in; who came to power in
    who has headed the party since; who returned from exile in
""")
WITNESSES = _listed("""
    police said; officials said; witnesses said; state radio reported; the government said
    local media reported; a hospital spokesman said; rescue workers said; the army said
    state television reported; a local governor said; the Red Cross said
""")
REPORTS = _listed("""
    the foreign ministry said; a government spokesman said; state media reported
    the official news agency reported; diplomats said; a senior aide said; the cabinet office said
    newspapers reported; an official statement said; a ministry source said
""")
COURT_SOURCES = _listed("""
    court officials said; prosecutors said; a lawyer said; judicial sources said; the judge ruled
    a prosecutor said; court documents showed
""")
BUSINESS_SOURCES = _listed("""
    the company said; analysts said; the group announced; the chief executive said
    the firm said in a statement; the financial daily reported; a company spokeswoman said
    union leaders said; a person close to the matter said
""")
DEALERS = _listed("dealers said; traders said; brokers said; analysts said; market sources said")


class Newsroom:
    """Draws stories from ``random``; equal newsrooms in equal states write the same.

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
        return f"on {self._random.choice(DAYS)}"

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
        return f"`` {self._zipf(COMPLAINTS)} , ''"

    # Events

    def _attack(self) -> Story:
        country = self._country()
        city, day = self._city(country), self._day()
        dead, dead_digits = self._count()
        injured, _ = self._count()
        victims, source = self._zipf(VICTIMS), self._zipf(WITNESSES)
        attack, label = self._zipf(ATTACKS)
        target = self._zipf(TARGETS)
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
        victims, source = self._zipf(VICTIMS), self._zipf(WITNESSES)
        accident, label = self._zipf(ACCIDENTS)
        area = self._zipf(AREAS)
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
        post, career, day = self._zipf(POSTS), self._zipf(CAREERS), self._day()
        age = self._random.randint(36, 71)
        lead = self._one(
            f"{country.adjective} President {leader.full} {day} named {person.full} , a "
            f"{age}-year-old {career} , as the country 's new {post} , {self._zipf(REPORTS)} .",
            f"{person.full} , {indefinite_article(career)} {career} aged {age} , was appointed "
            f"new {post} of "
            f"{country.name} {day} by President {leader.full} , {self._zipf(REPORTS)} .",
        )
        return Story(lead, f"{country.adjective} president names {person.last} {post}")

    def _resignation(self) -> Story:
        country = self._country()
        person, office = self._person(country), self._zipf(OFFICIALS[1:])
        day, analysis = self._day(), self._zipf(ANALYSES)
        crime, label = self._zipf(CRIMES)
        lead = (
            f"{country.adjective} {office.title()} {person.full} "
            f"{self._one('resigned', 'stepped down', 'left office')} {day} {analysis} over "
            f"allegations of {crime} , {self._zipf(REPORTS)} ."
        )
        return Story(lead, f"{country.adjective} {office} resigns over {label}")

    def _visit(self) -> Story:
        country = self._country()
        host = self._other_country(country)
        person, office = self._person(country), self._zipf(OFFICIALS)
        topic, label = self._zipf(TOPICS)
        city, day = self._city(host), self._day()
        length = number_word(self._random.randint(2, 6))
        lead = self._one(
            f"{country.adjective} {office.title()} {person.full} arrived in {city} {day} for a "
            f"{length}-day visit to discuss {topic} with {host.adjective} leaders , "
            f"{self._zipf(REPORTS)} .",
            f"{country.adjective} {office.title()} {person.full} began talks on {topic} with "
            f"{host.adjective} officials in {city} {day} {self._zipf(ANALYSES)} .",
        )
        return Story(lead, f"{country.adjective} {office} in {city} for {label}")

    def _agreement(self) -> Story:
        country = self._country()
        partner = self._other_country(country)
        kind, day, city = self._zipf(AGREEMENTS), self._day(), self._city(partner)
        value = self._random.randint(2, 90)
        lead = self._one(
            f"{country.name} and {partner.name} signed {indefinite_article(kind)} {kind} "
            f"agreement worth "
            f"{value} million dollars in {city} {day} {self._zipf(ANALYSES)} , "
            f"{self._zipf(REPORTS)} .",
            f"After talks in {city} {day} , ministers from {country.name} and {partner.name} put "
            f"their signatures under {indefinite_article(kind)} {kind} accord that will run for "
            f"{number_word(self._random.randint(2, 30))} years , {self._zipf(REPORTS)} .",
        )
        return Story(lead, f"{country.name} , {partner.name} sign {kind} agreement")

    def _appeal(self) -> Story:
        country = self._country()
        person, office = self._person(country), self._zipf(OFFICIALS)
        audience, request = self._zipf(APPEALS)
        verb = self._one("urged", "called on", "appealed to")
        longer = (
            request.replace("to ", "to quickly ", 1) if self._random.random() < 0.2 else request
        )
        ending = self._one(
            f", saying {self._quote()} {self._zipf(REPORTS)} .",
            f"{self._zipf(ANALYSES)} , {self._zipf(REPORTS)} .",
        )
        lead = (
            f"{country.adjective} {office.title()} {person.full} , {self._zipf(BACKGROUNDS)} "
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
        city, protesters = self._city(country), self._zipf(PROTESTERS)
        grievance = self._zipf(GRIEVANCES)
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
            f"against {grievance} , {self._zipf(ANALYSES)} , {self._zipf(WITNESSES)} ."
        )
        cause = grievance.removeprefix("the ").removeprefix("a ")
        return Story(lead, f"{country.adjective} {protesters} {label} {cause}")

    def _sentence(self) -> Story:
        country = self._country()
        person, offender = self._person(country), self._zipf(OFFENDERS)
        city, day = self._city(country), self._day()
        crime, label = self._zipf(CRIMES)
        years, digits = self._count(25)
        lead = self._one(
            f"A court in the {country.adjective} city of {city} {day} sentenced {person.full} , a "
            f"former {offender} , to {years} years in prison for {crime} , "
            f"{self._zipf(COURT_SOURCES)} .",
            f"Former {offender} {person.full} was jailed for {years} years by a court in {city} , "
            f"{country.name} , {day} after being found guilty of {crime} , "
            f"{self._zipf(COURT_SOURCES)} .",
        )
        return Story(lead, f"former {country.adjective} {offender} gets {digits} years for {label}")

    def _arrest(self) -> Story:
        country = self._country()
        city, day = self._city(country), self._day()
        number, digits = self._count()
        suspects, label = self._zipf(SUSPECTS)
        seized, goods = self._random.randint(12, 900), self._zipf(SEIZURES)
        lead = self._one(
            f"{country.adjective} police arrested {number} {suspects} and seized {seized} {goods} "
            f"in a series of raids in {city} {day} , {self._zipf(REPORTS)} .",
            f"{number} {suspects} were detained {day} after officers found {seized} {goods} in a "
            f"house in {city} , {country.name} , {self._zipf(WITNESSES)} .",
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
            f"{self._zipf(MARKET_REASONS)} , {self._zipf(DEALERS)} .",
            f"The main index of the {city} stock market {direction} {percent} percent to close at "
            f"{index} points {self._day()} as {self._zipf(MARKET_REASONS)} , "
            f"{self._zipf(DEALERS)} .",
        )
        return Story(lead, f"{city} shares close {label} {percent} percent")

    def _profit(self) -> Story:
        country = self._country()
        company, industry = self._zipf(COMPANIES), self._zipf(INDUSTRIES)
        percent, quarter = self._random.randint(2, 95), self._zipf(QUARTERS)
        verb, label = self._one(
            ("rose", "rises"), ("jumped", "rises"), ("fell", "falls"), ("slumped", "falls")
        )
        money = self._random.randint(11, 990)
        lead = (
            f"{country.adjective} {industry} {company} said {self._day()} its net profit {verb} "
            f"{percent} percent to {money} million dollars in the {quarter} "
            f"{self._one('as ' + self._zipf(MARKET_REASONS), self._zipf(ANALYSES))} ."
        )
        return Story(lead, f"{company} profit {label} {percent} percent in {quarter}")

    def _takeover(self) -> Story:
        country = self._country()
        buyer, bought = self._zipf(COMPANIES), self._zipf(COMPANIES)
        industry = self._zipf(INDUSTRIES)
        price = f"{self._random.randint(1, 30)}.{self._random.randint(1, 9)}"
        rival = self._other_country(country)
        lead = self._one(
            f"{country.adjective} {industry} {buyer} {self._day()} agreed to buy its "
            f"{rival.adjective} "
            f"rival {bought} for {price} billion dollars in cash and shares , "
            f"{self._zipf(BUSINESS_SOURCES)} .",
            f"{rival.adjective} {industry} {bought} will be taken over by {buyer} of "
            f"{country.name} "
            f"in a deal worth {price} billion dollars , {self._zipf(BUSINESS_SOURCES)} "
            f"{self._day()} .",
        )
        return Story(lead, f"{buyer} to buy {bought} for {price} billion dollars")

    def _jobs(self) -> Story:
        country = self._country()
        company, industry = self._zipf(COMPANIES), self._zipf(INDUSTRIES)
        number = self._thousands()
        cut = self._random.random() < 0.6
        verb = self._one("cut", "axe", "shed") if cut else self._one("create", "add")
        lead = (
            f"{country.adjective} {industry} {company} plans to {verb} {number} jobs at its "
            f"plants in "
            f"{self._city(country)} and {self._city(country)} by the end of {self._zipf(MONTHS)} , "
            f"{self._zipf(BUSINESS_SOURCES)} {self._day()} ."
        )
        return Story(lead, f"{company} to {'cut' if cut else 'create'} {number} jobs")

    def _earthquake(self) -> Story:
        country = self._country()
        city, magnitude = (
            self._city(country),
            f"{self._random.randint(4, 8)}.{self._random.randint(0, 9)}",
        )
        area = self._zipf(AREAS)
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
            f"city of {city} {self._day()} , {damage} , {self._zipf(WITNESSES)} ."
        )
        return Story(lead, f"{magnitude} magnitude earthquake hits {area} {country.name}")

    def _disaster(self) -> Story:
        country = self._country()
        disaster, label = self._zipf(DISASTERS)
        number, area = self._thousands(), self._zipf(AREAS)
        lead = self._one(
            f"{disaster[0].upper()}{disaster[1:]} forced more than {number} people to flee their "
            f"homes "
            f"in {area} {country.name} {self._day()} , {self._zipf(WITNESSES)} , and rescue teams "
            f"were sent from {self._city(country)} .",
            f"More than {number} people have been left homeless by {disaster} in {area} "
            f"{country.name} , {self._zipf(WITNESSES)} {self._day()} , as aid began to arrive from "
            f"{self._other_country(country).name} .",
        )
        verb = "force" if label in ("floods", "forest fires") else "forces"
        return Story(lead, f"{label} {verb} {number} from homes in {country.name}")

    def _study(self) -> Story:
        country = self._country()
        remedy, label = self._zipf(DISCOVERIES)
        disease, city = self._zipf(DISEASES), self._city(country)
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
        person, artist = self._person(country), self._zipf(ARTISTS)
        age, day, city = self._random.randint(51, 99), self._day(), self._city(country)
        lead = self._one(
            f"{person.full} , the {country.adjective} {artist} known for {self._zipf(MARKS)} , "
            f"died "
            f"{day} at home in {city} at the age of {age} , relatives said .",
            f"{country.adjective} {artist} {person.full} , remembered for {self._zipf(MARKS)} , "
            f"has died "
            f"in a hospital in {city} aged {age} , {self._zipf(REPORTS)} {day} .",
        )
        return Story(lead, f"{country.adjective} {artist} {person.last} dies at {age}")

    def _football(self) -> Story:
        country = self._zipf([c for c in COUNTRIES if c.name in LEAGUES])
        teams = [self._zipf(TEAM_FORMS).format(self._city(country)) for _ in range(2)]
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
            f"{teams[0]} beat {teams[1]} {score} in the {LEAGUES[country.name]} {self._day()} "
            f"{standing} .",
            f"{teams[0]} defeated {teams[1]} {score} {self._day()} in the {LEAGUES[country.name]} "
            f"with {number_word(self._random.randint(2, 5))} goals by {scorer.full} {standing} .",
        )
        return Story(lead, f"{teams[0]} beat {teams[1]} {score}")

    def _tournament(self) -> Story:
        country = self._country()
        winner, loser = self._person(country), self._person(self._other_country(country))
        sport, event = self._zipf(SPORTS)
        city = self._city(self._country())
        reached = self._zipf(ROUNDS)
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
        title, city = self._zipf(TITLES), self._city(self._country())
        cup, label = self._one(
            ("world championships", "world"), ("European championships", "European"),
            ("World Cup meeting", "World Cup"),
        )  # fmt: skip
        lead = (
            f"{winner.full} of {country.name} {self._zipf(WINS)} the {title} title at the {cup} in "
            f"{city} {self._day()} , finishing {self._percent()} seconds ahead of {second.full} "
            f"{self._zipf(FINISHES)} ."
        )
        return Story(lead, f"{winner.last} wins {label} {title} title")

    def _election(self) -> Story:
        country = self._country()
        winner, loser = self._person(country), self._person(country)
        career, percent = self._zipf(CAREERS), self._random.randint(50, 79)
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
        percent, month = self._percent(), self._zipf(MONTHS)
        lead = (
            f"{figure[0].upper()}{figure[1:]} in {country.name} {verb} {percent} percent in "
            f"{month} "
            f"from a year earlier "
            f"{self._one('as ' + self._zipf(MARKET_REASONS), self._zipf(ANALYSES))} , "
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
