"""Accuracy and speed of the normalizers, as a table and a plot in results/benchmarks/.

One process, interleaved repetitions, medians. Peers: entmax and torch.softmax, and torchsparseattn
and adasplash where they are installed.

    python scripts/benchmark_normalizers.py                  # the CPU, 2 threads
    python scripts/benchmark_normalizers.py --device cuda    # a GPU
    python scripts/benchmark_normalizers.py --parts speed growth --repetitions 20
    python scripts/benchmark_normalizers.py --cpu-time       # where others use the machine too

torchsparseattn's own C files do not compile for Python 3.11; Cython makes new ones. With numpy,
setuptools and 'cython<3' in an environment of this Python:

    pip download --no-deps --no-binary :all: --no-build-isolation torchsparseattn==0.2
    tar xf torchsparseattn-0.2.tar.gz && cd torchsparseattn-0.2
    rm torchsparseattn/*.c && python setup.py build_ext --inplace

and then PYTHONPATH=…/torchsparseattn-0.2 before the command above.

Wall-clock times on a busy machine say little: torch's threads wait for one another, and a thread
that is not scheduled costs milliseconds. --cpu-time counts the processor time of one thread.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from regattn_fairseq.normalizers import (
    entmax,
    entmax15,
    fusedmax,
    oscarmax,
    pnormmax,
    softmax,
    sparsemax,
)

Run = Callable[[Tensor], Tensor]
ALPHA = 1.3
ANY = f"entmax, alpha = {ALPHA}"
# Oscarmax's penalty counts pairs: beside a longer row the same lam would make it one group.
LAM: dict[str, Callable[[int], float]] = {
    "fusedmax": lambda d: 0.1,
    "oscarmax": lambda d: 2.5 / d,
    # Large enough that no score can be left out of the sort.
    "oscarmax, all sorted": lambda d: 8.0 / d,
}


def ours(d: int) -> dict[str, Run]:
    """Our maps of rows of d scores."""
    return {
        "softmax": softmax,
        "sparsemax": sparsemax,
        "fusedmax": functools.partial(fusedmax, lam=LAM["fusedmax"](d)),
        "oscarmax": functools.partial(oscarmax, lam=LAM["oscarmax"](d)),
        "oscarmax, all sorted": functools.partial(oscarmax, lam=LAM["oscarmax, all sorted"](d)),
        "pnormmax": pnormmax,
        "entmax15": entmax15,
        ANY: functools.partial(entmax, alpha=ALPHA),
    }


OURS = tuple(ours(1))
IN_ATTENTION_ALONE = ("fusedmax", "oscarmax", "oscarmax, all sorted", "pnormmax")
CPU_SHAPES = ((64, 25), (256, 50), (2048, 50), (64, 400))
GPU_SHAPES = ((64, 50), (512, 50), (4096, 128), (16384, 512))
# An output layer, for the maps that may stand there.
VOCABULARY = (256, 32000)
LENGTHS = (50, 200, 1000, 5000, 20000, 50000)
FLOOR = "empty autograd.Function"
COPY = "torch.clone"
ENTMAX = "the entmax package's sparsemax"
ENTMAX15 = "the entmax package's entmax15"
BISECT = f"the entmax package's entmax_bisect, alpha = {ALPHA}"
# What each is compared with, and the part of its time that the project set itself.
BOUNDS = {
    "sparsemax": (ENTMAX, 0.15),
    "fusedmax": (ENTMAX, 0.3),
    "oscarmax": (ENTMAX, 0.5),
    "oscarmax, all sorted": (ENTMAX, 0.5),
    "entmax15": (ENTMAX15, 0.2),
    ANY: (BISECT, 0.2),
}
VOCABULARY_BOUND = 0.5
ADASPLASH = "adasplash alpha=2"
BAR = "{l_bar}{bar}| {elapsed} < {remaining}"
Clock = Callable[[], float]


def machine(device: str) -> str:
    """Describe the machine in words."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as info:
            names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
        model = names[0] if names else model
    words = f"{os.cpu_count()} cores ({model}), {torch.get_num_threads()} threads"
    if hasattr(os, "getloadavg"):
        words += f", load {os.getloadavg()[0]:.1f} when it began"
    return f"{words}; {torch.cuda.get_device_name()}" if device == "cuda" else words


def versions() -> str:
    """Name the versions that matter, with what is not installed."""
    names = ("torch", "numba", "triton", "entmax", "adasplash", "torchsparseattn", "cvxpy")
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            # Built in place, it has no record of its version.
            there = importlib.util.find_spec(name)
            found.append(f"{name} without a version" if there else f"{name} not installed")
    return f"Python {platform.python_version()}, " + ", ".join(found)


@functools.cache
def problem(name: str, d: int) -> tuple[Any, Any, Any]:
    """A problem of d variables for Clarabel, an interior-point solver; its scores and solution."""
    import cvxpy as cp

    x = cp.Parameter(d)
    y = cp.Variable(d)
    cost = 0.5 * cp.sum_squares(y) - x @ y
    if name == "pnormmax":
        cost = 0.5 * cp.square(cp.pnorm(y, 1.5)) - x @ y
    if name == "fusedmax":
        cost = cost + LAM[name](d) * cp.norm1(y[1:] - y[:-1])
    if name == "oscarmax":
        # By Abel's summation the pairwise maxima are a sum of sums of the k largest entries.
        cost = cost + LAM[name](d) * sum(cp.sum_largest(y, k) for k in range(1, d))
    # What bounds the solution's error is the gap's absolute size.
    scale = 1e4 if name == "pnormmax" else 1e3
    return cp.Problem(cp.Minimize(scale * cost), [y >= 0, cp.sum(y) == 1]), x, y


def reference(x: np.ndarray, name: str) -> np.ndarray:
    """Solve one row's problem."""
    if name in ("entmax15", ANY):
        return bisected(x, 1.5 if name == "entmax15" else ALPHA)
    posed, scores, solution = problem(name, len(x))
    scores.value = x
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posed.solve(
            solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-13, tol_feas=1e-12, max_iter=500
        )
    return np.asarray(solution.value)


def bisected(x: np.ndarray, alpha: float) -> np.ndarray:
    """Alpha-entmax of a row by bisection for the threshold, in extended precision."""
    z = (alpha - 1) * (x.astype(np.longdouble) - x.max())
    low, high = np.longdouble(0), np.longdouble(1)
    for _ in range(70):
        middle = (low + high) / 2
        enough = (np.maximum(1 + z - middle, 0) ** (1 / (alpha - 1))).sum() >= 1
        low, high = (middle, high) if enough else (low, middle)
    return np.maximum(1 + z - low, 0) ** (1 / (alpha - 1))


def certified_error(x: np.ndarray, y: np.ndarray, p: float = 1.5) -> float:
    """A bound on the distance of y from the row's pnormmax, from x and y alone.

    The objective f is (p - 1)-strongly convex with respect to the p-norm, which bounds the largest
    absolute value, and f(y) - min f is at most the Frank-Wolfe gap <grad f(y), y> - min grad f(y).
    """
    gradient = y ** (p - 1) * (y**p).sum() ** ((2 - p) / p) - x
    gap = max(float(y @ gradient - gradient.min()), float(np.finfo(float).eps))
    return (2 * gap / (p - 1)) ** 0.5


def accuracy(rows: int, bar: tqdm) -> list[str]:
    """Largest error against the solver over random rows with d in 2 ... 60."""
    rng = np.random.default_rng(0)
    draws = [rng.standard_normal(int(rng.integers(2, 61))) for _ in range(rows)]
    lines = [
        f"## Accuracy: largest error over {rows} random rows, d in 2 ... 60",
        "",
        "Against Clarabel; entmax against a bisection in extended precision.",
        "",
        "| map | float64 | float32 |",
        "|---|---|---|",
    ]
    bounds = {"ours": 0.0, "the solver": 0.0}
    for name in ("sparsemax", "fusedmax", "oscarmax", "pnormmax", "entmax15", ANY):
        worst = {torch.float64: 0.0, torch.float32: 0.0}
        bar.set_description(f"accuracy of {name}")
        for x in draws:
            bar.update(80 / 6 / rows)
            expected = reference(x, name)
            if name == "pnormmax":
                solved = ours(len(x))[name](torch.tensor(x)).numpy()
                inside = np.maximum(expected, 0) / np.maximum(expected, 0).sum()
                for which, y in (("ours", solved), ("the solver", inside)):
                    bounds[which] = max(bounds[which], certified_error(x, y))
            for dtype in worst:
                got = ours(len(x))[name](torch.tensor(x, dtype=dtype)).double().numpy()
                worst[dtype] = max(worst[dtype], float(np.abs(got - expected).max()))
        lines.append(f"| {name} | {worst[torch.float64]:.1e} | {worst[torch.float32]:.1e} |")
    return [
        *lines,
        "",
        "The solver is the less exact one for pnormmax. Bounds on the distance from the exact "
        "solution, by the duality gap, in float64: "
        + ", ".join(f"{which} {bound:.1e}" for which, bound in bounds.items())
        + ".",
        "",
    ]


class _Nothing(torch.autograd.Function):
    """What any map written in Python takes at least: an output, a gradient, and no work."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return torch.empty_like(y)


def time_once(f: Run, x: Tensor, g: Tensor, clock: Clock, inner: int = 1) -> float:
    """Seconds for one forward and backward pass."""
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    begin = clock()
    for _ in range(inner):
        x.grad = None
        f(x).backward(g)
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return (clock() - begin) / inner


def medians(
    runs: dict[str, Run],
    shape: tuple[int, int],
    device: str,
    repetitions: int,
    clock: Clock,
    bar: tqdm,
) -> dict[str, float]:
    """Median seconds of each, all in turn in every repetition."""
    x = torch.randn(shape, device=device, requires_grad=True)
    g = torch.randn(shape, device=device)
    # Enough for a clock to tell, and for a GPU to hide what launching costs.
    inner = 20 if device == "cuda" or x.numel() < 20_000 else 4 if x.numel() < 50_000 else 1
    times: dict[str, list[float]] = {name: [] for name in runs}
    bar.set_description(f"speed at {shape[0]} x {shape[1]}")
    for repetition in range(repetitions + 3):
        bar.update(10 / (repetitions + 3))
        for name, f in runs.items():
            elapsed = time_once(f, x, g, clock, inner)
            if repetition >= 3:
                times[name].append(elapsed)
    return {name: statistics.median(each) for name, each in times.items()}


def peers(device: str) -> dict[str, Run]:
    """What ours are compared with."""
    runs: dict[str, Run] = {
        "torch.softmax": lambda x: torch.softmax(x, -1),
        COPY: torch.clone,
        FLOOR: _Nothing.apply,
    }
    if importlib.util.find_spec("entmax"):
        import entmax as package

        runs[ENTMAX] = lambda x: package.sparsemax(x, -1)
        runs[ENTMAX15] = lambda x: package.entmax15(x, -1)
        runs[BISECT] = lambda x: package.entmax_bisect(x, ALPHA, -1)
    if device == "cuda" and importlib.util.find_spec("adasplash"):
        from adasplash import triton_entmax

        runs[ADASPLASH] = lambda x: triton_entmax(x, alpha=2.0)
    return runs


def verdict(name: str, took: dict[str, float], device: str, shape: tuple[int, int]) -> str:
    """Whether a map keeps to its bound, and what part of the bound no map could have saved."""
    if device == "cuda":
        if name not in OURS:
            return "-"
        met = took[name] <= 3 * took["torch.softmax"]
        words = f"3 × softmax: {'met' if met else 'not met'}"
        if name == "sparsemax" and ADASPLASH in took:
            met = took[name] <= took[ADASPLASH]
            words += f"; adasplash: {'met' if met else 'not met'}"
        return words
    peer, bound = BOUNDS.get(name, ("", 0.0))
    if peer not in took:
        return "-"
    if shape == VOCABULARY:
        bound = VOCABULARY_BOUND
    if took[name] <= bound * took[peer]:
        return f"{bound}: met"
    floor = took[FLOOR] / took[peer]
    above = (took[name] - took[FLOOR]) / took[peer]
    return f"{bound}: not met; the floor alone is {floor:.2f}, ours {above:.2f} above it"


def speed(device: str, repetitions: int, clock: Clock, bar: tqdm) -> list[str]:
    """Forward and backward, float32, beside the peers."""
    shapes = GPU_SHAPES if device == "cuda" else (*CPU_SHAPES, VOCABULARY)
    lines = [
        "## Speed: forward + backward, float32, medians",
        "",
        f"The {FLOOR} allocates its output and its gradient, and does nothing: no map written in "
        f"Python takes less. {COPY} is torch's own copy: no map at all does. The entmax package's "
        "sparsemax is what ours are compared with, and its entmax15 and entmax_bisect for entmax.",
        "",
        "| rows × d | map | µs | × torch.softmax | × the entmax package | support | bound |",
        "|---|---|---|---|---|---|---|",
    ]
    for shape in shapes:
        runs = peers(device) | ours(shape[1])
        repeated = repetitions
        if shape == VOCABULARY:
            runs = {name: f for name, f in runs.items() if name not in IN_ATTENTION_ALONE}
            repeated = max(repetitions // 10, 3)
        took = medians(runs, shape, device, repeated, clock, bar)
        drawn = torch.randn(shape, device=device)
        for name, seconds in took.items():
            base = took.get(BOUNDS.get(name, (ENTMAX, 0.0))[0])
            against_entmax = f"{seconds / base:.2f}" if base else "-"
            support = "-"
            if name not in (FLOOR, COPY):
                support = f"{float((runs[name](drawn) > 0).sum()) / shape[0]:.1f}"
            lines.append(
                f"| {shape[0]} × {shape[1]} | {name} | {seconds * 1e6:.0f} | "
                f"{seconds / took['torch.softmax']:.2f} | {against_entmax} | {support} | "
                f"{verdict(name, took, device, shape)} |"
            )
    return [*lines, ""]


def baseline(repetitions: int, clock: Clock, bar: tqdm) -> list[str]:
    """The authors' compiled kernels, row by row as their code calls them, against whole maps."""
    lines = ["## Historical baseline: torchsparseattn 0.2, row by row, its prox alone", ""]
    try:
        from torchsparseattn._fused import prox_tv1d
        from torchsparseattn.oscar import prox_owl
    except ImportError as reason:
        return [*lines, f"Not run: {reason}; the script's --help says how to get it.", ""]

    def fused(x: np.ndarray) -> None:
        for row in x:
            prox_tv1d(row, LAM["fusedmax"](len(row)))

    def clustered(x: np.ndarray) -> None:
        weights = LAM["oscarmax"](x.shape[1]) * np.arange(x.shape[1] - 1, -1, -1, dtype=x.dtype)
        for row in x:
            prox_owl(row, weights)

    lines += [
        "| rows × d | prox_tv1d, µs | our fusedmax forward, µs | prox_owl, µs "
        "| our oscarmax forward, µs |",
        "|---|---|---|---|---|",
    ]
    for shape in CPU_SHAPES:
        bar.set_description(f"torchsparseattn at {shape[0]} x {shape[1]}")
        bar.update(10)
        x = torch.randn(shape)
        times: list[list[float]] = [[], [], [], []]
        for _ in range(repetitions):
            # A copy each time: the authors' kernel works in place.
            copies = x.numpy().copy()
            for kept, run in zip(
                times,
                (
                    lambda copies=copies: fused(copies),
                    lambda x=x: ours(x.shape[1])["fusedmax"](x),
                    lambda x=x: clustered(x.numpy()),
                    lambda x=x: ours(x.shape[1])["oscarmax"](x),
                ),
                strict=True,
            ):
                begin = clock()
                run()
                kept.append(clock() - begin)
        cells = " | ".join(f"{statistics.median(kept) * 1e6:.0f}" for kept in times)
        lines.append(f"| {shape[0]} × {shape[1]} | {cells} |")
    return [*lines, ""]


def growth(device: str, repetitions: int, plot: Path, clock: Clock, bar: tqdm) -> list[str]:
    """Time as a function of d at constant rows * d, and the fitted exponent."""
    size = 100_000 if device == "cpu" else 1_000_000
    times: dict[str, list[float]] = {}
    for d in LENGTHS:
        rows = max(size // d, 1)
        runs = ours(d) | peers(device)
        del runs[FLOOR], runs[COPY], runs["softmax"]
        took = medians(runs, (rows, d), device, max(repetitions // 4, 3), clock, bar)
        for name, seconds in took.items():
            times.setdefault(name, []).append(seconds / rows)
    lines = [
        f"## Growth: seconds a row, d = {LENGTHS[0]} ... {LENGTHS[-1]}, rows · d = {size}",
        "",
        "| map | " + " | ".join(f"d = {d}, µs" for d in LENGTHS) + " | exponent |",
        "|---" * (len(LENGTHS) + 2) + "|",
    ]
    for name, seconds in times.items():
        exponent = float(np.polyfit(np.log(LENGTHS), np.log(seconds), 1)[0])
        cells = " | ".join(f"{s * 1e6:.1f}" for s in seconds)
        lines.append(f"| {name} | {cells} | {exponent:.2f} |")
    draw(times, plot)
    return [*lines, "", f"![time a row against d]({plot.name})", ""]


def draw(times: dict[str, list[float]], path: Path) -> None:
    """Plot seconds a row against d, both on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4.5), layout="constrained")
    for name, seconds in times.items():
        style = "-o" if name in OURS else "--x"
        axes.loglog(LENGTHS, seconds, style, label=name, markersize=4)
    axes.set(xlabel="d", ylabel="seconds a row, forward + backward")
    axes.grid(True, which="both", alpha=0.2)
    axes.legend()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("accuracy", "speed", "baseline", "growth"),
        default=("accuracy", "speed", "baseline", "growth"),
    )
    parser.add_argument("--rows", type=int, default=1000, help="random rows for accuracy")
    parser.add_argument("--repetitions", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="one thread's processor time")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "--device cuda: torch sees no GPU here; run it where there is one, or leave it out"
        )
    if arguments.cpu_time and arguments.device == "cuda":
        sys.exit("--cpu-time counts the CPU's work alone; leave it out with --device cuda")
    torch.set_num_threads(1 if arguments.cpu_time else arguments.threads)
    clock = time.thread_time if arguments.cpu_time else time.perf_counter
    torch.manual_seed(0)
    arguments.output.mkdir(parents=True, exist_ok=True)
    stem = arguments.output / f"normalizers-{arguments.device}"
    command = " ".join(["python", "scripts/benchmark_normalizers.py", *sys.argv[1:]])
    lines = [
        f"# Normalizers on the {'GPU' if arguments.device == 'cuda' else 'CPU'}",
        "",
        f"- Command: `{command}`",
        f"- Versions: {versions()}",
        f"- Machine: {machine(arguments.device)}",
        "- Options: gamma = 1, p = 1.5; lam = 0.1 for fusedmax, 2.5 / d for oscarmax, and 8 / d "
        "where all is sorted; standard normal scores",
        "- Clock: " + ("processor time, one thread" if arguments.cpu_time else "wall clock"),
        "",
    ]
    # In seconds, roughly.
    weights = {"accuracy": 80, "speed": 50, "baseline": 40, "growth": 10 * len(LENGTHS)}
    parts = [part for part in weights if part in arguments.parts]
    if arguments.device == "cuda" and "baseline" in parts:
        parts.remove("baseline")
    with tqdm(total=sum(weights[part] for part in parts), bar_format=BAR) as bar:
        if "accuracy" in parts:
            lines += accuracy(arguments.rows, bar)
        if "speed" in parts:
            lines += speed(arguments.device, arguments.repetitions, clock, bar)
        if "baseline" in parts:
            lines += baseline(arguments.repetitions, clock, bar)
        if "growth" in parts:
            plot = stem.with_suffix(".png")
            lines += growth(arguments.device, arguments.repetitions, plot, clock, bar)
    text = "\n".join(lines)
    stem.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
