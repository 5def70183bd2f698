"""Why sparse attention may stop learning: what its scores do in the first updates, for several γ.

    python scripts/figure_learning.py

trains sparsemax on the quickstart's translation task (half a minute of one core for each γ), reads
what the models log of their attention, and writes docs/learning.png.
"""

import argparse
import re
import subprocess
from pathlib import Path

from matplotlib.figure import Figure

from regattn_fairseq.report.figures import save_figure

COURSES = {  # label: γ, and γ at the first update
    "γ = 0.25": ("0.25", "null"),
    "γ = 1": ("1", "null"),
    "γ = 4": ("4", "null"),
    "γ = 16": ("16", "null"),
    "γ from 16 to 4": ("4", "16"),
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
    parser.add_argument("--output", type=Path, default=Path("docs/learning"), help="without .png")
    options = parser.parse_args()
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = dict(zip(PANELS, figure.subplots(1, len(PANELS)), strict=True))
    for label, (gamma, start) in COURSES.items():
        folder = options.runs_dir / f"{gamma}-{start}"
        subprocess.run(
            [
                *("regattn-run", "experiment=quickstart", "hydra/launcher=basic"),
                *("normalizer=sparsemax", f"normalizer.gamma={gamma}"),
                *(f"normalizer.gamma_start={start}", "normalizer.gamma_anneal=500"),
                *(f"output_dir={folder}", f"cache_dir={options.cache_dir}"),
            ],
            check=True,
        )
        seen = logged(folder / "train.log")
        for name, axis in axes.items():
            scale = 100 if name == "attn_dead" else 1
            updates = [numbers["num_updates"] for numbers in seen]
            axis.plot(updates, [scale * numbers[name] for numbers in seen], label=label, lw=1.2)
    for name, axis in axes.items():
        axis.set(title=PANELS[name], xlabel="updates", xlim=(0, 800))
        axis.title.set_fontsize("medium")
    axes["attn_spread"].set(yscale="log", ylim=(0.05, None))
    axes["attn_support"].set(yscale="log")
    axes["attn_dead"].legend(fontsize="small", frameon=False)
    save_figure(figure, options.output)


def logged(log: Path) -> list[dict[str, float]]:
    """What a text log says of attention, every few updates."""
    lines = [line for line in log.read_text().splitlines() if "INFO train_inner" in line]
    seen = [{name: float(value) for name, value in NUMBER.findall(line)} for line in lines]
    return [numbers for numbers in seen if "attn_spread" in numbers]


if __name__ == "__main__":
    main()
