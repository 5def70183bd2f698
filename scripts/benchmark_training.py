"""Speed of training and of beam search, beside other toolkits and the matrix products alone.

    regattn-preprocess data=multi30k_de_en data.raw_dir=path/to/multi30k
    python scripts/benchmark_training.py cache/multi30k_de_en-…/bin \\
        --joeynmt joeynmt/bin/python --opennmt opennmt/bin/python

All systems take the same batches in turn; each batch's time is the median of its repetitions.
fairseq's lstm and our models run in one process, through fairseq's trainer and generator. Joey NMT
and OpenNMT-py, where the interpreter of an environment that has them is given, run their own
models, training steps and beam searches in a process each; the files in ``peers`` say how to
install them.

The floor is the time that the matrix products of a step take by themselves, forward and backward,
for the words that are no padding, at the rate that this machine reaches on products of these
shapes in the same run. Without input feeding the model computes something else; what that costs in
BLEU is in results/input_feeding.md. The paper's sizes are --layers 2 --units 500 --vocabulary
50000.

Writes training.md and training.png into results/benchmarks/.
"""

from __future__ import annotations

import argparse
import logging
import platform
import random
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import matplotlib
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.trainer import Trainer
from peers.worker import clock, most_memory
from tabulate import tabulate
from torch import Tensor
from tqdm import tqdm
from training_peers import TOOLKITS, Peer, write_job

import regattn_fairseq
from regattn_fairseq.runs.files import write_text

matplotlib.use("Agg")
from matplotlib import pyplot as plt

FAIRSEQ = "fairseq lstm"
OURS = ("--task", "regattn_translation", "--arch", "regattn_lstm")
MODELS = {
    FAIRSEQ: [],
    "softmax": ["--attn-normalizer", "softmax"],
    "sparsemax": ["--attn-normalizer", "sparsemax"],
    "fusedmax": ["--attn-normalizer", "fusedmax", "--attn-lambda", "0.05"],
    "oscarmax": ["--attn-normalizer", "oscarmax", "--attn-lambda", "0.01"],
    "pnormmax": ["--attn-normalizer", "pnormmax"],
    "softmax, no input feeding": ["--attn-normalizer", "softmax", "--no-input-feeding"],
}
BEAM = 5
MORE_WORDS = 5  # than the longest source of a batch has, at most, in a hypothesis
LABEL_SMOOTHING, DROPOUT, LEARNING_RATE, CLIP_NORM = 0.1, 0.2, 0.001, 1.0
Product = tuple[int, int, int, int]  # rows, inner size, columns, how often in a step


class System(Protocol):
    """A model in training, with its batches to learn and to translate."""

    def train(self, index: int) -> float:
        """Seconds of one update on a batch."""

    def search(self, index: int) -> tuple[float, list[list[int]]]:
        """Seconds of a beam search, and the best hypothesis of each sentence of a batch."""

    def peak_memory(self) -> float:
        """MiB that training adds, at most, to a process that has read its data."""


@dataclass(frozen=True)
class Setting:
    """What is the same for all models.

    Attributes:
        data: a data-bin.
        units: of every layer.
        layers: of the encoder, and of the decoder.
        vocabulary: words that each side's dictionary has at least.
        max_tokens: of a batch.
        number: of batches.
    """

    data: Path
    units: int
    layers: int
    vocabulary: int
    max_tokens: int
    number: int


@dataclass(frozen=True)
class Model:
    """One of ``MODELS``, trained and searched by fairseq."""

    name: str
    setting: Setting
    trainer: Trainer
    training: list[dict[str, Any]]
    translated: list[dict[str, Any]]

    def train(self, index: int) -> float:
        """Seconds of one update on a batch."""
        return timed(lambda: train_step(self.trainer, self.training[index]))

    def search(self, index: int) -> tuple[float, list[list[int]]]:
        """Seconds, and the best hypothesis of each sentence of a batch."""
        start = clock()
        outputs = search(self.trainer, self.translated[index])
        return clock() - start, outputs

    def peak_memory(self) -> float:
        """MiB that training adds to a process of its own, at most."""
        context = get_context("spawn")
        queue = context.SimpleQueue()
        process = context.Process(target=_peak, args=(queue, self.name, self.setting))
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(
                f"error: the training of {self.name} for its memory ended with {process.exitcode}"
            )
        return float(queue.get())


def _peak(queue: Any, name: str, setting: Setting) -> None:
    logging.disable(logging.INFO)
    trainer = build(name, setting)
    taken = batches(trainer, "train", setting.max_tokens, setting.number)
    before = most_memory(forget=True)
    for batch in taken:
        train_step(trainer, batch)
    queue.put(most_memory() - before)


def build(name: str, setting: Setting) -> Trainer:
    """A model with its optimizer, as fairseq-train would set it up."""
    sides = ("--encoder-embed-dim", "--encoder-hidden-size", "--decoder-embed-dim")
    sides += ("--decoder-hidden-size", "--decoder-out-embed-dim")
    layers = ("--encoder-layers", "--decoder-layers")
    criterion = "label_smoothed_cross_entropy"
    command = [
        *(str(setting.data), "--user-dir", regattn_fairseq.__path__[0]),
        *(("--arch", "lstm") if name == FAIRSEQ else OURS),
        *MODELS[name],
        *(word for side in sides for word in (side, str(setting.units))),
        *(word for side in layers for word in (side, str(setting.layers))),
        *("--criterion", criterion if name == FAIRSEQ else f"regattn_{criterion}"),
        *("--label-smoothing", str(LABEL_SMOOTHING), "--dropout", str(DROPOUT)),
        *("--optimizer", "adam", "--lr", str(LEARNING_RATE), "--clip-norm", str(CLIP_NORM)),
        *("--max-tokens", str(setting.max_tokens), "--seed", "1"),
        *("--required-batch-size-multiple", "1"),
        *([] if torch.cuda.is_available() else ["--cpu"]),
    ]
    parsed = options.parse_args_and_arch(options.get_training_parser(), command)
    cfg = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(cfg.common)
    task = tasks.setup_task(cfg.task)
    for dictionary in (task.source_dictionary, task.target_dictionary):
        for number in range(len(dictionary), setting.vocabulary):
            dictionary.add_symbol(f"unused{number}", n=0)
    trainer = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
    trainer.lr_step_begin_epoch(1)
    return trainer


def batches(trainer: Trainer, split: str, max_tokens: int, number: int) -> list[dict[str, Any]]:
    """Some of a split's batches, spread over all lengths."""
    task = trainer.task
    task.load_dataset(split)
    iterator = task.get_batch_iterator(
        task.dataset(split),
        max_tokens=max_tokens,
        max_positions=(1000, 1000),
        required_batch_size_multiple=1,
    )
    found = [b for b in iterator.next_epoch_itr(shuffle=False) if b]
    return random.Random(1).sample(found, min(number, len(found)))


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = clock()
    call()
    return clock() - start


def train_step(trainer: Trainer, batch: dict[str, Any]) -> None:
    """One update."""
    with metrics.aggregate(new_root=True):
        trainer.train_step([batch])


def search(trainer: Trainer, batch: dict[str, Any]) -> list[list[int]]:
    """The best hypothesis of each sentence."""
    task, model = trainer.task, trainer.get_model()
    limits = argparse.Namespace(beam=BEAM, max_len_a=1, max_len_b=MORE_WORDS)
    generator = task.build_generator([model], limits)
    model.eval()
    with torch.no_grad():
        found = generator.generate(
            [model], utils.move_to_cuda(batch) if torch.cuda.is_available() else batch
        )
    model.train()
    return [hypotheses[0]["tokens"].tolist() for hypotheses in found]


def share_parameters(parameters: dict[str, Tensor], fairseqs: Trainer) -> None:
    """Give fairseq's lstm the parameters of ours, so that both search for the same outputs."""
    theirs = fairseqs.get_model()
    layer = re.compile(r"decoder\.layers\.(\d+)\.(.*)")
    names = {
        name: layer.sub(r"decoder.lstm.\2_l\1", name)
        for name in theirs.state_dict()
        if "version" not in name
    }
    theirs.load_state_dict({name: parameters[twin] for name, twin in names.items()}, strict=False)


@contextmanager
def same_parameters(systems: Mapping[str, System], parameters: dict[str, Tensor]) -> Iterator[None]:
    """Within the block our models have these, but for those that compute without input feeding.

    Models that hardly are trained put out sentences of very different lengths.
    """
    before = {}
    for name, system in systems.items():
        if name != FAIRSEQ and isinstance(system, Model):
            model = system.trainer.get_model()
            own = {key: value.clone() for key, value in model.state_dict().items()}
            if all(own[key].shape == value.shape for key, value in parameters.items()):
                before[name] = own
                model.load_state_dict(parameters)
    try:
        yield
    finally:
        for name, own in before.items():
            system = systems[name]
            assert isinstance(system, Model)
            system.trainer.get_model().load_state_dict(own)


def products(batch: dict[str, Any], setting: Setting, words: int, pad: int) -> list[Product]:
    """The matrix products of a forward pass, with input feeding."""
    source, target = batch["net_input"]["src_tokens"], batch["target"]
    read, written = (int(tokens.ne(pad).sum()) for tokens in (source, target))
    sentences, length = source.shape
    steps, units, layers = target.size(1), setting.units, setting.layers
    rows = max(written // steps, 1)
    return [
        (read, units, 4 * units, layers),  # what the encoder's layers read, its share of the gates
        (sentences, units, 4 * units, layers * length),  # and their last states'
        (read, units, units, 1),  # keys
        (written, units, 4 * units, 1),  # the words' share of the decoder's gates
        (rows, 2 * units, 4 * units, layers * steps),  # last states', attention's and lower layers'
        (rows, 2 * units, units, steps),  # attention's output
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


@dataclass(frozen=True)
class Measured:
    """Of each repetition but the first.

    Attributes:
        steps: system → batch → seconds.
        searches: system → words a second.
        lengths: system → words a sentence that beam search put out.
        equal: system → share of the outputs that are our softmax model's, but for their last word.
        floors: seconds of all batches.
    """

    steps: dict[str, list[list[float]]]
    searches: dict[str, list[float]]
    lengths: dict[str, list[float]]
    equal: dict[str, list[float]]
    floors: list[float] = field(default_factory=list)


def measure(systems: dict[str, System], shapes: list[list[Product]], repetitions: int) -> Measured:
    """Run everything in turn; the first time warms up."""
    ours, theirs = systems["softmax"], systems[FAIRSEQ]
    assert isinstance(ours, Model)
    assert isinstance(theirs, Model)
    indices = range(len(ours.training))
    measured = Measured(
        {name: [[] for _ in indices] for name in systems},
        *({name: [] for name in systems} for _ in range(3)),
    )
    for repetition in tqdm(range(repetitions + 1), unit="round"):
        if repetition:
            measured.floors.append(sum(map(floor, shapes)))
        for index in indices:
            for name, system in systems.items():
                seconds = system.train(index)
                if repetition:
                    measured.steps[name][index].append(seconds)
        parameters = {n: p.clone() for n, p in ours.trainer.get_model().state_dict().items()}
        share_parameters(parameters, theirs.trainer)
        same = {FAIRSEQ}
        for name, system in systems.items():
            if isinstance(system, Peer) and system.load(parameters):
                same.add(name)
        outputs: dict[str, list[list[int]]] = {}
        with same_parameters(systems, parameters):
            for name, system in systems.items():
                found = [system.search(index) for index in range(len(ours.translated))]
                outputs[name] = [line for _seconds, lines in found for line in lines]
                if repetition:
                    put_out = sum(map(len, outputs[name]))
                    measured.searches[name].append(put_out / sum(seconds for seconds, _ in found))
                    measured.lengths[name].append(put_out / len(outputs[name]))
        for name in same:
            pairs = zip(outputs[name], outputs["softmax"], strict=True)
            # The searches differ in what they put last at the limit of the length.
            measured.equal[name].append(statistics.mean(a[:-1] == b[:-1] for a, b in pairs))
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    for name, toolkit in TOOLKITS.items():
        parser.add_argument(
            toolkit.option, dest=name, type=Path, metavar="PYTHON", help=f"that has {name}"
        )
    add_setting_options(parser)
    parser.add_argument("--repetitions", type=int, default=5, help="of each batch (5)")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    args = parser.parse_args()
    setting = setting_of(parser, args)
    pythons = {name: getattr(args, name) for name in TOOLKITS if getattr(args, name)}
    for name, python in pythons.items():
        if not python.is_file():
            parser.error(f"{TOOLKITS[name].option} {python}: no such file; name an interpreter")

    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder, "batches.npz")
        systems = start(setting, list(dict.fromkeys([FAIRSEQ, "softmax", *args.models])))
        ours = systems["softmax"]
        task, training = ours.trainer.task, ours.training
        target = task.target_dictionary
        write_job(
            job,
            {
                **{name: getattr(target, name)() for name in ("bos", "pad", "eos", "unk")},
                "source_words": len(task.source_dictionary),
                "target_words": len(target),
                "units": setting.units,
                "layers": setting.layers,
                "beam": BEAM,
                "more_words": MORE_WORDS,
                "dropout": DROPOUT,
                "label_smoothing": LABEL_SMOOTHING,
                "learning_rate": LEARNING_RATE,
                "clip_norm": CLIP_NORM,
                "threads": args.threads,
            },
            training,
            ours.translated,
        )
        peers = [Peer(name, python, job) for name, python in pythons.items()]
        everyone: dict[str, System] = {**systems, **{peer.name: peer for peer in peers}}
        shapes = [products(b, setting, len(target), target.pad()) for b in training]
        measured = measure(everyone, shapes, args.repetitions)
        memory = {n: system.peak_memory() for n, system in tqdm(everyone.items(), desc="memory")}
        for peer in peers:
            peer.close()

    words = sum(batch["ntokens"] for batch in training)
    seconds = {n: sum(map(statistics.median, times)) for n, times in measured.steps.items()}
    least = statistics.median(measured.floors)
    given = "".join(f" {TOOLKITS[name].option} PYTHON" for name in pythons)
    if args.models != list(MODELS):
        given += " --models " + " ".join(shlex.quote(name) for name in args.models)
    lines = [
        "# Speed of training and of beam search",
        "",
        f"Command: `{command_of(args)} --repetitions {args.repetitions}{given}`, revision "
        f"{revision()}  ",
        f"Machine: {machine(args.threads)}, float32; {setting.layers} layer(s) a side, "
        f"{len(target):,} words",
        "",
        table(measured, words, seconds, least, memory),
        "",
        *notes(measured, words / least, pythons),
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    write_text(args.output / "training.md", "\n".join(lines) + "\n")
    draw(args.output / "training.png", {n: words / s for n, s in seconds.items()}, words / least)
    print("\n".join(lines))


def add_setting_options(parser: argparse.ArgumentParser) -> None:
    """The options that make a :class:`Setting`, and --threads."""
    parser.add_argument("--units", type=int, default=256, help="of every layer (256)")
    parser.add_argument("--layers", type=int, default=1, help="of each side (1)")
    parser.add_argument(
        "--vocabulary", type=int, default=0, help="fill dictionaries up to so many words (0)"
    )
    parser.add_argument("--max-tokens", type=int, default=4000, help="in a batch (4000)")
    parser.add_argument("--batches", type=int, default=8, help="how many of the corpus (8)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")


def setting_of(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Setting:
    """Check the options, and let torch and the logs follow them."""
    if not any(args.data.glob("dict.*.txt")):
        parser.error(f"{args.data} is not a data-bin: run regattn-preprocess first")
    if args.units % 2:
        parser.error(f"--units {args.units}: an even number, for encoders of two directions")
    torch.set_num_threads(args.threads)
    logging.disable(logging.INFO)
    return Setting(
        args.data, args.units, args.layers, args.vocabulary, args.max_tokens, args.batches
    )


def start(setting: Setting, names: list[str]) -> dict[str, Model]:
    """Build models, and draw the batches for all of them."""
    trainers = {name: build(name, setting) for name in names}
    first = trainers[names[0]]
    training = batches(first, "train", setting.max_tokens, setting.number)
    translated = batches(first, "valid", setting.max_tokens // 2, 2)
    return {
        name: Model(name, setting, trainer, training, translated)
        for name, trainer in trainers.items()
    }


def command_of(args: argparse.Namespace) -> str:
    """The command without what depends on the machine or the program."""
    more = f" --vocabulary {args.vocabulary}" if args.vocabulary else ""
    return (
        f"python scripts/{Path(sys.argv[0]).name} {args.data.parent.name}/{args.data.name} "
        f"--units {args.units} --layers {args.layers}{more} --max-tokens {args.max_tokens} "
        f"--batches {args.batches} --threads {args.threads}"
    )


def revision() -> str:
    """Of this repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine(threads: int) -> str:
    """What all of this ran on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{threads} threads"
    return f"{platform.machine()}, {device}; torch {torch.__version__}"


def table(
    measured: Measured,
    words: int,
    seconds: dict[str, float],
    least: float,
    memory: dict[str, float],
) -> str:
    """A row a system; ``words`` and ``seconds`` are of all training batches."""
    searched = {name: statistics.median(values) for name, values in measured.searches.items()}
    rows = [
        [
            name,
            f"{words / seconds[name]:,.0f}",
            f"{seconds[FAIRSEQ] / seconds[name]:.2f}",
            f"{least / seconds[name]:.2f}",
            f"{seconds['softmax'] / seconds[name]:.2f}",
            f"{searched[name]:,.0f}",
            f"{searched[name] / searched[FAIRSEQ]:.2f}",
            f"{memory[name]:,.0f}",
        ]
        for name in seconds
    ]
    header = ["model", "target words/s", "× fairseq's", "of the floor", "× our softmax"]
    header += [f"beam {BEAM}, words/s", "× fairseq's", "peak memory, MiB"]
    return tabulate(rows, header, tablefmt="pipe", stralign="right", disable_numparse=True)


def notes(measured: Measured, floor_speed: float, pythons: dict[str, Path]) -> list[str]:
    """What the table's figures are, and what is not in it."""
    equal = ", ".join(
        f"{statistics.mean(shares):.1%} ({name})"
        for name, shares in measured.equal.items()
        if shares
    )
    lengths = ", ".join(
        f"{statistics.mean(values):.1f} ({name})" for name, values in measured.lengths.items()
    )
    lines = [
        f"The matrix products alone: {floor_speed:,.0f} target words/s. Memory is what training "
        "adds to a process that has read its data.",
        "",
        f"Beam search is of models that these updates alone have trained, and puts out at most "
        f"{MORE_WORDS} words more than a batch's longest source has. All systems that can have our "
        "softmax model's parameters then. Those that compute what it computes have so many outputs "
        f"that are its outputs, but for the last word: {equal}. Words a sentence: {lengths}.",
    ]
    if not torch.cuda.is_available():
        lines += ["", "On a GPU this has not run: none was at hand. The same command runs there."]
    if "Joey NMT" in pythons:
        lines += [
            "",
            "Joey NMT always reads the source in both directions, here with half the units each, "
            "and starts its decoder from a layer of its own; its parameters are its own.",
        ]
    for name, toolkit in TOOLKITS.items():
        if name in pythons:
            lines += ["", f"{name} was installed by `{toolkit.recipe}`."]
        else:
            lines += [
                "",
                f"{name} was not measured: `{toolkit.recipe}`, then {toolkit.option} with that "
                "environment's bin/python.",
            ]
    return lines


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
