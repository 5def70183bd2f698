"""The paper's tables and figures, each from a small file in ``configs/reproduce``.

Tables and heat maps are made of runs: those that are there are reused, those that are missing are
trained, and those that cannot be are named. The figures of the maps themselves need none.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from regattn_fairseq.report.tables import escape_markdown, format_duration
from regattn_fairseq.reproduce.attention import write_heatmaps
from regattn_fairseq.reproduce.comparison import write_comparison
from regattn_fairseq.reproduce.execution import Outcome, carry_out
from regattn_fairseq.reproduce.maps import draw_curves, draw_triangles, write_map_figure
from regattn_fairseq.reproduce.plan import load_target, plan_runs
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import clear_write_errors, write_text

__all__ = ["TARGETS", "reproduce"]

TARGETS = ("table1", "table2", "bleu", "figure1", "figure2", "figure3", "figure4", "figure5")


def reproduce(target: str, overrides: Sequence[str], *, command: str) -> Path:
    """Make one table or figure.

    Args:
        target: one of :data:`TARGETS`.
        overrides: options in Hydra's grammar, as ``corpora=real``; see ``configs/reproduce``.
        command: what the user typed, for the header.

    Returns:
        The Markdown file; CSV, PNG and PDF are beside it.

    Raises:
        PipelineError: an unknown target or option, or the output cannot be written.
    """
    if target not in TARGETS:
        raise PipelineError(f"no {target} in the paper's set; choose {', '.join(TARGETS)}")
    cfg = load_target(target, overrides)
    started = time.monotonic()
    if cfg.kind in ("curves", "triangles"):
        folder = Path(cfg.results_dir) / "paper_figures"
    else:
        folder = Path(cfg.results_dir) / f"{target}_{cfg.corpora}"
    with clear_write_errors(folder, "results_dir"):
        folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    if cfg.kind in ("curves", "triangles"):
        draw = draw_curves if cfg.kind == "curves" else draw_triangles
        with clear_write_errors(folder, "results_dir"):
            body = write_map_figure(draw, cfg, folder / target)
    else:
        outcomes = carry_out(plan_runs(cfg), cfg)
        write = write_comparison if cfg.kind == "table" else write_heatmaps
        with clear_write_errors(folder, "results_dir"):
            body = write(outcomes, cfg, folder / target)
    header = _header(cfg, command, time.monotonic() - started, outcomes)
    path = folder / f"{target}.md"
    with clear_write_errors(folder, "results_dir"):
        write_text(path, f"{header}\n{body}")
        if cfg.kind in ("curves", "triangles"):
            _write_side_by_side(folder)
    return path


def _write_side_by_side(folder: Path) -> None:
    """One page, which those who open the folder see, of all figures of the maps."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("figure*.md"))]
    text = "\n".join(
        ["# The maps themselves, as the paper shows them\n", *(f"#{p}" for p in pages)]
    )
    write_text(folder / "README.md", text)


def _header(cfg: DictConfig, command: str, wall: float, outcomes: Sequence[Outcome]) -> str:
    runs = [outcome.run for outcome in outcomes if outcome.run is not None]
    machines = sorted({run.machine for run in runs if run.machine})
    here = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    facts = [f"`{command}`", f"Wall time {format_duration(wall)}, on {here}."]
    if runs:
        trained = sum(outcome.trained for outcome in outcomes)
        training = sum(run.training.get("wall_s") or 0.0 for run in runs)
        facts.append(
            f"{len(runs)} runs, {trained} of them trained by this command; their trainings took "
            f"{format_duration(training)} in all ({'; '.join(machines) or 'machine unknown'})."
        )
    elif cfg.get("runs") is not None:
        facts.append("No run.")
    note = escape_markdown(" ".join(cfg.note.split()))
    return "\n\n".join([f"# {escape_markdown(cfg.title)}", *facts, note]) + "\n"
