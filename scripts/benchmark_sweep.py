"""A sweep, killed halfway and given again: is a job lost or done twice, and what does it cost?

    python scripts/benchmark_sweep.py

sweeps four normalizers, three λ and two seeds over the generated corpora, two jobs at once. When
half of the runs have a result, every process of the sweep is killed with SIGKILL; then the same
command is given again. softmax and sparsemax take no λ, so that their three jobs of a seed are one
run, which must be done once.

Writes results/sweep/sweep.md and runs.csv. Further options of regattn-run may follow, for a quick
look: python scripts/benchmark_sweep.py --output look training.max_epoch=1 data.corpus.pairs=2000
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from regattn_fairseq.pipeline.files import write_text

COMMAND = Path(sys.executable).parent / "regattn-run"
NORMALIZERS = ("softmax", "sparsemax", "fusedmax", "oscarmax")
LAMBDAS = ("0.005", "0.02", "0.08")
SEEDS = ("1", "2")
CORES = 2


def parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="synthetic_de_en,synthetic_headlines")
    parser.add_argument("--output", type=Path, default=Path("results/sweep"))
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark_sweep"))
    return parser.parse_known_args()


def expected_runs(corpora: int) -> int:
    """Distinct runs: λ counts for two of the normalizers only."""
    return corpora * len(SEEDS) * (2 + 2 * len(LAMBDAS))


def results(runs: Path) -> dict[Path, int]:
    """The results that are there, with the times at which they were written."""
    return {path: path.stat().st_mtime_ns for path in sorted(runs.rglob("result.json"))}


def sweep(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )


def record(path: Path, runs: Path, before: dict[Path, int]) -> dict[str, Any]:
    """One run: its time, and whether each of its epochs was trained once."""
    result = json.loads(path.read_text())
    log = (path.parent / "train_log.jsonl").read_text().splitlines()
    epochs = [r["epoch"] for r in map(json.loads, log) if r["split"] == "train"]
    return {
        "run": str(path.parent.relative_to(runs)),
        "training_s": result["training"]["wall_s"],
        "evaluation_s": result["evaluation"]["wall_s"],
        "epochs": len(epochs),
        "each_epoch_once": epochs == sorted(set(epochs)),
        "before_the_kill": path in before,
        "done_again": path in before and path.stat().st_mtime_ns != before[path],
    }


def main() -> None:
    options, overrides = parse()
    command = [
        *(str(COMMAND), "-m", "experiment=quickstart", "engine=joblib"),
        *(f"hydra.launcher.n_jobs={CORES}", "hydra.launcher.batch_size=1"),
        *(f"data={options.data}", f"normalizer={','.join(NORMALIZERS)}"),
        *(f"normalizer.lam={','.join(LAMBDAS)}", f"seed={','.join(SEEDS)}"),
        *(f"runs_dir={options.runs}", *overrides),
    ]
    expected = expected_runs(len(options.data.split(",")))
    shutil.rmtree(options.runs, ignore_errors=True)
    options.runs.mkdir(parents=True)
    log = options.runs / "sweep.log"

    began = time.monotonic()
    process = sweep(command, log)
    while len(results(options.runs)) < expected // 2:
        if process.poll() is not None:
            sys.exit(f"the sweep ended before it could be killed: see {log}")
        time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    first_s = time.monotonic() - began
    before = results(options.runs)
    print(f"killed after {first_s:.0f} s with {len(before)} of {expected} runs done")

    began = time.monotonic()
    status = sweep(command, log).wait()
    second_s = time.monotonic() - began
    records = [record(path, options.runs, before) for path in results(options.runs)]
    table = pd.DataFrame.from_records(records)
    write(options, overrides, table, expected, len(before), first_s, second_s, status)
    lost, again = expected - len(records), int(table.done_again.sum())
    if status or lost or again or not table.each_epoch_once.all():
        sys.exit(f"status {status}, {lost} runs lost, {again} done again: see {log}")


def write(
    options: argparse.Namespace,
    overrides: list[str],
    table: pd.DataFrame,
    expected: int,
    before: int,
    first_s: float,
    second_s: float,
    status: int,
) -> None:
    """The figures, as Markdown and CSV."""
    work_s = float(table.training_s.sum() + table.evaluation_s.sum())
    total_s = first_s + second_s
    rows = [
        ("runs in the sweep", expected),
        ("done when it was killed", before),
        ("done in the end", len(table)),
        ("lost", expected - len(table)),
        ("done again after the kill", int(table.done_again.sum())),
        ("with an epoch trained twice in the log", int((~table.each_epoch_once).sum())),
        ("status of the second command", status),
        ("time of the first command", f"{first_s:.0f} s"),
        ("time of the second command", f"{second_s:.0f} s"),
        ("sum of the runs' training and evaluation", f"{work_s:.0f} s"),
        (f"efficiency: that sum / ({CORES} × total time)", f"{work_s / CORES / total_s:.2f}"),
    ]
    command = " ".join(["python scripts/benchmark_sweep.py", *overrides])
    text = (
        f"# A sweep, killed with SIGKILL and given again\n\n`{command}`: {len(NORMALIZERS)} "
        f"normalizers × {len(LAMBDAS)} λ × {len(SEEDS)} seeds on {options.data}, {CORES} jobs at "
        "once, with joblib. The time of starting Python, preprocessing, and the work that the kill "
        "destroyed count as lost.\n\n"
        + tabulate(rows, headers=("", ""), tablefmt="pipe", colalign=("left", "right"))
        + "\n"
    )
    options.output.mkdir(parents=True, exist_ok=True)
    write_text(options.output / "sweep.md", text)
    write_text(options.output / "runs.csv", table.to_csv(index=False))
    print(text)


if __name__ == "__main__":
    main()
