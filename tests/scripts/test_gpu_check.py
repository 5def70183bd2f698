"""The check on a GPU, with commands in the place of its parts."""

import sys

import gpu_check
import pytest
import torch
from gpu_check import Part, record, run


def test_a_part_that_fails_or_takes_too_long_does_not_keep_the_others():
    parts = [
        Part("says so", ("-c", "print('all is well')"), 60),
        Part("fails", ("-c", "import sys; print('why'); sys.exit(3)"), 60),
        Part("waits", ("-c", "import time; print('begun', flush=True); time.sleep(60)"), 5),
    ]
    outcomes = [run(part, part.command) for part in parts]
    assert [outcome.status for outcome in outcomes] == [0, 3, None]
    page = record(outcomes, "a device")
    assert "`python -c 'print('\"'\"'all is well'\"'\"')'`: passed" in page
    assert "failed with exit status 3" in page
    assert "stopped after 5 s" in page
    assert page.count("```text") == 3
    assert {"all is well", "why", "begun"} <= set(page.splitlines())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--output", str(tmp_path / "gpu.md")])
    with pytest.raises(SystemExit, match="torch sees no GPU here"):
        gpu_check.main()
    assert not list(tmp_path.iterdir())
    assert sum(part.limit for part in gpu_check.PARTS) <= 480
