"""The sentences of a test set, packed for the page: texts, tokens, and quantized attention."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regattn_fairseq.metrics import (
    HEAD_KINDS,
    HEAD_TITLES,
    attention_counts,
)
from regattn_fairseq.report.packed import add_references, pack, rows_of
from regattn_fairseq.report.sentences import (
    SENTENCE_METRICS,
    read_counts,
    sentence_scores,
)
from regattn_fairseq.report.systems import System
from regattn_fairseq.runs.result import Result

# Of a test set's heads, before they are deflated to some fifth.
_HEAD_CHARACTERS = 4_000_000


@dataclass(frozen=True)
class Explorer:
    """What the page needs to show single sentences.

    Attributes:
        heads: what the heads of transformers are called, as [value, text] of the choices; the
            value is ``<kind> <layer> <head>``. Empty if there are none.
        references: likewise, a choice ``reference`` if a run has the attention while it is made to
            write the reference; else empty.
        linked: whether a word alignment of source and reference is there.
        systems: labels of the normalizers.
        metric: the metric that sentences are compared by; empty if there is none.
        shown: number of sentences in `data`.
        total: number of sentences in the test set.
        data: JSON, deflated (zlib's format), in base64.
    """

    heads: list[tuple[str, str]]
    references: list[tuple[str, str]]
    linked: bool
    systems: list[str]
    metric: str
    shown: int
    total: int
    data: str = field(repr=False)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Values and texts of the attention that can be shown besides that of the outputs."""
        return [*self.references, *self.heads]

    @property
    def is_compared(self) -> bool:
        """Whether two systems' sentences are set against each other: not if just right or wrong."""
        return len(self.systems) > 1 and self.metric not in ("", SENTENCE_METRICS["accuracy"])


def build_explorer(systems: Sequence[System], *, sentences: int, limit: int) -> Explorer | None:
    """Pack the first sentences of a test set.

    The JSON is ``{"systems": [label], "metric": name, "lowercase": …, "sentences": [{"source",
    "reference", "question", "tokens", "links", "outputs": [output]}]}`` with an output for each
    system, ``{"text", "tokens", "score", "support", "rows", "groups", "dropped"}``.
    A row of ``rows`` is one target token's attention as ``[position, code, position, code, …]``.
    It has only the nonzero weights. Each is rounded to one byte, and none of them to 0. For each
    target token, ``groups`` holds lists of two or more source positions that share one weight.
    ``dropped`` are the source positions whose weights sum up to less than `DROPPED_BELOW`.
    If a run has the attention while it is made to write the reference, the output has a
    ``reference`` with ``tokens``, ``rows``, ``groups`` and ``dropped`` of that; ``links`` are the
    word alignment as ``[source token, reference token, 1 if sure, else 0]``.
    If an output has ``heads``, they are such rows by kind, layer and head. The first sentences
    have them, as many as fit into `_HEAD_CHARACTERS`.

    Args:
        systems: the systems, all of one test set.
        sentences: the largest number of sentences.
        limit: the largest number of bytes; sentences are left out until the rest fits.

    Returns:
        The packed sentences, or None if there is nothing to show.
    """
    systems = [system for system in systems if system.records]
    if not systems:
        return None
    same = [system for system in systems if len(system.records) == len(systems[0].records)]
    packed, metric = _sentences(same, sentences)
    heads = _add_heads(packed, same)
    references = add_references(packed, [system.run for system in same])
    labels = [system.row.label for system in same]
    while True:
        content = {
            "systems": labels,
            "metric": metric,
            "lowercase": same[0].run.lowercase,
            "sentences": packed,
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        data = base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")
        if len(data) <= limit or len(packed) <= 1:
            break
        packed = packed[: max(1, int(len(packed) * 0.95 * limit / len(data)))]
    return Explorer(
        heads=heads,
        references=references,
        linked=any(sentence["links"] for sentence in packed),
        systems=labels,
        metric=metric,
        shown=len(packed),
        total=len(systems[0].records),
        data=data,
    )


def _add_heads(packed: list[dict[str, Any]], systems: Sequence[System]) -> list[tuple[str, str]]:
    """Add heads to the packed sentences; return the choices among them."""
    names: dict[str, str] = {}
    room = _HEAD_CHARACTERS
    for index, sentence in enumerate(packed):
        records = [system.records[index] for system in systems]
        found = [
            {
                kind: [[rows_of(head.astype(np.float32)) for head in layer] for layer in weights]
                for kind, weights in record.heads.items()
            }
            # Its tokens are left out if they are not those of the sentence that is shown.
            if output["tokens"]
            else {}
            for record, output in zip(records, sentence["outputs"], strict=True)
        ]
        room -= len(json.dumps(found, separators=(",", ":")))
        if room < 0 and names:
            break
        for output, heads in zip(sentence["outputs"], found, strict=True):
            if not heads:
                continue
            output["heads"] = heads
            for kind, layers in heads.items():
                for layer, of_layer in enumerate(layers):
                    for head in range(len(of_layer)):
                        text = f"{HEAD_TITLES[kind]}, layer {layer + 1}, head {head + 1}"
                        names[f"{kind} {layer} {head}"] = text
    # First what a translation is usually explained by.
    kinds = list(reversed(HEAD_KINDS))
    return sorted(
        names.items(),
        key=lambda name: (kinds.index(name[0].split()[0]), *map(int, name[0].split()[1:])),
    )


def _sentences(systems: Sequence[System], most: int) -> tuple[list[dict[str, Any]], str]:
    first = systems[0].run
    count = min(most, len(systems[0].records))
    texts = {kind: _lines(first, kind, count) for kind in ("sources", "references", "questions")}
    outputs = [_lines(system.run, "hypotheses", count) for system in systems]
    scored = [sentence_scores(system.run) for system in systems]
    metric = next((found[0] for found in scored if found), None)
    supports = []
    for system in systems:
        counts = (
            attention_counts(system.records[:count])
            if system.is_complete
            else {name: of[:count] for name, of in read_counts(system.run).items()}
        )
        supports.append(counts["nonzeros"] / np.maximum(counts["rows"], 1))
    packed = []
    for index in range(count):
        records = [system.records[index] for system in systems]
        tokens = next((r.source_tokens for r in records if r.source_tokens), [])
        packed.append(
            {
                "source": texts["sources"][index] or " ".join(tokens),
                "reference": texts["references"][index],
                "question": texts["questions"][index],
                "tokens": tokens,
                "links": [],
                "outputs": [
                    {
                        "text": lines[index],
                        "score": _score(found, index),
                        "support": round(float(support[index]), 2),
                        **pack(record, tokens),
                    }
                    for lines, found, support, record in zip(
                        outputs, scored, supports, records, strict=True
                    )
                ],
            }
        )
    return packed, SENTENCE_METRICS.get(metric or "", "")


def _score(found: tuple[str, np.ndarray] | None, index: int) -> float | None:
    if found is None or index >= len(found[1]):
        return None
    return round(float(found[1][index]), 1)


def _lines(run: Result, kind: str, count: int) -> list[str]:
    """The first lines of a text file of the run; empty lines if the file cannot be read."""
    try:
        lines = run.lines(kind)[:count]
    except (OSError, UnicodeDecodeError):
        lines = []
    return [*lines, *[""] * (count - len(lines))]
