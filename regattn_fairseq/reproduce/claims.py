"""What a table says about a claim of the paper: confirmed, refuted, or left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omegaconf import DictConfig

from regattn_fairseq.metrics import PairedResult, correct
from regattn_fairseq.report.rows import Row, compare_output
from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.report.tables import METRIC_LABELS, difference_text, p_text

_LEVEL = 0.05
_SEEDS = 2  # fewer say nothing about another training

Verdict = Literal["confirms", "refutes", "open"]
_WORDS: dict[Verdict, str] = {
    "confirms": "confirms it",
    "refutes": "refutes it",
    "open": "leaves it open",
}


@dataclass(frozen=True)
class Comparison:
    """One normalizer against another one on one corpus.

    Attributes:
        data: name of the corpus.
        metric: its key in ``result.json``.
        normalizer: its name.
        other: the name of the other one.
        test: normalizer minus other, on the seeds that both have; None for want of runs.
        seeds: how many these are.
        margin: the claim is that the difference is above this.
    """

    data: str
    metric: str
    normalizer: str
    other: str
    test: PairedResult | None
    seeds: int
    margin: float

    @property
    def as_claimed(self) -> bool:
        """Whether the difference itself is as the claim says, by chance or not."""
        return self.test is not None and self.test.difference > self.margin

    @property
    def verdict(self) -> Verdict:
        """What the comparison says about the claim.

        It is left open with one seed only. For a difference from 0, the corrected p-value decides;
        for another margin, the 95 % interval of the difference.
        """
        if self.test is None or self.seeds < _SEEDS:
            return "open"
        if self.margin == 0 and self.test.p_holm >= _LEVEL:
            return "open"
        low, high = self.test.low, self.test.high
        if self.margin == 0:
            low = high = self.test.difference
        if low > self.margin:
            return "confirms"
        return "refutes" if high < self.margin else "open"

    def __str__(self) -> str:
        assert self.test is not None
        p_value = f", p {p_text(self.test.p_value, self.test.p_holm)}" if self.margin == 0 else ""
        label = METRIC_LABELS.get(self.metric, self.metric)
        return (
            f"{self.normalizer} over {self.other} in {label} on {self.data} "
            f"{difference_text(self.test)}{p_value}"
        )


Rows = Mapping[tuple[str, str], Row]


def judge(rows: Rows, corpora: Sequence[str], cfg: DictConfig) -> list[str]:
    """Paragraphs on the claim of a table, as Markdown; none without runs.

    Args:
        rows: by corpus and normalizer.
        corpora: of the table, with or without runs.
        cfg: the target's. Its ``claim`` has either ``above`` and ``over``, each a list of
            normalizers, or ``within``, how far a normalizer may be behind the best of its corpus.
    """
    claim = cfg.claim
    find = _with_best if "within" in claim else _pairs
    compared = list(find(rows, corpora, cfg))
    with_runs = [comparison for comparison in compared if comparison.test is not None]
    if not with_runs:
        return []
    counts = Counter(comparison.verdict for comparison in compared)
    overall: Verdict = "open"
    if counts["refutes"]:
        overall = "refutes"
    elif counts["confirms"] == len(compared):
        overall = "confirms"
    said = [
        f"The paper: {' '.join(claim.says.split())}. This table {_WORDS[overall]}: of "
        f"{_number(len(compared), 'comparison')}, {counts['confirms']} confirm it, "
        f"{counts['refutes']} refute it, and {counts['open']} leave it open{_reasons(compared)}.",
        f"By the figures alone, {sum(c.as_claimed for c in with_runs)} of {len(with_runs)} are as "
        "the paper says.",
        f"A comparison with fewer than {_SEEDS} seeds is left open; else "
        + (
            "the 95 % interval of the difference decides."
            if "within" in claim
            else f"p < {_LEVEL:g} decides, corrected for these comparisons by Holm's method."
        ),
    ]
    parts = [escape_markdown(" ".join(said)) + "\n"]
    for verdict, heading in (("confirms", "Confirm"), ("refutes", "Refute"), ("open", "Open")):
        shown = [str(c) for c in with_runs if c.verdict == verdict and c.seeds >= _SEEDS]
        if shown:
            parts.append(f"- {heading}: {escape_markdown('; '.join(shown))}.\n")
    return parts


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _reasons(compared: Sequence[Comparison]) -> str:
    """Why comparisons are left open, as far as it is not their outcome."""
    without = sum(comparison.test is None for comparison in compared)
    few = sum(c.test is not None and c.seeds < _SEEDS for c in compared)
    reasons = [f"{few} for one seed only"] if few else []
    reasons += [f"{without} for want of runs"] if without else []
    return f" ({', '.join(reasons)})" if reasons else ""


def _pairs(rows: Rows, corpora: Sequence[str], cfg: DictConfig) -> Iterator[Comparison]:
    """Each normalizer of ``above`` against each of ``over``, on each corpus by each metric."""
    keys = [
        (data, name, other)
        for data in corpora
        for name in cfg.claim.above
        for other in cfg.claim.over
        if name in cfg.normalizers and other in cfg.normalizers
    ]
    tests = correct(
        [_test(rows.get((data, name)), rows.get((data, other))) for data, name, other in keys]
    )
    for (data, name, other), test in zip(keys, tests, strict=True):
        seeds = _shared_seeds(rows.get((data, name)), rows.get((data, other)))
        for metric in cfg.metrics:
            yield Comparison(data, metric, name, other, test.get(metric), seeds, 0.0)


def _with_best(rows: Rows, corpora: Sequence[str], cfg: DictConfig) -> Iterator[Comparison]:
    """Each normalizer against the best of its corpus, by the first metric."""
    metric = cfg.metrics[0]
    for data in corpora:
        means = {
            name: row.metrics[metric].mean
            for (of, name), row in rows.items()
            if of == data and metric in row.metrics
        }
        best = max(means, key=means.__getitem__, default=cfg.normalizers[0])
        for name in cfg.normalizers:
            if name == best:
                continue
            row, other = rows.get((data, name)), rows.get((data, best))
            test = _test(row, other).get(metric)
            seeds = _shared_seeds(row, other)
            yield Comparison(data, metric, name, best, test, seeds, -float(cfg.claim.within))


def _test(row: Row | None, other: Row | None) -> dict[str, PairedResult]:
    if row is None or other is None:
        return {}
    if row.baseline == other.label:
        return row.significance
    if other.baseline == row.label:
        return {metric: _reversed(test) for metric, test in other.significance.items()}
    return compare_output(row.runs, other.runs, [])


def _reversed(test: PairedResult) -> PairedResult:
    return replace(test, difference=-test.difference, low=-test.high, high=-test.low)


def _shared_seeds(row: Row | None, other: Row | None) -> int:
    if row is None or other is None:
        return 0
    return len({run.seed for run in row.runs} & {run.seed for run in other.runs})
