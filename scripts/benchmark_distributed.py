"""Tokens a second with one process and with two, on CPUs: python scripts/benchmark_distributed.py

Trains one model on a generated corpus, first alone with update_freq=2, then as two processes that
torchrun starts, each with a thread of its own: the same updates, in half the steps.

Writes results/distributed/distributed.md. Further options of regattn-train may follow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tabulate import tabulate

from regattn_fairseq.runs.files import write_text

BIN = Path(sys.executable).parent


def train(processes: int, runs: Path, overrides: list[str]) -> float:
    """Target tokens a second in the last epoch."""
    folder = runs / f"processes{processes}"
    shutil.rmtree(folder, ignore_errors=True)
    launcher = [] if processes == 1 else torchrun(processes)
    command = [
        *(*launcher, str(BIN / "regattn-train"), "data=synthetic_de_en", "normalizer=fusedmax"),
        *("model=regattn_lstm_small", "training.max_epoch=2", "training.max_tokens=2000"),
        *(f"training.update_freq={2 // processes}", f"output_dir={folder}", *overrides),
    ]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    log = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    return float([record["wps"] for record in log if record["split"] == "train"][-1])


def torchrun(processes: int) -> list[str]:
    """How several processes are started."""
    return [
        str(BIN / "torchrun"),
        "--standalone",
        f"--nproc-per-node={processes}",
        "--no-python",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("results/distributed"))
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark_distributed"))
    options, overrides = parser.parse_known_args()
    corpus = ["data=synthetic_de_en", *(o for o in overrides if o.startswith("data."))]
    subprocess.run([str(BIN / "regattn-preprocess"), *corpus], check=True)
    speeds = {processes: train(processes, options.runs, overrides) for processes in (1, 2)}
    rows = [
        (processes, f"{speed:,.0f}", f"{speed / speeds[1]:.2f}")
        for processes, speed in speeds.items()
    ]
    command = " ".join(["python scripts/benchmark_distributed.py", *overrides])
    text = (
        f"# One training by several processes\n\n`{command}`, gloo, one thread a process, "
        f"{platform.machine()}, {os.cpu_count()} cores.\n\n"
        + tabulate(rows, headers=("processes", "target tokens/s", "times one"), tablefmt="pipe")
        + "\n"
    )
    options.output.mkdir(parents=True, exist_ok=True)
    write_text(options.output / "distributed.md", text)
    print(text)


if __name__ == "__main__":
    main()
