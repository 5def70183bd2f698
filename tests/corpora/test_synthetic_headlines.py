"""Leads and headlines in the conventions of annotated Gigaword."""

from itertools import islice
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError, SentencePair, write_corpus
from regattn_fairseq.corpora.newswire.conventions import gigaword, mask, rare_words
from regattn_fairseq.corpora.newswire.names import COUNTRIES, FIRST_NAMES, SURNAMES
from regattn_fairseq.corpora.synthetic_headlines import SyntheticHeadlines


@pytest.fixture(scope="module")
def pairs() -> list[SentencePair]:
    return list(SyntheticHeadlines(seed=5, pairs=3000).read().pairs)


def test_conventions() -> None:
    assert gigaword("At 3.5 percent, Ann-Marie's U.N. visit cost 1,200 dollars.") == (
        "at #.# percent , ann-marie 's u.n. visit cost #,### dollars ."
    )
    assert gigaword("the 36-year-old won 3-1 in the 90th minute") == (
        "the ##-year-old won #-# in the ##th minute"
    )
    assert gigaword("saying `` it is over , '' he left") == "saying `` it is over , '' he left"


def test_rare_words_are_masked() -> None:
    rare = rare_words(["a a b", "a b c"], 2)
    assert rare == {"c"}
    assert mask("c a c", rare) == "UNK a UNK"


def test_text_follows_the_conventions(pairs: list[SentencePair]) -> None:
    for pair in pairs:
        for text in (pair.source, pair.target):
            assert not any(character.isdigit() for character in text)
            assert text.replace("UNK", "").islower()
            assert "{" not in text
        assert 15 <= len(pair.source.split()) <= 32
        assert pair.source.endswith(" .")
        assert 4 <= len(pair.target.split()) <= 13, pair
        assert not pair.target.endswith(".")


def test_rare_words_depend_on_the_threshold() -> None:
    unmasked = list(SyntheticHeadlines(pairs=1100, min_count=1).read().pairs)
    masked = list(SyntheticHeadlines(pairs=1100, min_count=5).read().pairs)
    assert not any("UNK" in pair.source for pair in unmasked)
    assert any("UNK" in pair.source for pair in masked)
    assert any("UNK" in pair.target for pair in masked)


def test_a_lead_has_one_headline(pairs: list[SentencePair]) -> None:
    assert len({pair.source for pair in pairs}) == len(pairs)


def test_headlines_select_and_rewrite(pairs: list[SentencePair]) -> None:
    copied = new = 0
    for pair in pairs:
        source = set(pair.source.split())
        for word in pair.target.split():
            copied += word in source
            new += word not in source
    assert 0.5 < copied / (copied + new) < 0.95
    ratio = sum(len(p.target.split()) for p in pairs) / sum(len(p.source.split()) for p in pairs)
    assert 0.15 < ratio < 0.4


def test_headlines_leave_out_days_sources_and_the_past(pairs: list[SentencePair]) -> None:
    for pair in pairs:
        words = set(pair.target.split())
        assert not words & {"monday", "friday", "sunday", "was", "were", "had", "a", "the"}, pair
        if "officials said" in pair.source:
            assert "officials" not in words


def test_numerals_become_digits(pairs: list[SentencePair]) -> None:
    killed = [p for p in pairs if " killed in " in p.target]
    assert killed
    assert all(p.target.split()[0] in ("#", "##") for p in killed)
    assert any("seven" in p.source for p in killed)


def test_names_are_many() -> None:
    assert len({name for names in SURNAMES.values() for name in names}) > 1500
    assert {country.region for country in COUNTRIES} <= set(SURNAMES) & set(FIRST_NAMES)
    assert len({city for country in COUNTRIES for city in country.cities}) > 200


def test_a_few_thousand_words() -> None:
    pairs = islice(SyntheticHeadlines(min_count=1, pairs=8000).read().pairs, 8000)
    assert len({word for pair in pairs for word in pair.source.split()}) > 2500


def test_written_without_leaks(tmp_path: Path) -> None:
    corpus = SyntheticHeadlines(pairs=2000, valid=100, test=100)
    manifest = write_corpus(corpus, tmp_path / "out")
    assert manifest["splits"]["test"]["pairs"] == 100
    sides = {
        name: {
            *(tmp_path / f"out/{name}.src").read_text().split("\n"),
            *(tmp_path / f"out/{name}.tgt").read_text().split("\n"),
        }
        - {""}
        for name in ("train", "valid", "test")
    }
    assert not sides["train"] & sides["test"]
    assert not sides["train"] & sides["valid"]


def test_min_count_is_positive() -> None:
    with pytest.raises(CorpusError, match=r"data\.corpus\.min_count=0"):
        SyntheticHeadlines(min_count=0)
