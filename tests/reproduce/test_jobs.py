"""Several runs at once, with a small function in the place of regattn-run's stages."""

import json
import os
import time

import joblib
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from regattn_fairseq.interruption import Interrupted, exit_status
from regattn_fairseq.reproduce import jobs
from regattn_fairseq.reproduce.plan import PlannedRun
from regattn_fairseq.sweep import Failure, KilledError, Stopped, in_sweep


def planned(number):
    return [
        PlannedRun("synthetic", "synthetic_de_en", "", "softmax", seed, (f"seed={seed}",), ())
        for seed in range(1, number + 1)
    ]


def test_as_many_at_once_as_wished_share_the_cores_and_one_that_fails_harms_no_other(
    tmp_path, monkeypatch, capfd
):
    def work(cfg):
        if cfg.seed == 1:
            return Failure("gamma is 0")
        if cfg.seed == 2:
            raise RuntimeError("out of paper")
        began = time.time()
        (tmp_path / f"{cfg.seed}.began").touch()
        # The second worker process may take long to start.
        while len(list(tmp_path.glob("*.began"))) < 2 and time.time() < began + 60:
            time.sleep(0.05)
        time.sleep(0.5)
        record = [began, time.time(), os.environ["OMP_NUM_THREADS"], in_sweep()]
        (tmp_path / f"{cfg.seed}.json").write_text(json.dumps(record))
        return None

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    wanted = planned(6)
    failures = jobs.make_runs(wanted, str(tmp_path / "runs"), 2, work)
    assert [failures[run] for run in wanted] == [
        "gamma is 0",
        "RuntimeError: out of paper",
        *[""] * 4,
    ]
    records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))]
    assert len(records) == 4
    together = [
        sum(began <= other < ended for other, *_ in records) for began, ended, *_ in records
    ]
    assert max(together) == 2
    assert {record[2] for record in records} == {str(max(joblib.cpu_count() // 2, 1))}
    assert all(record[3] for record in records)
    assert "sweep: 4 of 6 done, 0 running, 2 failed" in capfd.readouterr().err


def test_one_at_a_time_is_made_in_this_process(tmp_path):
    seen = []

    def work(cfg):
        seen.append((cfg.seed, cfg.runs_dir, os.getpid()))
        return Failure("gamma is 0") if cfg.seed == 1 else None

    command = HydraConfig.instance().cfg
    wanted = planned(2)
    failures = jobs.make_runs(wanted, str(tmp_path), 1, work)
    assert [failures[run] for run in wanted] == ["gamma is 0", ""]
    assert [seed for seed, _, _ in seen] == [1, 2]
    assert {process for _, _, process in seen} == {os.getpid()}
    # The command that makes the table is no job of a sweep.
    assert HydraConfig.instance().cfg is command
    assert not GlobalHydra.instance().is_initialized()


def test_ctrl_c_ends_all_and_starts_no_more(tmp_path):
    seen = []

    def work(cfg):
        seen.append(cfg.seed)
        return Stopped("saved after 13 updates", 15)

    with pytest.raises(Interrupted, match="saved after 13 updates") as caught:
        jobs.make_runs(planned(2), str(tmp_path), 1, work)
    assert exit_status(caught.value) == 143
    assert seen == [1]


def test_processes_that_the_system_kills_are_named(monkeypatch):
    def killed(*_):
        raise KilledError("why")

    monkeypatch.setattr(jobs, "_sweep", killed)
    failures = jobs.make_runs(planned(2), "runs", 2, lambda cfg: None)
    assert set(failures.values()) == {
        "a process was killed, perhaps for want of memory: try a smaller jobs=…"
    }


def test_nothing_is_made_of_nothing():
    assert jobs.make_runs([], "runs", 2, lambda cfg: None) == {}
