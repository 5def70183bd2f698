"""A toy task, and models trained on it once for all tests, by the commands that users type."""

import json
import shutil
from pathlib import Path

import pytest
from commands import TINY, call_anew, write_toy_corpus
from filelock import FileLock
from in_process import composed
from omegaconf import OmegaConf

from regattn_fairseq.pipeline.run import run


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for all test processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def toy(shared: Path) -> list[str]:
    """Options that name the toy corpus."""
    folder = shared / "toy"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            write_toy_corpus(folder)
    return [
        "data=text",
        f"data.raw_dir={folder}",
        "data.name=toy",
        "data.tokenizer.name=space",
        f"cache_dir={shared / 'cache'}",
    ]


@pytest.fixture(scope="session")
def run_folder(shared: Path, toy: list[str]) -> Path:
    """A finished run of all stages, with fusedmax."""
    folder = shared / "runs" / "toy" / "fusedmax" / "seed1"
    with FileLock(shared / "run.lock"):
        if not (folder / "result.json").exists():
            done = call_anew(
                *("regattn-run", *toy, *TINY, "normalizer=fusedmax", "training.max_epoch=3"),
                *(f"output_dir={folder}", "training.best_metric=bleu"),
            )
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def data_bin(run_folder: Path) -> Path:
    """The toy corpus, binarized."""
    return Path(OmegaConf.load(run_folder / "config.yaml").task.data)


@pytest.fixture(scope="session")
def runs(shared: Path, run_folder: Path, toy: list[str]) -> Path:
    """A folder with runs of fusedmax and softmax, and what is not to be shown."""
    root = shared / "demo"
    with FileLock(f"{root}.lock"):
        if not (root / "finished").exists():
            shutil.copytree(run_folder, root / "fusedmax")
            softmax = f"output_dir={root / 'softmax'}"
            run(composed(toy, "normalizer=softmax", softmax, root="run"))
            shutil.copytree(root / "softmax", root / "lost")
            (root / "lost" / "checkpoints" / "checkpoint_best.pt").unlink()
            result = json.loads((root / "lost" / "result.json").read_text())
            (root / "lost" / "result.json").write_text(json.dumps({**result, "seed": 0}))
            (root / "finished").touch()
    return root
