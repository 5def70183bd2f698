"""Sweeps here and on clusters of this machine's own, some of whose jobs are struck on their way."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from commands import BIN, TINY, environment
from local_clusters import RayCluster, SlurmCluster, UnavailableError, ray_cluster, slurm_cluster

from regattn_fairseq.pipeline.training.checkpoints import LAST

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EPOCHS = 30


@pytest.fixture(scope="module")
def ray() -> Iterator[RayCluster]:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="needs the extra ray")
    try:
        with ray_cluster() as cluster:
            yield cluster
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs the extra slurm")
    try:
        with slurm_cluster() as cluster:
            yield cluster
    except UnavailableError as reason:
        pytest.skip(str(reason))


@contextmanager
def sweep(
    toy: list[str], folder: Path, options: list[str], variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Four trainings of some ten seconds, in a process that is ended if the test is."""
    command = [
        *(str(BIN / "regattn-run"), "-m", *options, *toy, *TINY, "generation=greedy"),
        *("normalizer=softmax,fusedmax", "seed=1,2", f"training.max_epoch={EPOCHS}"),
        *("training.patience=-1", "training.anneal_epoch=99", f"runs_dir={folder / 'runs'}"),
        # The jobs' folders by these two alone.
        r"output_dir=${runs_dir}/${normalizer.name}/${seed}",
    ]
    with (folder / "sweep.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env=environment(**variables),
            start_new_session=True,
            # A test run in the background has inherited that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def logged_epochs(log: Path) -> list[float]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [r["epoch"] for r in map(json.loads, lines) if r["split"] == "train"]


def wait_for(
    condition: Callable[[], object], process: subprocess.Popen[bytes], folder: Path
) -> None:
    deadline = time.monotonic() + 400
    while not condition():
        assert process.poll() is None, (folder / "sweep.log").read_text()
        assert time.monotonic() < deadline, (folder / "sweep.log").read_text()
        time.sleep(0.1)


def under_way(folder: Path) -> dict[Path, int]:
    """The runs that have a checkpoint, and are far from their end, with their processes."""
    found = {}
    for lock in (folder / "runs").glob("*/*/.lock"):
        if 2 <= len(logged_epochs(lock.parent / "train_log.jsonl")) < EPOCHS // 2:
            with suppress(FileNotFoundError, StopIteration):  # it is being made or removed
                lines = lock.read_text().splitlines()
                pid = next(line for line in lines if line.startswith("pid="))
                found[lock.parent] = int(pid.removeprefix("pid="))
    return found


def assert_all_done(process: subprocess.Popen[bytes], folder: Path) -> list[Path]:
    """All four runs have ended, every epoch of theirs once; return those that were resumed."""
    output = folder / "sweep.log"
    assert process.wait(400) == 0, output.read_text()
    assert "sweep: 4 of 4 done, 0 running, 0 failed" in output.read_text()
    runs = sorted(path.parent for path in (folder / "runs").glob("*/*/result.json"))
    assert len(runs) == 4
    for run in runs:
        assert logged_epochs(run / "train_log.jsonl") == list(range(1, EPOCHS + 1))
    return [run for run in runs if "Loaded checkpoint" in (run / "train.log").read_text()]


def test_a_job_whose_process_the_system_kills(toy, tmp_path):
    with sweep(toy, tmp_path, ["engine=joblib", "hydra.launcher.n_jobs=2"], {}) as process:
        wait_for(lambda: under_way(tmp_path), process, tmp_path)
        run, pid = min(under_way(tmp_path).items())
        os.kill(pid, signal.SIGKILL)
        assert run in assert_all_done(process, tmp_path)
    output = (tmp_path / "sweep.log").read_text()
    assert "the process of a job was killed" in output
    assert "Traceback" not in output


def test_a_ray_node_that_goes_away(ray, toy, tmp_path):
    def on_second_node() -> list[Path]:
        processes = {process.pid for process in ray.processes(1)}
        return [run for run, pid in under_way(tmp_path).items() if pid in processes]

    with sweep(toy, tmp_path, ["engine=ray"], ray.environment) as process:
        wait_for(on_second_node, process, tmp_path)
        struck = on_second_node()
        ray.kill_node(1)
        assert assert_all_done(process, tmp_path) == struck


def test_slurm_jobs_that_are_requeued(slurm, toy, tmp_path):
    def out_of_time(pid: int, job: str) -> None:
        # What Slurm does when the time is nearly up; scancel sends it again to the requeued job.
        os.kill(pid, signal.SIGUSR2)

    def preempted(pid: int, job: str) -> None:
        slurm.call("scontrol", "requeue", job)

    options = ["engine=slurm", "hydra.launcher.cpus_per_task=1"]
    struck: dict[Path, str] = {}
    with sweep(toy, tmp_path, options, slurm.environment) as process:
        for strike in (out_of_time, preempted):
            wait_for(lambda: under_way(tmp_path).keys() - struck.keys(), process, tmp_path)
            runs = under_way(tmp_path)
            run = min(runs.keys() - struck.keys())
            struck[run] = slurm.job_of(runs[run])
            strike(runs[run], struck[run])
        assert assert_all_done(process, tmp_path) == sorted(struck)
    for job in struck.values():
        (log,) = (tmp_path / "runs" / ".submitit" / job).glob("*_log.err")
        assert log.read_text().count("saved after") == 1
        assert log.read_text().count("resuming from") == 1


def assert_stopped(process: subprocess.Popen[bytes], folder: Path, number: int) -> None:
    """Jobs that ran have saved, and one line says how many; nothing of the sweep is left."""
    output = folder / "sweep.log"
    assert process.wait(120) == 128 + number, output.read_text()
    text = output.read_text()
    assert "Traceback" not in text
    (line,) = (line for line in text.splitlines() if "interrupted" in line)
    said = re.fullmatch(
        r"interrupted \((\d) of (\d) running jobs saved\); the same command goes on from here", line
    )
    assert said, line
    assert list((folder / "runs" / ".sweeps").iterdir()) == []
    assert not list((folder / "runs").glob("*/*/.lock"))
    begun = list((folder / "runs").glob("*/*/config.yaml"))
    unfinished = [path.parent for path in begun if not (path.parent / "result.json").exists()]
    saved = [run for run in unfinished if (run / "checkpoints" / LAST).exists()]
    assert 1 <= int(said[1]) == len(saved) <= int(said[2])
    for run in saved:
        state = torch.load(run / "checkpoints" / LAST, weights_only=True)["extra_state"]
        assert state["train_iterator"]["iterations_in_epoch"] > 0  # within an epoch, by request


def assert_stops_and_goes_on(
    toy: list[str], folder: Path, options: list[str], variables: dict[str, str], number: int
) -> None:
    with sweep(toy, folder, options, variables) as process:
        wait_for(lambda: under_way(folder), process, folder)
        os.killpg(process.pid, number)  # as a terminal sends it: to the jobs' processes, too
        assert_stopped(process, folder, number)
    with sweep(toy, folder, options, variables) as process:
        assert assert_all_done(process, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_a_sweep_of_joblibs(toy, tmp_path, number):
    options = ["engine=joblib", "hydra.launcher.n_jobs=2"]
    assert_stops_and_goes_on(toy, tmp_path, options, {}, number)


def test_ctrl_c_in_a_sweep_on_ray(ray, toy, tmp_path):  # Ray itself ends a process on SIGTERM
    assert_stops_and_goes_on(toy, tmp_path, ["engine=ray"], ray.environment, signal.SIGINT)


def test_ctrl_c_where_slurm_has_the_jobs(slurm, toy, tmp_path):
    options = ["engine=slurm", "hydra.launcher.cpus_per_task=1"]
    with sweep(toy, tmp_path, options, slurm.environment) as process:
        wait_for(lambda: under_way(tmp_path), process, tmp_path)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    text = (tmp_path / "sweep.log").read_text()
    assert text.count("interrupted (the jobs that Slurm has go on; scancel ends them)") == 1
    assert "Traceback" not in text
    assert list((tmp_path / "runs" / ".sweeps").iterdir()) == []
    with sweep(toy, tmp_path, options, slurm.environment) as process:  # waits for the first's
        assert assert_all_done(process, tmp_path) == []
