"""Commands answer without the imports that take seconds; one process for each kind of answer."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, environment

HEAVY = {"torch", "fairseq", "numba", "pandas", "matplotlib", "scipy", "sklearn", "nltk", "joblib"}
COMMANDS = ("preprocess", "train", "evaluate", "run", "report", "reproduce", "demo")

# Each call is a command line. Calls of one process only add to what it has imported.
_CALLS = """
import json, sys
from regattn_fairseq import cli

for name, *arguments in json.loads(sys.argv[1]):
    sys.argv = [f"regattn-{name}", *arguments]
    try:
        getattr(cli, name)()
    except SystemExit:
        pass
print("\\n" + json.dumps([*sys.modules]))
"""


def called(*calls: list[str], cwd: Path) -> tuple[str, set[str]]:
    """What the commands say, and the modules that they have imported."""
    done = subprocess.run(
        [sys.executable, "-c", _CALLS, json.dumps(calls)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    *said, modules = done.stdout.splitlines()
    return "\n".join(said) + done.stderr, set(json.loads(modules))


def test_help_and_version(tmp_path):
    said, modules = called(
        *([name, flag] for name in COMMANDS for flag in ("--help", "--help-all")),
        ["run", "--version"],
        cwd=tmp_path,
    )
    for name in COMMANDS:
        assert f"regattn-{name}: " in said
    assert "(torch " in said
    assert not modules & HEAVY


@pytest.mark.parametrize("flags", [["--help"], ["--version"], ["--cfg", "job"]])
def test_a_reader_that_has_read_enough_gets_no_complaint(flags, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from regattn_fairseq import cli; cli.run()", *flags],
            cwd=tmp_path,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["run", "trainning.lr=1"], "did you mean training.lr?"),
        (["run", "data=multi30k"], "did you mean"),
        (["train", "normalizer=sparsmax"], "did you mean sparsemax?"),
        (["train", "optimization.clip_norm=high"], "must be a number"),
        (["run", "training.patience=1.5"], "must be a whole number"),
        (["run", "dataset.dataset_impl=zip"], "dataset.dataset_impl"),
        (["run", "normalizer.gamma=-1"], "gamma must be finite and > 0, got -1"),
        (["run", "normalizer.lam=1"], "not of softmax"),
        (["run", "criterion=ctc"], "cannot be used with this package's models"),
        (["run", "generation.beam=0"], "choose at least 1"),
        (["run", "evaluation.bleu_tokenizer=none_such"], "is no tokenizer"),
        (["run", "data=text", "data.raw_dir=nowhere"], "nowhere"),
        (["reproduce", "table=9"], "there is no reproduce=table9"),
    ],
)
def test_mistakes(call, words, mistakes):
    assert words in mistakes[tuple(call)]


@pytest.fixture(scope="module")
def mistakes(request, tmp_path_factory):
    """What is said of each mistake, by one process."""
    (marker,) = test_mistakes.pytestmark
    calls = [call for call, _words in marker.args[1]]
    said, modules = called(*calls, cwd=tmp_path_factory.mktemp("mistakes"))
    # Whether a tokenizer of BLEU exists, sacrebleu knows, and it imports nothing heavy.
    assert not modules & HEAVY
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    return dict(zip(map(tuple, calls), lines, strict=True))


def test_a_finished_run_has_nothing_to_do(run_folder, toy, tmp_path):
    options = [*toy, *TINY, "normalizer=fusedmax", "training.max_epoch=3"]
    options += ["training.best_metric=bleu", f"output_dir={run_folder}"]
    said, modules = called(
        *(["preprocess", *toy], ["train", *options], ["evaluate", f"output_dir={run_folder}"]),
        ["run", *options],
        cwd=tmp_path,
    )
    for stage, times in (("preprocessed", 2), ("trained", 2), ("evaluated", 2)):
        assert said.count(f"{stage} already") == times, said
    assert not modules & HEAVY


def test_a_training_imports_what_it_needs(data_bin, toy, tmp_path):
    said, modules = called(
        ["train", *toy, *TINY, "optimization.max_update=1", f"output_dir={tmp_path / 'run'}"],
        cwd=tmp_path,
    )
    assert "trained for" in said
    assert {"torch", "fairseq", "regattn_fairseq.models.decoder"} <= modules
    left_out = {"sklearn", "scipy.stats", "pandas", "nltk", "torch._dynamo", "sympy"}
    left_out |= {"fairseq.models.hubert", "fairseq.tasks.audio_classification"}
    assert not modules & left_out
