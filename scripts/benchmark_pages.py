"""Size and loading time of reports' pages, and how long regattn-demo takes to start.

    python scripts/benchmark_pages.py results/mine/index.html --demo runs

Opens each page in headless Chromium (Debian's package chromium, driven by Playwright), offline, in
a fresh browser context each time, until its sentences can be used; starts the demo in a process of
its own until its page is answered; and writes results/benchmarks/pages.md. Seconds on a busy
machine say little, so the processor time of the demo stands beside its seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import psutil
from playwright.sync_api import Browser, sync_playwright
from tabulate import tabulate

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks" / "pages.md"
REPETITIONS = 5


class Loading(NamedTuple):
    """A page's sentences and normalizers, over all its test sets, and its seconds to load."""

    shown: str
    seconds: list[float]


class Start(NamedTuple):
    """How long the demo took until it answered."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pages", type=Path, nargs="*", help="index.html of reports")
    parser.add_argument("--demo", type=Path, help="a folder of finished runs")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if options.pages and chromium is None:
        sys.exit("error: no chromium is installed (Debian's package chromium)")
    parts = [
        "# The pages\n",
        f"`{shlex.join(['python', 'scripts/benchmark_pages.py', *sys.argv[1:]])}`, "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the "
        "beginning\n",
    ]
    if options.pages:
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else []
            )
            rows = [_row(page, load(browser, page)) for page in options.pages]
            parts.append(
                _table(rows, ["page", "sentences × normalizers", "MB", "best s", "median"])
            )
    if options.demo:
        starts = [start(options.demo) for _ in range(REPETITIONS)]
        best = min(starts, key=lambda one: one.wall)
        middle = statistics.median(one.wall for one in starts)
        models = sum(1 for _ in options.demo.rglob("result.json"))
        row = [f"`regattn-demo runs_dir={options.demo}`", str(models)]
        row += [f"{best.processor:.1f}", f"{best.wall:.1f}", f"{middle:.1f}"]
        parts.append(_table([row], ["command", "runs", "processor s", "best s", "median"]))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text("\n".join(parts), encoding="utf-8")
    print("\n".join(parts))


def load(browser: Browser, path: Path) -> Loading:
    """Open a page some times, until its first test set's sentences can be used."""
    seconds, shown = [], ""
    for _ in range(REPETITIONS):
        context = browser.new_context(offline=True)
        page = context.new_page()
        page.goto(path.resolve().as_uri())
        page.wait_for_selector(".explorer[data-ready]")
        seconds.append(page.evaluate("performance.now()") / 1000)
        shown = page.evaluate(
            """() => [...document.querySelectorAll(".explorer")].map((explorer) =>
                explorer.querySelector(".count").dataset.shown + " × " +
                explorer.querySelectorAll(".system option").length).join(", ")"""
        )
        context.close()
    return Loading(shown, seconds)


def start(runs: Path) -> Start:
    """Start the demo on any free port, and ask for its page."""
    command = shutil.which("regattn-demo", path=Path(sys.executable).parent)
    began = time.monotonic()
    process = subprocess.Popen(
        [str(command), f"runs_dir={runs}", "port=0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            sys.exit(f"error: regattn-demo ended: {''.join(said)}")
        with urllib.request.urlopen(found[0]) as answer:
            answer.read()
        wall = time.monotonic() - began
        used = psutil.Process(process.pid).cpu_times()
        return Start(wall, used.user + used.system)
    finally:
        process.terminate()
        process.wait()


def _row(page: Path, loading: Loading) -> list[str]:
    size = page.stat().st_size / 1e6
    best, middle = min(loading.seconds), statistics.median(loading.seconds)
    return [f"`{page}`", loading.shown, f"{size:.1f}", f"{best:.2f}", f"{middle:.2f}"]


def _table(rows: list[list[str]], headers: list[str]) -> str:
    alignment = ["left", *["right"] * (len(headers) - 1)]
    return (
        tabulate(rows, headers, tablefmt="pipe", colalign=alignment, disable_numparse=True) + "\n"
    )


if __name__ == "__main__":
    main()
