"""How sparse each head of a transformer's attention is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regattn_fairseq.metrics.attention import HEAD_KINDS, AttentionRecord

HEAD_TITLES = {
    "encoder_self_attn": "source to source",
    "decoder_self_attn": "output to output",
    "encoder_decoder_attn": "output to source",
}
"""The kinds of heads, in words: what is attended to comes last."""

HEAD_FIGURES = ("zero_share", "support")
"""Figures of `head_statistics`."""


def head_statistics(records: Sequence[AttentionRecord]) -> dict[str, dict[str, list[list[float]]]]:
    """Figures of each head, over all rows of the records that have heads.

    A causal row's positions are those up to its own: the future, which no head may attend to, does
    not count as zeros.

    Args:
        records: the attention of a test set, or of a part of it.

    Returns:
        For each kind of heads, if there is one of it, figures [layer][head]: ``zero_share``, the
        zero weights among all weights that could be other than zero; and ``support``, the mean
        number of nonzero weights in a row.
    """
    return {
        kind: _of_kind(kind, having)
        for kind in HEAD_KINDS
        if (having := [record for record in records if kind in record.heads])
    }


def _of_kind(kind: str, records: Sequence[AttentionRecord]) -> dict[str, list[list[float]]]:
    first = records[0].heads[kind]
    nonzeros: NDArray[np.int64] = np.zeros(first.shape[:2], np.int64)
    rows = possible = 0
    for record in records:
        heads = record.heads[kind]
        nonzeros += np.count_nonzero(heads, axis=(2, 3))
        targets, sources = heads.shape[2:]
        rows += targets
        causal = kind == "decoder_self_attn"
        possible += targets * (targets + 1) // 2 if causal else targets * sources
    return {
        "zero_share": (1 - nonzeros / max(possible, 1)).tolist(),
        "support": (nonzeros / max(rows, 1)).tolist(),
    }
