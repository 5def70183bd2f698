"""Reference alignments: the corpus's, a file's, an aligner's."""

import sysconfig
from pathlib import Path
from types import SimpleNamespace

import pytest

from regattn_fairseq.metrics import Alignment
from regattn_fairseq.pipeline.evaluation import alignments
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment, reference_alignment
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData

SOURCE = ["Ein Hund, rot.", "Zwei Katzen."]
TARGET = ["A dog, red.", "Two cats."]


@pytest.fixture
def data(tmp_path):
    prepared = PreparedData(tmp_path)
    prepared.text.mkdir()
    for split in ("train", "test"):
        (prepared.text / f"{split}.src").write_text("\n".join(SOURCE) + "\n")
        (prepared.text / f"{split}.tgt").write_text("\n".join(TARGET) + "\n")
    return prepared


def options(file=None, aligner=None, one_based=False):
    return SimpleNamespace(file=file, aligner=aligner, one_based=one_based)


def find(data, **chosen):
    return reference_alignment(options(**chosen), data, "test", lowercase=True)


def test_gold_is_preferred_to_an_aligner_and_a_file_to_gold(data, tmp_path):
    assert find(data) is None
    (data.text / "test.align").write_text("0-0 1-1\n\n")
    gold = find(data, aligner="eflomal")
    assert gold.origin == "gold"
    assert gold.read(SOURCE, TARGET)[0] == Alignment(*2 * (frozenset({(0, 0), (1, 1)}),))
    assert gold.read(SOURCE, TARGET)[1] == Alignment(frozenset(), frozenset())
    (tmp_path / "mine.align").write_text("0-0\n0-1\n")
    mine = find(data, file=str(tmp_path / "mine.align"))
    assert mine.origin == "mine.align"
    assert mine.key != gold.key


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0-0\n", "has 1 lines, but the split has 2"),
        (b"0-0\n0_1\n", r"line 2: '0_1' is no link"),
        (b"\xff\n\n", "cannot be read"),
        (
            b"1-1 2-2 3-3\n1-1 2-2\n",
            r"line 1: the link of source word 3 and target word 3 is past the end of 3 and 3 "
            r"words: count from 0, or set alignment\.one_based=true",
        ),
        (b"0-0\n2p0\n", r"line 2: the link of source word 2"),
        (b"1 1 1 S\n3 1 1 S\n", "line 2: a link of sentence 3, but the split has 2"),
        (b"1 1 1 S\n2 3 1\n", "line 2: the link of source word 3 .* source's words come first"),
    ],
)
def test_a_file_that_is_no_alignment_of_the_split(data, tmp_path, content, message):
    (tmp_path / "mine.align").write_bytes(content)
    with pytest.raises(PipelineError, match=message) as caught:
        find(data, file=str(tmp_path / "mine.align")).read(SOURCE, TARGET)
    assert "mine.align" in str(caught.value)


ONE_BASED = "1-1 2p2 3-3\n2-1\n"
NAACL = "0001 1 1 S\n0001 2 2 P\n0001 3 3\n0001 0 2 P\n0002 2 1 S 0.9\n"


@pytest.mark.parametrize(("content", "one_based"), [(ONE_BASED, True), (NAACL, False)])
def test_words_can_be_counted_from_1(data, tmp_path, content, one_based):
    path = tmp_path / "hansards.align"
    path.write_text(content)
    first, second = find(data, file=str(path), one_based=one_based).read(SOURCE, TARGET)
    assert first == Alignment(frozenset({(0, 0), (2, 2)}), frozenset({(0, 0), (1, 1), (2, 2)}))
    assert second.sure == {(1, 0)}
    keys = {find(data, file=str(path), one_based=each).key for each in (False, True)}
    assert len(keys) == 2


def test_a_file_is_checked_before_the_training(data, tmp_path, monkeypatch):
    monkeypatch.setattr(PreparedData, "fairseq_subset", lambda self, split: split)
    check_alignment(options(), data, "test")
    path = tmp_path / "hansards.align"
    path.write_text(ONE_BASED)
    check_alignment(options(file=str(path), one_based=True), data, "test")
    with pytest.raises(PipelineError, match=r"alignment\.one_based=true"):
        check_alignment(options(file=str(path)), data, "test")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"file": "no/such"}, r"alignment\.file=no/such"), ({"aligner": "giza"}, "choose eflomal")],
)
def test_bad_options_are_named(data, chosen, message):
    with pytest.raises(PipelineError, match=message):
        find(data, **chosen)


def test_an_aligner_sees_marks_apart_and_is_called_once(data, monkeypatch):
    seen = []

    def one_to_one(source, target):
        seen.append((source, target))
        for units, others in zip(source, target, strict=True):
            yield {(i, i) for i in range(min(len(units), len(others)))}

    monkeypatch.setitem(alignments.ALIGNERS, "mine", (one_to_one, lambda: "mine 1"))
    made = find(data, aligner="mine")
    assert seen[0][0][0] == ["ein", "hund", ",", "rot", "."]
    assert len(seen[0][0]) == 4, "the training text helps"
    assert made.origin == "mine 1"
    # The links are of words, as in the corpus, and marks link none.
    assert made.path.read_text() == "0-0 1-1 2-2\n0-0 1-1\n"
    assert find(data, aligner="mine") == made
    assert len(seen) == 1


def test_without_eflomal_the_message_says_what_to_install(data, monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    with pytest.raises(PipelineError, match=r"pip install -e '\.\[align\]'"):
        find(data, aligner="eflomal")
    assert not list(data.directory.glob("alignments/test.eflomal.*"))


@pytest.mark.skipif(
    not (Path(sysconfig.get_path("scripts")) / "eflomal-align").is_file(),
    reason="eflomal is not installed (extra align)",
)
def test_eflomal_finds_the_words_of_a_reversed_sentence(data):
    words = ["ka", "lo", "mi", "nu", "pe", "da", "fo", "gi"]
    lines = [[words[(7 * n + 3 * k) % 8] for k in range(2 + n % 4)] for n in range(300)]
    for split, part in (("train", lines), ("test", lines[:20])):
        (data.text / f"{split}.src").write_text("".join(" ".join(x) + "\n" for x in part))
        (data.text / f"{split}.tgt").write_text(
            "".join(" ".join(w.upper() + "x" for w in reversed(x)) + "\n" for x in part)
        )
    found = find(data, aligner="eflomal")
    assert found.origin.startswith("eflomal 2")
    right = total = 0
    for line, alignment in zip(
        lines, found.read(*([" ".join(x) for x in lines[:20]] for _ in range(2))), strict=False
    ):
        expected = {(i, len(line) - 1 - i) for i in range(len(line))}
        right += len(expected & alignment.sure)
        total += max(len(expected), len(alignment.sure))
    assert right / total > 0.8
