"""A significance test of ROUGE is about the very figures that it stands beside."""

import json
import random
from pathlib import Path

import pytest

from regattn_fairseq.metrics.rouge import score_summaries
from regattn_fairseq.metrics.rouge_published import published_rouge
from regattn_fairseq.report.rows import build_rows
from regattn_fairseq.runs.finding import read_run
from regattn_fairseq.runs.result import Result

# Irregular forms, which ROUGE-1.5.5 knows and rouge-score does not, and more than 75 bytes a line.
WORDS = [
    "said",
    "say",
    "children",
    "child",
    "police",
    "two",
    "killed",
    "agreement",
    "in",
    "capital",
]
DOCUMENTS = 30


def text(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(12, 18)))


def garbled(line: str, share: float, draw: random.Random) -> str:
    return " ".join(draw.choice(WORDS) if draw.random() < share else w for w in line.split())


def write_run(
    folder: Path, normalizer: str, seed: int, share: float, *, measure: str | None, references: int
) -> Result:
    """A run of summarization, each line a reference of which a share of the words is changed."""
    folder.mkdir(parents=True)
    draw = random.Random(7)
    every = [[text(draw) for _ in range(references)] for _ in range(DOCUMENTS)]
    draw = random.Random(f"{normalizer} {seed}")
    output = [garbled(first, share, draw) for first, *_ in every]
    sides = [list(side) for side in zip(*every, strict=True)]
    files = {"hypotheses": "test.hyp", "references": "test.ref"}
    files |= {f"ref{number}": f"test.ref{number}" for number in range(1, references)}
    for name, lines in zip(files.values(), (output, *sides), strict=True):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    if measure is None:
        metrics, signatures = score_summaries(output, sides[0])
    else:
        max_bytes = 75 if measure == "recall" else None
        metrics, signatures = published_rouge(output, every, measure=measure, max_bytes=max_bytes)
    result = {
        "task": "summarization",
        "data": "headlines",
        "model": "regattn_lstm",
        "normalizer": {"name": normalizer},
        "seed": seed,
        "metrics": metrics,
        "signatures": signatures,
        "files": files,
    }
    (folder / "result.json").write_text(json.dumps(result))
    return read_run(folder / "result.json", folder.parent)


@pytest.mark.parametrize(
    ("measure", "references"), [("recall", 4), ("f1", 1), (None, 1)], ids=["DUC", "Gigaword", "own"]
)
def test_the_difference_tested_is_that_of_the_figures(
    tmp_path: Path, measure: str | None, references: int
) -> None:
    runs = [
        write_run(
            tmp_path / f"{name}{seed}", name, seed, share, measure=measure, references=references
        )
        for name, share in (("softmax", 0.2), ("sparsemax", 0.6))
        for seed in (1, 2)
    ]
    (baseline, row), warnings = build_rows(runs)
    assert warnings == []
    assert set(row.significance) == {"rouge1", "rouge2", "rougeL"}
    for metric, test in row.significance.items():
        difference = row.metrics[metric].mean - baseline.metrics[metric].mean
        assert test.difference == pytest.approx(difference, abs=1e-9)
        assert test.low < difference < test.high < 0
        assert test.sentences == 2 * DOCUMENTS


def test_without_its_further_references_there_is_no_test(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / name, name, 1, 0.3, measure="recall", references=4)
        for name in ("softmax", "sparsemax")
    ]
    (tmp_path / "sparsemax" / "test.ref3").unlink()
    rows, (warning,) = build_rows(runs)
    assert rows[1].significance == {}
    assert "no significance test of ROUGE for seed 1 (No such file" in warning
