"""Locks that outlive nobody."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from regattn_fairseq.runs import leases
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.leases import lease

HOLD = """
import sys, time
from pathlib import Path
from regattn_fairseq.runs.leases import lease
with lease(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path):
    inside, most = [], []

    def work() -> None:
        with lease(tmp_path / "lock", "test"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
    assert not (tmp_path / "lock").exists()


def test_the_claim_of_a_killed_process_is_taken_over(tmp_path):
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    assert path.exists()
    began = time.monotonic()
    with lease(path, "test"):
        assert time.monotonic() - began < 10


def test_the_claim_of_another_machine_ends_when_it_is_not_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.5)
    path = tmp_path / "lock"
    with lease(path, "test"):
        claim = path.read_text()
    host = next(line for line in claim.splitlines() if line.startswith("host="))
    path.write_text(claim.replace(host, "host=elsewhere"))
    began = time.monotonic()
    with lease(path, "test"):
        assert 1 < time.monotonic() - began < 20


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(PipelineError, match="cannot write"), lease(Path("/proc/x.lock"), "test"):
        pass
