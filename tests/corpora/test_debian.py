"""Package descriptions: parsing, aligning, and fetching with a make-believe apt."""

import gzip
import os
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError, read_manifest, write_corpus
from regattn_fairseq.corpora.debian import (
    DebianHeadlines,
    DebianTranslations,
    align,
    parse_index,
    without_numbers,
)

ENGLISH = """\
Package: sorter
Description-md5: aaa
Description-en: tool that sorts things
 Sorter puts things in order. It is
 quick, e.g. with numbers. Try it.
 .
 It can sort:
  * letters, in any
    language
  * numbers
 .
 Done.

Package: sorter-doc
Description-md5: bbb
Description-en: tool that sorts things (manual)
 The manual.
"""
GERMAN = """\
Package: sorter
Description-md5: aaa
Description-de: Werkzeug zum Sortieren
 Sorter bringt Dinge in eine Reihenfolge. Es ist schnell, z.B. mit Zahlen. Probieren Sie es.
 .
 Es kann sortieren:
  * Buchstaben in jeder
    Sprache
  * Zahlen
 .
 Fertig.
"""


def parse(text: str) -> list:
    return list(parse_index(text.split("\n")))


def aligned(german: str, english: str) -> list[tuple[str, str]]:
    pairs = align(parse(german)[0], parse(english)[0], "de", "en")
    return [(pair.source, pair.target) for pair in pairs]


def test_paragraphs_and_items() -> None:
    sorter, manual = parse(ENGLISH)
    assert (sorter.md5, sorter.synopsis) == ("aaa", "tool that sorts things")
    assert sorter.paragraphs == (
        "Sorter puts things in order. It is quick, e.g. with numbers. Try it.",
        "It can sort:",
        "letters, in any language",
        "numbers",
        "Done.",
    )
    assert manual.paragraphs == ("The manual.",)


def test_stanzas_without_a_description_are_passed_over() -> None:
    assert parse("Package: x\n\nPackage: y\nDescription-md5: c\nDescription-en:\n\n\n") == []


def test_lines_are_joined_as_their_language_joins_them() -> None:
    text = (
        "Description-md5: a\nDescription-da: x\n Billeder af GNOME-\n spil, ind-\n og udgang.\n .\n"
        " これはワー\n プロ\n です。XML\n を読む\u200b。\n"
    )
    assert parse(text)[0].paragraphs == (
        "Billeder af GNOME-spil, ind- og udgang.",
        "これはワープロです。XML を読む。",
    )


def test_sentences_are_aligned() -> None:
    pairs = aligned(GERMAN, ENGLISH)
    assert pairs[:4] == [
        ("Werkzeug zum Sortieren", "tool that sorts things"),
        ("Sorter bringt Dinge in eine Reihenfolge.", "Sorter puts things in order."),
        ("Es ist schnell, z.B. mit Zahlen.", "It is quick, e.g. with numbers."),
        ("Probieren Sie es.", "Try it."),
    ]
    assert ("Zahlen", "numbers") in pairs


def test_paragraphs_that_do_not_match_are_passed_over() -> None:
    shorter = GERMAN.replace(" Probieren Sie es.", "")
    pairs = [target for _, target in aligned(shorter, ENGLISH)]
    assert "Sorter puts things in order." not in pairs
    assert "Done." in pairs
    fewer = GERMAN.replace("  * Zahlen\n", "")
    assert len(aligned(fewer, ENGLISH)) == 1


def test_untranslated_wordless_and_damaged_text_is_passed_over() -> None:
    english, german = (
        f"Description-md5: a\nDescription-{language}: {synopsis}\n"
        f" {number}\n .\n {same}\n .\n {x}\n"
        for language, synopsis, number, same, x in (
            ("en", "x11 tools", "12.5%, 17.", 'Called "same".', "for friends"),
            ("de", "X11-Hilfen", "12,5 %; 17.", "Called »same«", "fÃ¼r Freunde"),
        )
    )
    assert [source for source, _ in aligned(german, english)] == ["X11-Hilfen"]


def test_versions_are_one_sentence() -> None:
    assert without_numbers("GCC 12.2 manual") == without_numbers("gcc 9.10 manual")


def many(language: str, count: int) -> str:
    letters = [chr(ord("a") + i // 26) + chr(ord("a") + i % 26) for i in range(count)]
    words = {"en": "The tool", "de": "Das Werkzeug", "fr": "Cet outil"}
    return "\n".join(
        f"Package: p{x}\nDescription-md5: {x}\nDescription-{language}: {words[language]} {x}\n"
        f" {words[language]} named {x} does good work.\n"
        for x in letters
    )


def write_program(path: Path, text: str) -> None:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@pytest.fixture
def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """apt-get and apt-helper that serve ``index/<language>`` and log how they were called."""
    folder = tmp_path / "apt"
    (folder / "index").mkdir(parents=True)
    for language in ("en", "de", "fr"):
        (folder / "index" / language).write_text(many(language, 60))
    write_program(
        folder / "apt-get",
        f'echo "$@" >> {folder}/log; cp "$2" {folder}/conf\n'
        f'grep ^Acquire::Lang "$2" >> {folder}/log\n'
        "for x in en de fr; do echo main/i18n/Translation-$x; done > ${2%/*}/state/InRelease\n"
        "for last; do :; done\n"
        f'case "$*" in *indextargets*) echo {folder}/index/"${{last#*: }}";; esac\n',
    )
    write_program(folder / "apt-helper", 'shift 3; exec cat "$@"\n')
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_indices_are_fetched_once(fake_apt: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    corpus = DebianTranslations(raw, "de", "en", valid=10, test=10)
    manifest = write_corpus(corpus, tmp_path / "one")
    assert sorted(manifest["inputs"]) == ["Translation-de.gz", "Translation-en.gz"]
    assert sum(split["pairs"] for split in manifest["splits"].values()) == 120
    french = write_corpus(DebianTranslations(raw, "fr", "en", valid=10, test=10), tmp_path / "fr")
    assert french["name"] == "debian_fr_en"
    asked = [line for line in (fake_apt / "log").read_text().split("\n") if "Languages" in line]
    assert set(asked) == {
        'Acquire::Languages { "de"; "en"; };',
        'Acquire::Languages { "fr"; };',
    }
    assert len(list(raw.iterdir())) == 3
    (fake_apt / "apt-get").unlink()
    (fake_apt / "apt-helper").unlink()
    assert write_corpus(corpus, tmp_path / "two") == manifest


def test_apt_gets_a_state_of_its_own(fake_apt: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_corpus(DebianHeadlines(raw, valid=10, test=10), tmp_path / "out")
    configuration = (fake_apt / "conf").read_text()
    assert 'Acquire::Languages { "en"; };' in configuration
    for place in ("Dir::State", "Dir::State::lists", "Dir::State::status", "Dir::Cache"):
        assert f'{place} "' in configuration
    folder = configuration.split('"')[1]
    assert not Path(folder).exists()
    assert (fake_apt / "log").read_text().count("update") == 1


def test_headlines(fake_apt: Path, tmp_path: Path) -> None:
    corpus = DebianHeadlines(tmp_path / "raw", valid=10, test=10)
    write_corpus(corpus, tmp_path / "out", min_length=2)
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["source_lang"], manifest["target_lang"]) == ("article", "title")
    source = (tmp_path / "out/train.src").read_text().split("\n")[0]
    target = (tmp_path / "out/train.tgt").read_text().split("\n")[0]
    assert source == f"{target.replace('tool', 'tool named')} does good work."


def test_a_system_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(
        CorpusError, match=r"need apt-get, which this system does not have.*raw_dir"
    ):
        write_corpus(DebianTranslations(tmp_path / "raw"), tmp_path / "out")


def test_apt_without_a_network(fake_apt: Path, tmp_path: Path) -> None:
    write_program(fake_apt / "apt-get", 'echo "E: no route to host" >&2; exit 100\n')
    with pytest.raises(CorpusError, match=r"apt-get failed \(E: no route to host\).*the network"):
        write_corpus(DebianTranslations(tmp_path / "raw"), tmp_path / "out")
    assert not (tmp_path / "raw").exists()


def test_one_dead_source_does_not_stop_the_others(
    fake_apt: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = (fake_apt / "apt-get").read_text().removeprefix("#!/bin/sh\n")
    dead = 'case "$*" in *update*) echo "E: no answer of third.party" >&2; exit 100;; esac\n'
    absent = 'case "$*" in *indextargets*) echo /lists/third_party_Translation;; esac\n'
    write_program(fake_apt / "apt-get", dead + absent + script)
    manifest = write_corpus(DebianHeadlines(tmp_path / "raw", valid=10, test=10), tmp_path / "out")
    assert sum(split["pairs"] for split in manifest["splits"].values()) == 60
    assert "E: no answer of third.party" in caplog.text


def test_what_is_there_is_neither_passed_over_nor_replaced(fake_apt: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "Translation-de").write_text(many("de", 40))
    corpus = DebianTranslations(raw, "de", "en", valid=5, test=5)
    assert [p.name for p in corpus.input_files()] == ["Translation-de", "Translation-en.gz"]
    write_corpus(corpus, tmp_path / "out")
    assert (raw / "Translation-de").read_text() == many("de", 40)
    assert not (raw / "Translation-de.gz").exists()
    (raw / "Translation-en").write_bytes(gzip.decompress((raw / "Translation-en.gz").read_bytes()))
    (raw / "Translation-en.gz").unlink()
    (fake_apt / "apt-get").unlink()
    assert len(corpus.input_files()) == 2


def test_sources_without_translations(fake_apt: Path, tmp_path: Path) -> None:
    write_program(fake_apt / "apt-get", "exit 0\n")
    with pytest.raises(CorpusError, match="no Translation-de"):
        write_corpus(DebianTranslations(tmp_path / "raw"), tmp_path / "out")


def test_a_folder_that_cannot_be_made(fake_apt: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=r"choose another data\.raw_dir"):
        write_corpus(DebianTranslations(tmp_path / "file" / "raw"), tmp_path / "out")


@pytest.mark.parametrize(
    ("languages", "named"),
    [
        (("de", "de"), "both de"),
        (("DE", "en"), r"data\.source_lang=DE"),
        (("en", "pt-BR"), r"data\.target_lang=pt-BR.* pt_BR"),
    ],
)
def test_what_is_no_pair_of_languages(languages: tuple[str, str], named: str) -> None:
    with pytest.raises(CorpusError, match=named):
        DebianTranslations("raw", *languages)


@pytest.mark.usefixtures("fake_apt")
def test_a_language_without_an_index_is_refused_with_those_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"language tlh: choose .* from de, en, fr$"):
        DebianTranslations(tmp_path / "raw", "tlh", "en").input_files()
    assert not (tmp_path / "raw").exists()


def test_a_filled_folder_may_come_from_elsewhere(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "Translation-en.gz").write_bytes(gzip.compress(many("en", 40).encode()))
    manifest = write_corpus(DebianHeadlines(raw, valid=5, test=5), tmp_path / "out")
    assert manifest["splits"]["test"]["pairs"] == 5
