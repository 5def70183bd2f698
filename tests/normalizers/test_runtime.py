"""Threads, forks, first use."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import torch
from filelock import FileLock

import regattn_fairseq
from regattn_fairseq.kernels import arrays, running, threads
from regattn_fairseq.normalizers import fusedmax, oscarmax, sparsemax


def test_split_over_threads_gives_the_same():
    x = torch.randn(3000, 40, requires_grad=True)
    g = torch.randn_like(x)
    mask = torch.rand(3000, 40) < 0.2
    lam = torch.rand(3000, 1) * 0.2
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            y = fusedmax(x, mask=mask, lam=lam)
            results.append((y.detach(), torch.autograd.grad(y, x, g)[0]))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(results[0], results[1], atol=0, rtol=0)


def test_each_row_goes_to_one_of_the_threads_of_torch(monkeypatch):
    teams = []
    parallel = threads.runtime()
    assert parallel is not None  # PyTorch's builds for Linux have OpenMP

    def recorded(*arguments):
        teams.append(arguments)
        parallel(*arguments)

    monkeypatch.setattr(threads, "runtime", lambda: recorded)
    before = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            # Rows that no number of chunks divides.
            results.append(fusedmax(torch.linspace(0, 1, 5003 * 40).sin().view(5003, 40)))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*results, atol=0, rtol=0)
    assert len(teams) == 1


def test_callers_in_many_threads():
    x = torch.randn(2000, 50)
    expected = oscarmax(x)
    wrong = []

    def call():
        for _ in range(3):
            if not torch.equal(oscarmax(x), expected):
                wrong.append(1)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _in_child(queue, x):
    # Ours alone: torch's own thread pool cannot be used in a child of a parent that used it.
    torch.set_num_threads(2)
    queue.put(sparsemax(x).numpy().tobytes() + fusedmax(x).numpy().tobytes())


def test_forked_workers():
    x = torch.randn(2000, 50)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        # The parent's pool must be at work before the fork.
        expected = sparsemax(x).numpy().tobytes() + fusedmax(x).numpy().tobytes()
    finally:
        torch.set_num_threads(before)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=_in_child, args=(queue, x), daemon=True) for _ in range(2)]
    for child in children:
        child.start()
    try:
        assert all(queue.get(timeout=30) == expected for _ in children)
    finally:
        for child in children:
            child.join(timeout=5)
            child.kill()


def test_only_one_process_at_a_time_compiles():
    inside = threading.Event()

    def compile_something():
        with running._alone():
            inside.set()

    with FileLock(Path(arrays.largest._cache.cache_path, "regattn.lock")):
        other = threading.Thread(target=compile_something)
        other.start()
        assert not inside.wait(0.3)
    assert inside.wait(10)
    other.join()


def test_a_kernel_is_compiled_again_when_what_it_is_made_of_changes(tmp_path):
    """numba itself would go on using what it has: the kernel's own file is the same."""
    package = tmp_path / "regattn_fairseq"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(regattn_fairseq.__file__).parent, package, ignore=ignored)
    rows = package / "normalizers" / "_numba" / "rows.py"

    def weights():
        script = """
import torch
from regattn_fairseq.normalizers import sparsemax
print(sparsemax(torch.tensor([3.0, 0.0])).tolist())
"""
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert weights() == "[1.0, 0.0]"
    code = rows.read_text()
    assert "value[i] - tau" in code
    rows.write_text(code.replace("value[i] - tau", "2.0 * (value[i] - tau)"))
    assert weights() == "[2.0, 0.0]"


def test_importing_adds_little_and_only_a_call_that_compiles_says_so(tmp_path):
    script = """
import logging, sys, time
import torch
begin = time.perf_counter()
import regattn_fairseq.normalizers as normalizers
took = time.perf_counter() - begin
assert took < 0.5, took
assert "numba" not in sys.modules and "triton" not in sys.modules
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
normalizers.sparsemax(torch.zeros(3))
"""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for compiles in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            cwd=here,
            env=os.environ | {"PYTHONPATH": here, "NUMBA_CACHE_DIR": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        assert ("compiling CPU kernel sparsemax_forward" in done.stdout) == compiles


def test_without_numba_the_pytorch_path_runs():
    script = """
import sys
sys.modules["numba"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "numba" else find(name, *a)
import torch
from regattn_fairseq.normalizers import fusedmax
x = torch.randn(3, 4, requires_grad=True)
fusedmax(x).sum().backward()
print(fusedmax(torch.tensor([1.0, 0.9, 0.0]), lam=0.1).tolist())
"""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=here,
        env=os.environ | {"PYTHONPATH": here},
    )
    assert done.returncode == 0, done.stderr
    assert eval(done.stdout)[2] == 0.0
