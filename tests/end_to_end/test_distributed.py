"""Several processes that train one model, on CPUs."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
import torch
from commands import BIN
from in_process import FORK, composed, parameters
from omegaconf import DictConfig

import regattn_fairseq
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.train import train
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.errors import PipelineError


def train_as(rank: int, port: int, cfg: DictConfig) -> None:
    """What torchrun has each of its two processes do."""
    os.environ |= {
        "WORLD_SIZE": "2",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    train(cfg)
    distributed.leave()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_two_processes_are_one_with_twice_the_update_freq(toy, tmp_path):
    # Without dropout, which each process draws for itself.
    options = ["model.dropout=0", "training.max_epoch=2", "normalizer=fusedmax"]
    one = composed(toy, *options, f"output_dir={tmp_path / 'one'}", "training.update_freq=2")
    two = composed(toy, *options, f"output_dir={tmp_path / 'two'}", "training.update_freq=1")
    preprocess(one)
    port = free_port()
    processes = [FORK.Process(target=train_as, args=(rank, port, two)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0, 0]
    train(one)

    logs = {name: (tmp_path / name / "train.log").read_text() for name in ("one", "two")}
    assert "training on 1 devices" in logs["one"]
    assert "training on 2 devices" in logs["two"]
    ours, theirs = parameters(tmp_path / "two"), parameters(tmp_path / "one")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("name", ["RANK", "MASTER_ADDR"])
def test_half_an_environment_is_named(monkeypatch, name):
    given = {"RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    monkeypatch.setenv("WORLD_SIZE", "2")
    for other, value in given.items():
        monkeypatch.setenv(other, value)
    monkeypatch.delenv(name)
    with pytest.raises(PipelineError, match=name):
        distributed.world()


@pytest.mark.slow
def test_fairseqs_own_command_is_refused_where_it_would_train_twice(data_bin, tmp_path):
    done = subprocess.run(
        [
            *(str(BIN / "torchrun"), "--standalone", "--nproc-per-node=2"),
            *("--no-python", str(BIN / "fairseq-train"), str(data_bin), "--cpu"),
            *("--user-dir", str(Path(regattn_fairseq.__file__).parent)),
            *("--save-dir", str(tmp_path / "out"), "--arch", "regattn_lstm_tiny"),
            *("--optimizer", "adam", "--max-tokens", "300"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode != 0
    assert "torchrun --no-python regattn-train" in done.stderr
    assert not list(tmp_path.glob("out/*.pt"))


@pytest.mark.slow
def test_torchrun(toy, data_bin, tmp_path):
    done = subprocess.run(
        [
            *(str(BIN / "torchrun"), "--standalone", "--nproc-per-node=2"),
            *("--no-python", str(BIN / "regattn-run"), *toy, "model=regattn_lstm_tiny"),
            *("training.max_epoch=1", f"output_dir={tmp_path / 'run'}"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("trained for") == 1
    assert (tmp_path / "run" / "result.json").exists()
