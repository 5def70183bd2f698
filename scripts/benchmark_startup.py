"""Processor time of what commands answer before they work, now and at an earlier commit.

    python scripts/benchmark_startup.py

Checks out the earlier commit, has both make a small run, and then calls the commands of both in
turn, each in a Python of its own with a warm file cache. Writes results/benchmarks/startup.md: the
median of user and system time.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "benchmarks" / "startup.md"
EARLIER = "b0cac26"
TINY = ("model=regattn_lstm_tiny", "training.max_epoch=1")
COMMANDS = ("preprocess", "train", "evaluate", "run", "report", "reproduce", "demo")

CALL = """
import sys
from regattn_fairseq import cli
sys.argv = sys.argv[1:]
getattr(cli, sys.argv[0].removeprefix("regattn-"))()
"""

# regattn-run, up to the end of the first update.
FIRST_UPDATE = """
import os, sys
from regattn_fairseq import cli

class Watch:
    def find_spec(self, name, path, target=None):
        if name == "regattn_fairseq.pipeline.training.fairseq_training":
            sys.meta_path.remove(self)
            from regattn_fairseq.pipeline.training.trainer import SurvivingTrainer
            step = SurvivingTrainer.train_step
            SurvivingTrainer.train_step = lambda *given: (step(*given), os._exit(0))

sys.meta_path.insert(0, Watch())
sys.argv = sys.argv[1:]
cli.run()
"""

# torch and fairseq, with modules without content in the place of those named. It ends as the
# program above does.
LIBRARIES = """
import os, sys, types

class Nothing(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given: None

for name in sys.argv[1:]:
    sys.modules[name] = Nothing(name)
import torch, fairseq.tasks
os._exit(0)
"""
SCIKIT_LEARN = ("sklearn", "sklearn.metrics")

HEADER = """# What commands take before they work

`python scripts/benchmark_startup.py{arguments}`, {machine}, {cores} cores

User and system time of a process, in seconds: the median of {repeats} calls with a warm file cache
and one thread. The processes of a row, and of the last three rows, are called in turn; those of the
last three end without Python's tidying up. "Before" is commit {earlier}. The finished run is
`regattn-run {tiny}`.

| what | before | after | bound |
|---|---:|---:|---:|
"""


@dataclass(frozen=True)
class Program:
    """What is called.

    Attributes:
        folder: its working directory, in which there is a finished run.
        tree: the root of the package.
        code: the program.
        arguments: of the program.
    """

    folder: Path
    tree: Path
    code: str
    arguments: tuple[str, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name, checkout(Path(name) / "earlier") as earlier:
        trees = {Path(name) / "before": earlier, Path(name) / "after": ROOT}
        for folder, tree in trees.items():
            folder.mkdir()
            call(Program(folder, tree, CALL, ("regattn-run", *TINY)))
        for what, bound, arguments in calls():
            programs = [Program(*place, CALL, arguments) for place in trees.items()]
            before, after = median_times(programs, options.repeats)
            rows.append(f"| {what} | {before:.2f} | {after:.2f} | {bound:.2f} |")
            print(rows[-1], flush=True)
        arguments = ("regattn-run", *TINY, "output_dir=first")
        updates = [Program(*place, FIRST_UPDATE, arguments) for place in trees.items()]
        imports = [
            Program(folder, ROOT, LIBRARIES, without)
            for without in (SCIKIT_LEARN, (*SCIKIT_LEARN, "scipy.stats"))
        ]
        before, after, imported, bare = median_times([*updates, *imports], options.repeats)
    rows += [
        f"| `regattn-run` to the end of its first update | {before:.2f} | {after:.2f} "
        f"| {1.3 * imported:.2f} |",
        f"| 1/1.3 of that bound: `import torch, fairseq.tasks` without scikit-learn | "
        f"| {imported:.2f} | |",
        f"| the same without `scipy.stats`, which our commands leave out too | | {bare:.2f} | |",
    ]
    header = HEADER.format(
        arguments="" if options.repeats == 5 else f" --repeats {options.repeats}",
        machine=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        repeats=options.repeats,
        earlier=EARLIER,
        tiny=" ".join(TINY),
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")


def calls() -> Iterator[tuple[str, float, tuple[str, ...]]]:
    """The command lines: a description, the bound in seconds, and the arguments."""
    for command in COMMANDS:
        yield f"`regattn-{command} --help`", 1.5, (f"regattn-{command}", "--help")
    for argument, what in (
        ("--version", "the version"),
        ("trainning.lr=1", "a typo in an option"),
        ("training.patience=many", "a value of another kind"),
        ("normalizer.gamma=-1", "a value out of range"),
        ("data=multi30k", "an unknown data set"),
    ):
        yield f"{what}: `regattn-run {argument}`", 1.5, ("regattn-run", argument)
    yield "`regattn-run` of a finished run", 2.0, ("regattn-run", *TINY)
    yield "`regattn-preprocess` of a finished corpus", 2.0, ("regattn-preprocess",)
    yield "`regattn-report` where there is no run", 2.5, ("regattn-report", "runs_dir=none")


def median_times(programs: Sequence[Program], repeats: int) -> list[float]:
    """The median time of each program; they are called in turn, and the first time does not count.

    Args:
        programs: may make a run in the folder ``first``, which is removed before each call.
        repeats: how often each is called.
    """
    taken: list[list[float]] = [[] for _ in programs]
    for _ in range(repeats + 1):
        for program, seconds in zip(programs, taken, strict=True):
            shutil.rmtree(program.folder / "first", ignore_errors=True)
            seconds.append(call(program))
    return [statistics.median(seconds[1:]) for seconds in taken]


def call(program: Program) -> float:
    """Run a program; return its user and system time in seconds."""
    environment = {**os.environ, "PYTHONPATH": str(program.tree), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", program.code, *program.arguments],
        cwd=program.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


@contextmanager
def checkout(folder: Path) -> Iterator[Path]:
    """The earlier commit in a folder of its own."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), EARLIER], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


if __name__ == "__main__":
    main()
