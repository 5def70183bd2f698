"""The benchmark of training, on a corpus of a few sentences."""

import random
import sys
from pathlib import Path

import pytest
import torch
import training_peers
from benchmark_training import (
    FAIRSEQ,
    Model,
    Setting,
    measure,
    products,
    share_parameters,
    start,
)
from fairseq import options
from fairseq_cli import preprocess
from in_process import as_fairseq_expects
from profile_training import (
    ATTENTION,
    CARRYING,
    DROPOUT,
    GENERATOR,
    LSTMS,
    MATRICES,
    OPTIMIZER,
    OUTPUT,
    PICKING,
    REST,
    profiled,
)
from training_peers import Peer, Toolkit, write_job

WORDS = 40  # more than the corpus has


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """fairseq's lstm and our softmax model, of two layers."""
    as_fairseq_expects()
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(1)
    for split in ("train", "valid"):
        for side in ("de", "en"):
            lines = [
                " ".join(draw.choices("abcdefgh", k=draw.randint(2, 6))) + "\n" for _ in range(12)
            ]
            (folder / f"{split}.{side}").write_text("".join(lines), encoding="utf-8")
    bin_folder = folder / "bin"
    preprocess.main(
        options.get_preprocessing_parser().parse_args(
            [
                *("--source-lang", "de", "--target-lang", "en", "--destdir", str(bin_folder)),
                *("--trainpref", str(folder / "train"), "--validpref", str(folder / "valid")),
            ]
        )
    )
    setting = Setting(bin_folder, units=8, layers=2, vocabulary=WORDS, max_tokens=40, number=2)
    return start(setting, [FAIRSEQ, "softmax"])


def test_fairseqs_lstm_finds_what_ours_finds(models: dict[str, Model]) -> None:
    ours = models["softmax"]
    shapes = [products(batch, ours.setting, WORDS, 1) for batch in ours.training]

    measured = measure(dict(models), shapes, repetitions=1)

    assert measured.equal[FAIRSEQ] == [1.0, 1.0]
    assert measured.lengths[FAIRSEQ] == measured.lengths["softmax"]
    for name in models:
        assert [len(times) for times in measured.steps[name]] == [1, 1]
        assert min(min(times) for times in measured.steps[name]) > 0
        assert min(measured.searches[name]) > 0
    assert len(ours.trainer.task.target_dictionary) == WORDS


def test_parameters_of_all_layers_are_shared(models: dict[str, Model]) -> None:
    ours, theirs = (models[name].trainer.get_model() for name in ("softmax", FAIRSEQ))
    parameters = ours.state_dict()

    share_parameters(parameters, models[FAIRSEQ].trainer)

    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    for layer in range(2):
        mine = parameters[f"decoder.lstm.weight_hh_l{layer}"]
        assert torch.equal(mine, theirs.state_dict()[f"decoder.layers.{layer}.weight_hh"])


def test_a_profile_names_the_parts(models: dict[str, Model]) -> None:
    model = models["softmax"]

    training = profiled(REST, [lambda: model.train(0)])
    searching = profiled(GENERATOR, [lambda: model.search(0)])

    parts = {MATRICES, LSTMS, ATTENTION}
    assert training.keys() == parts | {OUTPUT, DROPOUT, OPTIMIZER, REST}
    assert searching.keys() >= parts | {OUTPUT, PICKING, CARRYING, GENERATOR}
    assert all(one.total > 0 for one in training.values())
    assert training[MATRICES].outside == 0
    assert 0 < training[LSTMS].outside < training[LSTMS].total


WORKER = f"""
import sys
sys.path.insert(0, {str(training_peers.WORKERS)!r})
from worker import serve


class Echo:
    name = "Echo 1"

    def __init__(self, job):
        self.job = job

    def train(self, index):
        print("a word of the peer's own")
        assert self.job.training[index].target.dim() == 2

    def search(self, index):
        batch = self.job.translated[index]
        return [row[:n].tolist() for row, n in zip(batch.source, batch.lengths)]

    def load(self, parameters):
        return "encoder.embed_tokens.weight" in parameters


serve(Echo)
"""


@pytest.fixture
def job(models: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "echo_worker.py").write_text(WORKER, encoding="utf-8")
    toolkit = Toolkit("--echo", str(tmp_path / "echo_worker.py"), recipe="")
    monkeypatch.setitem(training_peers.TOOLKITS, "Echo", toolkit)
    path, ours = tmp_path / "batches.npz", models["softmax"]
    write_job(path, {"pad": 1, "threads": 1}, ours.training, ours.translated)
    return path


def test_a_peer_gets_the_same_batches_and_ends_with_one_line(
    models: dict[str, Model], job: Path
) -> None:
    ours = models["softmax"]
    peer = Peer("Echo", Path(sys.executable), job)

    assert peer.name == "Echo 1"
    assert peer.train(1) > 0
    assert peer.load(ours.trainer.get_model().state_dict())
    _seconds, sources = peer.search(0)
    tokens = ours.translated[0]["net_input"]["src_tokens"]
    assert sources == [[word for word in row if word != 1] for row in tokens.tolist()]

    with pytest.raises(SystemExit, match=r"^error: Echo \(--echo .*\) failed: IndexError: [^\n]*$"):
        peer.train(99)


def test_an_interpreter_that_cannot_be_run_is_named(job: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: --echo no/python cannot be run \(No such file"):
        Peer("Echo", Path("no/python"), job)


def test_what_a_worker_complains_of_is_passed_on(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "echo_worker.py").write_text("import nothing_of_that_name\n", encoding="utf-8")

    with pytest.raises(SystemExit, match=r"failed: ModuleNotFoundError: No module named"):
        Peer("Echo", Path(sys.executable), job)
