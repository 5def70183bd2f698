"""Train candidates for the normalizers' defaults; one CSV row a finished run, on validation sets.

    python scripts/search_defaults.py

The same command goes on where it was stopped: what the CSV has is not trained again. Between two
trainings the file of candidates is read anew, so that it may be changed meanwhile.
results/defaults/README.md says by which rule the rows decide.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Job = tuple[str, str, str, str]  # task, normalizer, candidate, seed
COLUMNS = (
    "task",
    "normalizer",
    "candidate",
    "seed",
    "score",
    "valid_loss",
    "zero_share",
    "support",
    "fused_run_length",
    "group_size",
    "updates",
    "wall_s",
)
SCORES = ("bleu", "rouge1", "accuracy")  # a result has one of them


def main() -> None:
    """Run what is missing, in the order of the file's blocks, and in a block seed by seed."""
    folder = Path("results/defaults")
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--candidates", type=Path, default=folder / "candidates.yaml")
    parser.add_argument("--csv", type=Path, default=folder / "runs.csv", help="appended to")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/defaults"))
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"))
    options = parser.parse_args()
    failed: set[Job] = set()
    while True:
        plan = yaml.safe_load(options.candidates.read_text())
        done = finished(options.csv) | failed
        job = next((job for job in jobs(plan) if job not in done), None)
        if job is None:
            break
        if not run(plan, options, job):
            failed.add(job)
    sys.exit(f"{len(failed)} trainings failed: {sorted(failed)}" if failed else 0)


def jobs(plan: dict[str, Any]) -> Iterator[Job]:
    """All of a plan: task, normalizer, candidate and seed of each."""
    for block in plan["blocks"]:
        for seed in block["seeds"]:
            for task in block["tasks"]:
                for candidate in block["candidates"]:
                    for normalizer in plan["candidates"][candidate]:
                        if normalizer in block.get("normalizers", [normalizer]):
                            yield task, normalizer, candidate, str(seed)


def run(plan: dict[str, Any], options: argparse.Namespace, job: Job) -> bool:
    """Train and score one model, and write its row; whether that went well."""
    task, normalizer, candidate, seed = job
    folder = options.runs_dir / "-".join(job)
    command = [
        "regattn-run",
        *(os.path.expandvars(override) for override in plan["tasks"][task].split()),
        f"normalizer={normalizer}",
        *plan["candidates"][candidate][normalizer].split(),
        *(f"seed={seed}", f"output_dir={folder}", f"cache_dir={options.cache_dir}"),
        *("evaluation.split=valid", "hydra/launcher=basic", "tracking=tensorboard"),
    ]
    print(*command, flush=True)
    if subprocess.run(command, check=False).returncode:
        return False
    result = json.loads((folder / "result.json").read_text())
    training, attention = result["training"], result["attention"]
    score = next(result["metrics"][name] for name in SCORES if name in result["metrics"])
    row = dict(zip(COLUMNS, job, strict=False)) | {
        "score": f"{score:.2f}",
        **{name: f"{attention[name]:.4f}" for name in COLUMNS[6:10]},
        "valid_loss": training["valid_loss"],
        "updates": training["updates"],
        "wall_s": f"{training['wall_s']:.0f}",
    }
    is_new = not options.csv.exists()
    with options.csv.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    return True


def finished(path: Path) -> set[Job]:
    """The jobs that have a row."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(row["task"], row["normalizer"], row["candidate"], row["seed"]) for row in rows}


if __name__ == "__main__":
    main()
