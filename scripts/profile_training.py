"""Where the time of a training step and of a beam search goes, in our softmax model.

    regattn-preprocess data=multi30k_de_en data.raw_dir=path/to/multi30k
    python scripts/profile_training.py cache/multi30k_de_en-…/bin

torch's profiler sees every operator. Its time goes to the part of the model that called it; in the
backward pass, to the part whose gradient it is. Matrix products are a kind of their own wherever
they stand. What a part spends between its operators, in Python and in autograd, is its, too, and
also has a column. The profiler itself slows down many small operators more than a few large ones.

Writes profile.md into results/benchmarks/.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

from benchmark_training import (
    Model,
    add_setting_options,
    command_of,
    floor,
    machine,
    products,
    revision,
    setting_of,
    start,
)
from fairseq.sequence_generator import EnsembleModel
from fairseq.trainer import Trainer
from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile, record_function

from regattn_fairseq.criterions import label_smoothed_cross_entropy
from regattn_fairseq.models.attention import Attention
from regattn_fairseq.models.decoder import LSTMDecoder
from regattn_fairseq.models.dropout import Dropout
from regattn_fairseq.models.fast import decoding, packed_lstm
from regattn_fairseq.models.fast.loop_products import LoopLSTMCell
from regattn_fairseq.runs.files import write_text
from regattn_fairseq.tasks.search import QuickBeamSearch

MATRICES = "matrix products"
LSTMS = "LSTM, elementwise"
ATTENTION = "attention and normalizer"
OUTPUT = "output layer and loss"
DROPOUT = "dropout"
OPTIMIZER = "optimizer"
REST = "rest: embeddings, packing, sums of gradients, trainer"
PICKING = "picking the best words"
CARRYING = "carrying states along"
GENERATOR = "rest: fairseq's generator"

PRODUCTS = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::addmv"}
PARTS = [
    (packed_lstm, "run", LSTMS),
    (LoopLSTMCell, "__call__", LSTMS),
    (Attention, "mix", ATTENTION),
    (decoding, "project_keys", ATTENTION),
    (decoding, "loop_attention", ATTENTION),
    (label_smoothed_cross_entropy, "linear_label_smoothed_cross_entropy", OUTPUT),
    (LSTMDecoder, "output_layer", OUTPUT),
    (LSTMDecoder, "get_normalized_probs", OUTPUT),
    (Dropout, "forward", DROPOUT),
    (Trainer, "zero_grad", OPTIMIZER),
    (QuickBeamSearch, "step", PICKING),
    (EnsembleModel, "reorder_incremental_state", CARRYING),
    (EnsembleModel, "reorder_encoder_out", CARRYING),
]
# What fairseq's trainer marks itself.
MARKS = dict.fromkeys(("reduce-grads", "multiply-grads", "clip-grads", "optimizer"), OPTIMIZER)
MARKS |= {kind: kind for kind in (REST, GENERATOR, *(kind for *_place, kind in PARTS))}
BACKWARD = "autograd::engine::evaluate_function: "


@dataclass
class Spent:
    """Milliseconds of one kind of work.

    Attributes:
        total: all of them.
        outside: those between operators.
    """

    total: float = 0.0
    outside: float = 0.0


def marked(function: Callable[..., Any], kind: str) -> Callable[..., Any]:
    """The function, whose calls the profiler then sees as one kind; what it returns, likewise."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with record_function(kind):
            result = function(*args, **kwargs)
        return marked(result, kind) if callable(result) else result

    return call


@contextmanager
def marked_parts() -> Iterator[None]:
    """Let the profiler see the parts of the model, of the trainer and of the generator."""
    with ExitStack() as patches:
        for owner, name, kind in PARTS:
            part = marked(getattr(owner, name), kind)
            patches.enter_context(mock.patch.object(owner, name, part))
        yield


def profiled(kind: str, calls: Iterable[Callable[[], object]]) -> dict[str, Spent]:
    """Profile calls, and add up their time by kinds; ``kind`` is what no part of them is."""
    with marked_parts(), profile(activities=[ProfilerActivity.CPU], acc_events=True) as found:
        for call in calls:
            with record_function(f"whole: {kind}"):
                call()
    events = sorted(found.events(), key=lambda event: event.time_range.start)
    of_gradients: dict[int, str] = {}  # the kind of the last operator before each node was made
    spent: dict[str, Spent] = defaultdict(Spent)
    for event in events:
        chain = list(_with_parents(event))
        if chain[-1].name != f"whole: {kind}":
            continue
        part = next((MARKS[e.name] for e in chain if e.name in MARKS), kind)
        node = next((e for e in chain if e.name.startswith(BACKWARD)), None)
        if node is None:
            if event.sequence_nr >= 0:
                of_gradients[event.sequence_nr] = part
        else:
            part = of_gradients.get(node.sequence_nr, kind)
        if event.name in PRODUCTS:
            part = MATRICES
        milliseconds = event.self_cpu_time_total / 1000
        spent[part].total += milliseconds
        if not event.name.startswith("aten::"):
            spent[part].outside += milliseconds
    return dict(spent)


def _with_parents(event: Any) -> Iterator[Any]:
    while event is not None:
        yield event
        event = event.cpu_parent


def table(spent: dict[str, Spent], calls: int) -> str:
    """A row a kind, most time first."""
    total = sum(one.total for one in spent.values())
    rows = [
        [
            kind,
            f"{one.total / calls:,.1f}",
            f"{one.total / total:.1%}",
            f"{one.outside / total:.1%}",
        ]
        for kind, one in sorted(spent.items(), key=lambda item: -item[1].total)
    ]
    header = ["kind of work", "ms", "share", "outside operators"]
    align = ("left", "right", "right", "right")
    return tabulate(rows, header, tablefmt="pipe", colalign=align, disable_numparse=True)


def median_of(seconds: Callable[[int], float], indices: range, repetitions: int) -> float:
    """Milliseconds of a call without the profiler: each index's median, averaged."""
    for index in indices:
        seconds(index)
    return 1000 * statistics.mean(
        statistics.median(seconds(index) for _ in range(repetitions)) for index in indices
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin")
    add_setting_options(parser)
    parser.add_argument("--repetitions", type=int, default=3, help="without the profiler (3)")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    args = parser.parse_args()
    setting = setting_of(parser, args)

    model: Model = start(setting, ["softmax"])["softmax"]
    target = model.trainer.task.target_dictionary
    steps, searches = range(len(model.training)), range(len(model.translated))
    step = median_of(model.train, steps, args.repetitions)
    least = 1000 * statistics.mean(
        floor(products(batch, setting, len(target), target.pad())) for batch in model.training
    )
    training = profiled(REST, [lambda i=i: model.train(i) for i in steps])
    search = median_of(lambda index: model.search(index)[0], searches, args.repetitions)
    searching = profiled(GENERATOR, [lambda i=i: model.search(i) for i in searches])

    lines = [
        "# Where the time goes",
        "",
        f"Command: `{command_of(args)} --repetitions {args.repetitions}`, revision {revision()}  ",
        f"Machine: {machine(args.threads)}, float32; our softmax model, {len(target):,} words",
        "",
        "## A training step",
        "",
        table(training, len(steps)),
        "",
        f"{step:,.1f} ms without the profiler. The floor, the matrix products alone: {least:,.1f} "
        f"ms, {least / step:.0%} of that.",
        "",
        "## The beam search of a batch",
        "",
        table(searching, len(searches)),
        "",
        f"{search:,.1f} ms without the profiler.",
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    write_text(args.output / "profile.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
