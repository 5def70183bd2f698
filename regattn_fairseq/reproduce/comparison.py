"""A table of the paper: our figures beside the published ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig

from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.origins import Marks, listed
from regattn_fairseq.report.rows import BASELINE, Row, build_rows, corrected
from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.report.tables import DEVIATION_NOTE, METRIC_LABELS, p_text
from regattn_fairseq.reproduce.cells import NOTHING, gain, markdown, number, score
from regattn_fairseq.reproduce.claims import judge
from regattn_fairseq.reproduce.execution import Outcome
from regattn_fairseq.runs.files import write_text

_GAIN_NOTE = (
    "Over softmax: on the seeds that both have, with its 95 % interval and two-sided p-value by "
    "paired bootstrap over sentences. By Holm's method, p is corrected for all comparisons of this "
    "table by the same metric; the CSV file has it uncorrected, too."
)
_ZEROS_NOTE = "Zeros: attention weights that are exactly zero."


@dataclass(frozen=True)
class Entry:
    """One normalizer on one corpus by one metric. ``None`` stands for what is not known.

    Attributes:
        data: name of the corpus.
        normalizer: its name.
        label: the same with its options, once there is a run.
        metric: its key in ``result.json``.
        seeds: the seeds of the runs that count, separated by spaces.
        ours: mean over the seeds.
        deviation: sample standard deviation over the seeds.
        published: the paper's figure.
        published_on: the corpus of that figure; empty where there is none.
        difference: ours minus the published figure, where both are of one corpus.
        gain: ours minus our softmax, on the seeds that both have.
        low: lower end of the gain's 95 % bootstrap interval.
        high: its upper end.
        p_value: the gain's, two-sided.
        p_holm: the same, corrected for all comparisons of the table by this metric.
        published_gain: the same difference in the paper.
        behind: how far ours is behind the best of its corpus.
        revisions: of the package, with which the runs were made, separated by semicolons.
        machines: on which they were made, likewise.
        origins: letters of the footnotes that say both; empty where one footnote is of all runs.
        zero_share: the share of attention weights that are exactly zero, mean over the seeds.
        missing: why runs are missing; empty where none are.
    """

    data: str
    normalizer: str
    label: str
    metric: str
    seeds: str
    ours: float | None
    deviation: float | None
    published: float | None
    published_on: str
    difference: float | None
    gain: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    published_gain: float | None
    behind: float | None
    revisions: str
    machines: str
    origins: str
    zero_share: float | None
    missing: str


@dataclass(frozen=True)
class Compared:
    """The content of a table.

    Attributes:
        entries: one for every planned normalizer, corpus and metric.
        rows: the runs, by corpus and normalizer.
        warnings: for the reader.
        footnotes: where the runs come from.
    """

    entries: list[Entry]
    rows: dict[tuple[str, str], Row]
    warnings: list[str]
    footnotes: list[str]


def compare(outcomes: Sequence[Outcome], cfg: DictConfig) -> Compared:
    """Group the runs, and compare each normalizer with softmax and with the paper."""
    marks = Marks(outcome.run for outcome in outcomes if outcome.run is not None)
    rows, warnings = build_rows([outcome.run for outcome in outcomes if outcome.run is not None])
    rows = corrected(rows)
    row_of = {id(run): row for row in rows for run in row.runs}
    by_name = {
        (outcome.planned.data, outcome.planned.system): row_of[id(outcome.run)]
        for outcome in outcomes
        if outcome.run is not None
    }
    entries = []
    planned = dict.fromkeys((o.planned.data, o.planned.system) for o in outcomes)
    for data, normalizer in planned:
        reasons = dict.fromkeys(
            outcome.reason
            for outcome in outcomes
            if (outcome.planned.data, outcome.planned.system) == (data, normalizer)
            and outcome.run is None
        )
        for position, metric in enumerate(cfg.metrics):
            scores = [
                row.metrics[metric].mean
                for (other, _), row in by_name.items()
                if other == data and metric in row.metrics
            ]
            best = max(scores, default=None)
            entries.append(
                _entry(
                    (data, normalizer, metric),
                    position,
                    by_name.get((data, normalizer)),
                    best,
                    marks,
                    "; ".join(reasons),
                    cfg,
                )
            )
    return Compared(entries, by_name, warnings, marks.notes)


def _entry(
    key: tuple[str, str, str],
    position: int,
    row: Row | None,
    best: float | None,
    marks: Marks,
    missing: str,
    cfg: DictConfig,
) -> Entry:
    data, normalizer, metric = key
    source = cfg.compare_with.get(data, data)
    figures = cfg.published.get(source, {})
    # The paper's oscarmax is what we call oscarmax_published; ours is compared with it as well.
    known = {name: values[position] for name, values in figures.items()}
    published = known.get(normalizer.removesuffix("_published"))
    summary = row.metrics.get(metric) if row else None
    test = row.significance.get(metric) if row else None
    ours = summary.mean if summary else None
    return Entry(
        data=data,
        normalizer=normalizer,
        label=row.label if row else normalizer,
        metric=metric,
        seeds=" ".join(str(run.seed) for run in row.runs) if row else "",
        ours=ours,
        deviation=summary.deviation if summary else None,
        published=published,
        published_on=source if published is not None else "",
        difference=ours - published
        if ours is not None and published is not None and source == data
        else None,
        gain=test.difference if test else None,
        low=test.low if test else None,
        high=test.high if test else None,
        p_value=test.p_value if test else None,
        p_holm=test.p_holm if test else None,
        published_gain=published - known[BASELINE]
        if published is not None and BASELINE in known and normalizer != BASELINE
        else None,
        behind=best - ours if best is not None and ours is not None else None,
        **listed(row.runs if row else []),
        origins=marks.of(row.runs) if row and marks.needed else "",
        zero_share=row.attention["zero_share"].mean
        if row and "zero_share" in row.attention
        else None,
        missing=missing,
    )


def write_comparison(outcomes: Sequence[Outcome], cfg: DictConfig, stem: Path) -> str:
    """Write ``<stem>.csv`` and a picture, and return the table as Markdown."""
    compared = compare(outcomes, cfg)
    entries = compared.entries
    columns = list(Entry.__dataclass_fields__)
    frame = pd.DataFrame([asdict(entry) for entry in entries], columns=columns)
    write_text(stem.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
    parts = [f"> {escape_markdown(warning)}\n" for warning in compared.warnings]
    if "claim" in cfg:
        corpora = list(dict.fromkeys(entry.data for entry in entries))
        parts += judge(compared.rows, corpora, cfg)
    if "within" in cfg.get("claim", {}) and entries:
        parts += [escape_markdown(_verdict(entries, cfg)) + "\n", _overview(entries, cfg) + "\n"]
    for data in dict.fromkeys(entry.data for entry in entries):
        parts += _sections([entry for entry in entries if entry.data == data], cfg)
    if not entries:
        parts.append(f"Not run with corpora={cfg.corpora}: {_absence(cfg)}.\n")
    if any(entry.ours is not None for entry in entries):
        parts.append(f"{DEVIATION_NOTE} {_GAIN_NOTE} {_ZEROS_NOTE}\n")
        parts += [f"{escape_markdown(note)}\n" for note in compared.footnotes]
        save_figure(_draw([entry for entry in entries if entry.ours is not None]), stem)
        parts.append(f"![{escape_markdown(cfg.title)}]({stem.name}.png)\n")
    return "\n".join(parts)


def _verdict(entries: Sequence[Entry], cfg: DictConfig) -> str:
    """In how many directions every normalizer is as close to the best as the paper found it."""
    label = METRIC_LABELS.get(cfg.metrics[0], cfg.metrics[0])
    behind: dict[str, dict[str, float]] = {entry.data: {} for entry in entries}
    for entry in entries:
        if entry.metric == cfg.metrics[0] and entry.behind is not None:
            behind[entry.data][entry.normalizer] = entry.behind
    known = {data: found for data, found in behind.items() if len(found) == len(cfg.normalizers)}
    outside = []
    for data, found in known.items():
        far = [f"{name} {gap:.2f} behind" for name, gap in found.items() if gap > cfg.claim.within]
        if far:
            outside.append(f"{data} ({', '.join(far)})")
    said = [
        f"Every normalizer is within {cfg.claim.within:g} {label} of the best in "
        f"{len(known) - len(outside)} of {len(known)} direction{'s' if len(known) != 1 else ''}"
        + (f"; not in {', '.join(outside)}." if outside else ".")
    ]
    if known and BASELINE in cfg.normalizers:
        gains = {
            name: statistics.fmean(found[BASELINE] - found[name] for found in known.values())
            for name in cfg.normalizers
            if name != BASELINE
        }
        shown = ", ".join(f"{name} {number(mean, sign=True)}" for name, mean in gains.items())
        said.append(f"Mean difference from {BASELINE} over them, in {label}: {shown}.")
    if unknown := [data for data in behind if data not in known]:
        said.append(f"Not counted, for want of runs: {', '.join(unknown)}.")
    return " ".join(said)


def _overview(entries: Sequence[Entry], cfg: DictConfig) -> str:
    """A row for each direction and a column for each normalizer; the best of a row is bold.

    Beside each figure stand the share of zeros and the footnotes' letters.
    """
    rows: dict[str, list[str]] = {}
    for entry in entries:
        if entry.metric == cfg.metrics[0]:
            ours = f"**{_ours(entry)}**" if entry.behind == 0 else _ours(entry)
            more = ", ".join(filter(None, (_zeros(entry), entry.origins)))
            rows.setdefault(entry.data, [escape_markdown(entry.data)]).append(
                f"{ours} ({more})" if more else ours
            )
    heading = f"{METRIC_LABELS.get(cfg.metrics[0], cfg.metrics[0])} (zeros)"
    return markdown([heading, *cfg.normalizers], list(rows.values()))


def _absence(cfg: DictConfig) -> str:
    return str(cfg.absent.get(cfg.corpora) or "its file in configs/reproduce names no corpus")


def _sections(entries: Sequence[Entry], cfg: DictConfig) -> Iterator[str]:
    """Heading, a table for each metric, and what is missing, for one corpus."""
    yield f"## {escape_markdown(entries[0].data)}\n"
    reasons = {entry.label: entry.missing for entry in entries if entry.missing}
    if len(set(reasons.values())) == 1 and all(entry.ours is None for entry in entries):
        yield f"Not run: {escape_markdown(next(iter(reasons.values())))}\n"
        reasons = {}
    if all(entry.ours is None and entry.published is None for entry in entries):
        return
    for metric in cfg.metrics:
        of_metric = [entry for entry in entries if entry.metric == metric]
        yield _table(of_metric, METRIC_LABELS.get(metric, metric)) + "\n"
    within = cfg.get("claim", {}).get("within")
    behind = [entry for entry in entries if entry.behind is not None]
    if within is not None and len(behind) > 1:
        far = [entry.label for entry in behind if entry.behind > within]
        label = METRIC_LABELS.get(cfg.metrics[0], cfg.metrics[0])
        verdict = f"not {', '.join(far)}" if far else f"all {len(behind)}"
        yield f"Within {within:g} {label} of the best: {escape_markdown(verdict)}.\n"
    for label, missing in reasons.items():
        yield f"- {escape_markdown(f'{label}, not run: {missing}')}\n"


def _table(entries: Sequence[Entry], metric: str) -> str:
    """A Markdown table of the columns that hold anything."""
    source = next((entry.published_on for entry in entries if entry.published_on), "")
    same = source == entries[0].data
    paper = "paper" if same else f"paper, {source}"
    columns = {
        "Normalizer": [entry.label for entry in entries],
        "seeds": [entry.seeds or NOTHING for entry in entries],
        metric: [_ours(entry) for entry in entries],
        "zeros": [_zeros(entry) or NOTHING for entry in entries],
        paper: [number(entry.published) for entry in entries],
        "ours − paper": [number(entry.difference, sign=True) for entry in entries],
        "over softmax": [gain(entry.gain, entry.low, entry.high) for entry in entries],
        "p": [
            NOTHING if e.p_value is None or e.p_holm is None else p_text(e.p_value, e.p_holm)
            for e in entries
        ],
        "over softmax, paper": [number(entry.published_gain, sign=True) for entry in entries],
        "behind the best": [number(entry.behind) for entry in entries],
        "from": [entry.origins or NOTHING for entry in entries],
    }
    kept = {
        heading: cells
        for heading, cells in columns.items()
        if heading in ("Normalizer", "seeds", metric) or set(cells) != {NOTHING}
    }
    cells = [list(map(escape_markdown, row)) for row in zip(*kept.values(), strict=True)]
    return markdown([escape_markdown(heading) for heading in kept], cells)


def _ours(entry: Entry) -> str:
    return score(entry.ours, entry.deviation, entry.missing)


def _zeros(entry: Entry) -> str:
    """The share of zeros; nothing where it is not known."""
    return "" if entry.zero_share is None or entry.ours is None else f"{entry.zero_share:.0%}"


def _draw(entries: Sequence[Entry]) -> Figure:
    """Scores as dots, one panel a corpus and metric; the paper's where it used the corpus."""
    panels = list(dict.fromkeys((entry.data, entry.metric) for entry in entries))
    figure = Figure(figsize=(6.4, 0.5 + len(panels) * 1.9), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False)
    for (data, metric), axes in zip(panels, grid.flat, strict=True):
        shown = [e for e in entries if (e.data, e.metric) == (data, metric)]
        for place, entry in enumerate(shown):
            axes.errorbar(
                entry.ours, place, xerr=entry.deviation, fmt="o", color="#7a1f80", capsize=3
            )
            if entry.difference is not None:
                axes.plot(entry.published, place, "D", mfc="none", color="#5c6473")
        axes.set_yticks(range(len(shown)), [entry.label for entry in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.grid(axis="x", color="#e1e4ea")
        axes.set_axisbelow(True)
        axes.set_title(f"{data}: {METRIC_LABELS.get(metric, metric)}", fontsize=10, loc="left")
    note = "dots: ours, with the deviation over seeds"
    if any(entry.difference is not None for entry in entries):
        note += "; diamonds: published"
    figure.supxlabel(note, fontsize=8)
    return figure
