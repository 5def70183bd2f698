"""Logs a training: fairseq's messages go into files, and a few lines to the terminal."""

import json
import logging
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_EPOCH = re.compile(r"epoch (\d+)")
_WITHIN = re.compile(r"epoch (\d+):\s+\d+ / \d+ (.*)")
_UPDATES_APART = 100  # of what is kept from within an epoch


class TrainLog:
    """A context manager that writes fairseq's messages to files.

    fairseq reports each epoch with a message such as ``epoch 003 | loss 4.1 | … | wps 5000``; the
    logger has the name of the split. Each such message becomes a JSON object, and a short line on
    the terminal. Of the messages from within an epoch, every one at a multiple of 100 updates
    becomes a JSON object of the split ``train_inner``. All messages go into the text log.

    Args:
        path: the file of JSON lines, to which lines are added.
        text: the text log, to which lines are added. ``None``: only read what is there.
        label: stands in front of the lines on the terminal, where several trainings write there.
    """

    def __init__(self, path: Path, text: Path | None, label: str = "") -> None:
        self.path = path
        self.text = text
        self.label = label
        self._handlers: list[logging.Handler] = []
        self._level = logging.INFO

    def __enter__(self) -> Self:
        if self.text is None:
            return self
        complete = logging.FileHandler(self.text, encoding="utf-8")
        complete.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._handlers = [complete, _EpochHandler(self.path, self.label)]
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.INFO)
        for handler in self._handlers:
            root.addHandler(handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        root = logging.getLogger()
        root.setLevel(self._level)
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()

    def records(self, split: str) -> list[dict[str, Any]]:
        """The numbers of the epochs so far, oldest first."""
        return [record for record in self._all() if record["split"] == split]

    def go_on_after(self, epoch: int, numbers: dict[str, float] | None) -> None:
        """Make the log fit a training that resumes after an epoch.

        Later epochs are dropped: no checkpoint has them, so they will be trained again. If the
        process was killed right after it wrote the checkpoint, the log lacks the epoch's numbers,
        and they are added.

        Args:
            epoch: the last complete epoch; 0: none is complete.
            numbers: of that epoch, as its checkpoint has them.
        """
        kept = [record for record in self._all() if record["epoch"] <= epoch]
        said = any(record["split"] == "train" and record["epoch"] == epoch for record in kept)
        if epoch > 0 and numbers is not None and not said:
            kept.append({"split": "train", **numbers, "epoch": float(epoch)})
        self.path.write_text("".join(json.dumps(record) + "\n" for record in kept))

    def _all(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        records = []
        for line in self.path.read_text().splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:  # the process was killed while it wrote this line
                continue
        return records


class _EpochHandler(logging.Handler):
    def __init__(self, path: Path, label: str) -> None:
        super().__init__(logging.INFO)
        self.path = path
        self.prefix = f"{label}  " if label else ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "train_inner":
            within = parse_update(record.getMessage())
            if within is not None and within["num_updates"] % _UPDATES_APART == 0:
                self._write("train_inner", within)
            return
        if record.name not in ("train", "valid"):
            return
        numbers = parse_epoch(record.getMessage())
        if numbers is None:
            return
        self._write(record.name, numbers)
        shown = ("loss", "ppl", "bleu", "accuracy", "wps", "lr")
        parts = [f"{key} {numbers[key]:g}" for key in shown if key in numbers]
        message = f"{self.prefix}epoch {numbers['epoch']:3.0f}  {record.name}  " + "  ".join(parts)
        print(message, file=sys.stderr, flush=True)

    def _write(self, split: str, numbers: dict[str, float]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"split": split, **numbers}) + "\n")


def parse_epoch(message: str) -> dict[str, float] | None:
    """The numbers in an end-of-epoch message of fairseq; ``None`` for any other message.

    >>> parse_epoch("epoch 002 | loss 4.5 | wps 6000")
    {'epoch': 2.0, 'loss': 4.5, 'wps': 6000.0}
    """
    match = _EPOCH.match(message)
    if match is None:
        return None
    return _numbers(match[1], message.split(" | ")[1:], " ")


def parse_update(message: str) -> dict[str, float] | None:
    """The numbers in fairseq's message from within an epoch; ``None`` for any other message.

    >>> parse_update("epoch 002:    313 / 547 loss=4.5, wps=6000, num_updates=860")
    {'epoch': 2.0, 'loss': 4.5, 'wps': 6000.0, 'num_updates': 860.0}
    """
    match = _WITHIN.match(message)
    if match is None:
        return None
    numbers = _numbers(match[1], match[2].split(","), "=")
    return numbers if "num_updates" in numbers else None


def _numbers(epoch: str, parts: list[str], separator: str) -> dict[str, float]:
    numbers = {"epoch": float(epoch)}
    for part in parts:
        key, _, value = part.strip().rpartition(separator)
        try:
            numbers[key] = float(value)
        except ValueError:  # "valid on 'valid' subset"
            continue
    return numbers
