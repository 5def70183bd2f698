"""What a sweep shows of its jobs: a line for each that runs, and at the end a table of them all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.train_log import TrainLog
from regattn_fairseq.sweep.progress import Progress

_HASH = re.compile(r"-[0-9a-f]{8}$")


@dataclass(frozen=True)
class JobLine:
    """How far a running job is. What is not known is None.

    Attributes:
        name: as people read it.
        epoch: the last complete one, or the one that has begun; 0 before the training.
        epochs: how many there are to be.
        loss: of the training.
        words: read in a second.
        seconds_left: until the training has ended.
    """

    name: str
    epoch: int
    epochs: int | None
    loss: float | None
    words: float | None
    seconds_left: float | None

    @classmethod
    def of(cls, record: dict[str, Any], runs_dir: Path) -> JobLine:
        """What a job's record and the log of its training say.

        Args:
            record: as in :class:`Progress`, with ``max_epoch`` and ``max_update`` if there is such
                an end.
            runs_dir: the job's name is a folder below it, once the folder is known.
        """
        log = TrainLog(RunFolder(runs_dir / record["name"]).log, None)
        numbers = [each for split in ("train", "train_inner") for each in log.records(split)]
        last = max(numbers, key=lambda each: float(each.get("num_updates", 0)), default={})
        ends = ((record.get("max_epoch"), "epoch"), (record.get("max_update"), "num_updates"))
        whole = [each for each in numbers if each["split"] == "train"]
        at = whole[-1] if whole else {}
        shares = [at[what] / end for end, what in ends if end and what in at]
        left = None
        if shares and max(shares) > 0 and "wall" in at:
            left = max(0.0, at["wall"] * (1 / max(shares) - 1))
        return cls(
            name=readable(record["name"]),
            epoch=int(last.get("epoch", 0)),
            epochs=record.get("max_epoch") or None,
            loss=last.get("loss"),
            words=last.get("wps"),
            seconds_left=left,
        )

    def cells(self) -> list[str]:
        """The line's cells, as in `live_view`."""
        return [
            self.name,
            f"{self.epoch}/{self.epochs}" if self.epochs else str(self.epoch),
            "" if self.loss is None else f"{self.loss:.3f}",
            "" if self.words is None else f"{self.words:,.0f}",
            "" if self.seconds_left is None else duration(self.seconds_left),
        ]


def readable(name: str) -> str:
    """A job's name in words between which a line may be broken.

    >>> readable("multi30k_de_en/fusedmax_lam0.3-799ddfe4/seed1")
    'multi30k_de_en fusedmax_lam0.3 seed1'
    """
    return " ".join(_HASH.sub("", part) for part in name.strip("/").split("/"))


def duration(seconds: float) -> str:
    """Whole seconds, minutes or hours.

    >>> [duration(seconds) for seconds in (9.6, 89, 95, 7100)]
    ['10 s', '89 s', '2 min', '2.0 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def live_view(progress: Progress, runs_dir: Path) -> Group:
    """A line for each running job, and one for the sweep."""
    table = _table("running", "epoch", "loss", "words/s", "left")
    for record in progress.state("running"):
        table.add_row(*JobLine.of(record, runs_dir).cells())
    return Group(table, Text(progress.line()))


def last_table(progress: Progress) -> Table:
    """All jobs that were started, with what became of each."""
    records = list(progress.records.values())
    metrics = list(dict.fromkeys(each["metric"] for each in records if "metric" in each))
    table = _table("job", "state", *metrics, "time")
    for record in records:
        table.add_row(readable(record["name"]), *_outcome(record, metrics))
    return table


def plain_lines(progress: Progress) -> list[str]:
    """The same as lines for a file or a pipe, which names are searched in."""
    lines = []
    for record in progress.state("done"):
        score = f": {record['metric']} {record['score']:.2f}" if "metric" in record else ""
        lines.append(f"done: {record['name']}{score}, {duration(record['seconds'])}")
    return lines


def _outcome(record: dict[str, Any], metrics: Sequence[str]) -> list[str]:
    scores = [
        f"{record['score']:.2f}" if record.get("metric") == metric else "" for metric in metrics
    ]
    return [record["state"], *scores, duration(record["seconds"]) if "seconds" in record else ""]


def _table(first: str, *others: str) -> Table:
    """Columns of which only the first, whose words stay whole, may take several lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    return table
