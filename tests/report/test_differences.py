"""Where systems differ, in runs whose differences are known."""

import json
from collections import Counter

import pandas as pd
from sacrebleu.metrics import BLEU

from regattn_fairseq.metrics import match_counts
from regattn_fairseq.report.differences import build_difference_tables
from regattn_fairseq.report.rows import build_rows
from regattn_fairseq.report.sentences import sentence_scores
from regattn_fairseq.runs.finding import find_runs

FREQUENCIES = Counter({"common": 2000, "rare": 3})


def write_run(folder, name, outputs, references, lengths, **further):
    folder.mkdir(parents=True)
    texts = {"hypotheses": outputs, "references": references}
    for kind, lines in texts.items():
        (folder / kind).write_text("".join(f"{line}\n" for line in lines))
    counts = match_counts(outputs, references, FREQUENCIES, lowercase=False)
    pd.DataFrame({**counts, "columns": lengths, **further}).to_csv(
        folder / "sentences.csv", index=False
    )
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


def test_quality_by_what_each_output_drops_and_repeats(tmp_path):
    right = "a b c d e"
    references = [right] * 80
    outputs = [right, right, "wrong", right] * 20
    attention = {
        "dropped": [0, 1, 7, 2] * 20,
        "repeated_1grams": [0, 1, 1, 0] * 20,
        "zeros": [1, 2, 3, 4] * 20,
        "weights": [10] * 80,
    }
    write_run(tmp_path / "a", "sparsemax", outputs, references, [4] * 80, **attention)
    dense = attention | {"zeros": [0] * 80}
    write_run(tmp_path / "b", "softmax", references, references, [4] * 80, **dense)
    *_, table = tables(tmp_path)
    assert table.title.endswith("quality by attention")
    assert table.groups == [
        ("", 1),
        ("BLEU of sentences, by zero weights", 4),
        ("BLEU of sentences, by repeated words", 3),
        ("BLEU of sentences, by dropped source tokens", 3),
    ]
    softmax, sparsemax = table.cells
    assert [cell.text for cell in softmax[1:5]] == ["–"] * 4, "all its sentences have no zeros"
    assert [round(cell.value) for cell in sparsemax[1:5]] == [100, 100, 0, 100]
    repeats = sparsemax[5:8]
    assert repeats[0].text == "100.0 [100.0, 100.0], n 40"
    assert round(repeats[1].value, 6) == 50
    low, high = (float(part) for part in repeats[1].text[6:].split("]")[0].split(", "))
    # A mean of 40 scores of 0 or 100 has the standard error 50/√40 = 7.9.
    assert abs(50 - 1.96 * 7.9 - low) < 3
    assert abs(50 + 1.96 * 7.9 - high) < 3
    assert repeats[2].text == "–", "no sentence has two"
    assert [round(cell.value) for cell in sparsemax[8:]] == [100, 100, 0]


def test_scores_of_a_run_are_computed_once(tmp_path, monkeypatch):
    write_run(tmp_path / "a", "softmax", ["once only"], ["once only"], [4])
    asked = []
    score = BLEU.sentence_score
    monkeypatch.setattr(
        BLEU, "sentence_score", lambda *given: asked.append(given[1]) or score(*given)
    )
    (run,) = find_runs(tmp_path)[0]
    first, again = sentence_scores(run), sentence_scores(run)
    assert first[0] == again[0] == "bleu"
    assert (first[1] == again[1]).all()
    assert asked == ["once only"]
