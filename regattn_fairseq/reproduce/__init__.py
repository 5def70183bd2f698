"""The paper's tables and figures, each from a small file in ``configs/reproduce``.

Tables and heat maps are made of runs. Finished runs are reused, missing ones are trained, and those
that cannot be trained are named. The figures of the maps themselves need no run.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.report.table_formats import escape_markdown
from regattn_fairseq.report.tables import format_duration
from regattn_fairseq.reproduce.attention import write_heatmaps
from regattn_fairseq.reproduce.comparison import write_comparison
from regattn_fairseq.reproduce.execution import Outcome, carry_out
from regattn_fairseq.reproduce.family import write_family
from regattn_fairseq.reproduce.jobs import Stage
from regattn_fairseq.reproduce.plan import check_target, plan_runs
from regattn_fairseq.runs.files import clear_write_errors, write_text

__all__ = ["reproduce"]


def reproduce(cfg: DictConfig, *, command: str, run: Stage) -> Path:
    """Make one table or figure.

    Args:
        cfg: as composed from ``reproduce.yaml``, with a choice of Hydra's group ``reproduce``.
        command: what the user typed, for the header.
        run: makes one of the missing runs; see
            :func:`~regattn_fairseq.reproduce.jobs.make_runs`.

    Returns:
        The Markdown file. The files of the same name in CSV, PNG and PDF are beside it.

    Raises:
        PipelineError: no target is chosen, an option is out of range, or the output cannot be
            written.
    """
    OmegaConf.resolve(cfg)
    check_target(cfg)
    target = HydraConfig.get().runtime.choices["reproduce"]
    started = time.monotonic()
    if cfg.kind in ("curves", "triangles"):
        folder = Path(cfg.results_dir) / "paper_figures"
    else:
        folder = Path(cfg.results_dir) / f"{target}_{cfg.corpora}"
    with clear_write_errors(folder, "results_dir"):
        folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    if cfg.kind in ("curves", "triangles"):
        from regattn_fairseq.reproduce.maps import draw_curves, draw_triangles, write_map_figure

        draw = draw_curves if cfg.kind == "curves" else draw_triangles
        with clear_write_errors(folder, "results_dir"):
            body = write_map_figure(draw, cfg, folder / target)
    else:
        outcomes = carry_out(plan_runs(cfg), cfg, run)
        write = {
            "table": write_comparison,
            "family": write_family,
            "heatmap": write_heatmaps,
        }[cfg.kind]
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
    """Write one page with all figures of the maps, which is shown where the folder is opened."""
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
