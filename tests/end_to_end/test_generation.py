"""fairseq's options of generation act in an evaluation."""

import json
import shutil
from pathlib import Path

import pytest
from in_process import composed

from regattn_fairseq.pipeline.evaluate import evaluate
from regattn_fairseq.runs.errors import PipelineError


@pytest.fixture
def outputs(run_folder: Path, toy: list[str], tmp_path: Path):
    """Evaluates a copy of the run; gives the words of outputs and of references."""
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)

    def evaluated(*options: str) -> list[tuple[list[str], list[str]]]:
        for result in run.glob("*result.json"):
            result.unlink()
        evaluate(composed(toy, f"output_dir={run}", *options, root="evaluate"))
        texts = (run.joinpath(f"test.{kind}").read_text().lower() for kind in ("hyp", "ref"))
        hypotheses, references = (text.splitlines() for text in texts)
        return [(h.split(), r.split()) for h, r in zip(hypotheses, references, strict=True)]

    evaluated.run = run
    return evaluated


def test_a_prefix_is_forced(outputs):
    assert all(h[:2] == r[:2] for h, r in outputs("generation.prefix_size=2"))
    assert any(h[:2] != r[:2] for h, r in outputs())


def test_sampling_follows_the_seed(outputs):
    sampled = ["generation.sampling=true", "generation.beam=1", "generation.temperature=2"]
    first = outputs(*sampled)
    assert outputs(*sampled) == first
    assert outputs(*sampled, "generation.no_seed_provided=true") != first


def test_words_are_not_repeated(outputs):
    repeated = [len({*h}) < len(h) for h, _ in outputs("generation.min_len=9")]
    assert any(repeated)
    for h, _ in outputs("generation.min_len=9", "generation.no_repeat_ngram_size=1"):
        assert len({*h}) == len(h)


def test_a_shortlist_is_made_once_and_limits_the_words(outputs, caplog):
    every = outputs()
    with caplog.at_level("INFO"):
        assert outputs("generation.shortlist=200") == every, "more than there are words"
        outputs("generation.shortlist=1", "generation.prefix_size=1")
    assert caplog.text.count("attention to the training text, once") == 1
    result = json.loads((outputs.run / "result.json").read_text())
    assert 4 < result["evaluation"]["shortlist_words"] < 48
    assert result["config"]["generation"]["shortlist"] == 1
    (table,) = (outputs.run / "checkpoints").glob("*.npz")
    assert table.name == "checkpoint_best.shortlist.npz"
    table.write_bytes(b"damaged")
    assert outputs("generation.shortlist=200") == every


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("generation.constraints=ordered", "generation.constraints=ordered is refused"),
        ("generation.shortlist=0", "generation.shortlist=0 is refused: choose 1 to 256 words"),
        ("evaluation.checkpoint=7", "evaluation.checkpoint is 7, but .* has only best, last"),
    ],
)
def test_what_an_evaluation_cannot_do(outputs, option, words):
    with pytest.raises(PipelineError, match=words):
        outputs(option)
