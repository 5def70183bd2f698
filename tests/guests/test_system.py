"""What the libraries below Python do unless they are told otherwise."""

import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from regattn_fairseq.guests import system


def in_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )


def test_torchs_openmp_spins_for_long_unless_the_variable_says_otherwise():
    (library,) = (Path(torch.__file__).parent / "lib").glob("libgomp*")

    def spins(before: str) -> int:
        loaded = f"{before}\nimport ctypes; ctypes.CDLL({str(library)!r})"
        said = in_python(loaded, OMP_DISPLAY_ENV="VERBOSE").stderr
        (line,) = (line for line in said.splitlines() if "GOMP_SPINCOUNT" in line)
        return int(line.split("'")[1])

    ours = "from regattn_fairseq.guests.system import shorten_spinning; shorten_spinning()"
    assert spins("") > 100_000
    assert spins(ours) == 1000


def test_what_the_user_set_for_openmp_stays(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    system.shorten_spinning()
    assert "GOMP_SPINCOUNT" not in os.environ


# Pages that the system clears while a program takes and frees the same large array ten times.
CLEARED = """
import ctypes, resource
{before}
libc, size = ctypes.CDLL(None), 64 << 20
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = libc.memset.argtypes = None
def once():
    place = libc.malloc(size)
    ctypes.memset(place, 1, size)
    libc.free(ctypes.c_void_p(place))
once()
began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library")
def test_the_c_library_hands_large_arrays_back_unless_it_is_told_to_keep_them():
    keeping = "from regattn_fairseq.guests.system import keep_freed_memory; keep_freed_memory()"
    assert int(in_python(CLEARED.format(before="")).stdout) >= 10 * 32  # of huge pages; or more
    assert int(in_python(CLEARED.format(before=keeping)).stdout) < 32


def messages_of_numba(caplog) -> int:
    numba = pytest.importorskip("numba")
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        numba.njit(lambda number: number + 1)(1)
    return sum(record.name.startswith("numba") for record in caplog.records)


def test_numba_has_many_debug_messages(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("numba"), "level", logging.NOTSET)
    logging.getLogger("numba").setLevel(logging.NOTSET)  # which also empties a cache of levels
    assert messages_of_numba(caplog) > 20  # about one line
    system.quiet_numba()
    assert messages_of_numba(caplog) == 0
    logging.getLogger("numba").setLevel(logging.ERROR)
    system.quiet_numba()
    assert logging.getLogger("numba").level == logging.ERROR


def test_gradio_reports_unless_it_is_told_not_to(monkeypatch):
    analytics = pytest.importorskip("gradio.analytics", reason="the extra demo is not installed")
    monkeypatch.delenv("GRADIO_ANALYTICS_ENABLED", raising=False)
    assert analytics.analytics_enabled()
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "")
    system.quiet_gradio()
    assert not analytics.analytics_enabled()
