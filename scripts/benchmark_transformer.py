"""Speed of ``regattn_transformer`` beside fairseq's own ``transformer``, on a CPU.

One process and one thread; every repetition runs each model once, in turn, so that what else the
machine does meets them alike. A figure is the median of the repetitions' ratios to fairseq's model
of the same size. Times are of the processor, not of the clock.

    python scripts/benchmark_transformer.py
    python scripts/benchmark_transformer.py --sizes 256 --repetitions 15
"""

import argparse
import logging
import platform
import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerModel
from fairseq.sequence_generator import SequenceGenerator
from omegaconf import OmegaConf
from tqdm import tqdm

from regattn_fairseq.criterions.label_smoothed_cross_entropy import RegattnLabelSmoothedCrossEntropy
from regattn_fairseq.guests.fairseq import ignore_warnings
from regattn_fairseq.models import RegattnTransformerConfig, RegattnTransformerModel

WORDS, SENTENCES, LAYERS, HEADS = 4000, 24, 3, 4
FAIRSEQ = "fairseq's transformer"
OURS: dict[str, dict[str, Any]] = {
    "softmax": {},
    "sparsemax": {"attn_normalizer": "sparsemax"},
    "fusedmax": {"attn_normalizer": "fusedmax"},
    "oscarmax": {"attn_normalizer": "oscarmax"},
    "entmax, α = 1.5": {"attn_normalizer": "entmax"},
    "entmax, α learned": {"attn_normalizer": "entmax", "attn_learn_alpha": True},
}
Task = Callable[[], None]


def build(name: str, size: int, task: Any) -> Any:
    """A model by its name in the table."""
    sizes = {
        "encoder_embed_dim": size,
        "encoder_ffn_embed_dim": 2 * size,
        "encoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_layers": LAYERS,
        "decoder_attention_heads": HEADS,
        "share_decoder_input_output_embed": True,
        "dropout": 0.1,
    }
    torch.manual_seed(1)
    if name == FAIRSEQ:
        return TransformerModel.build_model(Namespace(**sizes), task)
    options = {**sizes, **OURS[name], "attn_gamma_anneal": 0, "attn_lambda_warmup": 0}
    config = OmegaConf.structured(RegattnTransformerConfig(**options))
    return RegattnTransformerModel.build_model(config, task)


def sample_of(dictionary: Dictionary) -> dict[str, Any]:
    """A batch as Multi30k's are: sentences of 10 to 28 words, padded."""
    torch.manual_seed(1)
    lengths = torch.linspace(10, 28, SENTENCES).long()
    words = torch.randint(dictionary.nspecial, WORDS, (SENTENCES, 28))
    place = torch.arange(28)
    source = words.masked_fill(place < 28 - lengths[:, None], dictionary.pad())
    target = words.flip(1).masked_fill(place >= lengths[:, None], dictionary.pad())
    previous = target.roll(1, 1)
    previous[:, 0] = dictionary.eos()
    net_input = {"src_tokens": source, "src_lengths": lengths, "prev_output_tokens": previous}
    return {
        "net_input": net_input,
        "target": target,
        "ntokens": int(lengths.sum()),
        "id": torch.arange(SENTENCES),
    }


def training(model: Any, sample: dict[str, Any], criterion: Any) -> Task:
    """One update without the optimizer, which is the same for all."""

    def run() -> None:
        model.train()
        model.zero_grad(set_to_none=True)
        loss, *_ = criterion(model, sample)
        loss.backward()

    return run


def search(model: Any, sample: dict[str, Any], dictionary: Dictionary) -> Task:
    """Beam search of outputs of 20 words."""
    generator = SequenceGenerator([model], dictionary, beam_size=5, max_len_b=20, min_len=20)
    few = {name: value[:8] for name, value in sample["net_input"].items()}

    def run() -> None:
        model.eval()
        generator.generate([model], {"net_input": few})

    return run


def measure(tasks: dict[str, Task], repetitions: int) -> dict[str, list[float]]:
    """Processor seconds of each task, repetition by repetition."""
    for task in tasks.values():
        task()  # compiles what is compiled
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in tqdm(range(repetitions)):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            found[name].append(time.process_time() - start)
    return found


def ratio(seconds: dict[str, list[float]], name: str) -> str:
    """The median speed relative to fairseq's model; of that, its time."""
    if name == FAIRSEQ:
        return f"1 ({statistics.median(seconds[name]):.2f} s)"
    pairs = zip(seconds[FAIRSEQ], seconds[name], strict=True)
    return f"{statistics.median(theirs / mine for theirs, mine in pairs):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/transformer.md"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    ignore_warnings()
    dictionary = Dictionary()
    for number in range(WORDS - dictionary.nspecial):
        dictionary.add_symbol(f"word{number}")
    task = SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    sample = sample_of(dictionary)
    stand_in = SimpleNamespace(target_dictionary=dictionary)
    losses = [
        kind(stand_in, sentence_avg=False, label_smoothing=0.1)
        for kind in (LabelSmoothedCrossEntropyCriterion, RegattnLabelSmoothedCrossEntropy)
    ]
    names = [FAIRSEQ, *OURS]
    columns: list[dict[str, str]] = []
    headings = []
    for size in args.sizes:
        models = {name: build(name, size, task) for name in names}
        for heading, criterion in zip(("fairseq's loss", "our loss"), losses, strict=True):
            tasks = {
                # fairseq's model has fairseq's loss in both.
                name: training(model, sample, losses[0] if name == FAIRSEQ else criterion)
                for name, model in models.items()
            }
            seconds = measure(tasks, args.repetitions)
            headings.append(f"training, {size}, {heading}")
            columns.append({name: ratio(seconds, name) for name in names})
        tasks = {name: search(model, sample, dictionary) for name, model in models.items()}
        seconds = measure(tasks, args.repetitions)
        headings.append(f"search, {size}")
        columns.append({name: ratio(seconds, name) for name in names})
    lines = [
        "# regattn_transformer beside fairseq's transformer",
        "",
        f"`python scripts/benchmark_transformer.py --sizes {' '.join(map(str, args.sizes))} "
        f"--repetitions {args.repetitions}`",
        "",
        f"Speed relative to fairseq's `transformer` of the same size (1 is as fast, more is "
        f"faster); {LAYERS} layers on each side, {HEADS} heads, {WORDS} words, {SENTENCES} "
        f"sentences of 10 to 28 words in a batch. Training is forward and backward; a search is "
        f"fairseq's, of 8 sentences with beam 5. The normalizer is in all three kinds of "
        f"attention. Processor time of one thread, median of {args.repetitions} interleaved "
        f"repetitions; {platform.machine()}, torch {torch.__version__}.",
        "",
        "| | " + " | ".join(headings) + " |",
        "|---" * (len(headings) + 1) + "|",
    ]
    for name in names:
        shown = " | ".join(column[name] for column in columns)
        lines.append(f"| {name} | {shown} |")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
