"""The files that a corpus becomes."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from regattn_fairseq.corpora import (
    CorpusError,
    PairStream,
    SentencePair,
    read_manifest,
    write_corpus,
)
from regattn_fairseq.corpora.synthetic_de_en import SyntheticDeEn


@dataclass(frozen=True)
class Numbers:
    """A stream of 30 pairs."""

    seed: int = 1
    held_out: int = 5
    raw_dir: str = "/somewhere"
    name: str = "numbers"
    source_lang: str = "xx"
    target_lang: str = "yy"

    def input_files(self) -> tuple[Path, ...]:
        return ()

    def read(self) -> PairStream:
        pairs = [SentencePair(f"s {i}", f"t {i} .", ((0, 0), (1, 1))) for i in range(30)]
        return PairStream(
            [*pairs, pairs[0]], valid=self.held_out, test=self.held_out, seed=self.seed
        )


def lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_files_and_manifest_agree(tmp_path: Path) -> None:
    manifest = write_corpus(Numbers(), tmp_path / "out")
    assert manifest == read_manifest(tmp_path / "out")
    expected = {f"{s}.{x}" for s in ("train", "valid", "test") for x in ("src", "tgt", "align")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected | {"manifest.json"}
    assert set(manifest["files"]) == expected
    for name, checksum in manifest["files"].items():
        content = (tmp_path / "out" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == checksum
    assert manifest["stream"] == {"pairs": 30, "read": 31, "dropped": {"duplicate": 1}}
    assert {name: split["pairs"] for name, split in manifest["splits"].items()} == {
        "train": 20,
        "valid": 5,
        "test": 5,
    }
    assert manifest["splits"]["test"]["target"] == {"words": 15, "types": 7}
    assert lines(tmp_path / "out/train.align") == ["0-0 1-1"] * 20
    for source, target in zip(
        lines(tmp_path / "out/train.src"), lines(tmp_path / "out/train.tgt"), strict=True
    ):
        assert target == source.replace("s", "t") + " ."


def test_the_manifest_names_parameters_but_no_place(tmp_path: Path) -> None:
    manifest = write_corpus(Numbers(seed=3), tmp_path / "out", max_ratio=2.0)
    assert manifest["parameters"]["seed"] == 3
    assert "raw_dir" not in manifest["parameters"]
    assert manifest["recipe"].endswith("Numbers")
    assert manifest["cleaning"] == {"min_length": 1, "max_length": 100, "max_ratio": 2.0}


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = write_corpus(Numbers(), tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert write_corpus(Numbers(), tmp_path / "out") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == times
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_another_corpus_is_not_overwritten(tmp_path: Path) -> None:
    write_corpus(Numbers(), tmp_path / "out")
    before = (tmp_path / "out/manifest.json").read_bytes()
    with pytest.raises(CorpusError, match="already holds another corpus"):
        write_corpus(Numbers(seed=2), tmp_path / "out")
    assert (tmp_path / "out/manifest.json").read_bytes() == before


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(CorpusError, match="is no corpus"):
        write_corpus(Numbers(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("regattn_fairseq.corpora.writing._write_split", full_disk)
    with pytest.raises(CorpusError, match=r"No space left on device.*free some space"):
        write_corpus(Numbers(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="cannot be written"):
        write_corpus(Numbers(), tmp_path / "file" / "out")


def test_everything_filtered_away_says_why(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"of 31 read; dropped: 31 too_short.*data\.min_length=9"):
        write_corpus(Numbers(), tmp_path / "out", min_length=9)


def test_more_held_out_than_there_is_says_what_to_lower(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"its 30 pairs leave none for train: lower .*corpus\.valid"
    ):
        write_corpus(Numbers(held_out=20), tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"min_length": 0}, "data.min_length=0"),
        ({"min_length": 5, "max_length": 4}, "data.max_length=4"),
        ({"max_ratio": 0.5}, "data.max_ratio=0.5"),
    ],
)
def test_impossible_options(tmp_path: Path, options: dict, named: str) -> None:
    with pytest.raises(CorpusError, match=named):
        write_corpus(Numbers(), tmp_path / "out", **options)


def test_a_manifest_that_is_missing_broken_or_foreign(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="missing"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 0}))
    with pytest.raises(CorpusError, match="another format"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "recipe", ["synthetic_de_en.SyntheticDeEn", "synthetic_headlines.SyntheticHeadlines"]
)
def test_every_process_writes_the_same_bytes(tmp_path: Path, recipe: str) -> None:
    module, name = recipe.split(".")
    program = (
        "import sys; from regattn_fairseq.corpora import write_corpus; "
        f"from regattn_fairseq.corpora.{module} import {name}; "
        f"write_corpus({name}(pairs=400, valid=50, test=50), sys.argv[1])"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / seed)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
    assert read_manifest(tmp_path / "1") == read_manifest(tmp_path / "2")


@pytest.mark.parametrize("options", [{"pairs": 100, "valid": 50, "test": 50}, {"valid": 0}])
def test_counts_that_leave_nothing(options: dict) -> None:
    with pytest.raises(CorpusError, match=r"data\.corpus\.pairs"):
        SyntheticDeEn(**options)
