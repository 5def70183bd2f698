"""What copying, coverage and bounded attention cost in training and search, as ratios.

    regattn-preprocess data=debian_headlines
    python scripts/benchmark_copying.py cache/debian_headlines-…/bin --max-tokens 1000

All models take the same batches in turn. A time is processor time, which other work on the machine
changes least, the median over repetitions, summed over batches; a ratio is to the same model
without the option. The attention is sparsemax. The data-bin needs a joined dictionary.

Writes copying.md into results/benchmarks/.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import benchmark_training
from benchmark_training import add_setting_options, command_of, machine, revision, setting_of
from tabulate import tabulate
from tqdm import tqdm

from regattn_fairseq.runs.files import write_text

ADDED = {
    "": [],
    "copying": ["--copy-attn"],
    "coverage loss": ["--coverage-weight", "1"],
    "fertility 2": ["--attn-fertility", "2"],
}
MODELS = {
    (feeding, option): [
        *("--attn-normalizer", "sparsemax"),
        *([] if feeding else ["--no-input-feeding"]),
        *arguments,
    ]
    for feeding in (True, False)
    for option, arguments in ADDED.items()
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin with a joined dictionary")
    add_setting_options(parser)
    parser.add_argument("--repetitions", type=int, default=5, help="of each batch (5)")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    setting = setting_of(parser, args)
    names = {key: f"{key[1]} {key[0]}" for key in MODELS}
    benchmark_training.MODELS.update({names[key]: options for key, options in MODELS.items()})
    systems = benchmark_training.start(setting, list(names.values()))

    updates: dict[str, list[list[float]]] = {name: [] for name in systems}
    searches: dict[str, list[float]] = {name: [] for name in systems}
    for _ in tqdm(range(args.repetitions + 1), unit="round"):
        for rounds in updates.values():
            rounds.append([])
        for index in range(len(next(iter(systems.values())).training)):
            for name, system in systems.items():
                started = time.process_time()
                system.train(index)
                updates[name][-1].append(time.process_time() - started)
        for name, system in systems.items():
            started = time.process_time()
            _, lines = system.search(0)
            words = sum(map(len, lines))
            searches[name].append((time.process_time() - started) / words)
    seconds = {  # the first round warms up
        name: sum(map(statistics.median, zip(*rounds[1:], strict=True)))
        for name, rounds in updates.items()
    }
    a_word = {name: statistics.median(rounds[1:]) for name, rounds in searches.items()}
    rows = []
    for (feeding, option), key in names.items():
        base = names[feeding, ""]
        rows.append(
            [
                "input feeding" if feeding else "no input feeding",
                option or "–",
                f"{1000 * seconds[key] / setting.number:.0f}",
                f"{seconds[key] / seconds[base]:.2f}",
                f"{a_word[key] / a_word[base]:.2f}",
            ]
        )
    columns = ["model", "with", "ms an update", "ratio", "ratio of search time, a word"]
    lines = [
        "# What copying, coverage and bounded attention cost",
        "",
        f"Command: `{command_of(args)} --repetitions {args.repetitions}`, revision {revision()}  ",
        f"Machine: {machine(args.threads)}, float32",
        "",
        tabulate(rows, columns, tablefmt="github", disable_numparse=True),
        "",
    ]
    write_text(args.output / "copying.md", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
