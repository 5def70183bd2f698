"""Train fairseq's own ``lstm`` and ``regattn_lstm`` with softmax alike, and compare the outcome.

Both get the same data-bin, sizes, batches, updates and options, through ``fairseq-train``. Several
seeds show how far two trainings of one model lie apart by chance.

    regattn-preprocess data=multi30k_de_en data.raw_dir=path/to/multi30k
    python scripts/compare_with_fairseq_lstm.py cache/multi30k_de_en-…/bin --seeds 1 2
"""

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import torch
from tqdm import tqdm

import regattn_fairseq

BIN = Path(sys.executable).parent
PLUGIN = Path(regattn_fairseq.__file__).parent
ARCHITECTURES = ("lstm", "regattn_lstm")
SIZES = [
    *("--encoder-embed-dim", "256", "--encoder-hidden-size", "128", "--encoder-bidirectional"),
    *("--decoder-embed-dim", "256", "--decoder-hidden-size", "256"),
    *("--decoder-out-embed-dim", "256", "--dropout", "0.2"),
]
TRAINING = [
    *("--criterion", "label_smoothed_cross_entropy", "--label-smoothing", "0.1"),
    *("--optimizer", "adam", "--lr", "0.002", "--clip-norm", "1", "--max-tokens", "1000"),
    *("--required-batch-size-multiple", "1", "--no-epoch-checkpoints", "--log-format", "json"),
]


def call(command: list[str]) -> str:
    """Run a command; its whole output, or an error that ends with it."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # the same for every training
    )
    if done.returncode != 0:
        sys.exit(f"error: {shlex.join(command)} failed:\n{done.stdout[-2000:]}")
    return done.stdout


def train(data: Path, arch: str, seed: int, epochs: int, folder: Path) -> list[dict[str, str]]:
    """Train one model from nothing; fairseq's validation record of each epoch."""
    output = call(
        [
            *(str(BIN / "fairseq-train"), str(data), "--user-dir", str(PLUGIN), "--arch", arch),
            *SIZES,
            *TRAINING,
            *("--seed", str(seed), "--max-epoch", str(epochs), "--save-dir", str(folder)),
            *("--restore-file", "none.pt"),
            *([] if torch.cuda.is_available() else ["--cpu"]),
        ]
    )
    records = [json.loads(found) for found in re.findall(r"\| valid \| (\{.*\})", output)]
    if len(records) != epochs:
        sys.exit(
            f"error: {len(records)} validations in {epochs} epochs of {arch}:\n{output[-2000:]}"
        )
    return records


def bleu(data: Path, folder: Path) -> float:
    """Lowercased sacreBLEU of the test set, beam 5."""
    output = call(
        [
            *(str(BIN / "fairseq-generate"), str(data), "--user-dir", str(PLUGIN)),
            *("--path", str(folder / "checkpoint_best.pt"), "--beam", "5"),
            *("--max-len-a", "1.5", "--max-len-b", "10", "--required-batch-size-multiple", "1"),
            *("--remove-bpe", "sentencepiece", "--scoring", "sacrebleu", "--sacrebleu-lowercase"),
            *([] if torch.cuda.is_available() else ["--cpu"]),
        ]
    )
    score = re.search(r"beam=5:.*?BLEU.*? = ([\d.]+) ", output)
    if score is None:
        sys.exit(f"error: fairseq-generate printed no BLEU:\n{output[-2000:]}")
    return float(score[1])


def main() -> None:
    """Train, score, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin made with SentencePiece")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="trainings at once, one thread each"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/fairseq_lstm"))
    parser.add_argument("--output", type=Path, default=Path("results/fairseq_lstm.md"))
    args = parser.parse_args()
    if not any(args.data.glob("dict.*.txt")):
        parser.error(f"{args.data} is not a data-bin: run regattn-preprocess first")

    def row(arch: str, seed: int) -> tuple[str, int, int, list[float], float]:
        folder = args.work / f"{arch}-{seed}"
        records = train(args.data, arch, seed, args.epochs, folder)
        losses = [float(record["valid_loss"]) for record in records]
        updates = int(records[-1]["valid_num_updates"])
        return arch, seed, updates, losses, bleu(args.data, folder)

    trainings = [(arch, seed) for seed in args.seeds for arch in ARCHITECTURES]
    with ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(row, arch, seed) for arch, seed in trainings]
        for _ in tqdm(as_completed(futures), total=len(futures), unit="training"):
            pass
        rows = [future.result() for future in futures]

    lines = [
        "# fairseq's lstm and regattn_lstm with softmax, trained alike",
        "",
        f"Command: `python scripts/compare_with_fairseq_lstm.py {args.data.parent.name}/bin "
        f"--epochs {args.epochs} --seeds {' '.join(map(str, args.seeds))}`  ",
        f"Machine: {platform.machine()}, one thread a training, "
        f"{torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU only'}; "
        f"torch {torch.__version__}",
        "",
        "| model | seed | updates | "
        + " | ".join(f"valid loss, epoch {epoch + 1}" for epoch in range(args.epochs))
        + " | BLEU |",
        "|---|---|---|" + "---|" * args.epochs + "---|",
    ]
    for arch, seed, updates, losses, score in rows:
        cells = " | ".join(f"{loss:.3f}" for loss in losses)
        lines.append(f"| `{arch}` | {seed} | {updates} | {cells} | {score:.2f} |")
    lines.append("")
    for name, values in (
        ("last valid loss", [row[3][-1] for row in rows]),
        ("BLEU", [row[4] for row in rows]),
    ):
        means = {
            arch: statistics.mean(v for v, row in zip(values, rows, strict=True) if row[0] == arch)
            for arch in ARCHITECTURES
        }
        spread = max(
            max(group) - min(group)
            for arch in ARCHITECTURES
            for group in [[v for v, row in zip(values, rows, strict=True) if row[0] == arch]]
        )
        difference = means["regattn_lstm"] - means["lstm"]
        lines.append(
            f"- {name}: ours minus fairseq's {difference:+.3f} on average; seeds of one model "
            f"differ by up to {spread:.3f}"
        )
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
