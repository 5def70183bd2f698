"""Entailment through every stage, and through fairseq's own commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import call

import regattn_fairseq
from regattn_fairseq.corpora.entailment import LABELS
from regattn_fairseq.metrics import load_attention

PLUGIN = Path(regattn_fairseq.__file__).parent
TINY = [
    "experiment=entailment",
    *("data.corpus.pairs=240", "data.corpus.valid=30", "data.corpus.test=30"),
    *("model.encoder_embed_dim=8", "model.encoder_hidden_size=8", "training.max_epoch=1"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("entailment")
    done = call(
        *("regattn-run", *TINY, "normalizer=sparsemax"),
        *(f"cache_dir={folder / 'cache'}", f"output_dir={folder / 'run'}"),
    )
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_run_leaves_labels_scores_and_attention(run):
    result = json.loads((run / "result.json").read_text())
    read = {
        kind: (run / result["files"][kind]).read_text().splitlines()
        for kind in ("sources", "questions", "hypotheses", "references")
    }
    assert {len(lines) for lines in read.values()} == {30}
    assert set(read["hypotheses"]) <= set(LABELS)
    right = np.mean(np.array(read["hypotheses"]) == np.array(read["references"]))
    assert result["metrics"]["accuracy"] == pytest.approx(100 * right)
    confusion = np.array(result["confusion"]["gold_by_predicted"])
    assert result["confusion"]["labels"] == list(LABELS)
    assert confusion.sum(axis=1).tolist() == [10, 10, 10]
    assert confusion.trace() == round(30 * right)

    records = load_attention(run / result["files"]["attention"])
    for record, premise, label in zip(records, read["sources"], read["hypotheses"], strict=True):
        assert record.source_tokens == [*premise.split(), "</s>"]
        assert record.target_tokens == [label]
        assert record.weights.sum() == pytest.approx(1, abs=1e-5)
    assert list((run / "checkpoints").glob("checkpoint_best.pt"))


def test_fairseqs_own_commands(run, tmp_path):
    """fairseq-preprocess for each part, then fairseq-train, on the corpus that the run wrote."""
    (text,) = (run.parent / "cache").glob("*/text")
    both = tmp_path / "both"
    both.write_text((text / "train.premise").read_text() + (text / "train.hypothesis").read_text())
    data = tmp_path / "bin"
    first = None
    for side, part in (("premise", "input0"), ("hypothesis", "input1"), ("label", "label")):
        dictionary = ["--srcdict", data / "dict.txt"] if side != "label" else []
        if first is None:
            first = call(
                *("fairseq-preprocess", "--only-source", "--dict-only"),
                *("--trainpref", both, "--destdir", data),
            )
            assert first.returncode == 0, first.stderr
        done = call(
            *("fairseq-preprocess", "--only-source", *dictionary, "--destdir", data / part),
            *("--trainpref", text / f"train.{side}", "--validpref", text / f"valid.{side}"),
        )
        assert done.returncode == 0, done.stderr
    done = call(
        *("fairseq-train", data, "--user-dir", PLUGIN, "--save-dir", tmp_path / "out"),
        *("--task", "sentence_prediction", "--criterion", "sentence_prediction"),
        *("--num-classes", "3", "--arch", "regattn_entailment", "--encoder-embed-dim", "8"),
        *("--encoder-hidden-size", "8", "--attn-normalizer", "fusedmax", "--attn-lambda", "0.2"),
        *("--optimizer", "adam", "--lr", "0.0003", "--batch-size", "16", "--max-epoch", "1"),
        *("--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric", "--cpu"),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "checkpoint_best.pt").exists()
