"""Beam search beside fairseq's: the same parameters, seconds, words, BLEU and memory.

    regattn-preprocess data=multi30k_de_en data.raw_dir=path/to/multi30k
    python scripts/benchmark_search.py cache/multi30k_de_en-…/bin

fairseq's ``lstm`` is trained for some updates (``--updates``), and its parameters go into
``regattn_lstm`` with softmax. Each search is a process of its own, with one thread: fairseq's model
in ``fairseq-generate``'s search; ours; ours with shortlists. Their rounds take turns. A time is
processor time without loading, the median over rounds, at the batch size that is best for this
search.

Then the whole command, ``fairseq-generate``, with loading, for few and for many sentences.

Writes search.md into results/benchmarks/.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu
import torch
from benchmark_training import machine, revision
from compare_with_fairseq_lstm import BIN, PLUGIN, SIZES, TRAINING, call
from fairseq import checkpoint_utils
from fairseq.data import data_utils
from fairseq.dataclass.configs import GenerationConfig
from omegaconf import OmegaConf
from tabulate import tabulate
from tqdm import tqdm

import regattn_fairseq  # noqa: F401 - the plugin
from regattn_fairseq.pipeline.evaluation.shortlist import load_shortlist
from regattn_fairseq.runs.files import write_text
from regattn_fairseq.tasks.shortlist import search

BATCHES = (500, 1000, 3000, 6000)  # source tokens
FAIRSEQ = "fairseq's lstm"
SEARCHES = {
    FAIRSEQ: ("lstm", None),
    "ours": ("regattn_lstm", None),
    "ours, shortlist=100": ("regattn_lstm", 100),
    "ours, shortlist=30": ("regattn_lstm", 30),
}


class Search:
    """One of the searches, in this process.

    Args:
        data: the data-bin.
        checkpoint: of the model.
        shortlist: words for each source word; None: all words.
        beam: of the search.
    """

    def __init__(self, data: Path, checkpoint: Path, shortlist: int | None, beam: int) -> None:
        torch.set_num_threads(1)
        (self.model,), _, self.task = checkpoint_utils.load_model_ensemble_and_task(
            [str(checkpoint)], arg_overrides={"data": str(data)}
        )
        self.model.eval()
        options = OmegaConf.structured(GenerationConfig(beam=beam, max_len_a=1.5, max_len_b=10))
        self.model.prepare_for_inference_(OmegaConf.create({"generation": options}))
        self.generator = self.task.build_generator([self.model], options)
        self.shortlist = (
            None
            if shortlist is None
            else load_shortlist(checkpoint, self.model, self.task, shortlist, 6000)
        )
        self._datasets: dict[str, Any] = {}

    def batches(self, split: str, sentences: int, max_tokens: int) -> list[dict[str, Any]]:
        """Some sentences of a split, evenly spread, the short ones first."""
        if split not in self._datasets:
            self.task.load_dataset(split)
        dataset = self.task.dataset(split)
        chosen = np.unique(np.linspace(0, len(dataset) - 1, sentences, dtype=int))
        lengths = np.array([dataset.num_tokens(index) for index in chosen])
        order = chosen[np.argsort(lengths, kind="stable")]
        made = data_utils.batch_by_size(order, dataset.num_tokens, max_tokens=max_tokens)
        return [dataset.collater([dataset[int(i)] for i in batch]) for batch in made]

    @torch.no_grad()
    def run(self, batches: list[dict[str, Any]]) -> tuple[float, dict[int, list[int]], float]:
        """Seconds of the processor, the best output of each sentence, and words to choose from."""
        found: dict[int, list[int]] = {}
        if self.shortlist is not None:
            self.shortlist.searches = self.shortlist.offered = 0
        started = time.process_time()
        for sample in batches:
            outputs = search(self.shortlist, self.task, self.model, self.generator, sample)
            for number, (best, *_) in zip(sample["id"].tolist(), outputs, strict=True):
                found[number] = best["tokens"].tolist()
        spent = time.process_time() - started
        if self.shortlist is None:
            return spent, found, len(self.task.target_dictionary)
        return spent, found, self.shortlist.figures["shortlist_words"]

    def bleu(self, found: dict[int, list[int]]) -> float:
        """Lowercased sacreBLEU of outputs of the test set."""
        dictionary, dataset = self.task.target_dictionary, self.task.dataset("test")

        def text(tokens: Any) -> str:
            return str(dictionary.string(torch.as_tensor(tokens), "sentencepiece"))

        outputs = [text(found[number]) for number in sorted(found)]
        references = [text(dataset[number]["target"]) for number in sorted(found)]
        return sacrebleu.corpus_bleu(outputs, [references], lowercase=True).score


def serve(connection: Any, *arguments: Any) -> None:
    """Measure what is asked for, until nothing more is."""
    search = Search(*arguments)
    for request in iter(connection.recv, None):
        match request:
            case "time", split, sentences, max_tokens:
                connection.send(search.run(search.batches(split, sentences, max_tokens)))
            case "bleu", found:
                connection.send(search.bleu(found))
            case "memory", *_:
                connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


class Process:
    """A :class:`Search` in a process of its own."""

    def __init__(self, *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, *arguments), daemon=True).start()

    def ask(self, *request: Any) -> Any:
        """The answer to a request."""
        self._connection.send(request)
        return self._connection.recv()

    def end(self) -> None:
        """End the process."""
        self._connection.send(None)


def models(data: Path, updates: int, work: Path) -> dict[str, Path]:
    """Fairseq's ``lstm`` after some updates, and ``regattn_lstm`` with its parameters."""
    train = [BIN / "fairseq-train", data, "--user-dir", PLUGIN, *SIZES, *TRAINING, "--cpu"]
    theirs, ours = (work / arch / "checkpoint_last.pt" for arch in ("lstm", "regattn_lstm"))
    if not theirs.exists():
        options = ["--arch", "lstm", "--max-update", updates, "--save-dir", theirs.parent]
        call([*map(str, (*train, *options, "--disable-validation"))])
    if not ours.exists():
        options = ["--arch", "regattn_lstm", "--task", "regattn_translation", "--max-update", 1]
        options += ["--save-dir", ours.parent, "--finetune-from-model", theirs, "--lr", "0"]
        call([*map(str, (*train, *options, "--disable-validation"))])
    return {"lstm": theirs, "regattn_lstm": ours}


def small_bin(data: Path, sentences: int, work: Path) -> Path:
    """A data-bin whose test set has some sentences of the training text."""
    folder = work / f"bin{sentences}"
    if (folder / "preprocess.log").exists():
        return folder
    _, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(work / "lstm" / "checkpoint_last.pt")], arg_overrides={"data": str(data)}
    )
    task.load_dataset("train")
    dataset = task.dataset("train")
    pairs = [
        dataset[int(index)] for index in np.linspace(0, len(dataset) - 1, sentences, dtype=int)
    ]
    dictionaries = {"source": task.source_dictionary, "target": task.target_dictionary}
    languages = {"source": task.cfg.source_lang, "target": task.cfg.target_lang}
    for side, dictionary in dictionaries.items():
        lines = (dictionary.string(pair[side]) for pair in pairs)
        write_text(work / f"text{sentences}.{languages[side]}", "".join(f"{x}\n" for x in lines))
    options: list[Any] = ["--testpref", work / f"text{sentences}", "--destdir", folder]
    for side, language in languages.items():
        options += [f"--{side}-lang", language]
        options += [f"--{'src' if side == 'source' else 'tgt'}dict", data / f"dict.{language}.txt"]
    call([*map(str, (BIN / "fairseq-preprocess", *options))])
    return folder


def whole_command(data: Path, checkpoint: Path, beam: int) -> float:
    """Processor seconds of one ``fairseq-generate``, with all that it loads."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    call(
        [
            *(str(BIN / "fairseq-generate"), str(data), "--user-dir", str(PLUGIN), "--cpu"),
            *("--path", str(checkpoint), "--beam", str(beam), "--max-tokens", "3000"),
            *("--max-len-a", "1.5", "--max-len-b", "10", "--required-batch-size-multiple", "1"),
        ]
    )
    return spent() - before


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data-bin made with SentencePiece")
    parser.add_argument("--updates", type=int, default=600, help="of the training (600)")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--sentences", type=int, nargs="*", default=[50, 200, 1000, 4000], help="whole commands"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark_search"))
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    args = parser.parse_args()
    if not any(args.data.glob("dict.*.txt")):
        parser.error(f"{args.data} is not a data-bin: run regattn-preprocess first")
    args.output.mkdir(parents=True, exist_ok=True)
    checkpoints = models(args.data.resolve(), args.updates, args.work)
    processes = {
        name: Process(args.data.resolve(), checkpoints[arch], shortlist, args.beam)
        for name, (arch, shortlist) in SEARCHES.items()
    }
    outputs, offered = {}, {}
    rounds = list(itertools.product(range(args.rounds + 1), BATCHES, processes))
    times: dict[tuple[str, int], list[float]] = {}
    for number, max_tokens, name in tqdm(rounds, unit="search"):
        spent, found, words = processes[name].ask("time", "test", 1000, max_tokens)
        if number > 0:  # the first round warms up
            times.setdefault((name, max_tokens), []).append(spent)
        outputs[name, max_tokens], offered[name, max_tokens] = found, words
    middle = {key: statistics.median(found) for key, found in times.items()}
    best = {name: min(BATCHES, key=lambda size: middle[name, size]) for name in processes}
    rows = []
    for name, process in processes.items():
        key = name, best[name]
        base = outputs[FAIRSEQ, best[name]]
        same = statistics.mean(outputs[key][number] == base[number] for number in base)
        rows.append(
            [
                *(*key, f"{offered[key]:.0f}", f"{middle[key]:.2f}"),
                f"{middle[FAIRSEQ, best[FAIRSEQ]] / middle[key]:.2f}",
                *(f"{process.ask('bleu', outputs[key]):.2f}", f"{same:.1%}"),
                f"{process.ask('memory'):.0f}",
            ]
        )
        process.end()
    commands = []
    for sentences in args.sentences:
        data = small_bin(args.data.resolve(), sentences, args.work)
        spent: dict[str, list[float]] = {arch: [] for arch in checkpoints}
        for _ in range(args.rounds):
            for arch, checkpoint in checkpoints.items():
                spent[arch].append(whole_command(data, checkpoint, args.beam))
        theirs, ours = (statistics.median(spent[arch]) for arch in ("lstm", "regattn_lstm"))
        commands.append([sentences, f"{theirs:.1f}", f"{ours:.1f}", f"{theirs / ours:.2f}"])
    lines = [
        "# Beam search beside fairseq's",
        "",
        f"Command: `python scripts/benchmark_search.py {args.data.parent.name}/bin --updates "
        f"{args.updates} --beam {args.beam} --rounds {args.rounds}`, revision {revision()}  ",
        f"Machine: {machine(1)}, float32",
        "",
        f"The test set (1,000 sentences at most), beam {args.beam}; processor seconds without "
        "loading, at the best batch size of each. The outputs that are fairseq's word for word:",
        "",
        tabulate(
            rows,
            [
                *("search", "tokens a batch", "words to choose from", "s", "times as fast"),
                *("BLEU", "same outputs", "memory, MiB"),
            ],
            tablefmt="github",
            disable_numparse=True,
        ),
        "",
        "`fairseq-generate` as a whole, loading included, on sentences of the training text; "
        "processor seconds:",
        "",
        tabulate(
            commands,
            ["sentences", "fairseq's lstm", "ours", "times as fast"],
            tablefmt="github",
            disable_numparse=True,
        ),
        "",
    ]
    write_text(args.output / "search.md", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
