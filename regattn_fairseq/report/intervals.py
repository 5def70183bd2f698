"""The differences from the baseline with their intervals, as places on a line for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.ticker import MaxNLocator

from regattn_fairseq.metrics import PairedResult
from regattn_fairseq.report.rows import Row
from regattn_fairseq.report.tables import METRIC_LABELS, attention_labels, difference_text


@dataclass(frozen=True)
class Interval:
    """One row's difference from the baseline.

    Attributes:
        label: the row's.
        text: the difference and its interval.
        low: the place of the interval's lower end, in percent of the width.
        high: that of its upper end.
        middle: that of the difference.
        significant: whether the corrected p-value is below 0.05.
    """

    label: str
    text: str
    low: float
    high: float
    middle: float
    significant: bool


@dataclass(frozen=True)
class IntervalPlot:
    """All differences from one baseline by one figure.

    Attributes:
        title: what is shown.
        zero: the place of no difference, in percent of the width.
        ticks: places and their numbers.
        intervals: one for each row but the baseline's.
    """

    title: str
    zero: float
    ticks: list[tuple[float, str]]
    intervals: list[Interval]


def interval_plots(rows: Sequence[Row]) -> list[IntervalPlot]:
    """Place the differences of a block's rows: by every tested metric, then by attention.

    Figures of attention that are shares are in percentage points.
    """
    plots = [
        _plot(
            METRIC_LABELS.get(metric, metric),
            {row.label: row.significance[metric] for row in rows if metric in row.significance},
            rows,
        )
        for metric in dict.fromkeys(name for row in rows for name in row.significance)
    ]
    for figure, (label, is_share) in attention_labels().items():
        tests = {
            row.label: row.attention_significance[figure]
            for row in rows
            if figure in row.attention_significance
        }
        if tests and is_share:
            tests = {name: _in_points(test) for name, test in tests.items()}
            label = f"{label}, in points"
        if tests:
            plots.append(_plot(label, tests, rows))
    return plots


def _in_points(test: PairedResult) -> PairedResult:
    return replace(test, difference=100 * test.difference, low=100 * test.low, high=100 * test.high)


def _plot(label: str, tests: Mapping[str, PairedResult], rows: Sequence[Row]) -> IntervalPlot:
    lows, highs = [test.low for test in tests.values()], [test.high for test in tests.values()]
    ticks = MaxNLocator(nbins=4).tick_values(min(0.0, *lows), max(0.0, *highs))
    first, width = ticks[0], (ticks[-1] - ticks[0]) or 1.0

    def place(value: float) -> float:
        return round(100 * (value - first) / width, 2)

    baseline = next(row.baseline for row in rows if row.baseline)
    return IntervalPlot(
        title=f"Difference from {baseline} in {label}",
        zero=place(0.0),
        ticks=[(place(tick), _tick(tick)) for tick in ticks],
        intervals=[
            Interval(
                label=name,
                text=difference_text(test),
                low=place(test.low),
                high=place(test.high),
                middle=place(test.difference),
                significant=test.p_holm < 0.05,
            )
            for name, test in tests.items()
        ],
    )


def _tick(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if abs(value) > 1e-9 else "0"
