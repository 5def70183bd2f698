"""Accuracy and speed of the normalizers, as a table and a plot in results/benchmarks/.

One process, interleaved repetitions, medians. Peers: entmax and torch.softmax, and torchsparseattn
and adasplash where they are installed.

    python scripts/benchmark_normalizers.py                  # the CPU, 2 threads
    python scripts/benchmark_normalizers.py --device cuda    # a GPU
    python scripts/benchmark_normalizers.py --parts speed growth --repetitions 20
    python scripts/benchmark_normalizers.py --cpu-time       # where others use the machine too

Wall-clock times on a busy machine say little: torch's threads wait for one another, and a thread
that is not scheduled costs milliseconds. --cpu-time counts the processor time of one thread.
"""

from __future__ import annotations

import argparse
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

import numpy as np
import torch
from torch import Tensor

from regattn_fairseq.normalizers import fusedmax, oscarmax, pnormmax, softmax, sparsemax

Run = Callable[[Tensor], Tensor]
LAM = {"fusedmax": 0.1, "oscarmax": 0.05}
OURS: dict[str, Run] = {
    "softmax": softmax,
    "sparsemax": sparsemax,
    "fusedmax": lambda x: fusedmax(x, lam=LAM["fusedmax"]),
    "oscarmax": lambda x: oscarmax(x, lam=LAM["oscarmax"]),
    "pnormmax": pnormmax,
}
CPU_SHAPES = ((64, 25), (256, 50), (2048, 50), (64, 400))
GPU_SHAPES = ((64, 50), (512, 50), (4096, 128), (16384, 512))
LENGTHS = (50, 200, 1000, 5000, 20000, 50000)
# Of entmax's sparsemax time; what the project set itself.
BOUNDS = {"sparsemax": 0.15, "fusedmax": 0.3, "oscarmax": 0.5}
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
            found.append(f"{name} not installed")
    return f"Python {platform.python_version()}, " + ", ".join(found)


def reference(x: np.ndarray, name: str) -> np.ndarray:
    """Solve one row's problem with Clarabel, an interior-point solver."""
    import cvxpy as cp

    y = cp.Variable(len(x))
    cost = 0.5 * cp.sum_squares(y) - x @ y
    if name == "pnormmax":
        cost = 0.5 * cp.square(cp.pnorm(y, 1.5)) - x @ y
    if name == "fusedmax":
        cost = cost + LAM[name] * cp.norm1(y[1:] - y[:-1])
    if name == "oscarmax":
        # By Abel's summation the pairwise maxima are a sum of sums of the k largest entries.
        cost = cost + LAM[name] * sum(cp.sum_largest(y, k) for k in range(1, len(x)))
    problem = cp.Problem(cp.Minimize(1e3 * cost), [y >= 0, cp.sum(y) == 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem.solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-13, tol_feas=1e-12, max_iter=500
        )
    return np.asarray(y.value)


def certified_error(x: np.ndarray, y: np.ndarray, p: float = 1.5) -> float:
    """A bound on the distance of y from the row's pnormmax, from x and y alone.

    The objective f is (p - 1)-strongly convex with respect to the p-norm, which bounds the largest
    absolute value, and f(y) - min f is at most the Frank-Wolfe gap <grad f(y), y> - min grad f(y).
    """
    gradient = y ** (p - 1) * (y**p).sum() ** ((2 - p) / p) - x
    gap = max(float(y @ gradient - gradient.min()), float(np.finfo(float).eps))
    return (2 * gap / (p - 1)) ** 0.5


def accuracy(rows: int) -> list[str]:
    """Largest error against the solver over random rows with d in 2 ... 60."""
    rng = np.random.default_rng(0)
    draws = [rng.standard_normal(int(rng.integers(2, 61))) for _ in range(rows)]
    lines = [
        f"## Accuracy: largest error over {rows} random rows, d in 2 ... 60, against Clarabel",
        "",
        "| map | float64 | float32 |",
        "|---|---|---|",
    ]
    for name in ("sparsemax", "fusedmax", "oscarmax", "pnormmax"):
        worst = {torch.float64: 0.0, torch.float32: 0.0}
        bounds = {"ours": 0.0, "the solver": 0.0}
        for x in draws:
            expected = reference(x, name)
            if name == "pnormmax":
                ours = OURS[name](torch.tensor(x)).numpy()
                inside = np.maximum(expected, 0) / np.maximum(expected, 0).sum()
                for which, y in (("ours", ours), ("the solver", inside)):
                    bounds[which] = max(bounds[which], certified_error(x, y))
            for dtype in worst:
                got = OURS[name](torch.tensor(x, dtype=dtype)).double().numpy()
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
    runs: dict[str, Run], shape: tuple[int, int], device: str, repetitions: int, clock: Clock
) -> dict[str, float]:
    """Median seconds of each, all in turn in every repetition."""
    x = torch.randn(shape, device=device, requires_grad=True)
    g = torch.randn(shape, device=device)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repetition in range(repetitions + 3):
        for name, f in runs.items():
            elapsed = time_once(f, x, g, clock, inner=20 if x.numel() < 20_000 else 1)
            if repetition >= 3:
                times[name].append(elapsed)
    return {name: statistics.median(each) for name, each in times.items()}


def peers(device: str) -> dict[str, Run]:
    """What ours are compared with."""
    runs: dict[str, Run] = {"torch.softmax": lambda x: torch.softmax(x, -1)}
    if importlib.util.find_spec("entmax"):
        from entmax import sparsemax as entmax_sparsemax

        runs["entmax sparsemax"] = lambda x: entmax_sparsemax(x, -1)
    if device == "cuda" and importlib.util.find_spec("adasplash"):
        from adasplash import triton_entmax

        runs["adasplash alpha=2"] = lambda x: triton_entmax(x, alpha=2.0)
    return runs


def speed(device: str, repetitions: int, clock: Clock) -> list[str]:
    """Forward and backward, float32, beside the peers."""
    shapes = GPU_SHAPES if device == "cuda" else CPU_SHAPES
    runs = peers(device) | OURS
    lines = [
        "## Speed: forward + backward, float32, medians",
        "",
        "| rows × d | map | µs | × torch.softmax | × entmax sparsemax | bound |",
        "|---|---|---|---|---|---|",
    ]
    for shape in shapes:
        took = medians(runs, shape, device, repetitions, clock)
        base = took.get("entmax sparsemax")
        for name, seconds in took.items():
            against_softmax = seconds / took["torch.softmax"]
            against_entmax = f"{seconds / base:.2f}" if base else "-"
            bound = "-"
            if device == "cuda" and name in OURS:
                bound = f"3 × softmax: {'met' if against_softmax <= 3 else 'not met'}"
            elif base and name in BOUNDS and device == "cpu":
                met = "met" if seconds / base <= BOUNDS[name] else "not met"
                bound = f"{BOUNDS[name]}: {met}"
            lines.append(
                f"| {shape[0]} × {shape[1]} | {name} | {seconds * 1e6:.0f} | "
                f"{against_softmax:.2f} | {against_entmax} | {bound} |"
            )
    return [*lines, ""]


def baseline(repetitions: int, clock: Clock) -> list[str]:
    """The authors' compiled kernels, row by row as their code calls them, against whole maps."""
    lines = ["## Historical baseline: torchsparseattn 0.2, row by row, its prox alone", ""]
    try:
        from torchsparseattn._fused import prox_tv1d
        from torchsparseattn.oscar import prox_owl
    except ImportError as reason:
        return [*lines, f"Not run: {reason}.", ""]

    def fused(x: np.ndarray) -> None:
        for row in x:
            prox_tv1d(row, LAM["fusedmax"])

    def clustered(x: np.ndarray) -> None:
        weights = LAM["oscarmax"] * np.arange(x.shape[1] - 1, -1, -1, dtype=x.dtype)
        for row in x:
            prox_owl(row, weights)

    lines += [
        "| rows × d | prox_tv1d, µs | our fusedmax forward, µs | prox_owl, µs "
        "| our oscarmax forward, µs |",
        "|---|---|---|---|---|",
    ]
    for shape in CPU_SHAPES:
        x = torch.randn(shape)
        times: list[list[float]] = [[], [], [], []]
        for _ in range(repetitions):
            # A copy each time: the authors' kernel works in place.
            copies = x.numpy().copy()
            for kept, run in zip(
                times,
                (
                    lambda copies=copies: fused(copies),
                    lambda x=x: OURS["fusedmax"](x),
                    lambda x=x: clustered(x.numpy()),
                    lambda x=x: OURS["oscarmax"](x),
                ),
                strict=True,
            ):
                begin = clock()
                run()
                kept.append(clock() - begin)
        cells = " | ".join(f"{statistics.median(kept) * 1e6:.0f}" for kept in times)
        lines.append(f"| {shape[0]} × {shape[1]} | {cells} |")
    return [*lines, ""]


def growth(device: str, repetitions: int, plot: Path, clock: Clock) -> list[str]:
    """Time as a function of d at constant rows * d, and the fitted exponent."""
    size = 100_000 if device == "cpu" else 1_000_000
    runs = {name: f for name, f in OURS.items() if name != "softmax"} | peers(device)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for d in LENGTHS:
        rows = max(size // d, 1)
        took = medians(runs, (rows, d), device, max(repetitions // 4, 3), clock)
        for name, seconds in took.items():
            times[name].append(seconds / rows)
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
        f"- Options: gamma = 1, lam = {LAM}, p = 1.5; standard normal scores",
        "- Clock: " + ("processor time, one thread" if arguments.cpu_time else "wall clock"),
        "",
    ]
    if "accuracy" in arguments.parts:
        lines += accuracy(arguments.rows)
    if "speed" in arguments.parts:
        lines += speed(arguments.device, arguments.repetitions, clock)
    if "baseline" in arguments.parts and arguments.device == "cpu":
        lines += baseline(arguments.repetitions, clock)
    if "growth" in arguments.parts:
        plot = stem.with_suffix(".png")
        lines += growth(arguments.device, arguments.repetitions, plot, clock)
    text = "\n".join(lines)
    stem.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
