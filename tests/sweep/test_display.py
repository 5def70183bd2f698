"""What a sweep shows of its jobs."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from regattn_fairseq.sweep.display import JobLine, last_table, live_view, plain_lines
from regattn_fairseq.sweep.output import OUTPUT, Output
from regattn_fairseq.sweep.progress import Progress

NAMES = [
    "synthetic_headlines/oscarmax_gamma3_lam0.05-8b8fb6c1/seed2",
    "multi30k_en_de/fusedmax_gamma1.5_lam0.3-799ddfe4/seed12",
    "multi30k_en_de/regattn_transformer/constrained_sparsemax-799ddfe4/train_fraction0.0625/seed1",
]
TRAIN = {"split": "train", "epoch": 2.0, "loss": 4.1234, "wps": 12345.6, "num_updates": 200.0}


def job(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": "running", "began": 0.0, "max_epoch": 10, **more}


def log(runs_dir: Path, name: str, *records: dict[str, Any]) -> None:
    (runs_dir / name).mkdir(parents=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (runs_dir / name / "train_log.jsonl").write_text(lines)


def drawn(view: Any, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_running_job_is_where_its_training_log_says(tmp_path):
    name = NAMES[0]
    assert JobLine.of(job(name), tmp_path) == JobLine(
        "synthetic_headlines oscarmax_gamma3_lam0.05 seed2", 0, 10, None, None, None
    )
    within = {**TRAIN, "split": "train_inner", "epoch": 3.0, "loss": 3.9, "num_updates": 260.0}
    log(tmp_path, name, {**TRAIN, "wall": 60.0}, {"split": "valid", "epoch": 2.0}, within)
    line = JobLine.of(job(name), tmp_path)
    assert (line.epoch, line.loss, line.words) == (3, 3.9, 12345.6)
    # Two of ten epochs took a minute.
    assert line.seconds_left == pytest.approx(240)
    # Where updates end it earlier, they count.
    assert JobLine.of(job(name, max_update=400), tmp_path).seconds_left == pytest.approx(60)
    unlimited = JobLine.of(job(name, max_epoch=0), tmp_path)
    assert (unlimited.seconds_left, unlimited.epochs) == (None, None)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_cut_within_a_word(tmp_path, width):
    for name in NAMES:
        log(tmp_path, name, {**TRAIN, "wall": 60.0})
    records = dict(enumerate(map(job, NAMES)))
    lines = drawn(live_view(Progress(records, [[]] * 5, now=30.0), tmp_path), width)
    assert all(len(line) <= width for line in lines)
    assert lines[0].split() == ["running", "epoch", "loss", "words/s", "left"]
    words = " ".join(lines).split()
    for name in NAMES:
        assert {part.split("-")[0] for part in name.split("/")} <= {*words}
    assert sum(line.split()[-5:] == ["2/10", "4.123", "12,346", "4", "min"] for line in lines) == 3
    assert " ".join(lines).endswith("sweep: 0 of 5 done, 3 running, 0 failed")
    assert "…" not in "".join(lines)


def test_at_the_end_all_jobs_stand_in_a_table_or_in_plain_lines():
    done = {"state": "done", "metric": "bleu", "score": 31.25, "seconds": 600.0}
    records = {
        0: job(NAMES[0], **done),
        1: job(NAMES[1], state="failed", reason="no such file", seconds=3.0),
        2: job(NAMES[2], state="done", seconds=61.0),
    }
    progress = Progress(records, [[]] * 3, now=700.0)
    lines = drawn(last_table(progress))
    assert lines[0].split() == ["job", "state", "bleu", "time"]
    assert lines[1].split()[-4:] == ["done", "31.25", "10", "min"]
    assert lines[2].split()[-3:] == ["failed", "3", "s"]
    assert all(len(line) <= 80 for line in lines)
    # With the names by which they can be searched.
    assert plain_lines(progress) == [
        f"done: {NAMES[0]}: bleu 31.25, 10 min",
        f"done: {NAMES[2]}, 61 s",
    ]


def test_what_a_job_prints_goes_to_its_run(tmp_path, capfd):
    for text in ("first\n", "second\n"):
        output = Output(tmp_path / "0.out")
        os.write(2, text.encode())
        assert not os.isatty(2)
        output.put_away(tmp_path)
        os.write(2, b"again on the terminal\n")
    assert (tmp_path / OUTPUT).read_text() == "first\nsecond\n"
    assert capfd.readouterr().err == "again on the terminal\n" * 2
    lost = Output(tmp_path / "0.out")
    lost.put_away(tmp_path / "no folder")
    assert [path.name for path in tmp_path.iterdir()] == [OUTPUT]
