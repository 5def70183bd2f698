"""What may happen to a training, and that nothing but time is lost.

Each fault strikes a training of three short epochs. Then the same command is given again, and must
end with the very parameters of a training that nothing happened to.
"""

import errno
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq_cli import train as fairseq_train
from in_process import FORK, composed, parameters
from omegaconf import DictConfig

from regattn_fairseq.interruption import Interrupted
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.pipeline.train import train
from regattn_fairseq.pipeline.training.checkpoints import LAST, PREVIOUS
from regattn_fairseq.pipeline.training.trainer import SurvivingTrainer
from regattn_fairseq.runs.checksums import KNOWN
from regattn_fairseq.runs.errors import PipelineError


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory) -> Path:
    """A training that nothing happened to."""
    folder: Path = tmp_path_factory.mktemp("whole")
    cfg = composed(toy, f"output_dir={folder}")
    preprocess(cfg)
    train(cfg)
    return folder


def after_update(monkeypatch: pytest.MonkeyPatch, update: int, action: Callable[[], None]) -> None:
    """Do something once, after a certain update; an epoch of the toy corpus has eight or more."""
    original = SurvivingTrainer.train_step
    done = []

    def train_step(trainer, samples, raise_oom=False):
        if trainer.get_num_updates() == update - 1 and not done:
            done.append(True)
            action()
        return original(trainer, samples, raise_oom)

    monkeypatch.setattr(SurvivingTrainer, "train_step", train_step)


def assert_same(folder: Path, whole: Path) -> None:
    """The run ended, with the parameters and the log of the undisturbed one."""
    found, wanted = parameters(folder), parameters(whole)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name
    assert list((folder / "tensorboard").rglob("events.*"))  # its own, not the process's first
    assert logged(folder) == logged(whole)
    assert json.loads((folder / "train.json").read_text())["epochs"] == 3
    assert not (folder / ".lock").exists()
    assert not (folder / "checkpoints" / PREVIOUS).exists()


def logged(folder: Path) -> list[dict[str, float | str]]:
    """All that the log says, but for how fast it went."""
    lines = (folder / "train_log.jsonl").read_text().splitlines()
    speed = {"wps", "ups", "wall", "train_wall"}
    return [{k: v for k, v in json.loads(line).items() if k not in speed} for line in lines]


@pytest.mark.parametrize(
    ("signal_number", "update"),
    # The first update is one of those at which attention is watched.
    [(signal.SIGTERM, 13), (signal.SIGINT, 13), (signal.SIGINT, 1)],
)
def test_a_signal_within_an_epoch(toy, whole, tmp_path, monkeypatch, signal_number, update):
    # A test run in the background has inherited that Ctrl-C is ignored.
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cfg = composed(toy, f"output_dir={tmp_path}")
    after_update(monkeypatch, update, lambda: os.kill(os.getpid(), signal_number))
    try:
        with pytest.raises(Interrupted, match=f"saved after {update} updates") as caught:
            train(cfg)
        assert caught.value.signal_number == signal_number
        state = torch.load(tmp_path / "checkpoints" / LAST, weights_only=True)
        assert state["extra_state"]["train_iterator"]["iterations_in_epoch"] > 0
        train(cfg)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert_same(tmp_path, whole)


def interrupted(cfg: DictConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training that ended during its third epoch, with two checkpoints; the newer one's path."""

    def crash() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        after_update(patch, 24, crash)
        with pytest.raises(ZeroDivisionError):
            train(cfg)
    assert (folder / "checkpoints" / PREVIOUS).exists()
    return folder / "checkpoints" / LAST


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip_a_bit, Path.unlink])
def test_a_damaged_checkpoint(toy, whole, tmp_path, monkeypatch, caplog, damage):
    cfg = composed(toy, f"output_dir={tmp_path}")
    last = interrupted(cfg, tmp_path, monkeypatch)
    damage(last)
    train(cfg)
    if damage is not Path.unlink:
        assert f"{last} is damaged" in caplog.text
        assert f"going back to the checkpoint before it, {last.parent / PREVIOUS}" in caplog.text
    assert_same(tmp_path, whole)


def test_no_checkpoint_that_can_be_read(toy, whole, tmp_path, monkeypatch):
    cfg = composed(toy, f"output_dir={tmp_path}")
    last = interrupted(cfg, tmp_path, monkeypatch)
    cut(last)
    cut(last.parent / PREVIOUS)
    with pytest.raises(PipelineError, match=rf"{PREVIOUS} is damaged: delete it"):
        train(cfg)
    assert not (tmp_path / "train.json").exists()
    for path in (last, last.parent / PREVIOUS):
        path.unlink()
    (tmp_path / "train_log.jsonl").unlink()
    train(cfg)
    assert_same(tmp_path, whole)


def test_a_disk_that_fills_up(toy, whole, tmp_path, monkeypatch):
    cfg = composed(toy, f"output_dir={tmp_path}")
    original = checkpoint_utils._torch_persistent_save
    saved = []

    def save(state, file):
        saved.append(file)
        if len(saved) == 2:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_utils, "_torch_persistent_save", save)
        with pytest.raises(PipelineError, match=r"No space left.*output_dir"):
            train(cfg)
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.tmp")] == []
    train(cfg)
    assert_same(tmp_path, whole)


def test_kill_9_again_and_again(toy, whole, tmp_path):
    # Saving after every update: the kills then strike while checkpoints are written, too.
    cfg = composed(toy, f"output_dir={tmp_path}", "training.save_minutes=0.000001")
    kills = 0
    for delay in (0.3, 0.5, 0.8, 1.2):
        process = FORK.Process(target=train, args=(cfg,))
        process.start()
        began = time.monotonic()
        while not (tmp_path / "checkpoints").exists() and time.monotonic() - began < 60:
            time.sleep(0.02)
        process.join(delay)
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
    assert kills > 0
    train(cfg)
    assert_same(tmp_path, whole)


def test_kill_9_after_an_epochs_checkpoint(toy, whole, tmp_path, monkeypatch):
    cfg = composed(toy, f"output_dir={tmp_path}")
    original = fairseq_train.logger.info

    def info(message: object, *arguments: object) -> None:
        # What fairseq says between the checkpoint and the epoch's numbers.
        if str(message).startswith("end of epoch 2"):
            os.kill(os.getpid(), signal.SIGKILL)
        original(message, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fairseq_train.logger, "info", info)
        process = FORK.Process(target=train, args=(cfg,))
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert logged(tmp_path) == logged(whole)[:3]
    train(cfg)
    assert_same(tmp_path, whole)


def test_two_at_once_in_one_folder(toy, whole, tmp_path):
    cfg = composed(toy, f"output_dir={tmp_path}")
    processes = [FORK.Process(target=train, args=(cfg,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert_same(tmp_path, whole)


def all_stages(configurations: list[DictConfig]) -> None:
    """What one of two sweeps does."""
    for cfg in configurations:
        preprocess(cfg)
        train(cfg)


def test_two_sweeps_at_once_in_one_folder(toy, whole, tmp_path):
    fresh = [*toy, f"cache_dir={tmp_path / 'cache'}"]
    folders = [tmp_path / "runs" / name for name in ("one", "two")]
    sweep = [composed(fresh, f"output_dir={folder}") for folder in folders]
    processes = [FORK.Process(target=all_stages, args=(jobs,)) for jobs in (sweep, sweep[::-1])]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    for folder in folders:
        assert_same(folder, whole)
    # Made once, and no lock or scratch folder is left.
    left = {path.name for path in (tmp_path / "cache").iterdir()} - {KNOWN}
    assert left == {prepared_data(sweep[0]).directory.name}


def test_a_loss_that_is_not_finite(toy, whole, tmp_path):
    cfg = composed(toy, f"output_dir={tmp_path}", "training.lr=1e38")
    with pytest.raises(PipelineError, match=r"finite.*training\.lr.*training\.clip_norm.*gamma"):
        train(cfg)
    assert not (tmp_path / "train.json").exists()
