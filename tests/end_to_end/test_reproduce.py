"""A table's runs, trained at once, interrupted, and taken up by the same command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import TINY, environment

SCRIPT = Path(__file__).parents[2] / "scripts" / "reproduce.py"
SEEDS = (1, 2)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    overrides = [*TINY, "data.corpus.pairs=900", "data.corpus.valid=50", "data.corpus.test=50"]
    overrides += ["generation=greedy", "training.max_epoch=8", "training.patience=-1"]
    quoted = ",".join(f'"{option}"' for option in overrides)
    return [
        *(sys.executable, str(SCRIPT), "table=bleu", "corpora=synthetic", "jobs=2"),
        *("normalizers=[softmax]", "seeds=[1,2]", f"overrides=[{quoted}]"),
        *(f"{name}_dir={tmp_path / name}" for name in ("runs", "cache", "results")),
        f"reuse=[{tmp_path / 'runs'}]",
    ]


def under_way(folder: Path) -> bool:
    logs = [path.read_text() for path in folder.rglob("train.log")]
    return len(logs) == len(SEEDS) and all("Start iterating" in log for log in logs)


def test_interrupted_and_taken_up_again(command: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )
    deadline = time.monotonic() + 200
    while not under_way(tmp_path / "runs"):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 130
    assert said.endswith(
        "\ninterrupted (2 of 2 running jobs saved); the same command goes on from here\n"
    )
    assert "Traceback" not in said
    assert not list((tmp_path / "runs").rglob(".lock"))

    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("resuming from") == len(SEEDS)
    table = (tmp_path / "results" / "bleu_synthetic" / "bleu.md").read_text()
    assert "2 runs, 2 of them trained by this command" in table
    assert "| softmax | 1 2 |" in " ".join(table.split())
