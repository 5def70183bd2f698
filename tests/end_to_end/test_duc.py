"""DUC's task 1 from the files as they circulate: trained on Gigaword's layout, scored on both."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from commands import TINY, call

from regattn_fairseq.corpora.duc import ARTICLES, REFERENCES

# None of them is changed by a stemmer or by WordNet's lists.
WORDS = ["bank", "deal", "court", "storm", "strike", "north", "accord", "summit", "oil", "crash"]
BYTES = 75


def sentences(count: int, words: tuple[int, int], draw: random.Random) -> list[str]:
    return [" ".join(draw.choices(WORDS, k=draw.randint(*words))) for _ in range(count)]


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``sumdata`` as Rush et al.'s preparation leaves it, DUC's two years beside Gigaword."""
    folder = tmp_path_factory.mktemp("raw")
    draw = random.Random(1)
    for names, count in (
        ("train/train.article.txt train/train.title.txt", 300),
        ("train/valid.article.filter.txt train/valid.title.filter.txt", 40),
        ("Giga/input.txt Giga/task1_ref0.txt", 40),
    ):
        article, title = (folder / "sumdata" / name for name in names.split())
        articles = sentences(count, (8, 12), draw)
        write(article, [f"{line} ## ." for line in articles])
        write(title, [" ".join(line.split()[:4]) for line in articles])
    for year, count in ARTICLES.items():
        place = folder / "sumdata" / f"DUC{year}"
        articles = sentences(count, (8, 12), draw)
        write(place / "input.txt", [f"{line.capitalize()} {year} ." for line in articles])
        for number in range(REFERENCES):
            # Written by people: capitals, and longer than what counts of them.
            headlines = [line.title() for line in sentences(count, (11, 18), draw)]
            write(place / f"task1_ref{number}.txt", headlines)
    return folder / "sumdata"


@pytest.fixture(scope="module")
def run(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model trained on Gigaword's part, and evaluated on its test set."""
    folder = tmp_path_factory.mktemp("gigaword")
    done = call(
        *("regattn-run", "data=gigaword", f"data.raw_dir={raw}", "data.corpus.duc=[2003,2004]"),
        *(*TINY, "training.max_epoch=1", "generation=greedy", "normalizer=sparsemax"),
        *(f"cache_dir={folder / 'cache'}", f"output_dir={folder / 'run'}"),
    )
    assert done.returncode == 0, done.stderr
    assert "DUC" not in done.stderr  # as many articles as there should be
    return folder / "run"


def recall(hypothesis: str, references: list[str]) -> float:
    """ROUGE-1 by its definition, for words that are their own stems."""
    peer, *models = (Counter(text.lower()[:BYTES].split()) for text in (hypothesis, *references))
    matches = sum((peer & model).total() for model in models)
    return 100 * matches / sum(model.total() for model in models)


def test_gigaword_itself_is_scored_by_f1(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    assert "score:f1|bytes:all|agg:mean|nrefs:1" in result["signatures"]["rouge1"]


@pytest.mark.parametrize("year", ARTICLES)
def test_duc_is_scored_by_recall_at_75_bytes_of_four_references(
    run: Path, raw: Path, year: int
) -> None:
    split = f"test_duc{year}"
    done = call(
        "regattn-evaluate", f"output_dir={run}", f"evaluation.split={split}", "generation=greedy"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((run / "result.json").read_text())
    assert result["split"] == split
    assert result["evaluation"]["sentences"] == ARTICLES[year]
    assert "score:recall|bytes:75|agg:mean|nrefs:4" in result["signatures"]["rouge1"]

    files = result["files"]
    written, *references = (
        (run / files[kind]).read_text().splitlines()
        for kind in ("hypotheses", "references", "ref1", "ref2", "ref3")
    )
    for number, lines in enumerate(references):
        assert lines == (raw / f"DUC{year}" / f"task1_ref{number}.txt").read_text().splitlines()
    sources = (run / files["sources"]).read_text().splitlines()
    assert all(line.islower() and line.endswith(" #### .") for line in sources)

    expected = [recall(*each) for each in zip(written, zip(*references, strict=True), strict=True)]
    assert result["metrics"]["rouge1"] == pytest.approx(np.mean(expected))
    assert result["metrics"]["rouge1"] > 0


def test_the_evaluation_of_another_split_is_kept(run: Path) -> None:
    def evaluate(split: str) -> str:
        options = (f"evaluation.split={split}", "generation=greedy")
        done = call("regattn-evaluate", f"output_dir={run}", *options)
        assert done.returncode == 0, done.stderr
        assert json.loads((run / "result.json").read_text())["split"] == split
        return done.stderr

    evaluate("test_duc2004")
    assert "evaluated already" in evaluate("test")
    assert "evaluated already" in evaluate("test_duc2004")
