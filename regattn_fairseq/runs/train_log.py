"""What fairseq says while it trains: numbers into a file, a few lines to the terminal."""

import json
import logging
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_EPOCH = re.compile(r"epoch (\d+)")


class TrainLog:
    """Context in which fairseq's messages are filed.

    fairseq reports each epoch by a message such as ``epoch 003 | loss 4.1 | … | wps 5000`` under
    the name of the split. These become one JSON object each, and a short line on the terminal;
    everything goes into the text log.

    Args:
        path: of the JSON lines; appended to.
        text: of the text log; appended to. ``None``: only read what is there.
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
        """Numbers of the epochs so far, oldest first."""
        return [record for record in self._all() if record["split"] == split]

    def go_on_after(self, epoch: int, numbers: dict[str, float] | None) -> None:
        """Say what a training says that goes on after an epoch.

        Later epochs are dropped: they will be done again, since no checkpoint has them. A process
        that was killed right after it wrote the checkpoint has not said what the epoch was like.

        Args:
            epoch: the last that is complete; 0: none is.
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
    """Numbers of one of fairseq's end-of-epoch messages; ``None`` for any other message.

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
