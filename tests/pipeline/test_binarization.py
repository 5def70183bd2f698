"""The data-bin is fairseq's own, byte for byte, however many processes make it."""

import random
from pathlib import Path

import numpy as np
import pytest
from fairseq import options as fairseq_options
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDataset
from fairseq_cli import preprocess as fairseq_preprocess

from regattn_fairseq.pipeline.preprocessing import binarization
from regattn_fairseq.pipeline.preprocessing.binarization import binarize, build_dictionary, tokenize

LANGUAGES = {"de": 300, "en": 70_000}  # kinds of words: 16 bits hold the one's numbers


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of all frequencies, with ties; fairseq's own symbols; letters of one to four bytes."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "tokenizer.json").write_text('{"name": "space"}')
    draw = random.Random(1)
    for language, kinds in LANGUAGES.items():
        for split, count in (("train", 12_000), ("valid", 40)):
            with (folder / f"{split}.{language}").open("w", encoding="utf-8") as file:
                for number in range(count):
                    words = [f"ü{int(kinds ** draw.random())}" for _ in range(draw.randint(1, 12))]
                    if kinds > 1000:
                        words += [f"😀{(number * 7 + more) % kinds}" for more in range(7)]
                    else:
                        words.append("<unk>")
                    file.write(" ".join(words) + "\n")
    return folder


@pytest.fixture(scope="module", params=[None, 200])
def most_words(request: pytest.FixtureRequest) -> int | None:
    return request.param


@pytest.fixture(scope="module")
def theirs(text: Path, most_words: int | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What fairseq writes."""
    folder = tmp_path_factory.mktemp("theirs")
    arguments = [
        *("--source-lang", "de", "--target-lang", "en", "--destdir", str(folder)),
        *("--trainpref", str(text / "train"), "--validpref", str(text / "valid")),
        *("--nwordssrc", str(most_words or -1), "--nwordstgt", str(most_words or -1)),
    ]
    fairseq_preprocess.main(fairseq_options.get_preprocessing_parser().parse_args(arguments))
    (folder / "preprocess.log").unlink()
    return folder


@pytest.fixture(params=[1, 3])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(binarization, "BYTES_WORTH_A_PROCESS", 10_000)
    return request.param


def test_as_fairseq_writes_it(
    text: Path, theirs: Path, tmp_path: Path, processes: int, most_words: int | None
) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    for side, language in enumerate(LANGUAGES):
        counts = {}
        for split in ("train", "valid"):
            given, tokens = text / f"{split}.{language}", ours / f"{split}.{language}"
            options = {"tokenizer": text, "side": side, "lowercase": False}
            counts[split] = tokenize(given, tokens, most_processes=processes, **options)
            assert tokens.read_bytes() == given.read_bytes()
        dictionary = build_dictionary(counts["train"], most_words)
        dictionary.save(str(ours / f"dict.{language}.txt"))
        for split in counts:
            tokens = ours / f"{split}.{language}"
            prefix = ours / f"{split}.de-en.{language}"
            binarize(tokens, dictionary, prefix, most_processes=processes)
            tokens.unlink()
    made = {path.name: path.read_bytes() for path in ours.iterdir()}
    assert made == {path.name: path.read_bytes() for path in theirs.iterdir()}
    assert len(made) == 10
    read = MMapIndexedDataset(str(ours / "train.de-en.en"))
    assert read._index.dtype == (np.uint16 if most_words else np.uint32)


def test_lowercased_and_counted(text: Path, tmp_path: Path, processes: int) -> None:
    given = tmp_path / "given"
    given.write_text("Ein Hund\nein HUND läuft\n" * 2000, encoding="utf-8")
    counts = tokenize(
        given, tmp_path / "out", tokenizer=text, side=0, lowercase=True, most_processes=processes
    )
    assert counts == {"ein": 4000, "hund": 4000, "läuft": 2000}
    assert (tmp_path / "out").read_text(encoding="utf-8") == "ein hund\nein hund läuft\n" * 2000


def test_an_empty_line_is_its_end_alone(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a\n\na b\n")
    words = Dictionary()
    words.add_symbol("a")
    binarize(tmp_path / "tokens", words, tmp_path / "bin", most_processes=1)
    read = MMapIndexedDataset(str(tmp_path / "bin"))
    end, a, unknown = words.eos(), words.index("a"), words.unk()
    assert [row.tolist() for row in map(read.__getitem__, range(3))] == [
        [a, end],
        [end],
        [a, unknown, end],
    ]
