"""German and English words, paired by meaning, by hand; compounds are composed from them.

Each list starts with the words that shall be frequent: sampling weighs them by rank (Zipf's law).
Every German entry has exactly one English translation, so that translating is a function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from regattn_fairseq.corpora.grammar import english
from regattn_fairseq.corpora.grammar.english import EnglishVerb
from regattn_fairseq.corpora.grammar.german import GermanNoun, GermanVerb


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


def _tokens(text: str) -> list[str]:
    """Whitespace-separated words, which read better than a list of quoted ones."""
    return text.split()


def _entries(table: str) -> list[list[str]]:
    """``a = b; c = d``, over several lines, as lists of the stripped sides."""
    entries = [entry for line in table.split("\n") for entry in line.split(";") if entry.strip()]
    return [[side.strip() for side in entry.split("=")] for entry in entries]


def _feminine(noun: Noun) -> Noun:
    """The woman's form in -in, which English does not distinguish."""
    stem = noun.german.singular.removesuffix("e")
    return replace(noun, german=GermanNoun(stem + "in", stem + "innen", "f"))


def _nouns(kind: str, table: str) -> list[Noun]:
    """Parse ``der Hund, Hunde = dog``; ``*`` marks weak nouns, ``+in`` adds the feminine."""
    nouns = []
    for left, right in _entries(table):
        article, forms = left.split(" ", 1)
        feminine, weak = "+in" in forms, "*" in forms
        singular, plural_form = forms.replace("+in", "").replace("*", "").strip().split(", ")
        english_forms = right.split(", ")
        noun = Noun(
            GermanNoun(singular, plural_form, GENDERS[article], weak),
            english_forms[0],
            english_forms[1] if len(english_forms) > 1 else english.plural(english_forms[0]),
            kind,
        )
        nouns.append(noun)
        if feminine:
            nouns.append(_feminine(noun))
    return nouns


def _compounds(heads: list[Noun], modifiers: str) -> list[Noun]:
    """Every modifier before every head: ``Küchen = kitchen`` makes ``Küchentisch``, kitchen table.

    Frequent parts come first, so the sum of both ranks orders the result.
    """
    ranked = []
    for i, (combining, meaning) in enumerate(_entries(modifiers)):
        for j, head in enumerate(heads):
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


_RELATIVES = _nouns(
    "person",
    """
    der Mann, Männer = man, men; die Frau, Frauen = woman, women
    das Kind, Kinder = child, children; der Junge*, Jungen = boy; das Mädchen, Mädchen = girl
    der Freund, Freunde = friend; der Vater, Väter = father; die Mutter, Mütter = mother
    der Bruder, Brüder = brother; die Schwester, Schwestern = sister; der Sohn, Söhne = son
    die Tochter, Töchter = daughter; der Nachbar*, Nachbarn +in = neighbour
    der Gast, Gäste = guest; der Onkel, Onkel = uncle; die Tante, Tanten = aunt
    der Großvater, Großväter = grandfather; die Großmutter, Großmütter = grandmother
    der Cousin, Cousins = cousin; der Enkel, Enkel = grandson
    die Enkelin, Enkelinnen = granddaughter; das Baby, Babys = baby; der Neffe*, Neffen = nephew
    die Nichte, Nichten = niece; die Freundin, Freundinnen = girlfriend
    """,
)

_PROFESSIONS = _nouns(
    "person",
    """
    der Lehrer, Lehrer +in = teacher; der Arzt, Ärzte = doctor; die Ärztin, Ärztinnen = doctor
    der Student*, Studenten +in = student; der Schüler, Schüler +in = pupil
    der Polizist*, Polizisten +in = police officer; der Verkäufer, Verkäufer +in = shop assistant
    der Chef, Chefs +in = boss; der Kollege*, Kollegen +in = colleague; der Koch, Köche = cook
    die Köchin, Köchinnen = cook; der Künstler, Künstler +in = artist; der Bauer*, Bauern = farmer
    die Bäuerin, Bäuerinnen = farmer; der Bäcker, Bäcker +in = baker
    der Kunde*, Kunden +in = customer; der Kellner, Kellner = waiter
    die Kellnerin, Kellnerinnen = waitress; die Krankenschwester, Krankenschwestern = nurse
    der Fahrer, Fahrer +in = driver; der Sänger, Sänger +in = singer
    der Maler, Maler +in = painter; der Schauspieler, Schauspieler = actor
    die Schauspielerin, Schauspielerinnen = actress; der Professor, Professoren +in = professor
    der Ingenieur, Ingenieure +in = engineer; der Richter, Richter +in = judge
    der Anwalt, Anwälte = lawyer; die Anwältin, Anwältinnen = lawyer
    der Musiker, Musiker +in = musician; der Soldat*, Soldaten +in = soldier
    der Journalist*, Journalisten +in = journalist; der Pilot*, Piloten +in = pilot
    der Bürgermeister, Bürgermeister +in = mayor; der Gärtner, Gärtner +in = gardener
    der König, Könige = king; die Königin, Königinnen = queen; der Prinz*, Prinzen = prince
    die Prinzessin, Prinzessinnen = princess; der Minister, Minister +in = minister
    der Präsident*, Präsidenten +in = president; der Direktor, Direktoren +in = director
    der Forscher, Forscher +in = researcher; der Händler, Händler +in = merchant
    der Tourist*, Touristen +in = tourist; der Trainer, Trainer +in = coach
    der Fischer, Fischer = fisherman, fishermen; der Mechaniker, Mechaniker +in = mechanic
    der Briefträger, Briefträger = postman, postmen; der Dieb, Diebe +in = thief, thieves
    der Zeuge*, Zeugen +in = witness; der Metzger, Metzger +in = butcher
    der Friseur, Friseure +in = hairdresser; der Pfarrer, Pfarrer +in = priest
    der Held*, Helden = hero, heroes; die Heldin, Heldinnen = heroine
    der Dichter, Dichter +in = poet; der Räuber, Räuber +in = robber
    der Fotograf*, Fotografen +in = photographer; der Chemiker, Chemiker +in = chemist
    der Physiker, Physiker +in = physicist; der Apotheker, Apotheker +in = pharmacist
    der Philosoph*, Philosophen +in = philosopher; der Schneider, Schneider +in = tailor
    der Matrose*, Matrosen = sailor; der Kapitän, Kapitäne +in = captain
    der Wächter, Wächter +in = guard; der Zauberer, Zauberer = magician
    der Tänzer, Tänzer +in = dancer; der Radfahrer, Radfahrer +in = cyclist
    der Zahnarzt, Zahnärzte = dentist; der Tierarzt, Tierärzte = vet
    der Schriftsteller, Schriftsteller +in = writer; der Übersetzer, Übersetzer +in = translator
    der Bibliothekar, Bibliothekare +in = librarian
    der Feuerwehrmann, Feuerwehrmänner = fireman, firemen; der Schreiner, Schreiner +in = carpenter
    der Uhrmacher, Uhrmacher +in = watchmaker; der Clown, Clowns = clown
    der Detektiv, Detektive +in = detective; der Spion, Spione +in = spy
    der Architekt*, Architekten +in = architect; der Lehrling, Lehrlinge = apprentice
    der Politiker, Politiker +in = politician; der Sekretär, Sekretäre +in = secretary
    """,
)

_SPECIALISTS = _interleaved(
    _compounds(
        _nouns("person", "der Lehrer, Lehrer +in = teacher; der Student*, Studenten +in = student"),
        """
        Deutsch = German; Mathematik = mathematics; Musik = music; Englisch = English
        Physik = physics; Geschichts = history; Chemie = chemistry; Kunst = art; Biologie = biology
        Sport = sports
        """,
    ),
    _compounds(
        _nouns("person", "der Fahrer, Fahrer +in = driver"),
        "Bus = bus; Taxi = taxi; Lastwagen = lorry; Zug = train; Traktor = tractor",
    ),
    _compounds(
        _nouns(
            "person",
            "der Spieler, Spieler +in = player; der Trainer, Trainer +in = coach",
        ),
        """
        Fußball = football; Tennis = tennis; Schach = chess; Handball = handball
        Basketball = basketball; Hockey = hockey; Volleyball = volleyball
        """,
    ),
    _compounds(
        _nouns(
            "person", "der Verkäufer, Verkäufer +in = seller; der Händler, Händler +in = dealer"
        ),
        """
        Auto = car; Blumen = flower; Zeitungs = newspaper; Teppich = carpet; Fisch = fish
        Wein = wine; Gemüse = vegetable; Waffen = arms; Kunst = art; Pferde = horse
        """,
    ),
)

PERSONS = _interleaved(_RELATIVES, _PROFESSIONS) + _SPECIALISTS
# Man's and woman's form, for "Anna ist Lehrerin".
PROFESSIONS = [(noun, _feminine(noun)) for noun in _PROFESSIONS if _feminine(noun) in _PROFESSIONS]

ANIMALS = _nouns(
    "animal",
    """
    der Hund, Hunde = dog; die Katze, Katzen = cat; das Pferd, Pferde = horse
    der Vogel, Vögel = bird; die Kuh, Kühe = cow; das Schwein, Schweine = pig
    die Maus, Mäuse = mouse, mice; der Hase*, Hasen = hare; das Schaf, Schafe = sheep, sheep
    der Esel, Esel = donkey; die Ente, Enten = duck; der Fuchs, Füchse = fox
    der Affe*, Affen = monkey; der Elefant*, Elefanten = elephant; der Löwe*, Löwen = lion
    der Tiger, Tiger = tiger; der Wolf, Wölfe = wolf, wolves; der Bär*, Bären = bear
    die Ziege, Ziegen = goat; die Schlange, Schlangen = snake; der Papagei, Papageien = parrot
    das Kaninchen, Kaninchen = rabbit; die Gans, Gänse = goose, geese; der Hahn, Hähne = rooster
    der Frosch, Frösche = frog; das Kamel, Kamele = camel; die Giraffe, Giraffen = giraffe
    der Igel, Igel = hedgehog; das Eichhörnchen, Eichhörnchen = squirrel; die Eule, Eulen = owl
    der Adler, Adler = eagle; das Zebra, Zebras = zebra; die Schildkröte, Schildkröten = turtle
    der Pinguin, Pinguine = penguin
    """,
)

_THINGS = _nouns(
    "thing",
    """
    die Tasche, Taschen = bag; der Schlüssel, Schlüssel = key; der Tisch, Tische = table
    der Stuhl, Stühle = chair; die Lampe, Lampen = lamp; die Uhr, Uhren = clock
    der Koffer, Koffer = suitcase; das Messer, Messer = knife, knives; das Glas, Gläser = glass
    die Flasche, Flaschen = bottle; der Teller, Teller = plate; die Tasse, Tassen = cup
    der Ball, Bälle = ball; das Fahrrad, Fahrräder = bicycle; das Telefon, Telefone = telephone
    der Computer, Computer = computer; der Schrank, Schränke = cupboard; das Bett, Betten = bed
    das Bild, Bilder = picture; die Blume, Blumen = flower; der Spiegel, Spiegel = mirror
    die Kamera, Kameras = camera; der Regenschirm, Regenschirme = umbrella; der Ring, Ringe = ring
    die Schere, Scheren = pair of scissors, pairs of scissors; das Seil, Seile = rope
    der Löffel, Löffel = spoon; die Gabel, Gabeln = fork; der Topf, Töpfe = pot
    die Pfanne, Pfannen = pan; der Teppich, Teppiche = carpet; das Kissen, Kissen = pillow
    die Decke, Decken = blanket; das Regal, Regale = shelf, shelves; das Sofa, Sofas = sofa
    der Korb, Körbe = basket; die Kerze, Kerzen = candle; der Hammer, Hämmer = hammer
    die Säge, Sägen = saw; der Nagel, Nägel = nail; die Gitarre, Gitarren = guitar
    die Geige, Geigen = violin; das Klavier, Klaviere = piano; die Trommel, Trommeln = drum
    die Flöte, Flöten = flute; der Drachen, Drachen = kite; die Puppe, Puppen = doll
    der Eimer, Eimer = bucket; der Besen, Besen = broom; die Leiter, Leitern = ladder
    das Zelt, Zelte = tent; der Rucksack, Rucksäcke = backpack; die Münze, Münzen = coin
    der Bleistift, Bleistifte = pencil; der Kalender, Kalender = calendar
    das Spielzeug, Spielzeuge = toy; die Schachtel, Schachteln = box
    der Drucker, Drucker = printer; der Bildschirm, Bildschirme = screen
    das Handtuch, Handtücher = towel; die Seife, Seifen = soap; der Kamm, Kämme = comb
    die Bürste, Bürsten = brush; das Geschenk, Geschenke = present; die Statue, Statuen = statue
    """,
)

# What stands in a room, what is made of something, and what a building has.
_FURNITURE = _compounds(
    _nouns(
        "thing",
        """
        der Tisch, Tische = table; der Stuhl, Stühle = chair; die Lampe, Lampen = lamp
        die Uhr, Uhren = clock; das Fenster, Fenster = window; der Schrank, Schränke = cupboard
        die Tür, Türen = door; der Teppich, Teppiche = carpet; das Regal, Regale = shelf, shelves
        der Spiegel, Spiegel = mirror; die Bank, Bänke = bench; der Schlüssel, Schlüssel = key
        """,
    ),
    """
    Küchen = kitchen; Garten = garden; Büro = office; Schul = school; Hotel = hotel
    Kinderzimmer = nursery; Keller = cellar; Wohnungs = apartment; Kirchen = church
    Schlafzimmer = bedroom; Werkstatt = workshop; Bibliotheks = library; Museums = museum
    Theater = theatre; Restaurant = restaurant; Balkon = balcony; Labor = laboratory
    Krankenhaus = hospital; Bahnhofs = station; Klassenzimmer = classroom; Rathaus = town hall
    Wohnzimmer = living room; Badezimmer = bathroom; Gefängnis = prison
    """,
)
_MATERIALS = _compounds(
    _nouns(
        "thing",
        """
        der Tisch, Tische = table; der Stuhl, Stühle = chair; die Kiste, Kisten = crate
        der Ring, Ringe = ring; die Schachtel, Schachteln = box; der Löffel, Löffel = spoon
        die Puppe, Puppen = doll; die Kugel, Kugeln = ball; der Becher, Becher = mug
        der Eimer, Eimer = bucket; die Figur, Figuren = figure; das Spielzeug, Spielzeuge = toy
        """,
    ),
    """
    Holz = wooden; Glas = glass; Metall = metal; Plastik = plastic; Silber = silver; Gold = gold
    Papier = paper; Eisen = iron; Kupfer = copper
    """,
)
_PARTS = _compounds(
    _nouns(
        "thing",
        """
        die Tür, Türen = door; das Fenster, Fenster = window; der Schlüssel, Schlüssel = key
        das Dach, Dächer = roof; das Schloss, Schlösser = lock
        """,
    ),
    "Haus = house; Auto = car; Garagen = garage; Bus = bus; Scheunen = barn; Boots = boat",
)

THINGS = _interleaved(_THINGS, _PARTS, _FURNITURE, _MATERIALS)
_OPENING = (
    "tasche",
    "koffer",
    "schrank",
    "flasche",
    "tür",
    "fenster",
    "kiste",
    "schachtel",
    "korb",
)
_OPENABLE = [n for n in THINGS if n.german.singular.lower().endswith(_OPENING)]

CLOTHES = _nouns(
    "clothes",
    """
    das Hemd, Hemden = shirt; der Mantel, Mäntel = coat; das Kleid, Kleider = dress
    der Hut, Hüte = hat; der Rock, Röcke = skirt; die Jacke, Jacken = jacket
    der Pullover, Pullover = sweater; der Schal, Schals = scarf, scarves; der Anzug, Anzüge = suit
    die Krawatte, Krawatten = tie; die Mütze, Mützen = cap; der Gürtel, Gürtel = belt
    die Bluse, Blusen = blouse; der Handschuh, Handschuhe = glove; der Schuh, Schuhe = shoe
    der Stiefel, Stiefel = boot; die Uniform, Uniformen = uniform; die Socke, Socken = sock
    der Bademantel, Bademäntel = bathrobe
    """,
)

VEHICLES = _nouns(
    "vehicle",
    """
    das Auto, Autos = car; der Bus, Busse = bus; der Zug, Züge = train; das Boot, Boote = boat
    das Schiff, Schiffe = ship; das Motorrad, Motorräder = motorcycle
    der Lastwagen, Lastwagen = lorry; das Flugzeug, Flugzeuge = plane
    die Straßenbahn, Straßenbahnen = tram; das Taxi, Taxis = taxi; die Kutsche, Kutschen = carriage
    die Fähre, Fähren = ferry; der Traktor, Traktoren = tractor
    der Hubschrauber, Hubschrauber = helicopter; der Krankenwagen, Krankenwagen = ambulance
    """,
)

_DISHES = _nouns(
    "food",
    """
    der Kuchen, Kuchen = cake; die Suppe, Suppen = soup; der Salat, Salate = salad
    das Eis, - = ice cream; die Marmelade, Marmeladen = jam; die Torte, Torten = tart
    die Soße, Soßen = sauce
    """,
)

FOODS = _interleaved(
    _nouns(
        "food",
        """
        der Apfel, Äpfel = apple; das Brot, Brote = loaf of bread, loaves of bread
        der Käse, - = cheese; das Ei, Eier = egg; der Fisch, Fische = fish, fish
        das Fleisch, - = meat; die Banane, Bananen = banana; die Birne, Birnen = pear
        die Kartoffel, Kartoffeln = potato, potatoes; die Tomate, Tomaten = tomato, tomatoes
        der Reis, - = rice; die Wurst, Würste = sausage; die Butter, - = butter
        der Honig, - = honey; die Pizza, Pizzas = pizza; der Schinken, - = ham
        die Orange, Orangen = orange; die Zwiebel, Zwiebeln = onion; die Gurke, Gurken = cucumber
        die Kirsche, Kirschen = cherry; der Pfirsich, Pfirsiche = peach
        die Karotte, Karotten = carrot; der Keks, Kekse = biscuit
        das Brötchen, Brötchen = bread roll; der Pfannkuchen, Pfannkuchen = pancake
        die Schokolade, - = chocolate; der Knoblauch, - = garlic
        """,
    ),
    _compounds(
        _DISHES,
        """
        Apfel = apple; Erdbeer = strawberry; Kartoffel = potato; Schokoladen = chocolate
        Kirsch = cherry; Tomaten = tomato; Zitronen = lemon; Käse = cheese; Pflaumen = plum
        Nuss = nut; Himbeer = raspberry; Gemüse = vegetable; Zwiebel = onion; Kürbis = pumpkin
        Bananen = banana; Pilz = mushroom
        """,
    ),
)

DRINKS = _interleaved(
    _nouns(
        "drink",
        """
        das Wasser, - = water; der Kaffee, - = coffee; der Tee, - = tea; die Milch, - = milk
        das Bier, - = beer; der Wein, - = wine; die Limonade, - = lemonade; der Kakao, - = cocoa
        der Whisky, - = whisky; der Rum, - = rum
        """,
    ),
    _compounds(
        _nouns("drink", "der Saft, - = juice; der Tee, - = tea; der Likör, - = liqueur"),
        """
        Apfel = apple; Orangen = orange; Trauben = grape; Kirsch = cherry; Zitronen = lemon
        Ingwer = ginger; Pfefferminz = peppermint; Himbeer = raspberry
        """,
    ),
)

DOCUMENTS = _nouns(
    "document",
    """
    das Buch, Bücher = book; der Brief, Briefe = letter; die Zeitung, Zeitungen = newspaper
    der Bericht, Berichte = report; die Geschichte, Geschichten = story
    das Gedicht, Gedichte = poem; der Artikel, Artikel = article
    die Nachricht, Nachrichten = message; der Roman, Romane = novel
    der Vertrag, Verträge = contract; die Rechnung, Rechnungen = bill; die Karte, Karten = map
    das Rezept, Rezepte = recipe; das Tagebuch, Tagebücher = diary
    die Postkarte, Postkarten = postcard; das Märchen, Märchen = fairy tale
    das Wörterbuch, Wörterbücher = dictionary; der Fahrplan, Fahrpläne = timetable
    die Einladung, Einladungen = invitation; das Kochbuch, Kochbücher = cookbook
    der Krimi, Krimis = detective story; die Anleitung, Anleitungen = manual
    der Liebesbrief, Liebesbriefe = love letter; die Speisekarte, Speisekarten = menu
    das Formular, Formulare = form; der Zeitungsartikel, Zeitungsartikel = newspaper article
    das Schulbuch, Schulbücher = schoolbook
    die Stellenanzeige, Stellenanzeigen = job advertisement; das Gesetz, Gesetze = law
    die Aufgabe, Aufgaben = exercise; das Lied, Lieder = song; der Antrag, Anträge = application
    """,
)


def _places(table: str) -> list[Place]:
    """Parse ``die Küche, Küchen = kitchen = in in = in``: noun, being there, going there."""
    places = []
    for left, right, being, goal in _entries(table):
        (noun,) = _nouns("place", f"{left} = {right}")
        preposition, english_preposition = being.split()
        places.append(Place(noun, preposition, english_preposition, goal))
    return places


_SIMPLE_PLACES = _places("""
    das Haus, Häuser = house = in in = in; die Küche, Küchen = kitchen = in in = in
    der Garten, Gärten = garden = in in = in; die Schule, Schulen = school = in at = zu
    die Stadt, Städte = city, cities = in in = in; der Park, Parks = park = in in = in
    das Büro, Büros = office = in in = in; der Bahnhof, Bahnhöfe = station = an at = zu
    der Wald, Wälder = forest = in in = in; das Restaurant, Restaurants = restaurant = in in = in
    die Straße, Straßen = street = auf in = auf; der Markt, Märkte = market = auf at = zu
    das Dorf, Dörfer = village = in in = in; die Kirche, Kirchen = church = in in = in
    der Strand, Strände = beach = an on = zu
    das Krankenhaus, Krankenhäuser = hospital = in in = in; das Hotel, Hotels = hotel = in at = zu
    die Brücke, Brücken = bridge = auf on = zu; das Museum, Museen = museum = in in = in
    das Theater, Theater = theatre = in at = zu
    die Bibliothek, Bibliotheken = library = in in = in; das Zimmer, Zimmer = room = in in = in
    der Keller, Keller = cellar = in in = in; der Flughafen, Flughäfen = airport = an at = zu
    die Universität, Universitäten = university = an at = zu; der See, Seen = lake = an at = zu
    der Fluss, Flüsse = river = an at = zu; das Schloss, Schlösser = castle = in in = in
    der Hafen, Häfen = harbour = in in = zu; das Kino, Kinos = cinema = in at = zu
    der Supermarkt, Supermärkte = supermarket = in at = zu
    die Werkstatt, Werkstätten = workshop = in in = in; der Laden, Läden = shop = in in = in
    die Garage, Garagen = garage = in in = in; das Gefängnis, Gefängnisse = prison = in in = in
    der Turm, Türme = tower = in in = in; das Labor, Labore = laboratory, laboratories = in in = in
    die Fabrik, Fabriken = factory = in in = in; der Bauernhof, Bauernhöfe = farm = auf on = zu
    das Rathaus, Rathäuser = town hall = in in = in
    die Wohnung, Wohnungen = apartment = in in = in; der Zoo, Zoos = zoo = in at = zu
    das Stadion, Stadien = stadium = in in = in; die Höhle, Höhlen = cave = in in = in
    die Bäckerei, Bäckereien = bakery = in in = zu; die Apotheke, Apotheken = pharmacy = in in = zu
    der Spielplatz, Spielplätze = playground = auf on = zu
    die Insel, Inseln = island = auf on = auf
    das Schwimmbad, Schwimmbäder = swimming pool = in in = zu
    das Wohnzimmer, Wohnzimmer = living room = in in = in
    das Schlafzimmer, Schlafzimmer = bedroom = in in = in
    das Badezimmer, Badezimmer = bathroom = in in = in; die Bank, Banken = bank = in in = zu
    das Postamt, Postämter = post office = in in = zu; der Balkon, Balkone = balcony = auf on = auf
    das Café, Cafés = café = in in = in
""")

_PLACE_COMPOUNDS = [
    Place(noun, "in", "in", "in")
    for noun in _interleaved(
        _compounds(
            _nouns("place", "das Museum, Museen = museum; der Laden, Läden = shop"),
            """
            Kunst = art; Musik = music; Computer = computer; Spielzeug = toy; Wein = wine
            Blumen = flower; Teppich = carpet; Fahrrad = bicycle; Möbel = furniture
            """,
        ),
        _compounds(
            _nouns(
                "place",
                """
                der Garten, Gärten = garden; die Bibliothek, Bibliotheken = library
                die Küche, Küchen = kitchen; das Theater, Theater = theatre; der Park, Parks = park
                """,
            ),
            "Schul = school; Stadt = city; Hotel = hotel; Schloss = castle; Dorf = village",
        ),
    )
]

PLACES = _SIMPLE_PLACES + _PLACE_COMPOUNDS

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


def _adjectives(table: str) -> list[Adjective]:
    return [(left, right) for left, right in _entries(table)]


_COLOURS = _adjectives("""
    rot = red; schwarz = black; weiß = white; blau = blue; grün = green; gelb = yellow
    braun = brown; grau = grey
""")
_SHADES = [
    (shade + colour, f"{meaning} {name}")
    for colour, name in _COLOURS
    if colour not in ("schwarz", "weiß")
    for shade, meaning in (("dunkel", "dark"), ("hell", "light"))
]
_NATIONALITIES = _adjectives("""
    deutsch = German; französisch = French; italienisch = Italian; englisch = English
    spanisch = Spanish; amerikanisch = American; japanisch = Japanese; russisch = Russian
    chinesisch = Chinese; polnisch = Polish; griechisch = Greek; türkisch = Turkish
    schwedisch = Swedish; holländisch = Dutch; portugiesisch = Portuguese; norwegisch = Norwegian
    österreichisch = Austrian; ungarisch = Hungarian; indisch = Indian; mexikanisch = Mexican
    irisch = Irish; dänisch = Danish; finnisch = Finnish; ägyptisch = Egyptian
""")
_GENERAL = _adjectives(
    "alt = old; neu = new; groß = big; klein = small; schön = beautiful; gut = good"
)
_SIZES = _adjectives("groß = big; klein = small; alt = old; schön = beautiful; hässlich = ugly")

CHARACTER = _adjectives("""
    müde = tired; glücklich = happy; krank = sick; traurig = sad; freundlich = friendly
    klug = clever; nett = nice; reich = rich; arm = poor; hungrig = hungry; stark = strong
    faul = lazy; berühmt = famous; mutig = brave; höflich = polite; wütend = angry
    ehrlich = honest; fleißig = diligent; stolz = proud; schwach = weak; unglücklich = unhappy
    unfreundlich = unfriendly; nervös = nervous; einsam = lonely; geduldig = patient
    ungeduldig = impatient; unhöflich = impolite; schüchtern = shy; fröhlich = cheerful
    ängstlich = anxious; großzügig = generous; gierig = greedy; vorsichtig = careful
    neugierig = curious; eifersüchtig = jealous; gefährlich = dangerous; intelligent = intelligent
    unehrlich = dishonest; dankbar = grateful; undankbar = ungrateful; sportlich = athletic
    durstig = thirsty; zufrieden = content; unzufrieden = dissatisfied; blind = blind; taub = deaf
    ernst = serious; begabt = gifted; erfolgreich = successful; erfolglos = unsuccessful
    arbeitslos = unemployed; hilflos = helpless; furchtlos = fearless; rücksichtslos = ruthless
    herzlos = heartless; obdachlos = homeless; kinderlos = childless
""")

ADJECTIVES: dict[str, list[Adjective]] = {
    "person": _adjectives("jung = young; alt = old; klein = small") + CHARACTER + _NATIONALITIES,
    "animal": _SIZES
    + _COLOURS[1:3]
    + _adjectives(
        "wild = wild; hungrig = hungry; gefährlich = dangerous; jung = young; braun = brown"
    ),
    "thing": _GENERAL
    + _COLOURS
    + _adjectives("""
    teuer = expensive; billig = cheap; schwer = heavy; leicht = light; modern = modern
    kaputt = broken; schmutzig = dirty; sauber = clean; rund = round; praktisch = practical
    elegant = elegant; wertvoll = valuable; wertlos = worthless; nützlich = useful
    nutzlos = useless; gebraucht = used; selten = rare; altmodisch = old-fashioned; stabil = sturdy
    eckig = square
    """)
    + _NATIONALITIES
    + _SHADES,
    "clothes": _GENERAL
    + _COLOURS
    + _adjectives("""
    warm = warm; lang = long; kurz = short; teuer = expensive; elegant = elegant; schmutzig = dirty
    dünn = thin; dick = thick; eng = tight; gestreift = striped; bequem = comfortable; nass = wet
    """)
    + _SHADES,
    "vehicle": _GENERAL
    + _COLOURS
    + _adjectives("""
    schnell = fast; langsam = slow; teuer = expensive; gebraucht = used; modern = modern
    leer = empty; voll = full; pünktlich = punctual
    """)
    + _NATIONALITIES,
    "food": _adjectives("""
    frisch = fresh; süß = sweet; heiß = hot; kalt = cold; lecker = tasty; sauer = sour; warm = warm
    salzig = salty; gesund = healthy; köstlich = delicious; fettig = greasy
    """)
    + _NATIONALITIES,
    "drink": _adjectives(
        "kalt = cold; heiß = hot; warm = warm; süß = sweet; frisch = fresh; bitter = bitter"
    ),
    "document": _GENERAL
    + _adjectives("""
    interessant = interesting; lang = long; wichtig = important; langweilig = boring; kurz = short
    spannend = exciting; lustig = funny; geheim = secret; kompliziert = complicated; traurig = sad
    berühmt = famous; merkwürdig = strange; nützlich = useful; politisch = political
    romantisch = romantic; historisch = historical; wissenschaftlich = scientific; einfach = simple
    unleserlich = illegible
    """)
    + _NATIONALITIES,
    "place": _SIZES
    + _adjectives("""
    dunkel = dark; ruhig = quiet; modern = modern; berühmt = famous; leer = empty; laut = noisy
    sauber = clean; schmutzig = dirty; historisch = historical; gemütlich = cosy
    verlassen = deserted
    """),
}

ADJECTIVES["openable"] = ADJECTIVES["thing"]
# Nobody is more Greek, more deaf or more childless than another.
_ABSOLUTE = ["blind", "taub", "leer", "voll", "kaputt", "rund", "eckig", "gebraucht", "geheim"]
COMPARABLE = {
    kind: [
        (adjective, meaning)
        for adjective, meaning in adjectives
        if (adjective, meaning) not in [*_NATIONALITIES, *_COLOURS, *_SHADES]
        and adjective not in _ABSOLUTE
        and not adjective.endswith("los")
    ]
    for kind, adjectives in ADJECTIVES.items()
}

DEGREES = [("sehr", "very"), ("ziemlich", "quite"), ("wirklich", "really"), ("zu", "too")]


def _english_verb(text: str) -> EnglishVerb:
    """Parse ``read read read``, ``open``, ``stop+`` (doubling), ``throw threw thrown|away``."""
    forms, _, particle = text.partition("|")
    base, *rest = forms.split()
    doubles = base.endswith("+")
    base = base.removesuffix("+")
    if not rest:
        rest = [english.regular_past(base, doubles=doubles)] * 2
    return EnglishVerb(base, rest[0], rest[1], particle, doubles)


def _verbs(table: str) -> list[Verb]:
    """Parse verbs, one an entry.

    Left: infinitive with ``|`` after a separable particle, ``sich`` before a reflexive, the changed
    stem in parentheses, the participle, ``+sein`` for the auxiliary. Middle: English. Right, if
    given: what the verb takes (an object kind, ``to`` or a preposition ``auf acc for``).
    """
    verbs = []
    for left, right, *takes in _entries(table):
        words = left.split()
        reflexive = words[0] == "sich"
        auxiliary = "sein" if "+sein" in words else "haben"
        words = [word for word in words if word not in ("sich", "+sein")]
        particle, _, infinitive = words[0].rpartition("|")
        changed = next((word[1:-1] for word in words if word.startswith("(")), "")
        verb = Verb(
            GermanVerb(infinitive, words[-1], changed, auxiliary, particle, reflexive),
            _english_verb(right),
        )
        for take in takes:
            parts = take.split()
            if take == "to":
                verb = replace(verb, english_to=True)
            elif len(parts) == 3:
                verb = replace(verb, preposition=(parts[0], parts[1], parts[2]))
            else:
                verb = replace(verb, object=take)
        verbs.append(verb)
    return verbs


INTRANSITIVE = _verbs("""
    schlafen (schläf) geschlafen = sleep slept slept; arbeiten gearbeitet = work
    lachen gelacht = laugh; weinen geweint = cry; spielen gespielt = play
    singen gesungen = sing sang sung; tanzen getanzt = dance; warten gewartet = wait
    lernen gelernt = learn; kochen gekocht = cook; schwimmen geschwommen +sein = swim+ swam swum
    auf|wachen aufgewacht +sein = wake woke woken|up; schreien geschrien = scream
    träumen geträumt = dream; auf|stehen aufgestanden +sein = get+ got got|up
    lügen gelogen = lie lied lied; rauchen geraucht = smoke; sich aus|ruhen ausgeruht = rest
    ein|schlafen (schläf) eingeschlafen +sein = fall fell fallen|asleep
    ab|reisen abgereist +sein = leave left left; sich beeilen beeilt = hurry
    frieren gefroren = freeze froze frozen; sich verstecken versteckt = hide hid hidden
    verschwinden verschwunden +sein = disappear; lächeln gelächelt = smile; atmen geatmet = breathe
    schweigen geschwiegen = keep kept kept|silent; an|kommen angekommen +sein = arrive
    sterben (stirb) gestorben +sein = die; meditieren meditiert = meditate
    sich verlaufen (verläuf) verlaufen = get+ got got|lost; um|ziehen umgezogen +sein = move
    """)

MOTION = _verbs("""
    gehen gegangen +sein = go went gone; fahren (fähr) gefahren +sein = travel+ travelled travelled
    laufen (läuf) gelaufen +sein = run+ ran run; fliegen geflogen +sein = fly flew flown
    zurück|kommen zurückgekommen +sein = come came come|back; rennen gerannt +sein = rush
    wandern gewandert +sein = hike; fliehen geflohen +sein = flee fled fled
    zurück|kehren zurückgekehrt +sein = return; eilen geeilt +sein = hasten
    """)

TRANSITIVE = _verbs("""
    sehen (sieh) gesehen = see saw seen = person; kaufen gekauft = buy bought bought = thing
    lesen (lies) gelesen = read read read = document; essen (iss) gegessen = eat ate eaten = food
    trinken getrunken = drink drank drunk = drink; besuchen besucht = visit = person
    suchen gesucht = look|for = thing; finden gefunden = find found found = thing
    kaufen gekauft = buy bought bought = food
    schreiben geschrieben = write wrote written = document; fragen gefragt = ask = person
    kennen gekannt = know knew known = person; verkaufen verkauft = sell sold sold = vehicle
    tragen (träg) getragen = wear wore worn = clothes; an|rufen angerufen = call = person
    öffnen geöffnet = open = openable; lieben geliebt = love = person
    ab|holen abgeholt = pick|up = person; sehen (sieh) gesehen = see saw seen = animal
    ein|laden (läd) eingeladen = invite = person; reparieren repariert = repair = vehicle
    vergessen (vergiss) vergessen = forget+ forgot forgotten = document
    kochen gekocht = cook = food; verlieren verloren = lose lost lost = thing
    treffen (triff) getroffen = meet met met = person; füttern gefüttert = feed fed fed = animal
    waschen (wäsch) gewaschen = wash = clothes
    mit|bringen mitgebracht = bring brought brought|along = food
    bestellen bestellt = order = drink
    verstehen verstanden = understand understood understood = document
    putzen geputzt = clean = thing; weg|werfen (wirf) weggeworfen = throw threw thrown|away = thing
    bauen gebaut = build built built = thing; ein|packen eingepackt = pack = thing
    an|ziehen angezogen = put+ put put|on = clothes
    aus|ziehen ausgezogen = take took taken|off = clothes; reparieren repariert = repair = thing
    hören gehört = hear heard heard = person
    stehlen (stiehl) gestohlen = steal stole stolen = thing; jagen gejagt = hunt = animal
    fangen (fäng) gefangen = catch caught caught = animal
    zeichnen gezeichnet = draw drew drawn = animal; malen gemalt = paint = thing
    fotografieren fotografiert = photograph = place; retten gerettet = save = person
    übersetzen übersetzt = translate = document
    ab|schicken abgeschickt = send sent sent|off = document
    an|sehen (sieh) angesehen = look|at = animal; unterschreiben unterschrieben = sign = document
    vor|bereiten vorbereitet = prepare = food; mieten gemietet = rent = vehicle
    verlassen (verläss) verlassen = leave left left = place; bewundern bewundert = admire = person
    beobachten beobachtet = watch = animal; kritisieren kritisiert = criticize = person
    auf|räumen aufgeräumt = tidy|up = place; probieren probiert = try = food
    stören gestört = disturb = person
    zurück|geben (gib) zurückgegeben = give gave given|back = document
    bemalen bemalt = decorate = thing; verstecken versteckt = hide hid hidden = document
    verbrennen verbrannt = burn = document; begrüßen begrüßt = greet = person
    lenken gelenkt = steer = vehicle; parken geparkt = park = vehicle
    um|tauschen umgetauscht = exchange = clothes; nähen genäht = sew sewed sewn = clothes
    aus|leihen ausgeliehen = borrow = document; schneiden geschnitten = cut+ cut cut = food
    ab|lehnen abgelehnt = reject = document; erkennen erkannt = recognize = person
    unterstützen unterstützt = support = person; verhaften verhaftet = arrest = person
    renovieren renoviert = renovate = place; erreichen erreicht = reach = place
    """)

DITRANSITIVE = _verbs("""
    geben (gib) gegeben = give gave given = thing = to
    zeigen gezeigt = show showed shown = document = to
    schenken geschenkt = give gave given = clothes = to
    schicken geschickt = send sent sent = document = to
    bringen gebracht = bring brought brought = food = to
    verkaufen verkauft = sell sold sold = thing = to
    leihen geliehen = lend lent lent = vehicle = to; erklären erklärt = explain = document = to
    vor|lesen (lies) vorgelesen = read read read|out = document = to
    erzählen erzählt = tell told told = document = to; servieren serviert = serve = drink = to
    empfehlen (empfiehl) empfohlen = recommend = food = to
    vererben vererbt = bequeath = thing = to
    übergeben (übergib) übergeben = hand|over = thing = to
    """)

DATIVE = _verbs("""
    helfen (hilf) geholfen = help; danken gedankt = thank; folgen gefolgt +sein = follow
    antworten geantwortet = answer; gratulieren gratuliert = congratulate
    vertrauen vertraut = trust; drohen gedroht = threaten; zu|hören zugehört = listen = to
    glauben geglaubt = believe; gehorchen gehorcht = obey
    verzeihen verziehen = forgive forgave forgiven
    widersprechen (widersprich) widersprochen = contradict
    """)

PREPOSITIONAL = _verbs("""
    warten gewartet = wait = auf acc for = person
    sprechen (sprich) gesprochen = speak spoke spoken = mit dat to = person
    denken gedacht = think thought thought = an acc of = person
    spielen gespielt = play = mit dat with = animal
    träumen geträumt = dream = von dat of = vehicle
    lachen gelacht = laugh = über acc about = document
    streiten gestritten = argue = mit dat with = person
    sich erinnern erinnert = remember = an acc - = person
    fragen gefragt = ask = nach dat for = thing; suchen gesucht = search = nach dat for = thing
    telefonieren telefoniert = talk = mit dat with = person
    sprechen (sprich) gesprochen = speak spoke spoken = über acc about = document
    sich kümmern gekümmert = look = um acc after = animal
    kämpfen gekämpft = fight fought fought = gegen acc against = person
    """)

# The thing liked is the German subject, and the English object.
EXPERIENCER = _verbs("""
    gefallen (gefäll) gefallen = like = thing; gefallen (gefäll) gefallen = like = clothes
    gefallen (gefäll) gefallen = like = document; schmecken geschmeckt = enjoy = food
    """)

REPORTING = _verbs("""
    sagen gesagt = say said said; glauben geglaubt = believe; wissen gewusst = know knew known
    hoffen gehofft = hope; denken gedacht = think thought thought; behaupten behauptet = claim
    hören gehört = hear heard heard; vermuten vermutet = suspect
    schwören geschworen = swear swore sworn; zu|geben (gib) zugegeben = admit+
    fürchten gefürchtet = fear
    """)

MALE_NAMES = _tokens(
    """
    Peter Thomas Paul Michael Karl Martin Otto David Jan Anton Robert Daniel Simon Oliver Erik
    Stefan Georg Walter Ralf Bernd Dieter Günter Heinrich Hermann Joachim Jürgen Kurt Ludwig
    Manfred Norbert Oskar Philipp Rainer Sebastian Tim Uwe Volker Werner Wolfgang Xaver Emil
    Felix Gustav Hugo Ivan Konrad Leon Marko Noah Adam Albert Benjamin Bruno Christian Edgar
    Ferdinand Frank Gregor Harald
    """
)
FEMALE_NAMES = _tokens(
    """
    Anna Maria Julia Laura Lisa Sarah Eva Sophie Emma Lena Katharina Sabine Monika Petra
    Claudia Nina Ursula Helga Ingrid Renate Karin Brigitte Angelika Barbara Christine Dora
    Elena Franziska Gisela Hannah Irene Johanna Klara Luise Martha Nora Olga Paula Rosa Silvia
    Tanja Ute Vera Wilma Yvonne Amelie Bettina Charlotte Diana Erika Frieda Greta Heike Ida
    Jana Kerstin Lydia Marlene Nadine
    """
)
_PLAIN_SURNAMES = _tokens(
    """
    Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Richter
    Klein Wolf Neumann Schwarz Zimmermann Braun Krüger Hartmann Lange Werner Krause Lehmann
    Köhler Maier Kaiser
    """
)
_SURNAME_STEMS = _tokens(
    "Stein Berg Linden Kirch Neu Alt Hof Brun Wald Eich Rosen Birken Oster Win Acker"
)
SURNAMES = _PLAIN_SURNAMES + [
    start + end
    for end in ("mann", "meier", "huber", "bauer", "berg", "bach", "feld", "hofer")
    for start in _SURNAME_STEMS
    if start.lower() != end
]

CITIES = [
    (left, right)
    for left, right in _entries("""
    Berlin = Berlin; München = Munich; Paris = Paris; Köln = Cologne; London = London
    Wien = Vienna; Rom = Rome; Hamburg = Hamburg; Prag = Prague; Zürich = Zurich; Moskau = Moscow
    Athen = Athens; Brüssel = Brussels; Warschau = Warsaw; Madrid = Madrid; Venedig = Venice
    Nürnberg = Nuremberg; Mailand = Milan; Lissabon = Lisbon; Kopenhagen = Copenhagen
    Genf = Geneva; Florenz = Florence; Neapel = Naples; Dresden = Dresden; Leipzig = Leipzig
    Stuttgart = Stuttgart; Bremen = Bremen; Hannover = Hanover; Frankfurt = Frankfurt
    Salzburg = Salzburg; Tokio = Tokyo; Peking = Beijing; Kairo = Cairo; Havanna = Havana
    Jerusalem = Jerusalem; Dublin = Dublin; Budapest = Budapest; Stockholm = Stockholm; Oslo = Oslo
    Helsinki = Helsinki; Bukarest = Bucharest; Belgrad = Belgrade; Turin = Turin; Sevilla = Seville
    Antwerpen = Antwerp; Krakau = Krakow; Danzig = Gdansk; Straßburg = Strasbourg; Basel = Basel
    Bern = Bern; Boston = Boston; Chicago = Chicago
    """)
]
COUNTRIES = [
    (left, right)
    for left, right in _entries("""
    Deutschland = Germany; Frankreich = France; Italien = Italy; England = England; Spanien = Spain
    Österreich = Austria; Japan = Japan; Russland = Russia; China = China; Polen = Poland
    Griechenland = Greece; Schweden = Sweden; Indien = India; Kanada = Canada; Portugal = Portugal
    Norwegen = Norway; Ungarn = Hungary; Brasilien = Brazil; Irland = Ireland; Belgien = Belgium
    Dänemark = Denmark; Finnland = Finland; Ägypten = Egypt; Australien = Australia
    Mexiko = Mexico; Kenia = Kenya; Argentinien = Argentina; Schottland = Scotland
    Kroatien = Croatia; Chile = Chile
    """)
]

Fixed = tuple[str, str]


def _fixed(table: str) -> list[Fixed]:
    return [(left, right) for left, right in _entries(table)]


_WEEKDAYS = _fixed("""
    Montag = Monday; Dienstag = Tuesday; Mittwoch = Wednesday; Donnerstag = Thursday
    Freitag = Friday; Samstag = Saturday; Sonntag = Sunday
""")
_MONTHS = _fixed("""
    Januar = January; Februar = February; März = March; April = April; Mai = May; Juni = June
    Juli = July; August = August; September = September; Oktober = October; November = November
    Dezember = December
""")
_DAYTIMES = _fixed(
    "am Morgen = in the morning; am Abend = in the evening; am Nachmittag = in the afternoon"
)
_WHENEVER = (
    _DAYTIMES
    + [(f"am {day}", f"on {name}") for day, name in _WEEKDAYS]
    + [(f"im {month}", f"in {name}") for month, name in _MONTHS]
    + _fixed(
        """
        im Sommer = in summer; im Winter = in winter; im Herbst = in autumn
        im Frühling = in spring
        """
    )
)
TIMES = {
    "present": _fixed(
        "heute = today; jeden Tag = every day; am Wochenende = at the weekend; jetzt = now"
    )
    + [(f"jeden {day}", f"every {name}") for day, name in _WEEKDAYS]
    + _WHENEVER,
    "past": _fixed("""
    gestern = yesterday; letzte Woche = last week; gestern Abend = yesterday evening
    letztes Jahr = last year; vorgestern = the day before yesterday; letzten Monat = last month
    """)
    + [(f"letzten {day}", f"last {name}") for day, name in _WEEKDAYS]
    + _WHENEVER,
    "future": _fixed("""
    morgen = tomorrow; nächste Woche = next week; bald = soon; nächstes Jahr = next year
    übermorgen = the day after tomorrow; nächsten Monat = next month
    morgen Abend = tomorrow evening
    """)
    + [(f"nächsten {day}", f"next {name}") for day, name in _WEEKDAYS]
    + _WHENEVER,
}
# Dative plural for vor/in, English plural.
TIME_UNITS = _fixed(
    """
    Tagen = days; Jahren = years; Stunden = hours; Wochen = weeks; Monaten = months
    Minuten = minutes
    """
)

MID_ADVERBS = _fixed(
    "oft = often; immer = always; nie = never; manchmal = sometimes; selten = rarely"
)
MANNERS = _fixed("""
    allein = alone; schnell = quickly; langsam = slowly; heimlich = secretly
    vorsichtig = carefully; freiwillig = voluntarily; wieder = again
    """)
MEANS = _fixed("""
    mit dem Auto = by car; mit dem Zug = by train; mit dem Bus = by bus
    mit dem Fahrrad = by bicycle; mit dem Taxi = by taxi; mit dem Schiff = by ship
    mit der Straßenbahn = by tram
""")


WEATHER = _verbs("regnen geregnet = rain; schneien geschneit = snow; donnern gedonnert = thunder")
KNOW = next(verb for verb in REPORTING if verb.german.infinitive == "wissen")
BE = _verbs("sein gewesen +sein = be was been")[0]

# Verbs for which "is …ing" or "likes to …" would be odd.
STATIVE = frozenset(
    _tokens(
        """
        see know love lose forget understand hear find admire leave die fall reach
        recognize
        """
    )
)
LIKED = frozenset(
    _tokens(
        """
        sleep work play sing dance cook swim learn travel run fly read eat drink visit
        write wear paint draw hike feed photograph build
        """
    )
)
