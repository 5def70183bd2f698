"""Where systems differ, in runs whose differences are known."""

import json
from collections import Counter

import pandas as pd

from regattn_fairseq.metrics import match_counts
from regattn_fairseq.report.differences import build_difference_tables
from regattn_fairseq.report.rows import build_rows
from regattn_fairseq.runs.finding import find_runs

FREQUENCIES = Counter({"common": 2000, "rare": 3})


def write_run(folder, name, outputs, references, lengths):
    folder.mkdir(parents=True)
    texts = {"hypotheses": outputs, "references": references}
    for kind, lines in texts.items():
        (folder / kind).write_text("".join(f"{line}\n" for line in lines))
    counts = match_counts(outputs, references, FREQUENCIES, lowercase=False)
    pd.DataFrame({**counts, "columns": lengths}).to_csv(folder / "sentences.csv", index=False)
    content = {
        "task": "translation",
        "data": "toy",
        "model": "m",
        "normalizer": {"name": name},
        "seed": 1,
        "metrics": {"bleu": 50.0},
        "files": {**{kind: kind for kind in texts}, "sentences": "sentences.csv"},
    }
    (folder / "result.json").write_text(json.dumps(content))


def tables(root):
    return build_difference_tables(build_rows(find_runs(root)[0])[0])


def test_a_system_that_knows_no_rare_words_is_told_from_one_that_does(tmp_path):
    lengths = [4, 6, 8, 10] * 25
    references = ["common common common common rare"] * 100
    write_run(tmp_path / "a", "softmax", references, references, lengths)
    # It misses the rare word, and in the longest sources everything.
    worse = ["wrong" if length == 10 else "common common common common" for length in lengths]
    write_run(tmp_path / "b", "sparsemax", worse, references, lengths)
    by_words, by_length = tables(tmp_path)
    assert [column.label for column in by_words.columns] == [
        *("Normalizer", "exact", "0", "1–9", "≥ 1,000")
    ]
    softmax, sparsemax = by_words.cells
    assert [cell.value for cell in softmax[1:]] == [100, 0, 100, 100]
    assert [round(cell.value, 1) for cell in sparsemax[1:]] == [0, 0, 0, round(600 / 7, 1)]
    assert sparsemax[3].text == "0.0 [−100.0, −100.0] ‡"
    assert softmax[3].text == "100.0", "the baseline is not compared with itself"
    spans = [column.label for column in by_length.columns[1:]]
    assert spans == ["4–5", "6", "7–8", "9–10"]
    assert by_length.cells[0][-1].value > 99
    assert by_length.cells[1][-1].value < 1 < by_length.cells[1][1].value
    assert by_length.cells[1][-1].text.endswith("‡")
    assert "the 95 % interval of the difference from softmax" in by_length.notes[0]


def test_runs_without_counts_of_words_have_no_such_table(tmp_path):
    lines = ["common rare"] * 10
    write_run(tmp_path / "a", "softmax", lines, lines, range(4, 14))
    write_run(tmp_path / "b", "sparsemax", lines, lines, range(4, 14))
    table = pd.read_csv(tmp_path / "b" / "sentences.csv")
    table[["columns"]].to_csv(tmp_path / "b" / "sentences.csv", index=False)
    (by_length,) = tables(tmp_path)
    assert by_length.title.endswith("differences by length")
    (tmp_path / "b" / "sentences.csv").unlink()
    assert tables(tmp_path) == []
