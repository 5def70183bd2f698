"""Other toolkits in the benchmark of training, each in a virtual environment of its own.

A peer trains and searches in a process that the environment's interpreter runs (see
``peers/worker.py``), on the same batches as arrays of word numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

WORKERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Toolkit:
    """A peer that can be installed.

    Attributes:
        option: of the benchmark, which takes the environment's interpreter.
        worker: file name.
        recipe: what installs it into an environment.
    """

    option: str
    worker: str
    recipe: str


TOOLKITS = {
    "Joey NMT": Toolkit(
        "--joeynmt",
        "joeynmt_worker.py",
        "python3.11 -m venv joeynmt && joeynmt/bin/pip install torch==2.13.0 numpy tensorboard "
        "matplotlib pyyaml packaging sentencepiece subword-nmt 'importlib-metadata<9' && "
        "joeynmt/bin/pip install --no-deps joeynmt==2.3.0",
    ),
    "OpenNMT-py": Toolkit(
        "--opennmt",
        "opennmt_worker.py",
        "python3.11 -m venv opennmt && opennmt/bin/pip install torch==2.13.0 numpy pyonmttok "
        "configargparse pyyaml regex sacrebleu && "
        "opennmt/bin/pip install --no-deps OpenNMT-py==3.5.1",
    ),
}


@dataclass
class Peer:
    """A toolkit's model in training, in a process of its own.

    Attributes:
        toolkit: name, a key of ``TOOLKITS``.
        python: interpreter of its environment.
        job: file that :func:`write_job` made.
    """

    toolkit: str
    python: Path
    job: Path
    name: str = field(init=False)
    process: subprocess.Popen[str] = field(init=False)
    complaints: Any = field(init=False)

    def __post_init__(self) -> None:
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        try:
            self.process = subprocess.Popen(
                [self.python, WORKERS / TOOLKITS[self.toolkit].worker, self.job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.complaints,
                text=True,
            )
        except OSError as error:
            option = TOOLKITS[self.toolkit].option
            sys.exit(f"error: {option} {self.python} cannot be run ({error.strerror})")
        self.name = str(self._answer()["ready"])

    def train(self, index: int) -> float:
        """Seconds of one update on a training batch."""
        return float(self._ask(f"train {index}")["seconds"])

    def search(self, index: int) -> tuple[float, list[list[int]]]:
        """Seconds, and the best hypothesis of each sentence of a batch."""
        answer = self._ask(f"search {index}")
        return float(answer["seconds"]), answer["outputs"]

    def load(self, parameters: dict[str, Tensor]) -> bool:
        """Give it our model's parameters; False if its model is another one."""
        with tempfile.NamedTemporaryFile(suffix=".pt") as file:
            torch.save(parameters, file.name)
            return bool(self._ask(f"load {file.name}")["loaded"])

    def peak_memory(self) -> float:
        """MiB that training adds to a process of its own, at most."""
        other = Peer(self.toolkit, self.python, self.job)
        memory = float(other._ask("memory")["memory"])
        other.close()
        return memory

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
        self.complaints.close()

    def _ask(self, request: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self._fail("")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line.startswith("{") else {"error": ""}
        if "error" in answer:
            self._fail(answer["error"])
        return answer

    def _fail(self, reason: str) -> None:
        code = self.process.wait()
        self.complaints.seek(0)
        said = [line.strip() for line in self.complaints if line.strip()]
        reason = reason or (said[-1] if said else f"it ended with {code}")
        option = TOOLKITS[self.toolkit].option
        sys.exit(f"error: {self.toolkit} ({option} {self.python}) failed: {reason}")


def write_job(
    path: Path,
    settings: dict[str, Any],
    training: list[dict[str, Any]],
    translated: list[dict[str, Any]],
) -> None:
    """Write fairseq's batches for the peers: padded on the right, longest source first."""
    pad = settings["pad"]
    arrays: dict[str, np.ndarray] = {}
    for split, batches in (("train", training), ("valid", translated)):
        settings = {**settings, split: len(batches)}
        for index, batch in enumerate(batches):
            source = _padded_right(batch["net_input"]["src_tokens"], pad)
            arrays[f"{split}{index}.source"] = source.numpy()
            arrays[f"{split}{index}.target"] = batch["target"].numpy()
    np.savez(path, settings=np.array(json.dumps(settings)), **arrays)


def _padded_right(tokens: Tensor, pad: int) -> Tensor:
    return tokens.gather(1, tokens.eq(pad).byte().argsort(dim=1, stable=True))
