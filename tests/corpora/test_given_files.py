"""Corpora that are read from files: Multi30k, the user's own text, and what can be wrong."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from regattn_fairseq.corpora import Corpus, CorpusError, write_corpus
from regattn_fairseq.corpora.multi30k import Multi30k
from regattn_fairseq.corpora.text import ParallelText

SENTENCES = {
    "de": ["Ein Hund läuft.", "Zwei Frauen reden.", "Ein Kind schläft."],
    "en": ["A dog is running.", "Two women are talking.", "A child sleeps."],
    "fr": ["Un chien court.", "Deux femmes parlent.", "Un enfant dort."],
}


@pytest.fixture
def multi30k(tmp_path: Path) -> Path:
    """Three captions a file, told apart by the split's name; English is not gzipped."""
    folder = tmp_path / "multi30k"
    folder.mkdir()
    for split in ("train", "val", "test_2016_flickr", "test_2017_flickr"):
        for language, sentences in SENTENCES.items():
            text = "".join(f"{split} {sentence}\n" for sentence in sentences).encode()
            if language == "en":
                (folder / f"{split}.{language}").write_bytes(text)
            else:
                (folder / f"{split}.{language}.gz").write_bytes(gzip.compress(text))
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        for side in ("src", "tgt"):
            (folder / f"{split}.{side}").write_text(f"{split} {side} 1\n{split} {side} 2\n")
    return folder


@pytest.mark.parametrize("source", ["de", "en", "fr"])
@pytest.mark.parametrize("target", ["de", "en", "fr"])
def test_multi30k_in_every_direction(
    multi30k: Path, tmp_path: Path, source: str, target: str
) -> None:
    if source == target:
        with pytest.raises(CorpusError, match="choose two languages"):
            Multi30k(multi30k, source, target)
        return
    manifest = write_corpus(Multi30k(multi30k, source, target), tmp_path / "out")
    assert manifest["name"] == f"multi30k_{source}_{target}"
    assert {name: split["pairs"] for name, split in manifest["splits"].items()} == {
        "train": 3,
        "valid": 3,
        "test": 3,
        "test_2017": 3,
    }
    assert len(manifest["inputs"]) == 8
    first = (tmp_path / "out/test.src").read_text(encoding="utf-8").split("\n")[0]
    assert first == f"test_2016_flickr {SENTENCES[source][0]}"
    assert not (tmp_path / "out/test.align").exists()


def test_multi30k_without_a_file(multi30k: Path, tmp_path: Path) -> None:
    (multi30k / "val.de.gz").unlink()
    with pytest.raises(
        CorpusError, match=r"val\.de .*is missing: set data\.raw_dir.*multi30k/dataset"
    ):
        write_corpus(Multi30k(multi30k), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_multi30k_has_three_languages(multi30k: Path) -> None:
    with pytest.raises(CorpusError, match=r"data\.target_lang=cs.*de, en, fr"):
        Multi30k(multi30k, "en", "cs")


def test_text_by_side_or_language(text: Path, tmp_path: Path) -> None:
    by_side = write_corpus(ParallelText(text), tmp_path / "one")
    for path in list(text.iterdir()):
        language = {"src": "pl", "tgt": "cs"}[path.suffix[1:]]
        (text / f"{path.stem}.{language}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    by_language = write_corpus(ParallelText(text, "pl", "cs"), tmp_path / "two")
    assert by_side["files"] == by_language["files"]


def test_only_newlines_end_a_line(text: Path, tmp_path: Path) -> None:
    (text / "train.src").write_bytes(
        "\ufeffone\u2028still one\r\ntwo\x0bstill\u0085two\r\n".encode()
    )
    manifest = write_corpus(ParallelText(text), tmp_path / "out")
    assert manifest["splits"]["train"]["pairs"] == 2
    written = (tmp_path / "out/train.src").read_text(encoding="utf-8")
    assert written == "one still one\ntwo still two\n"


LAYOUTS = {
    "fairseq": lambda split, side: f"{split}.de-en.{side}",
    "fairseq, the other direction": lambda split, side: f"{split}.en-de.{side}",
    "OpenNMT": lambda split, side: f"{side}-{split}.txt",
    "txt": lambda split, side: f"{split}.{side}.txt",
}


@pytest.mark.parametrize("valid", ["valid", "dev", "val", "validation"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_text_under_the_names_that_circulate(
    text: Path, tmp_path: Path, layout: str, valid: str
) -> None:
    expected = write_corpus(ParallelText(text), tmp_path / "plain")
    for path in list(text.iterdir()):
        split = path.stem.replace("valid", valid)
        side = {"src": "de", "tgt": "en"}[path.suffix[1:]]
        path.rename(text / LAYOUTS[layout](split, side))
    corpus = ParallelText(text, "de", "en")
    assert set(corpus.input_files()) == set(text.iterdir())
    assert write_corpus(corpus, tmp_path / "renamed")["files"] == expected["files"]


@pytest.mark.parametrize("head", ["", "src\ttgt\n", "tgt\tsrc\n"])
def test_tab_separated_text(text: Path, tmp_path: Path, head: str) -> None:
    expected = write_corpus(ParallelText(text), tmp_path / "two")
    for split in ("train", "valid", "test"):
        sides = [(text / f"{split}.{side}").read_text().split("\n") for side in ("src", "tgt")]
        if head.startswith("tgt"):
            sides.reverse()
        rows = "".join(f"{a}\t{b}\tCC BY\n" for a, b in zip(*sides, strict=True) if a)
        (text / f"{split}.tsv").write_text(f"{head}{rows}\n")
        for side in ("src", "tgt"):
            (text / f"{split}.{side}").unlink()
    assert [path.name for path in ParallelText(text).input_files()] == [
        "train.tsv",
        "valid.tsv",
        "test.tsv",
    ]
    assert write_corpus(ParallelText(text), tmp_path / "one")["files"] == expected["files"]
    (text / "valid.tsv").write_text("a\tb\nno tab\n")
    with pytest.raises(CorpusError, match=r"valid\.tsv, line 2, has no tab"):
        write_corpus(ParallelText(text), tmp_path / "other")


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("named", [True, False])
def test_compressed_text_is_known_by_its_content(
    text: Path, tmp_path: Path, kind: str, named: bool
) -> None:
    expected = write_corpus(ParallelText(text), tmp_path / "plain")
    for path in list(text.iterdir()):
        packed = PACKERS[kind](path.read_bytes())
        path.unlink()
        (text / (f"{path.name}.{kind}" if named else path.name)).write_bytes(packed)
    assert write_corpus(ParallelText(text), tmp_path / "packed")["files"] == expected["files"]
    path = ParallelText(text).input_files()[0]
    path.write_bytes(path.read_bytes()[:-5])
    name = {"gz": "gzip", "bz2": "bzip2", "xz": "xz"}[kind]
    with pytest.raises(CorpusError, match=rf"cannot be read \(not a complete {name} file\)"):
        write_corpus(ParallelText(text), tmp_path / "other")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(text: Path, tmp_path: Path, encoding: str) -> None:
    (text / "train.src").write_text("Müller\u2028ist da\r\nGrüße\n", encoding=encoding, newline="")
    write_corpus(ParallelText(text), tmp_path / "out")
    assert (tmp_path / "out/train.src").read_text(encoding="utf-8") == "Müller ist da\nGrüße\n"


def test_missing_text_is_described_by_what_is_there(text: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"nowhere/train\.src and train\.tgt are missing.*nowhere does not exist"
    ):
        ParallelText(text / "nowhere").input_files()
    (text / "valid.src").rename(text / "held.src")
    with pytest.raises(CorpusError, match=r"valid\.src .*is missing.*holds held\.src, test\.src,"):
        ParallelText(text).input_files()
    (text / "valid.tgt").unlink()
    with pytest.raises(CorpusError, match=r"valid\.de and valid\.en, or valid\.src and valid\.tgt"):
        ParallelText(text, "de", "en").input_files()


def damage_line_ends(folder: Path) -> None:
    (folder / "train.tgt").write_bytes(b"one\rtwo\r")


def damage_utf16(folder: Path) -> None:
    (folder / "train.tgt").write_bytes("one\ntwo\n".encode("utf-16-le"))


def damage_mark(folder: Path) -> None:
    (folder / "train.tgt").write_bytes("one\ntwo\n".encode("utf-16") + b"x")


def damage_sides(folder: Path) -> None:
    (folder / "train.src").write_text("one\n\n")
    (folder / "train.tgt").write_text("\ntwo\n")


def damage_validation(folder: Path) -> None:
    for side in ("src", "tgt"):
        (folder / f"valid.{side}").write_bytes((folder / f"test.{side}").read_bytes())


def damage_training(folder: Path) -> None:
    for side in ("src", "tgt"):
        (folder / f"train.{side}").write_bytes((folder / f"valid.{side}").read_bytes())


def damage_count(folder: Path) -> None:
    with (folder / "valid.tgt").open("a") as file:
        file.write("one more\n")


def damage_encoding(folder: Path) -> None:
    (folder / "test.src").write_bytes(b"fine\nM\xfcller\n")


def damage_gzip(folder: Path) -> None:
    (folder / "train.src").unlink()
    (folder / "train.src.gz").write_bytes(gzip.compress(b"text\n" * 1000)[:20])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_count, r"valid\.src has 2 lines but \S*valid\.tgt has 3"),
        (damage_encoding, r"test\.src, line 2, is not UTF-8"),
        (damage_line_ends, r"train\.tgt ends its lines with carriage returns alone"),
        (damage_utf16, r"train\.tgt looks like UTF-16 without"),
        (damage_mark, r"train\.tgt begins as UTF-16 does, but is not"),
        (damage_sides, r"left for train, since 2 of its 2 pairs have nothing on one side"),
        (damage_validation, r"left for valid, since 2 of its 2 pairs have .* in test too: give"),
        (damage_training, r"left for train, since 2 of its 2 pairs have .* in valid too: give"),
        (damage_gzip, r"train\.src\.gz cannot be read \(not a complete gzip file\)"),
        (lambda folder: (folder / "test.tgt").write_text(""), r"test\.tgt is empty"),
        (lambda folder: (folder / "train.tgt").write_text("\n\n"), r"train\.tgt is empty"),
        (lambda folder: (folder / "valid.src").unlink(), r"valid\.src.* is missing.*data\.raw_dir"),
        (
            lambda folder: (folder / "train.src").write_text("x " * 300 + "\n" + "y " * 300),
            r"no pair is left for train \(of 2 read; dropped: 2 too_long\)",
        ),
    ],
)
def test_bad_files_are_named(
    text: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(text)
    corpus: Corpus = ParallelText(text)
    with pytest.raises(CorpusError, match=message) as caught:
        write_corpus(corpus, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
