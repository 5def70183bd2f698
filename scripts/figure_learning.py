"""Why sparse attention may stop learning: what its scores do, for several γ and kinds of scores.

    python scripts/figure_learning.py

trains sparsemax on the quickstart's translation task (a minute of one core for each course), reads
what the models log of their attention, and writes docs/learning.png.
"""

import argparse
import re
import subprocess
from pathlib import Path

from matplotlib.figure import Figure

SCALED = ("model.attn_normalized=false", "model.attn_scaled=true")
COURSES = {  # label: folder and options
    "scaled, γ = 1": ("scaled-1", (*SCALED, "normalizer.gamma_start=1")),
    "normalized, γ = 1": ("normalized-1", ("normalizer.gamma_start=1",)),
    "normalized, γ = 4": ("normalized-4", ("normalizer.gamma=4", "normalizer.gamma_start=4")),
    "normalized, γ from d to 1": ("normalized-d-1", ()),
}
PANELS = {
    "attn_spread": "standard deviation of the scores, over γ",
    "attn_support": "words with weight",
    "attn_dead": "rows without gradient, %",
}
NUMBER = re.compile(r"(attn_\w+|num_updates)=([0-9.e+-]+)")


def main() -> None:
    """Train what is missing, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/learning"))
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"))
    parser.add_argument("--output", type=Path, default=Path("docs/learning.png"))
    options = parser.parse_args()
    logs = {}
    for label, (name, overrides) in COURSES.items():
        folder = options.runs_dir / name
        command = ["regattn-run", "experiment=quickstart", "normalizer=sparsemax", *overrides]
        command += [f"output_dir={folder}", f"cache_dir={options.cache_dir}"]
        subprocess.run([*command, "hydra/launcher=basic"], check=True)
        logs[label] = logged(folder / "train.log")
    draw(logs).savefig(options.output, dpi=120, metadata={"Software": None})


def draw(logs: dict[str, list[dict[str, float]]]) -> Figure:
    """A panel for each of :data:`PANELS`, a line for each log."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for name, axis in zip(PANELS, figure.subplots(1, len(PANELS)), strict=True):
        for label, seen in logs.items():
            updates = [numbers["num_updates"] for numbers in seen]
            scale = 100 if name == "attn_dead" else 1
            axis.plot(updates, [scale * numbers[name] for numbers in seen], label=label, lw=1.2)
        axis.set(xlabel="updates", xlim=(0, 1800))
        axis.set_title(PANELS[name], fontsize="medium")
        if name != "attn_dead":
            axis.set_yscale("log")
        if name == "attn_spread":
            axis.set_ylim(bottom=0.05)
        if name == "attn_support":
            axis.set_yticks([2, 4, 8, 16], labels=["2", "4", "8", "16"])
            axis.minorticks_off()
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize="small")
    return figure


def logged(log: Path) -> list[dict[str, float]]:
    """What a text log says of attention, every few updates."""
    lines = [line for line in log.read_text().splitlines() if "INFO train_inner" in line]
    seen = [{name: float(value) for name, value in NUMBER.findall(line)} for line in lines]
    return [numbers for numbers in seen if "attn_spread" in numbers]


if __name__ == "__main__":
    main()
