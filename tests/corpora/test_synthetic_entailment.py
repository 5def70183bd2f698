"""Generated entailment: labels follow, nothing leaks, and no shortcut solves it."""

from collections import Counter
from pathlib import Path

import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from regattn_fairseq.corpora import CorpusError
from regattn_fairseq.corpora.entailment import LABELS, EntailmentExample, write_entailment
from regattn_fairseq.corpora.synthetic_entailment import SyntheticEntailment

Splits = dict[str, list[EntailmentExample]]


@pytest.fixture(scope="module")
def splits() -> Splits:
    return SyntheticEntailment(pairs=7500, valid=300, test=900).read()


def test_as_many_as_asked_for_and_balanced(splits: Splits) -> None:
    assert {name: len(examples) for name, examples in splits.items()} == {
        "train": 6300,
        "valid": 300,
        "test": 900,
    }
    for examples in splits.values():
        counts = Counter(example.label for example in examples)
        assert set(counts) == set(LABELS)
        assert max(counts.values()) == min(counts.values())


def test_a_seed_gives_the_same_text_and_another_seed_another() -> None:
    first, again, other = (
        SyntheticEntailment(pairs=90, valid=30, test=30, seed=seed).read() for seed in (1, 1, 2)
    )
    assert first == again
    assert not {e.premise for e in first["train"]} & {e.premise for e in other["train"]}


def test_no_test_sentence_is_seen_in_training(splits: Splits) -> None:
    for side in ("premise", "hypothesis"):
        train, valid, test = (
            {getattr(example, side) for example in splits[name]}
            for name in ("train", "valid", "test")
        )
        assert not test & train
        assert not valid & train
        assert not test & valid


def test_the_vocabulary_of_the_test_is_known(splits: Splits) -> None:
    train, test = (
        {word for e in splits[name] for word in f"{e.premise} {e.hypothesis}".split()}
        for name in ("train", "test")
    )
    assert test <= train
    assert 40 < len(train) < 100


def baseline(splits: Splits, *, premise: bool) -> float:
    """Test accuracy of logistic regression on words and pairs of neighbouring words."""
    sides = ("premise", "hypothesis") if premise else ("hypothesis",)
    columns: dict[str, list] = {"train": [], "test": []}
    for side in sides:
        words = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
        words.fit(getattr(example, side) for example in splits["train"])
        for name, blocks in columns.items():
            blocks.append(words.transform(getattr(example, side) for example in splits[name]))
    model = LogisticRegression(max_iter=60, tol=0.01, C=0.1)
    model.fit(sparse.hstack(columns["train"]), [e.label for e in splits["train"]])
    return model.score(sparse.hstack(columns["test"]), [e.label for e in splits["test"]])


def test_the_hypothesis_alone_tells_nothing(splits: Splits) -> None:
    # Chance is 1/3; its standard error on 900 examples is 0.016.
    assert baseline(splits, premise=False) < 1 / 3 + 3 * 0.016


def test_bags_of_words_do_not_solve_it(splits: Splits) -> None:
    assert baseline(splits, premise=True) < 0.5


def test_written_with_a_manifest(tmp_path: Path, splits: Splits) -> None:
    corpus = SyntheticEntailment(pairs=300, valid=30, test=30)
    manifest = write_entailment(corpus, tmp_path / "out")
    assert manifest["splits"]["test"]["examples"] == 30
    assert manifest["splits"]["test"]["labels"] == dict.fromkeys(LABELS, 10)
    assert manifest["parameters"]["pairs"] == 300
    for split in ("train", "valid", "test"):
        lines = [
            (tmp_path / "out" / f"{split}.{side}").read_text().splitlines()
            for side in ("premise", "hypothesis", "label")
        ]
        assert list(map(EntailmentExample._make, zip(*lines, strict=True))) == corpus.read()[split]


def test_counts_are_checked() -> None:
    with pytest.raises(CorpusError, match=r"data\.corpus\.pairs=100"):
        SyntheticEntailment(pairs=100, valid=50, test=50)


class Given:
    """A corpus of given examples."""

    name = "given"

    def __init__(self, **splits: list[EntailmentExample]) -> None:
        self.splits = splits

    def input_files(self) -> tuple[Path, ...]:
        return ()

    def read(self) -> Splits:
        return self.splits


def example(premise: str, label: str = "neutral") -> EntailmentExample:
    return EntailmentExample(premise, "Somebody sleeps .", label)


def test_training_loses_what_is_unfit_and_held_out_splits_what_has_no_label(
    tmp_path: Path,
) -> None:
    corpus = Given(
        train=[example(p) for p in ("a", "a", "b", "", "c\u2028d", "x " * 200)],
        valid=[example("e")],
        test=[example("b"), example("no gold", "-"), example("y " * 200)],
    )
    manifest = write_entailment(corpus, tmp_path / "out", max_length=100)
    assert (tmp_path / "out/train.premise").read_text() == "a\nc d\n"
    assert len((tmp_path / "out/test.premise").read_text().splitlines()) == 2
    assert manifest["splits"]["train"]["dropped"] == {"seen": 2, "empty": 1, "too_long": 1}
    assert manifest["splits"]["test"]["dropped"] == {"unlabelled": 1}


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"train": [example("a")], "valid": [example("b")]}, "no test split"),
        (
            {"train": [example("a")], "valid": [example("a")], "test": [example("b")]},
            "no example is left for train",
        ),
    ],
)
def test_corpora_that_cannot_be_written(tmp_path: Path, splits: Splits, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        write_entailment(Given(**splits), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CorpusError, match=str(tmp_path)):
        write_entailment(SyntheticEntailment(pairs=90, valid=30, test=30), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
