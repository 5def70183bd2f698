"""The console commands, in subprocesses."""

import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
import torch
from commands import BIN, TINY, call, call_anew

import regattn_fairseq.models  # noqa: F401  lets checkpoints be read
from regattn_fairseq.metrics import load_attention
from regattn_fairseq.normalizers import rule


def test_a_run_leaves_everything_that_its_result_names(run_folder):
    result = json.loads((run_folder / "result.json").read_text())
    hypotheses, references, sources = (
        (run_folder / result["files"][name]).read_text().splitlines()
        for name in ("hypotheses", "references", "sources")
    )

    assert len(hypotheses) == len(references) == len(sources) == 50
    expected = sacrebleu.corpus_bleu(hypotheses, [references]).score
    assert result["metrics"]["bleu"] == pytest.approx(expected)
    lam = rule("fusedmax").options["lam"].default
    assert result["normalizer"] == {"name": "fusedmax", "gamma": 1.0, "lam": lam}
    assert result["training"]["epochs"] == 3
    assert result["training"]["updates"] > 0
    assert result["training"]["target_tokens_per_s"] > 0
    assert result["evaluation"]["sentences"] == 50
    assert "nrefs:1" in result["signatures"]["bleu"]
    assert result["versions"]["torch"]
    assert result["config"]["model"]["attn_normalizer"] == "fusedmax"
    assert list(run_folder.glob("tensorboard/*/events*"))

    records = load_attention(run_folder / result["files"]["attention"])
    assert len(records) == 50
    for record, source in zip(records, sources, strict=True):
        np.testing.assert_allclose(record.weights.sum(axis=1), 1, atol=1e-5)
        assert record.source_tokens == [*source.split(), "</s>"]


def test_the_stages_one_by_one_give_the_same_run(run_folder, toy, tmp_path):
    options = [*toy, "normalizer=fusedmax", "training.max_epoch=3", "training.best_metric=bleu"]
    folder = f"output_dir={tmp_path / 'run'}"
    preprocess = call("regattn-preprocess", *toy)
    assert preprocess.returncode == 0, preprocess.stderr
    assert "preprocessed already" in preprocess.stderr
    train = call("regattn-train", *options, *TINY, folder)
    assert train.returncode == 0, train.stderr
    evaluate = call("regattn-evaluate", folder)
    assert evaluate.returncode == 0, evaluate.stderr

    for name in ("test.hyp", "test.src"):
        assert (tmp_path / "run" / name).read_text() == (run_folder / name).read_text()
    mine, theirs = (
        json.loads((path / "result.json").read_text()) for path in (tmp_path / "run", run_folder)
    )
    assert mine["training"]["valid_loss"] == theirs["training"]["valid_loss"]
    assert mine["attention"] == theirs["attention"]


def test_a_finished_run_is_not_done_again(run_folder, toy):
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in run_folder.rglob("*")}

    before = files()
    again = call(
        *("regattn-run", *toy, *TINY, "normalizer=fusedmax", "training.max_epoch=3"),
        *(f"output_dir={run_folder}", "training.best_metric=bleu"),
    )
    assert again.returncode == 0, again.stderr
    for stage in ("preprocessed", "trained", "evaluated"):
        assert f"{stage} already" in again.stderr
    assert files() == before


def test_evaluation_of_another_split_with_other_options(run_folder, toy, tmp_path):
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(run_folder), str(copy)], check=True)
    done = call(
        *("regattn-evaluate", f"output_dir={copy}", "evaluation.split=valid"),
        *("generation=greedy", "evaluation.checkpoint=last"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((copy / "result.json").read_text())
    assert result["split"] == "valid"
    assert result["config"]["generation"]["beam"] == 1
    assert (copy / "valid.hyp").read_text().count("\n") == 50


def test_attention_is_measured_from_the_files_of_an_earlier_evaluation(run_folder, tmp_path):
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(run_folder), str(copy)], check=True)
    before = json.loads((copy / "result.json").read_text())
    # As an earlier version left it.
    (copy / "test.sentences.csv").unlink()
    old = json.loads((copy / "result.json").read_text())
    del old["measures"], old["files"]["sentences"], old["attention"]["coverage"]
    (copy / "result.json").write_text(json.dumps(old))
    hypotheses = (copy / "test.hyp").stat()

    # The toy task turns the word order round.
    sources = (copy / "test.src").read_text().splitlines()
    links = [
        " ".join(f"{i}-{len(line.split()) - 1 - i}" for i in range(len(line.split())))
        for line in sources
    ]
    (tmp_path / "test.align").write_text("\n".join(links) + "\n")
    command = ("regattn-evaluate", f"output_dir={copy}", f"alignment.file={tmp_path}/test.align")
    done = call(*command)
    assert done.returncode == 0, done.stderr
    assert "decoded already; measuring the attention" in done.stderr
    assert (copy / "test.hyp").stat().st_mtime_ns == hypotheses.st_mtime_ns
    after = json.loads((copy / "result.json").read_text())
    assert after["attention"] == pytest.approx(before["attention"])
    assert after["evaluation"] == before["evaluation"]
    assert after["alignment"]["reference"] == "test.align"
    assert after["alignment"]["sentences"] == 50
    assert after["config"]["alignment"]["file"] == f"{tmp_path}/test.align"
    assert 0 <= after["alignment"]["aer"] < 0.9
    with (copy / "test.sentences.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 50
    errors, chances = (
        sum(float(row[name]) for row in rows) for name in ("link_errors", "link_chances")
    )
    assert errors / chances == pytest.approx(after["alignment"]["aer"])
    forced = load_attention(copy / after["files"]["reference_attention"])
    assert [r.target_tokens for r in forced] == [
        [*line.split(), "</s>"] for line in (copy / "test.ref").read_text().splitlines()
    ]
    # Words are this task's tokens, and so the report has their links.
    assert (copy / after["files"]["links"]).read_text().splitlines() == links

    # Neither the same command nor one without an alignment does it again.
    assert "evaluated already" in call(*command).stderr
    assert "evaluated already" in call(*command[:2]).stderr
    assert json.loads((copy / "result.json").read_text()) == after
    # The same links, from a file that lies elsewhere.
    moved = f"alignment.file={tmp_path}/moved/test.align"
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "test.align").write_text((tmp_path / "test.align").read_text())
    assert "evaluated already" in call(*command[:2], moved).stderr
    config = json.loads((copy / "result.json").read_text())["config"]
    assert f"alignment.file={config['alignment']['file']}" == moved
    bad = call(*command[:2], f"alignment.file={tmp_path}/none")
    assert bad.returncode == 1
    assert bad.stderr.strip().splitlines()[-1].startswith("error: alignment.file=")


def test_a_sweep_and_its_report(toy, tmp_path):
    sweep = call_anew(
        *("regattn-run", "-m", *toy, *TINY, "normalizer=softmax,oscarmax", "training.max_epoch=1"),
        "normalizer.lam=0.1,-1",  # of no concern to softmax, and wrong for oscarmax
        *("data.tokenizer.name=sentencepiece", "data.tokenizer.vocab_size=60"),
        *("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        f"runs_dir={tmp_path / 'runs'}",
        cwd=tmp_path,
    )
    # One job fails and says so; the others are done, and the two that are one run are done once.
    assert sweep.returncode == 1, sweep.stderr
    assert "sweep: 3 of 4 done, 0 running, 1 failed; best bleu" in sweep.stderr
    (failed,) = [line for line in sweep.stderr.splitlines() if line.startswith("failed: ")]
    assert "oscarmax_lam-1" in failed
    assert "lam must be" in failed
    assert "Traceback" not in sweep.stderr
    assert sweep.stderr.count("trained for") == 2
    # Without a terminal there are plain lines, each with its job's name.
    trained = [line for line in sweep.stderr.splitlines() if "epoch   1  train" in line]
    assert sorted(re.split("[-_]", line)[0] for line in trained) == ["toy/oscarmax", "toy/softmax"]
    assert len([line for line in sweep.stderr.splitlines() if line.startswith("done: toy/")]) == 3
    assert not {*"\r\x1b"} & {*sweep.stderr}
    results = sorted((tmp_path / "runs").rglob("result.json"))
    labels = [path.parent.parent.name.rpartition("-")[0] for path in results]
    assert labels == ["oscarmax_lam0.1", "softmax"]

    report = call_anew(
        *("regattn-report", f"runs_dir={tmp_path / 'runs'}", f"output_dir={tmp_path / 'report'}"),
        "header=how it was made",
    )
    assert report.returncode == 0, report.stderr
    assert "softmax" in report.stdout
    assert "oscarmax" in report.stdout
    table = (tmp_path / "report" / "table.md").read_text()
    assert "how it was made" in table
    assert "failed: lam must be" in table
    for name in ("table.tex", "table.csv", "index.html", "attention_toy_softmax.png"):
        assert (tmp_path / "report" / name).stat().st_size > 0
    # Nothing is left behind in the folder that the command was called from.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "runs"]


def test_a_killed_training_resumes(toy, data_bin, tmp_path):
    folder = tmp_path / "run"
    command = [
        *("regattn-train", *toy, *TINY, "training.max_epoch=8", "training.patience=-1"),
        f"output_dir={folder}",
    ]
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = folder / "train_log.jsonl"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.read_text().count('"split": "train"') >= 2):
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "train.json").exists()

    resumed = call(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming from" in resumed.stderr
    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    trained = [record["epoch"] for record in epochs if record["split"] == "train"]
    assert trained == [1, 2, 3, 4, 5, 6, 7, 8]
    assert json.loads((folder / "train.json").read_text())["epochs"] == 8

    # And it is the same training as one that nobody killed.
    whole = [*command[:-1], f"output_dir={tmp_path / 'whole'}"]
    assert call(*whole).returncode == 0
    uninterrupted = [
        json.loads(line)
        for line in (tmp_path / "whole" / "train_log.jsonl").read_text().splitlines()
    ]
    assert [record["loss"] for record in epochs] == [record["loss"] for record in uninterrupted]
    ours, theirs = (
        torch.load(run / "checkpoints" / "checkpoint_last.pt", weights_only=True)["model"]
        for run in (folder, tmp_path / "whole")
    )
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_ctrl_c_says_how_to_go_on(toy, data_bin, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [
            *(str(BIN / "regattn-train"), *toy, *TINY, "training.max_epoch=500"),
            *("training.patience=-1", f"output_dir={folder}"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # A test run in the background has inherited that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (folder / "train_log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    "command", ["preprocess", "train", "evaluate", "run", "report", "demo", "reproduce"]
)
def test_help_teaches(command):
    done = call(f"regattn-{command}", "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert f"regattn-{command}" in done.stdout
