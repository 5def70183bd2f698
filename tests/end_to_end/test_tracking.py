"""Trackers of experiments besides TensorBoard."""

import importlib.util
from pathlib import Path

import pytest
from in_process import composed

from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.train import train
from regattn_fairseq.runs.errors import PipelineError


def test_a_tracker_that_is_not_installed_is_named(toy, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "wandb" else found(name)
    )
    cfg = composed(toy, "tracking=wandb", f"output_dir={tmp_path / 'run'}")
    with pytest.raises(PipelineError, match=r"tracking=wandb.*pip install"):
        train(cfg)
    assert not (tmp_path / "run").exists()


def test_weights_and_biases_offline(toy, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs the extra wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    records = []
    for name in ("first", "second"):  # in one process, as a sweep's jobs are
        folder = tmp_path / name
        cfg = composed(toy, "tracking=wandb", "training.max_epoch=1", f"output_dir={folder}")
        preprocess(cfg)
        train(cfg)
        (record,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
        records.append(record)
        content = record.read_bytes()
        for logged in (b"valid/ppl", b"train/wps", b"regattn", name.encode()):
            assert logged in content, logged
        assert list((folder / "tensorboard").rglob("events.*"))
    assert len({record.name for record in records}) == 2
    assert not Path("wandb").exists()
