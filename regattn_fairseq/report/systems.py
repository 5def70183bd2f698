"""For each row of a table, one of its runs with its attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regattn_fairseq.metrics import AttentionFileError, AttentionRecord, load_attention
from regattn_fairseq.report.rows import Row
from regattn_fairseq.runs.result import Result, reason


@dataclass(frozen=True)
class System:
    """A row of a table, and the run that represents it wherever single sentences are shown.

    Attributes:
        row: the row, with the runs of all seeds.
        run: one of these runs.
        records: the run's attention, one record for each sentence. In an exported run, most
            sentences' records have no tokens.
    """

    row: Row
    run: Result
    records: list[AttentionRecord]

    @property
    def is_complete(self) -> bool:
        """Whether each sentence's attention is there."""
        return all(record.source_tokens for record in self.records)


def load_systems(rows: Sequence[Row]) -> tuple[list[System], list[str]]:
    """Read the attention of one run for each row, if possible of a seed that every row has.

    Returns:
        ``(systems, warnings)``; a warning for each row whose attention cannot be read.
    """
    shared = set.intersection(*({run.seed for run in row.runs} for row in rows))
    systems: list[System] = []
    warnings: list[str] = []
    for row in rows:
        run = next((run for run in row.runs if run.seed in shared), row.runs[0])
        try:
            path = run.path("attention")
            systems.append(System(row, run, load_attention(path)))
        except AttentionFileError as error:
            cause = str(error).removeprefix(f"{path}: ")
            warnings.append(f"{run.name}: no heat map, {path.name} is damaged ({cause})")
        except OSError as error:
            warnings.append(f"{run.name}: no heat map, its attention is missing ({reason(error)})")
    return systems, warnings
