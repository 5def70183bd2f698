"""A peer's side of the benchmark of training: batches in a file, requests on stdin, JSON on stdout.

Imported by the workers beside it, which run in a virtual environment of the peer's own: it needs
torch and numpy alone. Requests, a line each:

    train <index>     one update on a batch; {"seconds": …}
    search <index>    beam search of a batch; {"seconds": …, "outputs": [[word, …], …]}
    load <file>       take over the parameters of our model, if the peer has the same; {"loaded": …}
    memory            MiB that one update on every batch adds to the process; {"memory": …}

The first line that a worker writes is {"ready": "name and version"}; where something fails it
writes {"error": "one line"}, and ends.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Batch(NamedTuple):
    """Sentences, longest source first, padded on the right."""

    source: Tensor  # words and the end of the sentence, [sentences, length]
    lengths: Tensor  # of the sources, [sentences]
    target: Tensor  # words and the end of the sentence, [sentences, length]


class Job(NamedTuple):
    """What to measure."""

    settings: dict[str, Any]
    training: list[Batch]
    translated: list[Batch]


class Peer(Protocol):
    """A model in training. Words are numbered as in the batches."""

    name: str

    def train(self, index: int) -> None:
        """One update on a training batch."""

    def search(self, index: int) -> list[list[int]]:
        """The best hypothesis of each sentence to translate, up to its end."""

    def load(self, parameters: dict[str, Tensor]) -> bool:
        """Take over our model's parameters; False if the peer's model is another one."""


def serve(build: Callable[[Job], Peer]) -> None:
    """Answer requests until stdin ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the peer prints
    try:
        job = _read(Path(sys.argv[1]))
        torch.manual_seed(1)
        torch.set_num_threads(job.settings["threads"])
        peer = build(job)
        print(json.dumps({"ready": peer.name}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(line.split(maxsplit=1), peer, job)), file=answers, flush=True)
    except Exception as error:
        said = " ".join(str(error).split())
        print(json.dumps({"error": f"{type(error).__name__}: {said}"}), file=answers, flush=True)
        sys.exit(1)


def _answer(request: list[str], peer: Peer, job: Job) -> dict[str, Any]:
    match request:
        case ["train", index]:
            start = clock()
            peer.train(int(index))
            return {"seconds": clock() - start}
        case ["search", index]:
            start = clock()
            outputs = peer.search(int(index))
            return {"seconds": clock() - start, "outputs": outputs}
        case ["load", path]:
            return {"loaded": peer.load(torch.load(path.strip(), weights_only=True))}
        case ["memory"]:
            before = most_memory(forget=True)
            for index in range(len(job.training)):
                peer.train(index)
            return {"memory": most_memory() - before}
    raise ValueError(f"no such request: {' '.join(request)}")


def _read(path: Path) -> Job:
    with np.load(path) as arrays:
        settings = json.loads(str(arrays["settings"]))
        training, translated = (
            [
                _batch(arrays[f"{split}{i}.source"], arrays[f"{split}{i}.target"], settings["pad"])
                for i in range(settings[split])
            ]
            for split in ("train", "valid")
        )
    return Job(settings, training, translated)


def _batch(source: np.ndarray, target: np.ndarray, pad: int) -> Batch:
    tensor = torch.from_numpy(source)
    return Batch(tensor, tensor.ne(pad).sum(1), torch.from_numpy(target))


def clock() -> float:
    """Seconds, once all that was asked of a GPU is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def most_memory(forget: bool = False) -> float:
    """MiB, at most so far, or only since this was to be forgotten; on a GPU, of its own memory."""
    if DEVICE.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    if forget:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
