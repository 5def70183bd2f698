"""Quality of sentences by how sparse their attention is, and by what it repeats and drops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from regattn_fairseq.metrics import Counts, Ratio, bootstrap_ratios, ratios
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.sentences import SENTENCE_METRICS
from regattn_fairseq.report.tables import Cell, Column, Table, block_title

# By what, the counts that it needs, and the columns.
_GROUPS = (
    (
        "zero weights",
        {"zeros", "weights"},
        ("fewest zeros", "second quarter", "third quarter", "most zeros"),
    ),
    ("repeated words", {"repeated_1grams"}, ("0 repeated", "1 repeated", "≥ 2 repeated")),
    ("dropped source tokens", {"dropped"}, ("0 dropped", "1–2 dropped", "≥ 3 dropped")),
)
_NOTE = (
    "In brackets: the 95 % interval by bootstrap over the sentences; n: how many sentences of the "
    "row are in the column. Each row's sentences are sorted into columns by its own outputs, so "
    "the columns of two rows hold different sentences."
)


def quality_by_attention(
    rows: Sequence[Row], counts: Mapping[str, Sequence[Counts]]
) -> Table | None:
    """Mean scores of sentences, in columns by zeros, repeated words and dropped source tokens.

    Args:
        rows: of one task, corpus, model and split.
        counts: by a row's label, the counts of each run's sentences, with their ``score``.

    Returns:
        None if the runs lack such counts.
    """
    metric = next((name for name in SENTENCE_METRICS if name in rows[0].metrics), None)
    joined = {label: _joined(of_row) for label, of_row in counts.items()}
    if metric is None or not all("score" in each for each in joined.values()):
        return None
    columns = [Column("Normalizer")]
    cells = [[Cell(row.label)] for row in rows]
    for name, needed, labels in _GROUPS:
        if not any(needed <= each.keys() for each in joined.values()):
            continue
        group = f"{SENTENCE_METRICS[metric]} of sentences, by {name}"
        columns += [Column(label, f"sentences by {name}", group=group) for label in labels]
        for row, row_cells in zip(rows, cells, strict=True):
            of_row = joined[row.label]
            buckets = _buckets(name, of_row) if needed <= of_row.keys() else iter(())
            row_cells += _cells(of_row, buckets, len(labels))
    if len(columns) == 1:
        return None
    return Table(f"{block_title(rows[0])}: quality by attention", columns, cells, [_NOTE], [])


def _joined(counts: Sequence[Counts]) -> Counts:
    """The counts that every run has, of all runs' sentences."""
    names = set.intersection(*({*each} for each in counts)) if counts else set()
    return {name: np.concatenate([each[name] for each in counts]) for name in sorted(names)}


def _buckets(name: str, counts: Counts) -> Iterator[np.ndarray]:
    """Which sentences [sentence] are in each column; nothing if all have the same zeros."""
    if name == "zero weights":
        shares = counts["zeros"] / np.maximum(counts["weights"], 1)
        bounds = np.quantile(shares, [0.25, 0.5, 0.75])
        if len(np.unique(bounds)) < len(bounds):
            return
        places = np.searchsorted(bounds, shares)
    else:
        of, second = ("repeated_1grams", 1) if name == "repeated words" else ("dropped", 2)
        places = np.searchsorted([0, second], counts[of])
    yield from (places == place for place in range(places.max() + 1))


def _cells(counts: Counts, buckets: Iterator[np.ndarray], columns: int) -> list[Cell]:
    figures: dict[str, Ratio] = {}
    sums: Counts = {}
    sizes: list[int] = []
    for number, inside in enumerate(buckets):
        sums |= {f"sentences_{number}": inside.astype(np.float64)}
        sums |= {f"score_{number}": np.where(inside, counts["score"], 0.0)}
        figures[f"bucket_{number}"] = Ratio(f"score_{number}", f"sentences_{number}")
        sizes.append(int(np.count_nonzero(inside)))
    cells = []
    if figures:
        means, intervals = ratios(sums, figures), bootstrap_ratios(sums, figures)
        for size, figure in zip(sizes, figures, strict=True):
            low, high = intervals[figure]
            text = f"{means[figure]:.1f} [{low:.1f}, {high:.1f}], n {size:,}"
            cells.append(Cell(text, value=means[figure]) if size else Cell("–"))
    return [*cells, *[Cell("–")] * (columns - len(cells))]
