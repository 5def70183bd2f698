"""What a report says in sentences, from rows with known figures."""

import json
from dataclasses import replace

import pytest

from regattn_fairseq.metrics import SMALLEST_P, PairedResult, correct
from regattn_fairseq.report.conclusions import conclude
from regattn_fairseq.report.intervals import interval_plots
from regattn_fairseq.report.rows import Row, Summary
from regattn_fairseq.runs.result import Result


def run(folder, seed, machine):
    content = {
        "task": "translation",
        "data": "toy",
        "model": "m",
        "normalizer": {"name": "softmax"},
        "metrics": {"bleu": 1.0},
        "seed": seed,
        "machine": machine,
    }
    return Result.from_content(content, folder, "run")


def row(folder, label, bleu, test=None, *, seeds=(1,), machine="here", zeros=0.0, speed=1000.0):
    return Row(
        *("translation", "toy", "m", "test"),
        label=label,
        normalizer={"name": label},
        runs=tuple(run(folder, seed, machine) for seed in seeds),
        metrics={"bleu": Summary(bleu, None, len(seeds))},
        attention={"zero_share": Summary(zeros, None, 1)},
        alignment={"aer": Summary(0.2 - zeros / 10, None, 1)},
        training={"target_tokens_per_s": Summary(speed, None, 1)},
        evaluation={},
        baseline="softmax" if test else None,
        significance={"bleu": test} if test else {},
    )


def difference(points, p_value, width=0.5):
    return PairedResult(points, p_value, points - width, points + width, sentences=100)


def corrected(*tests):
    return [test["bleu"] for test in correct([{"bleu": test} for test in tests])]


def test_the_best_with_its_interval_what_is_significant_and_what_is_not(tmp_path):
    above, below, near = corrected(
        difference(2.0, SMALLEST_P), difference(-3.0, 0.01), difference(-0.2, 0.6)
    )
    said = conclude(
        [
            row(tmp_path, "softmax", 30.0),
            row(tmp_path, "sparsemax", 32.0, above, zeros=0.8, speed=500.0),
            row(tmp_path, "fusedmax", 27.0, below, zeros=0.7),
            row(tmp_path, "oscarmax", 29.8, near, zeros=0.6),
        ]
    )
    assert said == [
        "sparsemax is best: BLEU 32.00, 2.00 above softmax (95 % interval of the difference +1.50 "
        "to +2.50, corrected p ≤ 0.003).",
        "Significantly (corrected p < 0.05) above softmax: sparsemax (+2.00); below softmax: "
        "fusedmax (−3.00). Not significant: oscarmax.",
        "Attention weights that are exactly zero: sparsemax 80%, fusedmax 70%, oscarmax 60%.",
        "As word alignment sparsemax is best: AER 12.0% (softmax 20.0%, fusedmax 13.0%, oscarmax "
        "14.0%).",
        "Training speed, softmax's being 1: sparsemax 0.50, fusedmax 1.00, oscarmax 1.00.",
        "One training of each: the tests say whether these models differ, not whether models of "
        "other seeds would.",
    ]


def test_where_the_baseline_is_best_the_next_one_is_named(tmp_path):
    rows = [
        row(tmp_path, "softmax", 30.0, seeds=(1, 2)),
        row(tmp_path, "sparsemax", 29.9, difference(-0.1, 0.7), seeds=(1, 2)),
    ]
    best, significance, *_ = conclude(rows)
    assert best.startswith("softmax is best: BLEU 30.00. Next is sparsemax, 0.10 below it (95 %")
    assert significance.startswith("No difference from softmax is significant")
    assert not any("One training" in sentence for sentence in conclude(rows))


def test_what_was_not_tested_is_not_called_tested(tmp_path):
    (alone, *_) = conclude([row(tmp_path, "softmax", 30.0)])
    assert alone == "softmax has BLEU 30.00. There is nothing to compare it with."
    lead, *_ = conclude([row(tmp_path, "fusedmax", 30.0), row(tmp_path, "oscarmax", 28.0)])
    assert lead.startswith(
        "fusedmax is best: BLEU 30.00, 2.00 above oscarmax. The difference is not"
    )


def test_limits(tmp_path):
    folder = tmp_path / "learning"
    folder.mkdir()
    losses = [{"split": "valid", "epoch": e, "loss": 5.0 - e} for e in (1.0, 2.0)]
    (folder / "train_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in losses))
    rows = [
        row(tmp_path, "softmax", 30.0, seeds=(1, 2)),
        row(folder, "sparsemax", 29.0, difference(-1.0, 0.2), machine="there"),
    ]
    *_, speeds, trainings, learning = conclude(rows)
    assert speeds == "Speeds are not compared: the runs come from different machines."
    assert trainings.startswith("From 1 to 2 trainings of each")
    assert learning.startswith("1 of 1 trainings had their lowest validation loss at their end")


def test_intervals_are_placed_by_size(tmp_path):
    first, second = corrected(difference(1.0, 0.01), difference(-1.0, 0.6))
    (plot,) = interval_plots(
        [
            row(tmp_path, "softmax", 30.0),
            row(tmp_path, "sparsemax", 31.0, first),
            row(tmp_path, "fusedmax", 29.0, second),
        ]
    )
    assert plot.title == "Difference from softmax in BLEU"
    above, below = plot.intervals
    assert below.low < below.middle < below.high < plot.zero < above.low < above.high
    assert above.middle - plot.zero == pytest.approx(plot.zero - below.middle)
    assert [above.significant, below.significant] == [True, False]
    assert {text: place for place, text in plot.ticks}["0"] == plot.zero
    assert interval_plots([row(tmp_path, "softmax", 30.0)]) == []


def test_differences_of_attention_have_intervals_too(tmp_path):
    tested = row(tmp_path, "sparsemax", 31.0, difference(1.0, 0.01))
    shares = {
        "dropped": PairedResult(0.02, 0.01, 0.01, 0.03, sentences=100),
        "support": PairedResult(-2.0, 0.01, -2.5, -1.5, sentences=100),
    }
    tested = replace(tested, attention_significance=shares)
    plots = interval_plots([row(tmp_path, "softmax", 30.0), tested])
    assert [plot.title.removeprefix("Difference from softmax in ") for plot in plots] == [
        *("BLEU", "support", "dropped, in points")
    ]
    assert [plot.intervals[0].text for plot in plots[1:]] == [
        *("−2.00 [−2.50, −1.50]", "+2.00 [+1.00, +3.00]")
    ]
