"""Speed and memory of regattn-preprocess on a corpus of Gigaword's size and layout.

    python scripts/benchmark_preprocessing.py --pairs 2000000

Generates the pairs, preprocesses them with ``data=gigaword`` in a process of its own, and writes
results/benchmarks/preprocessing.md: lines per second, and the most memory that the process and its
children held together. Several numbers of pairs make several rows.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks" / "preprocessing.md"
VOCABULARY = 120_000
# Words an article and a headline have on average in Gigaword.
ARTICLE_WORDS, TITLE_WORDS = 31, 8
HELD_OUT = 1_951
SAMPLE_SECONDS = 0.25
HEADER = """# Preprocessing a corpus of Gigaword's layout

`python scripts/benchmark_preprocessing.py {arguments}`, {machine}, {cores} cores

Corpus writing, splitting into words, dictionaries and binarization together, the start of the
program included. A pair is two lines, of {words} words on average, over {vocabulary:,} kinds of
words. Memory is the largest sum over the process and its children, shared pages counted once (PSS),
sampled every {sample} s; the process holds {base:.0f} MiB before it reads a line.

| pairs | text MiB | seconds | pairs per second | lines per second | cores busy | peak memory MiB |
|---:|---:|---:|---:|---:|---:|---:|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[2_000_000])
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows, base = [], 0.0
    for pairs in options.pairs:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            size = generate(raw, pairs)
            run = preprocess(raw, Path(folder) / "cache")
        base = max(base, run.base)
        rows.append(
            f"| {pairs:,} | {size:.0f} | {run.seconds:.0f} | {pairs / run.seconds:,.0f} "
            f"| {2 * pairs / run.seconds:,.0f} | {run.processor_seconds / run.seconds:.2f} "
            f"| {run.peak:.0f} |"
        )
        print(rows[-1], flush=True)
    header = HEADER.format(
        arguments=f"--pairs {' '.join(map(str, options.pairs))}",
        machine=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        words=f"{ARTICLE_WORDS} and {TITLE_WORDS}",
        vocabulary=VOCABULARY,
        sample=SAMPLE_SECONDS,
        base=base,
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")


def generate(folder: Path, pairs: int) -> float:
    """Write ``train.src.txt`` and its siblings; return their size in MiB.

    Words follow Zipf's law over a fixed vocabulary, as far as a power of a uniform variable does.
    """
    folder.mkdir()
    draw = random.Random(1)
    for split, count in (("train", pairs), ("dev", HELD_OUT), ("test", HELD_OUT)):
        for side, words in (("src", ARTICLE_WORDS), ("tgt", TITLE_WORDS)):
            with (folder / f"{split}.{side}.txt").open("w", encoding="utf-8") as file:
                for _ in range(count):
                    length = draw.randint(words // 2, words + words // 2)
                    numbers = (int(VOCABULARY ** draw.random()) for _ in range(length))
                    file.write(" ".join(f"word{number:x}" for number in numbers) + "\n")
    return sum(path.stat().st_size for path in folder.iterdir()) / 2**20


@dataclass(frozen=True)
class Run:
    """What one preprocessing took.

    Attributes:
        seconds: from its start to its end.
        processor_seconds: of all its processes.
        peak: MiB that they held together.
        base: the same before the first line is read.
    """

    seconds: float
    processor_seconds: float
    peak: float
    base: float


def preprocess(raw: Path, cache: Path) -> Run:
    """Preprocess in a process of its own, and watch it."""
    started, used = time.monotonic(), processor_seconds()
    command = shutil.which("regattn-preprocess", path=Path(sys.executable).parent)
    process = subprocess.Popen(
        [str(command), "data=gigaword", f"data.raw_dir={raw}", f"cache_dir={cache}"],
        stdout=subprocess.DEVNULL,
    )
    watched = psutil.Process(process.pid)
    peak = base = 0.0
    while process.poll() is None:
        held = memory(watched)
        peak = max(peak, held)
        if not any(cache.glob(".gigaword.*/.text.*")) and not any(cache.glob(".gigaword.*/text")):
            base = max(base, held)
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"regattn-preprocess failed with exit code {process.returncode}")
    return Run(time.monotonic() - started, processor_seconds() - used, peak, base)


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(process: psutil.Process) -> float:
    """MiB that a process and its children hold."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass  # it ended while it was looked at
    return total / 2**20


if __name__ == "__main__":
    main()
