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
from collections.abc import Iterator
from contextlib import contextmanager
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

# fairseq, with a module without content in the place of scikit-learn.
LIBRARIES = """
import sys, types

class Nothing(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given: None

sys.modules["sklearn"], sys.modules["sklearn.metrics"] = Nothing("sklearn"), Nothing("metrics")
import torch, fairseq.tasks
"""

HEADER = """# What commands take before they work

`python scripts/benchmark_startup.py{arguments}`, {machine}, {cores} cores

User and system time of a process, in seconds: the median of {repeats} calls with a warm file cache
and one thread, the two commits in turn. "Before" is commit {earlier}. A finished run is one of
`{tiny}`. The bound of the first update is 1.3 times the import of torch and fairseq without
scikit-learn, in the same series; without `scipy.stats` too, which fairseq imports for one measure
and our commands leave out, that import takes {strict:.2f} s.

| what | before | after | bound |
|---|---:|---:|---:|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, checkout(Path(name) / "earlier") as earlier:
        trees = (earlier, ROOT)
        folders = [Path(name) / each for each in ("before", "after")]
        for tree, folder in zip(trees, folders, strict=True):
            folder.mkdir()
            call(tree, folder, CALL, "regattn-run", *TINY)
        rows, imported = [], measure(ROOT, folders[1], options.repeats, LIBRARIES)
        strict = LIBRARIES.replace(
            "import torch", 'sys.modules["scipy.stats"] = Nothing("stats")\nimport torch'
        )
        bare = measure(ROOT, folders[1], options.repeats, strict)
        for what, bound, code, arguments in calls():
            taken: list[list[float]] = [[], []]
            for _ in range(options.repeats + 1):
                for tree, folder, seconds in zip(trees, folders, taken, strict=True):
                    shutil.rmtree(folder / "first", ignore_errors=True)
                    seconds.append(call(tree, folder, code, *arguments))
            before, after = (statistics.median(seconds[1:]) for seconds in taken)
            limit = 1.3 * imported if bound is None else bound
            rows.append(f"| {what} | {before:.2f} | {after:.2f} | {limit:.2f} |")
            print(rows[-1], flush=True)
    rows.append(
        f"| `python -c 'import torch, fairseq.tasks'` without scikit-learn | | {imported:.2f} | |"
    )
    header = HEADER.format(
        arguments="" if options.repeats == 5 else f" --repeats {options.repeats}",
        machine=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        repeats=options.repeats,
        earlier=EARLIER,
        tiny=f"regattn-run {' '.join(TINY)}",
        strict=bare,
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")


def calls() -> Iterator[tuple[str, float | None, str, list[str]]]:
    """What is called: its description, the bound in seconds, and how."""
    for command in COMMANDS:
        yield f"`regattn-{command} --help`", 1.5, CALL, [f"regattn-{command}", "--help"]
    for argument, what in (
        ("--version", "the version"),
        ("trainning.lr=1", "a typo in an option"),
        ("training.patience=many", "a value of another kind"),
        ("normalizer.gamma=-1", "a value out of range"),
        ("data=multi30k", "an unknown data set"),
    ):
        yield f"{what}: `regattn-run {argument}`", 1.5, CALL, ["regattn-run", argument]
    yield "`regattn-run` of a finished run", 2.0, CALL, ["regattn-run", *TINY]
    yield "`regattn-preprocess` of a finished corpus", 2.0, CALL, ["regattn-preprocess"]
    yield "`regattn-report` where there is no run", 2.5, CALL, ["regattn-report", "runs_dir=none"]
    yield (
        "`regattn-run` to the end of its first update",
        None,
        FIRST_UPDATE,
        ["regattn-run", *TINY, "output_dir=first"],
    )


def measure(tree: Path, folder: Path, repeats: int, code: str) -> float:
    """The median time of a program, the first call left out."""
    return statistics.median([call(tree, folder, code) for _ in range(repeats + 1)][1:])


def call(tree: Path, folder: Path, code: str, *arguments: str) -> float:
    """Run a program with the package of a tree; return its user and system time in seconds."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
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
