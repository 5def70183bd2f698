"""Speed of training and of beam search, beside fairseq's own lstm and the matrix products alone.

    regattn-preprocess data=multi30k_de_en data.raw_dir=path/to/multi30k
    python scripts/benchmark_training.py cache/multi30k_de_en-…/bin

All models take the same batches in turn, in one process, through fairseq's trainer and generator;
each batch's time is the median of its repetitions. The floor is the time that the matrix products
of a step take by themselves, forward and backward, for the words that are no padding, at the rate
that this machine reaches on products of these shapes in the same run. Without input feeding the
model computes something else; what that costs in BLEU is not measured here.

Writes training.md and training.png into results/benchmarks/.
"""

from __future__ import annotations

import argparse
import logging
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.trainer import Trainer
from tabulate import tabulate
from tqdm import tqdm

import regattn_fairseq
from regattn_fairseq.pipeline.files import write_text

matplotlib.use("Agg")
from matplotlib import pyplot as plt

FAIRSEQ = "fairseq lstm"
MODELS = {
    FAIRSEQ: [],
    "softmax": ["--attn-normalizer", "softmax"],
    "sparsemax": ["--attn-normalizer", "sparsemax"],
    "fusedmax": ["--attn-normalizer", "fusedmax", "--attn-lambda", "0.05"],
    "oscarmax": ["--attn-normalizer", "oscarmax", "--attn-lambda", "0.01"],
    "pnormmax": ["--attn-normalizer", "pnormmax"],
    "softmax, no input feeding": ["--attn-normalizer", "softmax", "--no-input-feeding"],
}
Product = tuple[int, int, int, int]  # rows, inner size, columns, how often in a step


@dataclass(frozen=True)
class System:
    """A model in training.

    Attributes:
        trainer: fairseq's.
        units: sizes of the model's layers.
    """

    trainer: Trainer
    units: int


def build(name: str, data: Path, units: int, max_tokens: int) -> System:
    """A model with its optimizer, as fairseq-train would set it up."""
    sides = ("--encoder-embed-dim", "--encoder-hidden-size", "--decoder-embed-dim")
    sides += ("--decoder-hidden-size", "--decoder-out-embed-dim")
    criterion = "label_smoothed_cross_entropy"
    command = [
        *(str(data), "--user-dir", regattn_fairseq.__path__[0]),
        *("--arch", "lstm" if name == FAIRSEQ else "regattn_lstm", *MODELS[name]),
        *(word for side in sides for word in (side, str(units))),
        *("--criterion", criterion if name == FAIRSEQ else f"regattn_{criterion}"),
        *("--label-smoothing", "0.1", "--dropout", "0.2", "--optimizer", "adam", "--lr", "0.001"),
        *("--clip-norm", "1", "--max-tokens", str(max_tokens), "--seed", "1"),
        *("--required-batch-size-multiple", "1"),
        *([] if torch.cuda.is_available() else ["--cpu"]),
    ]
    parsed = options.parse_args_and_arch(options.get_training_parser(), command)
    cfg = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(cfg.common)
    task = tasks.setup_task(cfg.task)
    trainer = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
    trainer.lr_step_begin_epoch(1)
    return System(trainer, units)


def batches(system: System, split: str, max_tokens: int, number: int) -> list[dict[str, Any]]:
    """Some of a split's batches, spread over all lengths."""
    task = system.trainer.task
    task.load_dataset(split)
    iterator = task.get_batch_iterator(
        task.dataset(split),
        max_tokens=max_tokens,
        max_positions=(1000, 1000),
        required_batch_size_multiple=1,
    )
    found = [b for b in iterator.next_epoch_itr(shuffle=False) if b]
    return random.Random(1).sample(found, min(number, len(found)))


def clock() -> float:
    """Seconds, once all that was asked of a GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = clock()
    call()
    return clock() - start


def train_step(system: System, batch: dict[str, Any]) -> None:
    """One update."""
    with metrics.aggregate(new_root=True):
        system.trainer.train_step([batch])


def share_parameters(ours: System, fairseqs: System) -> None:
    """Give fairseq's lstm the parameters of ours, so that both search for the same outputs."""
    values = ours.trainer.get_model().state_dict()
    theirs = fairseqs.trainer.get_model()
    names = {
        name: name.replace("decoder.layers.0.", "decoder.lstm.") for name in theirs.state_dict()
    }
    theirs.load_state_dict(
        {
            name: values[twin if twin == name else f"{twin}_l0"]
            for name, twin in names.items()
            if "version" not in name
        },
        strict=False,
    )


def search(system: System, batch: dict[str, Any]) -> list[list[int]]:
    """The best of five hypotheses of each sentence."""
    task, model = system.trainer.task, system.trainer.get_model()
    generator = task.build_generator([model], argparse.Namespace(beam=5, max_len_a=1, max_len_b=5))
    model.eval()
    with torch.no_grad():
        found = generator.generate(
            [model], utils.move_to_cuda(batch) if torch.cuda.is_available() else batch
        )
    model.train()
    return [hypotheses[0]["tokens"].tolist() for hypotheses in found]


def products(batch: dict[str, Any], units: int, words: int, pad: int) -> list[Product]:
    """The matrix products of a forward pass, for one layer on each side and input feeding."""
    source, target = batch["net_input"]["src_tokens"], batch["target"]
    read, written = (int(tokens.ne(pad).sum()) for tokens in (source, target))
    sentences, length = source.shape
    steps = target.size(1)
    return [
        (read, units, 4 * units, 1),  # the words' share of the encoder's gates
        (sentences, units, 4 * units, length),  # and its last state's
        (read, units, units, 1),  # keys
        (written, units, 4 * units, 1),  # the words' share of the decoder's gates
        (max(written // steps, 1), 2 * units, 4 * units, steps),  # its last state's and attention's
        (max(written // steps, 1), 2 * units, units, steps),  # attention's output
        (written, units, words, 1),  # output layer
    ]


def floor(shapes: list[Product]) -> float:
    """Seconds that products take by themselves, with both their gradients."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    total = 0.0
    for rows, inner, columns, count in shapes:
        x, y = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
        gradient = torch.randn(rows, columns, device=device)
        # A weight's gradient is one product for all steps.
        all_x, all_gradients = x.repeat(count, 1), gradient.repeat(count, 1)
        forward = min(timed(lambda x=x, y=y: x @ y) for _ in range(5))
        of_input = min(timed(lambda g=gradient, y=y: g @ y.t()) for _ in range(5))
        of_weight = min(timed(lambda x=all_x, g=all_gradients: x.t() @ g) for _ in range(3))
        total += count * (forward + of_input) + of_weight
    return total


def peak_memory(name: str, data: Path, units: int, max_tokens: int, number: int) -> float:
    """MiB that the training of a model adds to a process of its own, at most."""
    context = get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_peak, args=(queue, name, data, units, max_tokens, number))
    process.start()
    process.join()
    if process.exitcode != 0:
        sys.exit(f"error: the training of {name} for its memory ended with {process.exitcode}")
    return float(queue.get())


def _peak(queue: Any, name: str, data: Path, units: int, max_tokens: int, number: int) -> None:
    logging.disable(logging.INFO)
    system = build(name, data, units, max_tokens)
    taken = batches(system, "train", max_tokens, number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for batch in taken:
        train_step(system, batch)
    if torch.cuda.is_available():
        queue.put(torch.cuda.max_memory_allocated() / 2**20)
    else:
        queue.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--units", type=int, default=256, help="of every layer (256)")
    parser.add_argument("--max-tokens", type=int, default=4000, help="in a batch (4000)")
    parser.add_argument("--batches", type=int, default=8, help="how many of the corpus (8)")
    parser.add_argument("--repetitions", type=int, default=5, help="of each batch (5)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    args = parser.parse_args()
    if not (args.data / "preprocess.log").is_file():
        parser.error(f"{args.data} is not a data-bin: run regattn-preprocess first")
    args.models = list(dict.fromkeys([FAIRSEQ, "softmax", *args.models]))
    torch.set_num_threads(args.threads)
    logging.disable(logging.INFO)

    systems = {name: build(name, args.data, args.units, args.max_tokens) for name in args.models}
    first = systems[FAIRSEQ]
    task = first.trainer.task
    training = batches(first, "train", args.max_tokens, args.batches)
    words = sum(batch["ntokens"] for batch in training)
    translated = batches(first, "valid", args.max_tokens // 2, 2)
    shapes = [
        products(b, args.units, len(task.target_dictionary), task.target_dictionary.pad())
        for b in training
    ]

    steps: dict[str, list[list[float]]] = {name: [[] for _ in training] for name in systems}
    searches: dict[str, list[float]] = {name: [] for name in systems}
    floors: list[float] = []
    equal: list[float] = []
    rounds = args.repetitions + 1  # the first warms up
    with tqdm(total=rounds, unit="round") as progress:
        for repetition in range(rounds):
            if repetition:
                floors.append(sum(map(floor, shapes)))
            for index, batch in enumerate(training):
                for name, system in systems.items():
                    seconds = timed(lambda s=system, b=batch: train_step(s, b))
                    if repetition:
                        steps[name][index].append(seconds)
            share_parameters(systems["softmax"], first)
            outputs = {}
            for name, system in systems.items():
                start = clock()
                outputs[name] = [line for batch in translated for line in search(system, batch)]
                if repetition:
                    searches[name].append(sum(map(len, outputs[name])) / (clock() - start))
            same = zip(outputs[FAIRSEQ], outputs["softmax"], strict=True)
            equal.append(statistics.mean(ours == theirs for ours, theirs in same))
            progress.update()

    seconds = {name: sum(map(statistics.median, times)) for name, times in steps.items()}
    least = statistics.median(floors)
    memory = {
        name: peak_memory(name, args.data, args.units, args.max_tokens, args.batches)
        for name in tqdm(systems, desc="memory")
    }
    rows = [
        [
            name,
            f"{words / seconds[name]:,.0f}",
            f"{seconds[FAIRSEQ] / seconds[name]:.2f}",
            f"{least / seconds[name]:.2f}",
            f"{seconds['softmax'] / seconds[name]:.2f}",
            f"{statistics.median(searches[name]):,.0f}",
            f"{statistics.median(searches[name]) / statistics.median(searches[FAIRSEQ]):.2f}",
            f"{memory[name]:,.0f}",
        ]
        for name in systems
    ]
    header = ["model", "target words/s", "× fairseq's", "of the floor", "× our softmax"]
    header += ["beam 5, words/s", "× fairseq's", "peak memory, MiB"]
    device = (
        torch.cuda.get_device_name() if torch.cuda.is_available() else f"{args.threads} threads"
    )
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    lines = [
        "# Speed of training and of beam search",
        "",
        f"Command: `python scripts/benchmark_training.py {args.data.parent.name}/{args.data.name} "
        f"--units {args.units} --max-tokens {args.max_tokens} --batches {args.batches} "
        f"--repetitions {args.repetitions} --threads {args.threads}`, revision "
        f"{revision.stdout.strip() or 'unknown'}  ",
        f"Machine: {platform.machine()}, {device}; torch {torch.__version__}, float32; one layer a "
        f"side, {len(task.target_dictionary):,} words",
        "",
        tabulate(rows, header, tablefmt="pipe", stralign="right", disable_numparse=True),
        "",
        f"The matrix products alone: {words / least:,.0f} target words/s. Beam search is of models "
        "that these updates alone have trained; fairseq's has then our softmax model's parameters, "
        f"and {statistics.mean(equal):.1%} of their outputs are the same. Memory is what training "
        "adds to a process that has read its data.",
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    write_text(args.output / "training.md", "\n".join(lines) + "\n")
    draw(args.output / "training.png", {n: words / s for n, s in seconds.items()}, words / least)
    print("\n".join(lines))


def draw(path: Path, speeds: dict[str, float], floor_speed: float) -> None:
    """Words a second of each model, and the floor's."""
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(speeds) + 1.2), layout="constrained")
    axes.barh(list(speeds), list(speeds.values()))
    axes.axvline(floor_speed, color="black", linestyle=":", label="matrix products alone")
    axes.set_xlabel("target words a second in training")
    axes.invert_yaxis()
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
