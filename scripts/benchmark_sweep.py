"""A sweep that is struck halfway: is a job lost or done twice, and what does it cost?

    python scripts/benchmark_sweep.py
    python scripts/benchmark_sweep.py --engine ray
    python scripts/benchmark_sweep.py --engine slurm

sweeps four normalizers, three λ and two seeds over a generated corpus, two jobs at once: 24 jobs.
softmax and sparsemax take no λ, so that their three jobs of a seed are one run, which must be done
once: 16 runs. When half of them have a result,

    joblib  every process of the sweep is killed with SIGKILL, and the same command is given again;
    ray     every process of one of the two nodes is killed with SIGKILL;
    slurm   a running job is put back into the queue by scontrol requeue.

The clusters are this machine's own, made for the benchmark: see local_clusters.py.

Writes results/sweep/<engine>.md and .csv. Further options of regattn-run may follow, for a quick
look: python scripts/benchmark_sweep.py --output look training.max_update=50
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from local_clusters import UnavailableError, ray_cluster, slurm_cluster
from tabulate import tabulate

from regattn_fairseq.runs.files import write_text

COMMAND = Path(sys.executable).parent / "regattn-run"
NORMALIZERS = ("softmax", "sparsemax", "fusedmax", "oscarmax")
WITHOUT_LAMBDA = 2
LAMBDAS = ("0.005", "0.02", "0.08")
SEEDS = ("1", "2")
CORES = 2

# A minute and a half of one core for each run. What starting Python and composing the
# configurations costs, some thirty seconds of a core a command, must be small beside them all.
TRAINING = (
    "experiment=quickstart",
    "data.corpus.pairs=9000",
    "data.tokenizer.vocab_size=2000",
    "training.max_update=1200",
    "generation=greedy",
    "training.save_minutes=0.1",
)


@dataclass(frozen=True)
class Course:
    """How a sweep went.

    Args:
        fault: what happened halfway.
        before: the results that were there then, with their times of writing.
        status: of the command that ended last.
        wall_s: seconds of all commands together.
        core_s: seconds that the cores together could have worked.
    """

    fault: str
    before: dict[Path, int]
    status: int
    wall_s: float
    core_s: float


class Sweep:
    """The command, and what it leaves.

    Args:
        engine: ``joblib``, ``ray`` or ``slurm``.
        data: corpora, with commas between them.
        runs: the folder of the runs; emptied.
        overrides: further options of regattn-run.
    """

    def __init__(self, engine: str, data: str, runs: Path, overrides: list[str]) -> None:
        self.runs = runs
        self.log = runs / "sweep.log"
        # Distinct runs: λ counts for some of the normalizers only.
        strengths = WITHOUT_LAMBDA + (len(NORMALIZERS) - WITHOUT_LAMBDA) * len(LAMBDAS)
        self.expected = len(data.split(",")) * len(SEEDS) * strengths
        self.jobs = len(data.split(",")) * len(SEEDS) * len(NORMALIZERS) * len(LAMBDAS)
        places = {
            "joblib": [f"hydra.launcher.n_jobs={CORES}"],
            "ray": [],
            "slurm": ["hydra.launcher.cpus_per_task=1"],
        }
        self.command = [
            *(str(COMMAND), "-m", *TRAINING, f"engine={engine}", *places[engine]),
            *(f"data={data}", f"normalizer={','.join(NORMALIZERS)}"),
            *(f"normalizer.lam={','.join(LAMBDAS)}", f"seed={','.join(SEEDS)}"),
            *(f"runs_dir={runs}", *overrides),
        ]
        shutil.rmtree(runs, ignore_errors=True)
        runs.mkdir(parents=True)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Call the command, in a process group of its own."""
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
                start_new_session=True,
            )

    def results(self) -> dict[Path, int]:
        """The results that are there, with their times of writing."""
        return {path: path.stat().st_mtime_ns for path in sorted(self.runs.rglob("result.json"))}

    def wait_until_half_is_done(self, process: subprocess.Popen[bytes]) -> None:
        """Return when half of the runs have a result."""
        while len(self.results()) < self.expected // 2:
            if process.poll() is not None:
                sys.exit(f"the sweep ended before it was struck: see {self.log}")
            time.sleep(0.5)

    def record(self, path: Path, before: dict[Path, int]) -> dict[str, Any]:
        """One run: its time, and whether each of its epochs was trained once."""
        result = json.loads(path.read_text())
        log = (path.parent / "train_log.jsonl").read_text().splitlines()
        epochs = [r["epoch"] for r in map(json.loads, log) if r["split"] == "train"]
        resumed = "Loaded checkpoint" in (path.parent / "train.log").read_text()
        return {
            "run": str(path.parent.relative_to(self.runs)),
            "training_s": result["training"]["wall_s"],
            "evaluation_s": result["evaluation"]["wall_s"],
            "updates": result["training"]["updates"],
            "epochs": len(epochs),
            "each_epoch_once": epochs == sorted(set(epochs)),
            "resumed": resumed,
            "before_the_fault": path in before,
            "done_again": path in before and path.stat().st_mtime_ns != before[path],
        }


def with_joblib(sweep: Sweep) -> Course:
    began = time.monotonic()
    process = sweep.start()
    sweep.wait_until_half_is_done(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = sweep.results()
    status = sweep.start().wait()
    wall_s = time.monotonic() - began
    fault = "kill -9 of every process, and the same command again"
    return Course(fault, before, status, wall_s, CORES * wall_s)


def with_ray(sweep: Sweep) -> Course:
    with ray_cluster(nodes=CORES) as cluster:
        began = time.monotonic()
        process = sweep.start(**cluster.environment)
        sweep.wait_until_half_is_done(process)
        cluster.kill_node(1)
        first_s = time.monotonic() - began
        before = sweep.results()
        status = process.wait()
        wall_s = time.monotonic() - began
    core_s = CORES * first_s + (CORES - 1) * (wall_s - first_s)
    return Course("kill -9 of every process of one node", before, status, wall_s, core_s)


def with_slurm(sweep: Sweep) -> Course:
    with slurm_cluster(cpus=CORES) as cluster:
        began = time.monotonic()
        process = sweep.start(**cluster.environment)
        sweep.wait_until_half_is_done(process)
        cluster.call("scontrol", "requeue", cluster.running()[0])
        before = sweep.results()
        status = process.wait()
        wall_s = time.monotonic() - began
    return Course("scontrol requeue of a running job", before, status, wall_s, CORES * wall_s)


ENGINES: dict[str, Callable[[Sweep], Course]] = {
    "joblib": with_joblib,
    "ray": with_ray,
    "slurm": with_slurm,
}


def write(
    options: argparse.Namespace, overrides: list[str], sweep: Sweep, course: Course
) -> pd.DataFrame:
    """The figures, as Markdown and CSV."""
    table = pd.DataFrame([sweep.record(path, course.before) for path in sweep.results()])
    work_s = float(table.training_s.sum() + table.evaluation_s.sum())
    rows = [
        ("jobs", sweep.jobs),
        ("distinct runs", sweep.expected),
        ("runs done when it was struck", len(course.before)),
        ("runs done in the end", len(table)),
        ("runs lost", sweep.expected - len(table)),
        ("runs done again after the fault", int(table.done_again.sum())),
        ("runs with an epoch twice in the log", int((~table.each_epoch_once).sum())),
        ("runs resumed from a checkpoint", int(table.resumed.sum())),
        ("exit status", course.status),
        ("sum of the runs' training and evaluation", f"{work_s:.0f} s"),
        ("wall time", f"{course.wall_s:.0f} s"),
        ("seconds that the cores could have worked", f"{course.core_s:.0f} s"),
        ("efficiency: the sum / those seconds", f"{work_s / course.core_s:.2f}"),
    ]
    arguments = [*([] if options.engine == "joblib" else ["--engine", options.engine]), *overrides]
    command = " ".join(["python scripts/benchmark_sweep.py", *arguments])
    text = (
        f"# A sweep that is struck halfway: {options.engine}\n\n`{command}`: {len(NORMALIZERS)} "
        f"normalizers × {len(LAMBDAS)} λ × {len(SEEDS)} seeds on {options.data}, {CORES} jobs at "
        f"once, {platform.machine()}, {os.cpu_count()} cores. The fault: {course.fault}. softmax "
        "and sparsemax take no λ: their jobs that differ in it alone are one run. Starting Python, "
        "preprocessing, and the work since the last checkpoint that the fault destroyed are no "
        "part of the sum.\n\n"
        + tabulate(rows, tablefmt="pipe", headers=("", ""), colalign=("left", "right"))
        + "\n"
    )
    options.output.mkdir(parents=True, exist_ok=True)
    write_text(options.output / f"{options.engine}.md", text)
    write_text(options.output / f"{options.engine}.csv", table.to_csv(index=False))
    print(text)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, default="joblib")
    parser.add_argument("--data", default="synthetic_de_en")
    parser.add_argument("--output", type=Path, default=Path("results/sweep"))
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark_sweep"))
    options, overrides = parser.parse_known_args()
    sweep = Sweep(options.engine, options.data, options.runs, overrides)
    try:
        course = ENGINES[options.engine](sweep)
    except UnavailableError as reason:
        sys.exit(str(reason))
    table = write(options, overrides, sweep, course)
    lost, again = sweep.expected - len(table), int(table.done_again.sum())
    if course.status or lost or again or not table.each_epoch_once.all():
        sys.exit(f"status {course.status}, {lost} runs lost, {again} done again: see {sweep.log}")


if __name__ == "__main__":
    main()
