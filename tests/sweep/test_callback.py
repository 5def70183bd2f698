"""A sweep and its jobs, without Hydra's launchers."""

import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.interruption import Interrupted, exit_status
from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS
from regattn_fairseq.sweep import callback as sweep_module
from regattn_fairseq.sweep.callback import (
    _BASIC,
    _JOBLIB,
    _SLURM,
    FAILURE,
    Failure,
    Score,
    SweepCallback,
    _at_once,
    _jobs,
    name_job,
    record_failure,
    stopped,
)
from regattn_fairseq.sweep.summary import Summary


def test_what_a_searching_sweeper_is_told():
    assert float(Score("bleu", 12.5)) == 12.5
    with pytest.raises(TypeError):  # which Optuna's sweeper counts as a failed trial
        float(Failure("why"))


@pytest.mark.parametrize(
    ("overrides", "jobs"),
    [
        (["sweep=normalizers"], 4),
        (["sweep=normalizers", "seed=1,2"], 8),
        (["sweep=normalizers", "normalizer=softmax,fusedmax"], 2),
        (["sweep=seeds"], 5),
        (["sweep=lambda_gamma", "normalizer=fusedmax"], 12),
        (["sweep=learning_curve"], 5),
        (["seed=range(1,4)"], 3),
    ],
)
def test_jobs_are_counted_as_hydra_does(overrides, jobs):
    config.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        groups = [override for override in overrides if override.startswith("sweep=")]
        cfg = compose("run", overrides=groups, return_hydra_config=True)
    cfg.hydra.overrides.task = overrides
    found = _jobs(cfg)
    assert found is not None
    assert len(found) == jobs


@pytest.mark.parametrize(
    ("launcher", "jobs"),
    [
        ({"_target_": _BASIC}, 1),
        ({"_target_": _JOBLIB, "n_jobs": 3}, 3),
        ({"_target_": _SLURM}, None),
    ],
)
def test_how_many_run_at_once_is_what_the_launcher_says(launcher, jobs):
    assert _at_once(OmegaConf.create(launcher)) == jobs


class Sweep:
    """A sweep whose jobs are done here, by hand.

    Args:
        runs_dir: for its folder.
        launcher: what Hydra calls it.
        at_once: how many jobs it runs at the same time.
    """

    def __init__(self, runs_dir: Path, launcher: str, at_once: int = 2) -> None:
        self.launcher = {"_target_": launcher, "n_jobs": at_once}
        self.callback = SweepCallback(str(runs_dir))
        self.callback.folder = runs_dir / ".sweeps" / "now"
        self.callback.folder.mkdir(parents=True)
        jobs = [("seed=1",), ("seed=2",)]
        self.callback._summary = Summary(self.callback.folder, jobs, 2, runs_dir)

    def config(self, number: int) -> DictConfig:
        return OmegaConf.create(
            {
                "hydra": {
                    "job": {"num": number},
                    "overrides": {"task": ["data=text", f"seed={number}"]},
                    "runtime": {"cwd": str(Path.cwd())},
                    "launcher": self.launcher,
                }
            }
        )

    def start(self, number: int = 0) -> None:
        self.callback.on_job_start(self.config(number))

    def end(self, returned: Any, number: int = 0) -> None:
        done: Any = SimpleNamespace(_return_value=returned)
        self.callback.on_job_end(self.config(number), done)

    def record(self, number: int = 0) -> dict[str, Any]:
        assert self.callback._summary is not None
        return dict(self.callback._summary.progress().records[number])


def test_a_job_is_called_by_its_options_until_its_folder_is_known(tmp_path):
    sweep = Sweep(tmp_path, _JOBLIB)
    sweep.start()
    assert sweep.record()["name"] == "data=text, seed=0"
    folder = tmp_path / "text" / "softmax"
    folder.mkdir(parents=True)
    (folder / FAILURE).write_text("of the last time")
    name_job(folder)
    assert sweep.record()["name"] == "text/softmax"
    assert not (folder / FAILURE).exists()
    sweep.end(record_failure(ValueError(), "no such file"))
    assert "no such file" in (folder / FAILURE).read_text()
    assert sweep.record()["state"] == "failed"
    assert sweep.record()["reason"] == "no such file"


def test_a_failure_before_the_folder_is_known_is_told_to_the_sweep_alone(tmp_path):
    sweep = Sweep(tmp_path, _JOBLIB)
    sweep.start()
    sweep.end(record_failure(ValueError(), "a bad option"))
    assert sweep.record()["reason"] == "a bad option"
    assert not list(tmp_path.rglob(FAILURE))


def test_asked_to_stop_a_sweep_waits_for_its_jobs_and_says_how_many_saved(tmp_path, capsys):
    sweep = Sweep(tmp_path, _JOBLIB)
    sweep.start()

    def work() -> None:
        """What a job's process does, in another one."""
        while not (sweep.callback.folder / "stop").exists():
            time.sleep(0.01)
        sweep.end(stopped(Interrupted("saved after 13 updates", signal.SIGINT)))

    # The job heeds the file by itself, and would interrupt the tests.
    sweep_module._job._ended.set()
    threading.Thread(target=work).start()
    with pytest.raises(Interrupted, match="1 of 1 running jobs saved") as caught:
        sweep.callback._stop_jobs(signal.SIGINT, None)
    assert exit_status(caught.value) == 130
    assert "once more to stop at once" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):  # what was not begun stays so
        sweep.start(1)
    with pytest.raises(Interrupted, match=r"^$"):  # asked twice
        sweep.callback._stop_jobs(signal.SIGINT, None)


def test_a_job_heeds_its_sweep(tmp_path, monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(sweep_module, "ask_to_stop", lambda: asked.set() or True)
    sweep = Sweep(tmp_path, _JOBLIB)
    sweep.start()
    assert not asked.wait(0.7)
    (sweep.callback.folder / "stop").touch()
    assert asked.wait(5)
    sweep.end(Score("bleu", 1.0))
    assert sweep.record()["score"] == 1.0


@pytest.mark.parametrize("launcher", [_BASIC, _JOBLIB])
def test_in_one_process_an_interrupted_job_ends_the_sweep(tmp_path, launcher):
    sweep = Sweep(tmp_path, launcher, at_once=1)
    sweep.start()
    with pytest.raises(Interrupted, match="saved after 13 updates") as caught:
        sweep.end(stopped(Interrupted("saved after 13 updates", signal.SIGTERM)))
    assert exit_status(caught.value) == 143
