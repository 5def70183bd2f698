"""Several runs at once, with a small program in the place of regattn-run."""

import os
import signal
import sys
import threading
import time

import pytest

from regattn_fairseq.reproduce import processes
from regattn_fairseq.reproduce.plan import PlannedRun

# It leaves a file while it runs, and another when it has ended; what it does is its first option.
PROGRAM = """
import os, pathlib, signal, sys, time
does, folder = sys.argv[1], pathlib.Path(sys.argv[-1].removeprefix("output_dir="))
folder.mkdir(parents=True)
asked = 0

def note(number, frame):
    global asked
    asked += 1
    print("interrupted (saved)", file=sys.stderr)
    (folder / "asked").write_text(str(asked))
    if does != "stubborn" or asked == 2:
        sys.exit(130)

signal.signal(signal.SIGINT, note)
(folder / "running").write_text(os.environ["OMP_NUM_THREADS"])
if does == "fail":
    sys.exit("error: gamma is 0\\nand more")
if does == "die":
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(0.5 if does == "work" else 60)
print("done", file=sys.stderr)
(folder / "ended").touch()
"""


@pytest.fixture(autouse=True)
def program(monkeypatch):
    monkeypatch.setattr(processes, "_RUN", (sys.executable, "-c", PROGRAM))
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda _: range(4))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def planned(*does):
    return [
        PlannedRun("text", "text", "", "softmax", seed, (what,), ())
        for seed, what in enumerate(does, start=1)
    ]


def files(folder, name):
    return sorted(folder.rglob(name))


def test_as_many_at_once_as_wished_and_they_share_the_cores(tmp_path, caplog):
    most, over = 0, threading.Event()

    def look():
        nonlocal most
        while not over.wait(0.02):
            most = max(most, len(files(tmp_path, "running")) - len(files(tmp_path, "ended")))

    watcher = threading.Thread(target=look)
    watcher.start()
    wanted = planned("work", "work", "work")
    with caplog.at_level("INFO", "regattn_fairseq"):
        failures = processes.make_runs(wanted, tmp_path, jobs=2)
    over.set()
    watcher.join()
    assert failures == dict.fromkeys(wanted, "")
    assert most == 2
    assert [file.read_text() for file in files(tmp_path, "running")] == ["2", "2", "2"]
    assert "text, softmax, seed 3: done" in caplog.messages
    assert "runs: 3 of 3 done, 0 running, 0 failed" in caplog.messages[-1]


def test_the_number_of_threads_that_the_user_set_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    processes.make_runs(planned("work"), tmp_path, jobs=2)
    assert [file.read_text() for file in files(tmp_path, "running")] == ["3"]


def test_one_that_fails_harms_no_other(tmp_path, caplog):
    wanted = planned("fail", "work", "die", "work")
    failures = processes.make_runs(wanted, tmp_path, jobs=2)
    assert [failures[run] for run in wanted] == [
        "gamma is 0",
        "",
        "its process was ended by SIGKILL, perhaps for want of memory: try a smaller jobs=…",
        "",
    ]
    assert len(files(tmp_path, "ended")) == 2
    assert "text, softmax, seed 1: failed: gamma is 0" in caplog.messages


def interrupted(folder, *does, times=1):
    """Interrupt this process once two runs are under way; return the processes' answers."""

    def strike():
        deadline = time.monotonic() + 30
        while len(files(folder, "running")) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        for number in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            while not any(file.read_text() == str(number + 1) for file in files(folder, "asked")):
                assert time.monotonic() < deadline
                time.sleep(0.02)

    striker = threading.Thread(target=strike)
    striker.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        processes.make_runs(planned(*does), folder, jobs=2)
    striker.join()
    assert time.monotonic() - began < 30
    return [file.read_text() for file in files(folder, "asked")]


def test_ctrl_c_ends_all_and_starts_no_more(tmp_path, caplog):
    with caplog.at_level("INFO", "regattn_fairseq"):
        assert interrupted(tmp_path, "sleep", "sleep", "work") == ["1", "1"]
    assert len(files(tmp_path, "running")) == 2
    assert not files(tmp_path, "ended")
    assert caplog.messages.count("text, softmax, seed 1: interrupted (saved)") == 1


def test_a_second_ctrl_c_is_passed_on(tmp_path):
    assert interrupted(tmp_path, "stubborn", "stubborn", times=2) == ["2", "2"]
