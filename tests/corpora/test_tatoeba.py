"""Pairs in the form in which Tatoeba's archives circulate."""

import zipfile
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError, write_corpus
from regattn_fairseq.corpora.cleaning import folded
from regattn_fairseq.corpora.tatoeba import Tatoeba

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Three pairs are a family: one sentence has two translations, and one of these another source.
LINES = [
    line
    for first in LETTERS
    for second in LETTERS[::2]
    for line in (
        f"Say {first}{second}!\tSag {first}{second}.\tCC-BY 2.0 (France)",
        f"Say {first}{second}.\tSprich {first}, {second}.\tCC-BY 2.0 (France)",
        f"Speak {first} {second}.\tSprich {first}: {second}!\tCC-BY 2.0 (France)",
    )
]
TEXT = "\n".join(LINES) + "\n"


def packed(path: Path, folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if folder:
            archive.writestr(f"{folder}/", "")
            archive.writestr(f"__MACOSX/{folder}/._deu.txt", b"\0\5\x16\7")
            archive.writestr(f"__MACOSX/{folder}/deu.txt", b"\0\5\x16\7")
        archive.writestr(f"{folder}/_about.txt".lstrip("/"), "** Info **")
        archive.writestr(f"{folder}/deu.txt".lstrip("/"), TEXT)
    return path


def test_every_form_of_the_files_gives_the_same_text(tmp_path: Path) -> None:
    packed(tmp_path / "deu-eng.zip")
    packed(tmp_path / "renamed.zip", "deu-eng")
    (tmp_path / "unpacked" / "deu-eng").mkdir(parents=True)
    (tmp_path / "unpacked" / "deu-eng" / "deu.txt").write_text(TEXT, encoding="utf-8")
    places = [
        tmp_path,
        tmp_path / "deu-eng.zip",
        tmp_path / "renamed.zip",
        tmp_path / "unpacked",
        tmp_path / "unpacked" / "deu-eng" / "deu.txt",
    ]
    before = sorted(tmp_path.rglob("*"))
    texts = [list(Tatoeba(place).read().pairs) for place in places]
    assert all(pairs == texts[0] for pairs in texts)
    assert (texts[0][0].source, texts[0][0].target) == ("Sag aa.", "Say aa!")
    assert len(texts[0]) == len(LINES)
    assert sorted(tmp_path.rglob("*")) == before


def test_english_may_be_the_source(tmp_path: Path) -> None:
    (tmp_path / "kab.txt").write_text("Run!\tAzzel!\n", encoding="utf-8")
    corpus = Tatoeba(tmp_path, "en", "kab")
    assert corpus.name == "tatoeba_en_kab"
    assert [(p.source, p.target) for p in corpus.read().pairs] == [("Run!", "Azzel!")]


def test_held_out_sentences_are_distinct_and_nowhere_else(tmp_path: Path) -> None:
    corpus = Tatoeba(packed(tmp_path / "deu-eng.zip"), valid=40, test=60)
    manifest = write_corpus(corpus, tmp_path / "out")
    splits = manifest["splits"]
    assert (splits["valid"]["pairs"], splits["test"]["pairs"]) == (40, 60)
    assert splits["test"]["dropped"] == {"repeats_a_sentence": 120}
    assert splits["train"]["pairs"] == 3 * (26 * 13 - 100)
    for side in ("src", "tgt"):
        text = {s: (tmp_path / "out" / f"{s}.{side}").read_text().splitlines() for s in splits}
        keys = {split: set(map(folded, lines)) for split, lines in text.items()}
        assert (len(keys["valid"]), len(keys["test"])) == (40, 60)
        assert not keys["train"] & keys["valid"]
        assert not keys["train"] & keys["test"]
        assert not keys["valid"] & keys["test"]


@pytest.mark.parametrize(
    ("languages", "named"),
    [
        (("de", "fr"), "must be en and another"),
        (("en", "en"), "must be en and another"),
        (("xx", "en"), "^xx is no language .* de, .* kab"),
    ],
)
def test_languages_that_it_has_no_pairs_of(languages: tuple[str, str], named: str) -> None:
    with pytest.raises(CorpusError, match=named):
        Tatoeba("somewhere", *languages)


def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"spa-eng\.zip or spa\.txt is missing.*manythings\.org"):
        Tatoeba(tmp_path, "es").input_files()
    with pytest.raises(CorpusError, match=r"does not exist.*deu-eng\.zip.*manythings\.org"):
        Tatoeba(tmp_path / "deu-eng.zip").input_files()
    archive = packed(tmp_path / "deu-eng.zip")
    with pytest.raises(CorpusError, match=r"holds no fra\.txt but _about\.txt, deu\.txt"):
        list(Tatoeba(archive, "fr").read().pairs)
    (tmp_path / "fra.txt").write_text("Go.\tVa !\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"neither a zip archive nor called deu\.txt"):
        Tatoeba(tmp_path / "fra.txt").input_files()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "deu.txt").write_text("Go.\tGeh.\nGo\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"deu\.txt, line 2, has 1 columns"):
        list(Tatoeba(tmp_path).read().pairs)
    content = bytearray(packed(tmp_path / "deu-eng.zip").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "deu-eng.zip").write_bytes(content)
    with pytest.raises(CorpusError, match=r"deu-eng\.zip.*fetch it again"):
        list(Tatoeba(tmp_path / "deu-eng.zip").read().pairs)
