"""Logs a training: fairseq's messages go into files, and a few lines to the terminal."""

import json
import logging
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_EPOCH = re.compile(r"epoch (\d+)")


class TrainLog:
    """A context manager that writes fairseq's messages to files.

    fairseq reports each epoch with a message such as ``epoch 003 | loss 4.1 | … | wps 5000``; the
    logger has the name of the split. Each such message becomes a JSON object, and a short line on
    the terminal. All messages go into the text log.

    Args:
        path: the file of JSON lines, to which lines are added.
        text: the text log, to which lines are added. ``None``: only read what is there.
    """

    def __init__(self, path: Path, text: Path | None) -> None:
        self.path = path
        self.text = text
        self._handlers: list[logging.Handler] = []
        self._level = logging.INFO

    def __enter__(self) -> Self:
        if self.text is None:
            return self
        complete = logging.FileHandler(self.text, encoding="utf-8")
        complete.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._handlers = [complete, _EpochHandler(self.path)]
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
    def __init__(self, path: Path) -> None:
        super().__init__(logging.INFO)
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in ("train", "valid"):
            return
        numbers = parse_epoch(record.getMessage())
        if numbers is None:
            return
        with self.path.open("a") as file:
            file.write(json.dumps({"split": record.name, **numbers}) + "\n")
        shown = ("loss", "ppl", "bleu", "accuracy", "wps", "lr")
        parts = [f"{key} {numbers[key]:g}" for key in shown if key in numbers]
        message = f"epoch {numbers['epoch']:3.0f}  {record.name}  " + "  ".join(parts)
        print(message, file=sys.stderr, flush=True)


def parse_epoch(message: str) -> dict[str, float] | None:
    """The numbers in an end-of-epoch message of fairseq; ``None`` for any other message.

    >>> parse_epoch("epoch 002 | loss 4.5 | wps 6000")
    {'epoch': 2.0, 'loss': 4.5, 'wps': 6000.0}
    """
    match = _EPOCH.match(message)
    if match is None:
        return None
    numbers = {"epoch": float(match[1])}
    for part in message.split(" | ")[1:]:
        key, _, value = part.strip().rpartition(" ")
        try:
            numbers[key] = float(value)
        except ValueError:  # "valid on 'valid' subset"
            continue
    return numbers
