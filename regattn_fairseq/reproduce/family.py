"""A table whose rows are systems of any kind: maps, losses, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig

from regattn_fairseq.metrics import PairedResult, correct
from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.rows import Summary, compare_output, summarize
from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.report.tables import DEVIATION_NOTE, METRIC_LABELS, p_text
from regattn_fairseq.reproduce.cells import NOTHING, gain, markdown, score
from regattn_fairseq.reproduce.execution import Outcome
from regattn_fairseq.runs.files import write_text
from regattn_fairseq.runs.result import Result

# Heading, section of result.json, figure, and how it is written.
_FIGURES = (
    ("zeros", "attention", "zero_share", "{:.0%}"),
    ("support", "attention", "support", "{:.1f}"),
    ("AER", "alignment", "alignment_error_rate", "{:.1%}"),
    ("words with a probability", "evaluation", "choices", "{:.1f}"),
    ("target words/s", "training", "target_tokens_per_s", "{:,.0f}"),
)
_NOTES = (
    "Over the baseline: on the seeds that both have, with its 95 % interval, and the two-sided "
    "p-value by paired bootstrap over sentences, corrected by Holm's method for all comparisons "
    "of this table.",
    "Zeros: attention weights that are exactly zero. Support: source tokens that a target token "
    "gives a weight to. AER: alignment error rate of the attention, where the corpus has links. "
    "Words with a probability: in a step of the search, where the loss has exact zeros. Target "
    "words/s: of the training.",
)


@dataclass(frozen=True)
class _System:
    """The runs of one row, which differ in nothing but the seed."""

    name: str
    model: str
    runs: list[Result]
    missing: str
    baseline: str
    tests: Mapping[str, PairedResult]


def write_family(outcomes: Sequence[Outcome], cfg: DictConfig, stem: Path) -> str:
    """Write ``<stem>.csv`` and a picture, and return the table as Markdown.

    The baseline of a row is the first system of its corpus and model. The table counts its first
    metric.
    """
    warnings: list[str] = []
    metric = cfg.metrics[0]
    systems = _systems(outcomes, warnings)
    records = [_record(system, metric) for system in systems]
    write_text(
        stem.with_suffix(".csv"), pd.DataFrame(records).to_csv(index=False, lineterminator="\n")
    )
    if not systems:
        return f"Not run with corpora={cfg.corpora}: {cfg.absent.get(cfg.corpora)}.\n"
    parts = [f"> {escape_markdown(warning)}\n" for warning in warnings]
    parts += [_table(systems, metric) + "\n"]
    for reason in dict.fromkeys(system.missing for system in systems if system.missing):
        names = "; ".join(system.name for system in systems if system.missing == reason)
        parts.append(f"- {escape_markdown(f'{names}, not run: {reason}')}\n")
    if any(system.runs for system in systems):
        parts += [f"{note}\n" for note in (DEVIATION_NOTE, *_NOTES)]
        save_figure(_draw(systems, metric), stem)
        parts.append(f"![{escape_markdown(cfg.title)}]({stem.name}.png)\n")
    return "\n".join(parts)


def _systems(outcomes: Sequence[Outcome], warnings: list[str]) -> list[_System]:
    members: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault((outcome.planned.data, outcome.planned.system), []).append(outcome)
    baselines: dict[tuple[str, str], tuple[str, list[Result]]] = {}
    systems = []
    for (data, name), of_system in members.items():
        runs = [outcome.run for outcome in of_system if outcome.run is not None]
        model = runs[0].model if runs else ""
        missing = "; ".join(dict.fromkeys(o.reason for o in of_system if o.run is None))
        baseline, theirs = baselines.setdefault((data, model), (name, runs)) if runs else ("", [])
        tests = compare_output(runs, theirs, warnings) if baseline != name else {}
        systems.append(_System(name, model, runs, missing, baseline, tests))
    corrected = correct([system.tests for system in systems])
    return [replace(system, tests=tests) for system, tests in zip(systems, corrected, strict=True)]


def _summaries(system: _System, section: str) -> dict[str, Summary]:
    return summarize([getattr(run, section) for run in system.runs])


def _record(system: _System, metric: str) -> dict[str, object]:
    """A row of the CSV file."""
    found: dict[str, object] = {
        "system": system.name,
        "model": system.model,
        "seeds": " ".join(str(run.seed) for run in system.runs),
    }
    of_text = _summaries(system, "metrics").get(metric)
    found |= {f"{metric}_mean": of_text and of_text.mean}
    found |= {f"{metric}_std": of_text and of_text.deviation}
    found["baseline"] = system.baseline
    if test := system.tests.get(metric):
        found |= {f"{metric}_{name}": value for name, value in asdict(test).items()}
    for _, section, figure, _ in _FIGURES:
        summary = _summaries(system, section).get(figure)
        found[figure] = summary and summary.mean
    found["revisions"] = "; ".join(dict.fromkeys(str(run.git_revision) for run in system.runs))
    found["machines"] = "; ".join(dict.fromkeys(run.machine for run in system.runs))
    return found | {"missing": system.missing}


def _table(systems: Sequence[_System], metric: str) -> str:
    label = METRIC_LABELS.get(metric, metric)
    columns: dict[str, list[str]] = {
        "System": [system.name for system in systems],
        "seeds": [" ".join(str(r.seed) for r in s.runs) or NOTHING for s in systems],
        label: [_score(system, metric) for system in systems],
        "over the baseline": [_gain(system.tests.get(metric)) for system in systems],
        "p": [
            p_text(test.p_value, test.p_holm)
            if (test := system.tests.get(metric)) and test.p_holm is not None
            else NOTHING
            for system in systems
        ],
    }
    for heading, section, figure, written in _FIGURES:
        found = [_summaries(system, section).get(figure) for system in systems]
        columns[heading] = [written.format(each.mean) if each else NOTHING for each in found]
    kept = {heading: cells for heading, cells in columns.items() if set(cells) != {NOTHING}}
    cells = [list(map(escape_markdown, row)) for row in zip(*kept.values(), strict=True)]
    return markdown(list(kept), cells)


def _score(system: _System, metric: str) -> str:
    found = _summaries(system, "metrics").get(metric)
    if found is None:
        return score(None, None, system.missing)
    return score(found.mean, found.deviation, system.missing)


def _gain(test: PairedResult | None) -> str:
    return NOTHING if test is None else gain(test.difference, test.low, test.high)


def _draw(systems: Sequence[_System], metric: str) -> Figure:
    """A dot for each system, with the deviation over seeds; one colour a model."""
    shown = [system for system in systems if metric in _summaries(system, "metrics")]
    models = list(dict.fromkeys(system.model for system in shown))
    figure = Figure(figsize=(6.4, 0.9 + 0.26 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, system in enumerate(shown):
        summary = _summaries(system, "metrics")[metric]
        color = ("#7a1f80", "#1f6f80", "#80591f")[models.index(system.model) % 3]
        axes.errorbar(summary.mean, place, xerr=summary.deviation, fmt="o", color=color, capsize=3)
    axes.set_yticks(range(len(shown)), [system.name for system in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(axis="x", color="#e1e4ea")
    axes.set_axisbelow(True)
    axes.set_xlabel(METRIC_LABELS.get(metric, metric))
    return figure
