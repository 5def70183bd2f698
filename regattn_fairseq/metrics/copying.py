"""Copy attention of a test set: which output words were copied, in one file per run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regattn_fairseq.files import new_file
from regattn_fairseq.metrics.attention import AttentionRecord
from regattn_fairseq.metrics.ratios import Counts, Ratio

COPYING_FIGURES: dict[str, Ratio] = {
    "gate": Ratio("gates", "rows"),
    "copied_share": Ratio("copied", "rows"),
    "copyable": Ratio("copyable", "rows"),
}
"""Figures of a model with copy attention, each a ratio of two sums of `copying_counts`.

- ``gate``: mean over output tokens of g, the probability of generating instead of copying.
- ``copied_share``: share of output tokens that were more likely copied than generated.
- ``copyable``: mean over output tokens of the number of source tokens that could be copied, since
  their weight is not zero.
"""


@dataclass(frozen=True, eq=False)
class CopyRecord:
    """Where the words of one output come from.

    Attributes:
        gate: float32 [T], for each of T output tokens the probability g of generating a word.
        generated: float32 [T], the probability that this token was generated: the part of its
            probability that the vocabulary has.
    """

    gate: np.ndarray
    generated: np.ndarray

    @property
    def copied(self) -> np.ndarray:
        """Which tokens were more likely copied than generated: bool [T]."""
        found: np.ndarray = self.generated < 0.5
        return found


def copying_counts(copies: Sequence[CopyRecord], records: Sequence[AttentionRecord]) -> Counts:
    """The counts of `COPYING_FIGURES` but the rows, for each sentence.

    Args:
        copies: of the outputs.
        records: the attention of the same outputs.
    """
    return {
        "gates": np.array([copy.gate.sum(dtype=np.float64) for copy in copies]),
        "copied": np.array([np.count_nonzero(copy.copied) for copy in copies], np.float64),
        "copyable": np.array(
            [
                np.count_nonzero(record.weights[copy.gate < 1])
                for copy, record in zip(copies, records, strict=True)
            ],
            np.float64,
        ),
    }


def save_copying(path: str | os.PathLike[str], copies: Iterable[CopyRecord]) -> None:
    """Write copy records to a compressed ``.npz`` file, readable without pickle.

    The arrays are ``lengths`` int32 [record], and ``gate`` and ``generated`` float32, one record
    after the other.

    Raises:
        OSError: the folder is missing, full or read-only.
    """
    copies = list(copies)
    nothing = np.zeros(0, np.float32)
    with new_file(Path(path)) as file:
        np.savez_compressed(
            file,
            lengths=np.array([len(copy.gate) for copy in copies], np.int32),
            gate=np.concatenate([nothing, *(copy.gate for copy in copies)]),
            generated=np.concatenate([nothing, *(copy.generated for copy in copies)]),
        )


def load_copying(path: str | os.PathLike[str]) -> list[CopyRecord]:
    """Read what `save_copying` wrote.

    Raises:
        OSError: the file is missing.
        ValueError: the file is damaged, or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            ends = np.cumsum(archive["lengths"])[:-1]
            parts = (np.split(archive[name], ends) for name in ("gate", "generated"))
            return [CopyRecord(*pair) for pair in zip(*parts, strict=True)]
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: not a readable file of copied words ({error})") from error
