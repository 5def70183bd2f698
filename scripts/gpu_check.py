"""Everything that needs a GPU: the kernels' tests and the benchmarks, within 8 minutes.

    make gpu-check

Each part is a command of its own with a time limit. A part that fails or takes too long does not
keep the others from running. Writes gpu.md into results/benchmarks/, with each part's time, outcome
and last lines, and ends with an error if a part failed. The benchmarks write their own records.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.runs.files import write_text

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "results" / "benchmarks" / "gpu.md"
LAST_LINES = 25


@dataclass(frozen=True)
class Part:
    """One command.

    Attributes:
        title: what it shows.
        command: its words; ``…`` stands for the data-bin that an earlier part makes.
        limit: seconds.
    """

    title: str
    command: Sequence[str]
    limit: float


PARTS = (
    Part(
        "Triton kernels against those of the CPU",
        ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/normalizers/test_backends.py"),
        150,
    ),
    Part(
        "Normalizers: accuracy and speed",
        ("scripts/benchmark_normalizers.py", "--device", "cuda"),
        130,
    ),
    Part(
        "A corpus for the next part",
        (
            *("-c", "from regattn_fairseq.cli import preprocess; preprocess()"),
            *("data=synthetic_de_en", "cache_dir=…"),
        ),
        60,
    ),
    Part(
        "Training and beam search beside fairseq's lstm, which runs on cuDNN",
        ("scripts/benchmark_training.py", "…", "--repetitions", "3"),
        130,
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a part: ``status`` is its exit code, or None if it took too long."""

    part: Part
    command: str
    status: int | None
    seconds: float
    output: str


def run(part: Part, words: Sequence[str]) -> Outcome:
    """Run a part's command with this interpreter, and keep what it prints."""
    started = time.monotonic()
    status: int | None
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=part.limit,
        )
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        status, output = None, error.stdout or b""
    text = output.decode("utf-8", errors="replace").replace("\r", "\n")
    return Outcome(part, shlex.join(["python", *words]), status, time.monotonic() - started, text)


def record(outcomes: Sequence[Outcome], device: str) -> str:
    """The Markdown page of all parts."""
    lines = ["# On a GPU", "", f"`make gpu-check`, {device}", ""]
    for outcome in outcomes:
        said = {0: "passed", None: f"stopped after {outcome.part.limit:.0f} s"}.get(
            outcome.status, f"failed with exit status {outcome.status}"
        )
        last = [line for line in outcome.output.splitlines() if line.strip()][-LAST_LINES:]
        lines += [
            *(f"## {outcome.part.title}", ""),
            *(f"`{outcome.command}`: {said}, {outcome.seconds:.0f} s", ""),
            *("```text", *last, "```", ""),
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=RECORD, help="the page (gpu.md)")
    args = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        sys.exit("gpu_check.py: torch sees no GPU here; run it where nvidia-smi shows one")
    device = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            print(f"{part.title} …", flush=True)
            found = next(Path(folder).glob("*/bin"), Path(folder) / "bin")
            stands_for = {"cache_dir=…": f"cache_dir={folder}", "…": str(found)}
            words = [stands_for.get(word, word) for word in part.command]
            outcomes.append(run(part, words))
            args.output.parent.mkdir(parents=True, exist_ok=True)
            write_text(args.output, record(outcomes, device))
    print(args.output)
    if failed := [outcome.part.title for outcome in outcomes if outcome.status != 0]:
        sys.exit(f"gpu_check.py: did not pass: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
