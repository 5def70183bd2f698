"""The table of systems of any kind, and that runs of earlier versions are still found."""

import csv
from pathlib import Path

import pytest
from reproducing import loaded, made, write_translation

from regattn_fairseq.reproduce.execution import carry_out
from regattn_fairseq.reproduce.plan import plan_runs, resolve_run
from regattn_fairseq.runs.identity import portable, run_differences

KEPT = Path(__file__).parents[2] / "results" / "runs"


def test_rows_are_systems_and_each_is_compared_with_the_first_of_its_model(tmp_path):
    options = [
        f"reuse=[{tmp_path / 'runs'}]",
        f"results_dir={tmp_path / 'results'}",
        "train=false",
        "corpora=synthetic",
    ]
    scores = {"softmax": 30.0, "softmax, window of 10": 31.0, "softmax, sparsemax loss": 32.0}
    for number, run in enumerate(plan_runs(loaded("family", options))):
        if run.system in scores:
            folder = tmp_path / "runs" / str(number)
            write_translation(folder, run, scores[run.system], normalizer="softmax")
    path = made("family", options, command="as tested")
    with (path.parent / "family.csv").open(newline="") as file:
        rows = {row["system"]: row for row in csv.DictReader(file)}
    assert {name: float(rows[name]["bleu_mean"]) for name in scores} == scores
    tested = {name for name, row in rows.items() if row["bleu_p_holm"]}
    assert tested == scores.keys() - {"softmax"}
    assert not rows["topk"]["bleu_mean"]
    text = path.read_text(encoding="utf-8")
    assert "| softmax, sparsemax loss" in text
    assert "topk" in next(line for line in text.splitlines() if "not run: not trained yet" in line)
    assert (path.parent / "family.png").exists()


def test_a_corpus_without_the_table_says_so(tmp_path):
    options = [f"results_dir={tmp_path}", "train=false", "corpora=paper"]
    assert "the paper has no such table" in made("family", options, command="x").read_text()


@pytest.mark.parametrize("target", ["bleu", "table1", "table2"])
def test_runs_that_earlier_versions_made_are_found(target):
    """An option that a version adds must not make the runs of earlier ones others."""
    corpora = "synthetic" if target == "table1" else "real"
    cfg = loaded(target, [f"reuse=[{KEPT}]", f"corpora={corpora}", "train=false"])
    there = [run for run in plan_runs(cfg) if any((KEPT / run.data).glob(f"{run.system}[-_]*"))]
    assert len(there) >= 4
    lost = [str(outcome.planned) for outcome in carry_out(there, cfg, run=None) if not outcome.run]
    assert not lost


def test_softmax_at_the_output_is_no_option_of_its_own():
    cfg = loaded("bleu", ["corpora=synthetic", "train=false"])
    planned = plan_runs(cfg)[0]
    now = portable(resolve_run(planned))
    earlier = now | {"model": {k: v for k, v in now["model"].items() if not k.startswith("loss_")}}
    assert earlier["model"] != now["model"]
    assert not run_differences(earlier, now)
    other = now | {"model": now["model"] | {"loss_normalizer": "sparsemax"}}
    assert run_differences(earlier, other) == ["model.loss_normalizer: None there, sparsemax here"]
