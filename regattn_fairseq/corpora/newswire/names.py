"""Countries, people and companies: real places, invented people and firms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Country:
    """A country; ``region`` says what its people are called, its capital stands first in cities."""

    name: str
    adjective: str
    region: str
    cities: tuple[str, ...]


def _countries(table: str) -> list[Country]:
    countries = []
    for line in table.strip().split("\n"):
        name, adjective, region, cities = (part.strip() for part in line.split("|"))
        countries.append(Country(name, adjective, region, tuple(cities.split(", "))))
    return countries


COUNTRIES = _countries("""
    Germany | German | german | Berlin, Munich, Hamburg, Frankfurt, Cologne, Stuttgart, Leipzig
    France | French | french | Paris, Lyon, Marseille, Toulouse, Bordeaux, Lille, Nantes
    Britain | British | english | London, Manchester, Birmingham, Liverpool, Glasgow, Leeds
    China | Chinese | chinese | Beijing, Shanghai, Guangzhou, Shenzhen, Wuhan, Nanjing, Chengdu
    Japan | Japanese | japanese | Tokyo, Osaka, Kobe, Nagoya, Sapporo, Hiroshima, Yokohama
    Russia | Russian | slavic | Moscow, Kazan, Omsk, Samara, Volgograd, Vladivostok
    Israel | Israeli | hebrew | Jerusalem, Haifa, Eilat, Ashdod, Beersheba
    Iraq | Iraqi | arabic | Baghdad, Basra, Mosul, Kirkuk, Fallujah, Najaf
    Italy | Italian | italian | Rome, Milan, Turin, Naples, Florence, Genoa, Palermo, Bologna
    Spain | Spanish | spanish | Madrid, Barcelona, Valencia, Seville, Bilbao, Malaga
    India | Indian | indian | Delhi, Mumbai, Kolkata, Chennai, Bangalore, Hyderabad
    Iran | Iranian | persian | Tehran, Isfahan, Shiraz, Tabriz, Mashhad
    Australia | Australian | english | Canberra, Sydney, Melbourne, Perth, Brisbane, Adelaide
    Pakistan | Pakistani | persian | Islamabad, Karachi, Lahore, Peshawar, Quetta, Multan
    Turkey | Turkish | turkish | Ankara, Istanbul, Izmir, Bursa, Antalya, Diyarbakir
    Brazil | Brazilian | portuguese | Brasilia, Rio de Janeiro, Recife, Salvador, Curitiba
    Canada | Canadian | english | Ottawa, Toronto, Montreal, Vancouver, Calgary
    Indonesia | Indonesian | malay | Jakarta, Surabaya, Bandung, Medan, Makassar
    Egypt | Egyptian | arabic | Cairo, Alexandria, Luxor, Aswan, Suez
    Poland | Polish | slavic | Warsaw, Krakow, Gdansk, Poznan, Lodz, Wroclaw
    Mexico | Mexican | spanish | Mexico City, Tijuana, Puebla, Monterrey, Oaxaca
    Ukraine | Ukrainian | slavic | Kiev, Odessa, Kharkov, Lviv, Donetsk
    Greece | Greek | greek | Athens, Patras, Thessaloniki, Heraklion
    Thailand | Thai | thai | Bangkok, Phuket, Pattaya, Chiang Mai
    Nigeria | Nigerian | african | Abuja, Lagos, Kano, Ibadan, Enugu
    Colombia | Colombian | spanish | Bogota, Medellin, Cali, Cartagena
    Sweden | Swedish | nordic | Stockholm, Gothenburg, Malmo, Uppsala
    Argentina | Argentine | spanish | Buenos Aires, Cordoba, Rosario, Mendoza
    Kenya | Kenyan | african | Nairobi, Mombasa, Kisumu, Nakuru
    Portugal | Portuguese | portuguese | Lisbon, Porto, Braga, Coimbra
    Bangladesh | Bangladeshi | indian | Dhaka, Chittagong, Sylhet, Khulna
    Hungary | Hungarian | hungarian | Budapest, Debrecen, Szeged, Pecs
    Algeria | Algerian | arabic | Algiers, Oran, Constantine, Annaba
    Peru | Peruvian | spanish | Lima, Cusco, Arequipa, Trujillo
    Austria | Austrian | german | Vienna, Graz, Linz, Salzburg, Innsbruck
    Norway | Norwegian | nordic | Oslo, Bergen, Trondheim, Stavanger
    Vietnam | Vietnamese | viet | Hanoi, Hue, Da Nang, Haiphong
    Chile | Chilean | spanish | Santiago, Valparaiso, Concepcion, Antofagasta
    Sudan | Sudanese | arabic | Khartoum, Omdurman, Kassala, Nyala
    Syria | Syrian | arabic | Damascus, Aleppo, Homs, Latakia
    Denmark | Danish | nordic | Copenhagen, Aarhus, Odense, Aalborg
    Serbia | Serbian | slavic | Belgrade, Nis, Novi Sad, Kragujevac
    Finland | Finnish | finnish | Helsinki, Tampere, Turku, Oulu
    Malaysia | Malaysian | malay | Kuala Lumpur, Penang, Ipoh, Malacca
    Lebanon | Lebanese | arabic | Beirut, Tripoli, Sidon, Tyre
    Belgium | Belgian | french | Brussels, Antwerp, Ghent, Liege, Bruges
    Ghana | Ghanaian | african | Accra, Kumasi, Tamale
    Romania | Romanian | romanian | Bucharest, Cluj, Timisoara, Constanta
    Cuba | Cuban | spanish | Havana, Camaguey, Holguin
    Nepal | Nepalese | indian | Kathmandu, Pokhara, Biratnagar
    Switzerland | Swiss | german | Bern, Zurich, Geneva, Basel, Lausanne
    Uganda | Ugandan | african | Kampala, Gulu, Jinja, Entebbe
    Bulgaria | Bulgarian | slavic | Sofia, Plovdiv, Varna, Burgas
    Venezuela | Venezuelan | spanish | Caracas, Maracaibo, Valera
    Zambia | Zambian | african | Lusaka, Ndola, Kitwe
    Croatia | Croatian | slavic | Zagreb, Split, Rijeka, Osijek
    Ireland | Irish | english | Dublin, Cork, Galway, Limerick
    Ethiopia | Ethiopian | african | Addis Ababa, Gondar, Mekele
    Morocco | Moroccan | arabic | Rabat, Casablanca, Fez, Marrakech, Tangier
    Ecuador | Ecuadorian | spanish | Quito, Guayaquil, Cuenca
""")

_FIRST_NAMES = {
    "german": "Hans Klaus Jürgen Ulrike Angela Stefan Wolfgang Petra Dieter Renate",
    "french": "Jean Pierre Michel Claire Luc Brigitte Alain Sylvie Henri Nathalie",
    "english": "John Mary Peter Susan David Helen Mark Alice Robert Emily",
    "chinese": "Wei Jun Ming Li Hong Xia Gang Yan Tao Feng",
    "japanese": "Kenji Hiroshi Yuki Akira Naoko Takeshi Keiko Shinji Yoko Ichiro",
    "slavic": "Ivan Viktor Sergei Natalia Boris Olga Nikolai Irina Alexei Milan",
    "hebrew": "Moshe Yossi Avi Rachel Dan Miriam Eli Tamar",
    "arabic": "Ahmed Hassan Omar Fatima Khaled Mahmoud Leila Ibrahim Samir Yusuf",
    "italian": "Marco Giulia Paolo Lucia Roberto Chiara Mario Silvio Franco Elena",
    "spanish": "Carlos Ana Luis Carmen Javier Pilar Miguel Jorge Rosa Fernando",
    "indian": "Rajiv Sunita Anil Priya Sanjay Lata Arun Indira Vikram Meena",
    "persian": "Ali Reza Imran Shirin Asif Parveen Hamid Nasrin Tariq Zahra",
    "turkish": "Mehmet Ayse Mustafa Emine Kemal Orhan Zeynep Selim",
    "portuguese": "Joao Paulo Ines Rui Marta Nuno Beatriz Tiago Rafael Teresa",
    "malay": "Budi Siti Agus Dewi Hadi Ratna Joko Wati",
    "greek": "Giorgos Maria Nikos Eleni Kostas Sofia Yannis Katerina",
    "thai": "Somchai Malee Prasert Suda Chai Anong Wichai Nok",
    "african": "Kwame Grace Joseph Amina Samuel Esther Moses Ngozi Daniel Joyce",
    "nordic": "Lars Ingrid Erik Astrid Olav Karin Magnus Sigrid",
    "hungarian": "Laszlo Katalin Istvan Zsuzsa Gabor Eva Tibor Agnes",
    "viet": "Van Thi Minh Lan Duc Hoa Quang Mai",
    "finnish": "Jukka Aino Matti Kaisa Pekka Liisa Timo Helena",
    "romanian": "Ion Elena Radu Ioana Mircea Doina Vasile Ana",
}

# Stems and endings of invented surnames; every combination is one.
_SURNAMES = {
    "german": (
        "Stein Berg Linden Hoff Neu Wald Eich Rosen Haupt Falken Gold Sommer Kirch Acker",
        "mann meier bauer feld hofer brand",
    ),
    "french": (
        "Beau Mont Dur Char Lam Gir Per Val Roch Fleur Mar Tour Boiss Lec",
        "champ and ard bert ois rieux elle",
    ),
    "english": (
        "Ash Hart Brad Wil Thorn Hay Lang Wood Stan Black Ever Red Kings Brook Carl",
        "ton field son ley more well ford",
    ),
    "chinese": ("Zh Ch Sh W L H X Y G J D Q B T", "ang ou en ao ing uan"),
    "japanese": (
        "Naka Yama Taka Matsu Kawa Fuji Mori Ishi Hashi Ono Kuro Sugi Aoki Hira Tomi",
        "moto mura da shima guchi ta no",
    ),
    "slavic": (
        "Petr Ivan Sokol Kuzn Pavl Bond Vol Mark Stoy Zhuk Belov Kras Mil Radov Tar",
        "ov ev enko ovic ski in ak",
    ),
    "hebrew": ("Ben Bar Gold Roz Sha Le Kat Weiz Nah Dor Eli", "ari lev man ron mir vy"),
    "arabic": (
        "Hadd Mans Jab Sal Far Kass Bar Nass Khal Rash Bish Tam Zaid Hak",
        "ad our bari eh ouk em is",
    ),
    "italian": (
        "Ross Bianch Ferr Mar Cont Ben Gall Mor Ricc Lomb Vit Pell Cast Sant",
        "ini elli etti ato oni ari",
    ),
    "spanish": (
        "Rodr Gonz Mart Fern Lop Herr Mend Alv Gutierr Dom Jim Velasq Ord Sanch",
        "iguez alez inez andez era oza",
    ),
    "indian": (
        "Sha Gu Pat Ver Cho Red Mish Bhat Sing Kum Nai Bos Des Rao",
        "rma pta il udhry dy ra nagar",
    ),
    "persian": (
        "Kar Rah Hoss Ahm Mor Khan Raz Sad Shar Jal Nour Baz Taher Aziz",
        "imi mani eini adi tazavi iq avi",
    ),
    "turkish": ("Yil Ak Demi Kor Ars Oz Tek Kay Ce Bas Do Gun Erd", "maz soy rel kut lan turk in"),
    "portuguese": (
        "Fer Sil Alm Car Oli Mor Per Gou Mag Tei Bran Cou Lob",
        "reira veira eida valho inho ais",
    ),
    "malay": ("Su Wi Har Set Pra Nur Gun Yud Kusu Man Tri Abdul", "harto doyo tono iawan bowo din"),
    "greek": (
        "Papa Kara Dimi Stavro Niko Geor Xeno Theo Mavro Pana Anto Kosto",
        "dakis poulos manlis nidis giou las",
    ),
    "thai": (
        "Sri Chai Thong Wong Rat Pra Boon Kit Nara Supa Tana Wira",
        "suwan sak chai kul porn sert",
    ),
    "african": (
        "Oka Mwa Nko Adeb Kip Otie Che Mu Ndu Bala Kama Tshi Oye Zu",
        "for ngi mo ayo sang no lwa sa",
    ),
    "nordic": (
        "Lind Ander Niel Ek Hol Sand Berg Nor Sjo Bjork Hag Dal",
        "berg sen strom gren quist dahl",
    ),
    "hungarian": ("Kov Nag Sza Tot Hor Var Fek Bal Mol Ker Sip Rak", "acs y bo h vath ga"),
    "viet": ("Ngu Tr Ph Ho Vu D B L Qu Th V Kh", "yen an am ang ong inh"),
    "finnish": (
        "Vir Korho Lai Maki Niemi Koski Hama Salo Ranta Jarvi Leh Tuomi",
        "tanen nen ne la nela",
    ),
    "romanian": ("Pop Ion Stan Mun Dum Rad Vas Cris Mih Alb Bogd Lup", "escu eanu ciu teanu itru"),
}


def _combined(stems: str, endings: str) -> list[str]:
    return [stem + ending for ending, stem in product(endings.split(), stems.split())]


FIRST_NAMES = {region: names.split() for region, names in _FIRST_NAMES.items()}
SURNAMES = {region: _combined(*parts) for region, parts in _SURNAMES.items()}
COMPANIES = _combined(
    "Nor Alt Bren Cor Del Eur Fal Gran Hel Inter Jor Kel Lum Mer Nov Or Pan Quan Riv Sol Ter Uni "
    "Ver West Zen",
    "dia vik tona tex mark lin via nova star ron",
)
