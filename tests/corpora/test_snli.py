"""SNLI in both of its published formats."""

import json
import zipfile
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError
from regattn_fairseq.corpora import snli as snli_module
from regattn_fairseq.corpora.entailment import EntailmentExample
from regattn_fairseq.corpora.fetching import Remote
from regattn_fairseq.corpora.snli import Snli

EXAMPLES = [
    ("neutral", "A person on a horse jumps.", 'He is "training" it.'),
    ("-", "Nobody agrees.", "On this."),
    ("contradiction", "A man at a table.", "A man sleeps."),
    ("entailment", 'Two "dogs" run.', "Dogs run."),
]
EXPECTED = [EntailmentExample(p, h, label) for label, p, h in EXAMPLES if label != "-"]
HEAD = "gold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t" \
       "sentence2_parse\tsentence1\tsentence2\tcaptionID\tpairID\tlabel1\tlabel2"  # fmt: skip


def table() -> str:
    rows = (f"{label}\t( A )\t( B )\t(ROOT)\t(ROOT)\t{p}\t{h}\t1.jpg#4\t1.jpg#4r1n\t{label}\t"
            for label, p, h in EXAMPLES)  # fmt: skip
    return "\n".join([HEAD, *rows]) + "\n"


def json_lines() -> str:
    return "".join(
        json.dumps(
            {
                "annotator_labels": [label],
                "captionID": "3416050480.jpg#4",
                "gold_label": label,
                "pairID": "3416050480.jpg#4r1n",
                "sentence1": premise,
                "sentence1_parse": "(ROOT)",
                "sentence2": hypothesis,
            }
        )
        + "\n"
        for label, premise, hypothesis in EXAMPLES
    )


def put(folder: Path, form: str) -> Path:
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        text = table() if form == "txt" else json_lines()
        (folder / f"snli_1.0_{split}.{form}").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("form", ["txt", "jsonl"])
@pytest.mark.parametrize("place", [".", "snli_1.0"])
def test_both_formats(tmp_path: Path, form: str, place: str) -> None:
    put(tmp_path / "raw" / place, form)
    corpus = Snli(tmp_path / "raw")
    assert len(corpus.input_files()) == 3
    splits = corpus.read()
    assert list(splits) == ["train", "valid", "test"]
    assert all(list(examples) == EXPECTED for examples in splits.values())


def test_the_archive(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "jsonl")
    with zipfile.ZipFile(tmp_path / "snli_1.0.zip", "w") as zipped:
        for path in made.iterdir():
            zipped.write(path, f"snli_1.0/{path.name}")
            zipped.writestr(f"__MACOSX/snli_1.0/._{path.name}", "x")
    assert list(Snli(tmp_path).read()["test"]) == EXPECTED


def test_the_download_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert snli_module.ARCHIVE.size == 94_550_081
    nowhere = Remote("http://127.0.0.1:1/snli_1.0.zip", advice=snli_module.ADVICE)
    monkeypatch.setattr(snli_module, "ARCHIVE", nowhere)
    with pytest.raises(CorpusError, match=r"put snli_1\.0\.zip into data\.raw_dir.*CC BY-SA"):
        Snli(tmp_path).input_files()


@pytest.mark.parametrize("form", ["txt", "jsonl"])
def test_blank_lines_are_no_examples(tmp_path: Path, form: str) -> None:
    path = put(tmp_path / "raw", form) / f"snli_1.0_test.{form}"
    path.write_text(path.read_text(encoding="utf-8") + "\n  \n", encoding="utf-8")
    assert list(Snli(tmp_path / "raw").read()["test"]) == EXPECTED


@pytest.mark.parametrize(
    ("form", "line", "message"),
    [
        ("jsonl", "{", "line 5, has no gold_label"),
        ("jsonl", '{"gold_label": "neutral"}', "line 5, has no gold_label"),
        ("jsonl", "[1]", "line 5, has no gold_label"),
        ("txt", "neutral\tx", "line 6, has no gold_label"),
        ("txt", "maybe\t" * 7, "line 6: the label is 'maybe', not one of entailment"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, form: str, line: str, message: str) -> None:
    put(tmp_path / "raw", form)
    with (tmp_path / f"raw/snli_1.0_test.{form}").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(CorpusError, match=message):
        list(Snli(tmp_path / "raw").read()["test"])


def test_a_table_without_its_head_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "raw", "txt")
    (tmp_path / "raw/snli_1.0_test.txt").write_text("neutral\tA\tB\n")
    with pytest.raises(CorpusError, match="line 1, has no gold_label"):
        list(Snli(tmp_path / "raw").read()["test"])
