"""What a sweep looks like on a terminal of 80 columns, and what Ctrl-C there does."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import BIN, TINY, environment

COLUMNS = 80
JOBS = ("softmax", "sparsemax")


class Terminal:
    """A command on a terminal of its own.

    Args:
        command: its words.
        cwd: where it runs.
    """

    def __init__(self, command: list[str], cwd: Path) -> None:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
        given = environment(TERM="xterm")
        given.pop("COLUMNS", None)
        self.process = subprocess.Popen(
            command, cwd=cwd, env=given, stdin=its, stdout=its, stderr=its, start_new_session=True
        )
        os.close(its)
        self.text = ""

    def read(self, until: Callable[[str], object] = lambda text: False) -> str:
        """All that it has written by its end, or until that holds; without its commands."""
        while not until(self.text):
            try:
                read = os.read(self._ours, 65536)
            except OSError:  # it has ended
                break
            if not read:
                break
            self.text += re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", read.decode("utf-8", "replace"))
        return self.text


@pytest.fixture
def sweep(toy: list[str], tmp_path: Path) -> list[str]:
    """A sweep of two small jobs."""
    return [
        *(str(BIN / "regattn-run"), "-m", *toy, *TINY, "training.max_epoch=3"),
        *(f"normalizer={','.join(JOBS)}", f"runs_dir={tmp_path / 'runs'}"),
    ]


@pytest.mark.parametrize("engine", [[], ["engine=joblib", "hydra.launcher.n_jobs=2"]])
def test_a_line_for_each_job_and_a_table_at_the_end(sweep, tmp_path, engine):
    terminal = Terminal([*sweep, *engine], tmp_path)
    text = terminal.read()
    assert terminal.process.wait(60) == 0, text
    lines = re.split(r"[\r\n]+", text)
    for name in JOBS:
        assert any(re.fullmatch(rf"toy {name} seed1 +\d/3.*", line) for line in lines), text
        (folder,) = (tmp_path / "runs" / "toy").glob(f"{name}-*/seed1")
        printed = (folder / "output.log").read_text()
        assert "trained for" in printed
        assert f"toy/{folder.parent.name}/seed1  epoch   3  train  loss" in printed
        assert "\r" not in printed  # no bars
    assert "trained for" not in text
    assert all(len(line) <= COLUMNS for line in lines), max(lines, key=len)
    (header,) = [
        at for at, line in enumerate(lines) if line.split() == ["job", "state", "bleu", "time"]
    ]
    table = lines[header + 1 : header + 3]
    assert [line.split()[:4] for line in table] == [["toy", name, "seed1", "done"] for name in JOBS]
    assert lines[header + 3].startswith("sweep: 2 of 2 done, 0 running, 0 failed; best bleu")


@pytest.mark.parametrize("engine", [[], ["engine=joblib", "hydra.launcher.n_jobs=2"]])
def test_what_ctrl_c_leaves_on_a_terminal(sweep, tmp_path, engine):
    endless = ["training.max_epoch=10000", "training.lr=0.001"]
    terminal = Terminal([*sweep, *endless, *engine], tmp_path)
    terminal.read(lambda text: re.search(r"toy softmax_?\S* seed1 +[1-9]\d*/10000", text))
    time.sleep(1)
    os.killpg(terminal.process.pid, signal.SIGINT)
    text = terminal.read()
    assert terminal.process.wait(60) == 130
    last = [line for line in re.split(r"[\r\n]+", text) if line.strip()][-1]
    assert last.endswith("the same command goes on from here"), text[-500:]
    assert "Traceback" not in text
