"""Countries, people and companies: real places, invented people and firms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

from regattn_fairseq.corpora.tables import read_rows, read_words

TABLES = Path(__file__).with_name("tables")


@dataclass(frozen=True)
class Country:
    """A country; ``region`` says what its people are called, its capital stands first in cities."""

    name: str
    adjective: str
    region: str
    cities: tuple[str, ...]
    football_league: str


def _combined(stems: list[str], endings: list[str]) -> list[str]:
    return [stem + ending for ending, stem in product(endings, stems)]


COUNTRIES = [
    Country(name, adjective, region, tuple(cities.split(", ")), league)
    for name, adjective, region, cities, league in read_rows(TABLES / "countries.tsv")
]
# Every combination of a stem and an ending is a surname.
_NAMES = read_rows(TABLES / "names.tsv")
FIRST_NAMES = {region: names.split() for region, names, _, _ in _NAMES}
SURNAMES = {
    region: _combined(stems.split(), endings.split()) for region, _, stems, endings in _NAMES
}
_PHRASES = read_words(TABLES / "phrases.tsv")
COMPANIES = _combined(_PHRASES["company_stems"], _PHRASES["company_endings"])
