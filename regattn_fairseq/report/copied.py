"""Outputs of models with copy attention, with the copied words marked."""

from __future__ import annotations

from collections.abc import Sequence

from regattn_fairseq.metrics import CopyRecord, load_copying
from regattn_fairseq.report.systems import System
from regattn_fairseq.report.tables import Cell, Column, Table

_SENTENCES = 5
_NOTE = (
    "[words] in brackets are more likely copied from the source than generated. The sentences are "
    "the first ones from which one of the models copies."
)


def copied_words_table(systems: Sequence[System], title: str) -> Table | None:
    """A few sentences, with the outputs of the systems that can copy.

    Args:
        systems: of one test set, with their attention.
        title: of the test set's table.

    Returns:
        None if no system copies a word, or if its words are not at hand.
    """
    copying = []
    for system in systems:
        try:
            copies = load_copying(system.run.path("copying"))
        except (KeyError, OSError, ValueError):
            continue
        if system.is_complete and len(copies) == len(system.records):
            copying.append((system, copies))
    picked = _first_with_copies([copies for _, copies in copying])
    if not picked:
        return None
    cells = [
        [
            Cell(system.row.label),
            Cell(str(index + 1)),
            Cell(_marked(system.records[index].target_tokens, copies[index])),
        ]
        for index in picked
        for system, copies in copying
    ]
    columns = [Column("Normalizer"), Column("sentence"), Column("output")]
    return Table(f"{title}: copied words", columns, cells, [_NOTE], [])


def _first_with_copies(systems: Sequence[Sequence[CopyRecord]]) -> list[int]:
    some = [
        index
        for index, records in enumerate(zip(*systems, strict=False))
        if any(record.copied[:-1].any() for record in records)
    ]
    return some[:_SENTENCES]


def _marked(tokens: Sequence[str], copy: CopyRecord) -> str:
    """The output without its end; the pieces of a word that are copied stand in brackets."""
    text = ""
    inside = False
    for token, copied in zip(tokens[:-1], copy.copied[:-1].tolist(), strict=True):
        start, piece = ("", token) if not token.startswith("▁") else (" ", token[1:])
        if inside and not (copied and not start):
            text, inside = f"{text}]", False
        text += start
        if copied and not inside:
            text, inside = f"{text}[", True
        text += piece
    return f"{text}]".strip() if inside else text.strip()
