"""Attention as the page holds it: rounded to a byte a weight, without the zeros."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from regattn_fairseq.metrics import (
    AttentionFileError,
    AttentionRecord,
    equal_groups,
    load_attention,
    parse_alignment,
)
from regattn_fairseq.metrics.coverage import DROPPED_BELOW
from regattn_fairseq.runs.result import Result

# The largest code of a weight. It stands for the weight 1; code 0 stands only for exactly 0.
_LEVELS = 255

_NOTHING: dict[str, Any] = {"tokens": [], "rows": [], "groups": [], "dropped": []}


def pack(record: AttentionRecord, shown_tokens: list[str]) -> dict[str, Any]:
    """Tokens and attention of one output; empty if its source tokens are not the ones shown.

    Returns:
        ``tokens``, ``rows``, ``groups`` and ``dropped``, as `explorer.build_explorer` says.
    """
    if record.source_tokens != shown_tokens:
        return _NOTHING
    got = record.weights.sum(axis=0, dtype=np.float64)
    return {
        "tokens": record.target_tokens,
        "rows": rows_of(record.weights),
        "groups": equal_groups(record.weights),
        "dropped": np.flatnonzero(got < DROPPED_BELOW).tolist(),
    }


def rows_of(weights: np.ndarray) -> list[list[int]]:
    """Each row of the weights [row, column] as ``[column, code, column, code, …]``."""
    codes = np.rint(weights * _LEVELS).clip(0, _LEVELS).astype(int)
    codes[(weights > 0) & (codes == 0)] = 1
    rows, columns = np.nonzero(codes)
    flat = np.stack([columns, codes[rows, columns]], axis=1).ravel().tolist()
    ends = 2 * np.searchsorted(rows, np.arange(len(codes) + 1))
    return [flat[start:end] for start, end in pairwise(ends.tolist())]


def add_references(
    packed: Sequence[dict[str, Any]], runs: Sequence[Result]
) -> list[tuple[str, str]]:
    """Add the attention to the references, and their word alignment, to packed sentences.

    Args:
        packed: of `explorer.build_explorer`, with an output for each run; is changed.
        runs: that of each system.

    Returns:
        The choice ``reference`` and its text, if a run has such attention; else nothing.
    """
    found = False
    for number, run in enumerate(runs):
        for sentence, record in zip(packed, _reference_attention(run), strict=False):
            if record.source_tokens and record.source_tokens == sentence["tokens"]:
                sentence["outputs"][number]["reference"] = pack(record, sentence["tokens"])
                found = True
    if not found:
        return []
    links = next((lines for run in runs if (lines := _links(run))), [])
    for sentence, line in zip(packed, links, strict=False):
        alignment = parse_alignment(line)
        sentence["links"] = [
            [*link, int(link in alignment.sure)] for link in sorted(alignment.possible)
        ]
    return [("reference", "reference to source, while made to write the reference")]


def _reference_attention(run: Result) -> list[AttentionRecord]:
    """None where the run has no such file, or it cannot be read: the outputs are shown anyway."""
    try:
        return load_attention(run.path("reference_attention"))
    except (KeyError, OSError, AttentionFileError):
        return []


def _links(run: Result) -> list[str]:
    """Likewise, the alignment of each sentence's tokens in Pharaoh's format."""
    try:
        lines = run.lines("links")
        for line in lines:
            parse_alignment(line)
    except (KeyError, OSError, ValueError):
        return []
    return lines
