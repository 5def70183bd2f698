"""Gigaword's headlines in every form in which they circulate, and DUC's references."""

import gzip
import tarfile
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError, write_corpus
from regattn_fairseq.corpora.gigaword import GigawordHeadlines

PAIRS = {
    "train": [
        ("australia 's current account deficit shrunk by a record #.## billion", "aussie deficit"),
        ("at least two <unk> were killed <unk>", "two <unk> killed"),
        ("at least two <unk> were killed <unk>", "two <unk> killed"),
        ("japan 's nec corp.", "nec unk in sales tie-up"),
        ("word " * 60, "too long for training"),
    ],
    "valid": [("five-time world champion <unk> kwan withdrew", "injury leaves kwan out")],
    "test": [
        ("japan 's nec corp. and UNK computer corp. said", "nec unk in computer sales tie-up"),
        ("unk", "a headline longer than its article"),
        ("word " * 60, "long"),
        ("same", "same"),
        ("same", "same"),
    ],
}
NAMAS = {
    "train": ("train/train.article.txt", "train/train.title.txt"),
    "valid": ("train/valid.article.filter.txt", "train/valid.title.filter.txt"),
    "test": ("Giga/input.txt", "Giga/task1_ref0.txt"),
}
FLAT = {split: tuple(name.split("/")[1] for name in names) for split, names in NAMAS.items()}
UNILM = {
    "train": ("train.src.txt", "train.tgt.txt"),
    "valid": ("dev.src.txt", "dev.tgt.txt"),
    "test": ("test.src.txt", "test.tgt.txt"),
}
VAL = {**UNILM, "valid": ("val.src.txt", "val.tgt.txt")}


def put(folder: Path, layout: dict[str, tuple[str, ...]], *, gzipped: bool = False) -> Path:
    for split, names in layout.items():
        for side, name in enumerate(names):
            path = folder / (f"{name}.gz" if gzipped else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(f"{pair[side]}\n" for pair in PAIRS[split]).encode()
            path.write_bytes(gzip.compress(text) if gzipped else text)
    return folder


# Too long ones go from the training text alone. Nothing goes from the test set, though it has
# articles that say nothing, headlines longer than their article, and pairs that are there twice.
WRITTEN = {
    "train": [
        ("australia 's current account deficit shrunk by a record #.## billion", "aussie deficit"),
        ("at least two UNK were killed UNK", "two UNK killed"),
        ("at least two UNK were killed UNK", "two UNK killed"),
        ("japan 's nec corp.", "nec unk in sales tie-up"),
    ],
    "valid": [("five-time world champion UNK kwan withdrew", "injury leaves kwan out")],
    "test": [(source.strip(), target) for source, target in PAIRS["test"]],
}


def expect(corpus: GigawordHeadlines, out: Path) -> dict:
    manifest = write_corpus(corpus, out, max_length=50)
    for split, pairs in WRITTEN.items():
        sides = [
            (out / f"{split}.{side}").read_text(encoding="utf-8").removesuffix("\n").split("\n")
            for side in ("src", "tgt")
        ]
        assert list(zip(*sides, strict=True)) == pairs
    splits = manifest["splits"]
    assert splits["train"]["dropped"] == {"too_long": 1}
    assert splits["test"]["dropped"] == {}
    return manifest


@pytest.mark.parametrize("layout", [NAMAS, FLAT, UNILM, VAL])
@pytest.mark.parametrize("place", ["", "sumdata", "org_data"])
def test_text_layouts(tmp_path: Path, layout: dict, place: str) -> None:
    if place == "org_data" and layout is NAMAS:
        pytest.skip("this one has its own folders")
    raw = tmp_path / "raw"
    put(raw / place, layout)
    manifest = expect(GigawordHeadlines(raw), tmp_path / "out")
    assert len(manifest["inputs"]) == 6


def test_gzipped_and_in_an_archive(tmp_path: Path) -> None:
    put(tmp_path / "gz", NAMAS, gzipped=True)
    expect(GigawordHeadlines(tmp_path / "gz"), tmp_path / "one")
    put(tmp_path / "made", NAMAS)
    (tmp_path / "raw").mkdir()
    with tarfile.open(tmp_path / "raw/sumdata.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "made", "sumdata")
    expect(GigawordHeadlines(tmp_path / "raw"), tmp_path / "two")


@pytest.mark.parametrize(
    "form", ["train-00000-of-00002.parquet", "data/train-0.parquet", "train/0"]
)
def test_parquet(tmp_path: Path, form: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    raw = tmp_path / "raw"
    for split, name in (("train", "train"), ("valid", "validation"), ("test", "test")):
        path = raw / form.replace("train/0", "train/0000.parquet").replace("train", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        documents, summaries = zip(*PAIRS[split], strict=True)
        table = pyarrow.table({"document": documents, "id": documents, "summary": summaries})
        parquet.write_table(table, path)
    assert len(expect(GigawordHeadlines(raw), tmp_path / "out")["inputs"]) == 3
    broken = next(raw.rglob("test*.parquet"), None) or raw / "test/0000.parquet"
    parquet.write_table(pyarrow.table({"text": ["x"]}), broken)
    with pytest.raises(CorpusError, match=r"has the columns text: document and summary"):
        write_corpus(GigawordHeadlines(raw), tmp_path / "other")
    broken.write_bytes(b"PAR1 no")
    with pytest.raises(CorpusError, match=r"cannot be read .*fetch it again"):
        write_corpus(GigawordHeadlines(raw), tmp_path / "other")
    broken.unlink()
    with pytest.raises(CorpusError, match=r"has no test-\*\.parquet"):
        write_corpus(GigawordHeadlines(raw), tmp_path / "other")


def test_the_literatures_test_set_is_recognized(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw = put(tmp_path / "raw", UNILM)
    write_corpus(GigawordHeadlines(raw), tmp_path / "one")
    assert "test set has 5 pairs, the literature's has 1951" in caplog.text
    caplog.clear()
    for name in UNILM["test"]:
        (raw / name).write_text("line\n" * 1951)
    manifest = write_corpus(GigawordHeadlines(raw), tmp_path / "two")
    assert manifest["splits"]["test"]["pairs"] == 1951
    assert not caplog.text


def put_duc(folder: Path, articles: int = 3) -> None:
    folder.mkdir(parents=True)
    (folder / "input.txt").write_text("Schizophrenia in 1998 , the 2nd\n" * articles)
    for number in range(4):
        (folder / f"task1_ref{number}.txt").write_text(f"Headline {number}, 1998\n" * articles)


@pytest.mark.parametrize("place", ["DUC2004", "sumdata/DUC2004", "duc2004"])
def test_duc_is_a_test_set_with_four_references(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    raw, out = put(tmp_path / "raw", NAMAS), tmp_path / "out"
    put_duc(raw / place)
    manifest = write_corpus(GigawordHeadlines(raw, duc=(2004,)), out, max_length=50)
    assert (out / "test_duc2004.src").read_text() == "schizophrenia in #### , the #nd\n" * 3
    names = ("tgt", "ref1", "ref2", "ref3")
    texts = [(out / f"test_duc2004.{name}").read_text() for name in names]
    assert texts == [f"Headline {number}, 1998\n" * 3 for number in range(4)]
    assert manifest["splits"]["test_duc2004"]["references"] == 4
    assert {"Giga/input.txt", "Giga/task1_ref0.txt"} <= set(manifest["inputs"])
    assert f"{place.split('/')[-1]}/task1_ref0.txt" in manifest["inputs"]
    assert "DUC 2004 task 1 has 500" in caplog.text


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"train\.article\.txt.*data\.raw_dir.*LDC2012T21"):
        write_corpus(GigawordHeadlines(tmp_path), tmp_path / "out")
    raw = put(tmp_path / "raw", UNILM)
    with pytest.raises(CorpusError, match=r"DUC2004/input\.txt .*missing.*duc\.nist\.gov"):
        write_corpus(GigawordHeadlines(raw, duc=(2004,)), tmp_path / "out")
    with pytest.raises(CorpusError, match=r"data\.corpus\.duc names 2005"):
        write_corpus(GigawordHeadlines(raw, duc=(2005,)), tmp_path / "out")
    (raw / "dev.tgt.txt").unlink()
    with pytest.raises(CorpusError, match=r"dev\.tgt\.txt .*missing"):
        write_corpus(GigawordHeadlines(raw), tmp_path / "out")
    (raw / "dev.src.txt").unlink()
    with pytest.raises(CorpusError, match=r"valid\.article\.filter\.txt or dev\.src\.txt"):
        write_corpus(GigawordHeadlines(raw), tmp_path / "out")
