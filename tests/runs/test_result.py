"""One class writes result.json and reads it."""

import json
from dataclasses import fields

import pytest

from regattn_fairseq.runs.finding import find_runs, read_run
from regattn_fairseq.runs.result import RESULT_FORMAT, ReportError, Result

# In the order of the file.
CONTENT = {
    "format": RESULT_FORMAT,
    "task": "entailment",
    "data": "pairs",
    "model": "regattn_entailment",
    "normalizer": {"name": "fusedmax", "gamma": 1.0, "lam": 0.1, "learn_lam": True},
    "seed": 3,
    "split": "valid",
    "metrics": {"accuracy": 50.0},
    "signatures": {},
    "confusion": {"labels": ["a", "b"], "gold_by_predicted": [[1, 0], [1, 0]]},
    "evaluation": {"wall_s": 0.5, "sentences_per_s": 4.0, "sentences": 2},
    "lowercase": True,
    "versions": {"torch": "2.13.0"},
    "git_revision": None,
    "created": "2026-11-22T12:00:00+00:00",
    "machine": "a machine",
    "key": "0123456789ab",
    "training": {"epochs": 1, "target_tokens_per_s": None, "valid_loss": 0.7},
    "measures": {"format": 1, "alignment": "ba9876543210"},
    "attention": {"support": 2.5},
    "alignment": {"aer": 0.25, "sentences": 2, "reference": "gold"},
    "heads": {"encoder_decoder_attn": {"zero_share": [[0.5, 0.25]], "alpha": [[1.5, 1.75]]}},
    "files": {"hypotheses": "valid.hyp"},
    "config": {"model": {"attn_normalizer": "fusedmax"}},
    "something": "new",
}


def read(content, folder):
    (folder / "result.json").write_text(json.dumps(content))
    return read_run(folder / "result.json", folder.parent)


def test_what_is_written_is_what_was_read(tmp_path):
    result = read(CONTENT, tmp_path)
    result.write(tmp_path / "again.json")
    written = (tmp_path / "again.json").read_text()
    assert written == json.dumps(CONTENT, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("absent", ["confusion", "alignment", "heads", "something"])
def test_what_a_run_does_not_have_is_not_written(tmp_path, absent):
    content = {key: value for key, value in CONTENT.items() if key != absent}
    assert read(content, tmp_path).content() == content


def test_every_attribute_is_set_from_the_file(tmp_path):
    result = read(CONTENT, tmp_path)
    unset = {each.name for each in fields(Result) if not getattr(result, each.name)}
    assert unset == {"signatures", "git_revision", "odd"}
    assert result.alignment == {"aer": 0.25}
    assert (result.alignment_sentences, result.alignment_reference) == (2, "gold")
    assert result.label == "fusedmax (λ=0.1 learned)"


def test_another_version_is_refused(tmp_path):
    with pytest.raises(ReportError, match="format 2, but this version reads 1"):
        read({**CONTENT, "format": 2}, tmp_path)


@pytest.mark.parametrize(
    ("node", "option", "label"),
    [
        ("model", {"copy_attn": True}, "copy_attn=True"),
        ("model", {"attn_fertility": 2.0}, "attn_fertility=2"),
        ("criterion", {"coverage_weight": 1.0}, "coverage_weight=1"),
        ("criterion", {"_name": "another"}, "criterion=another"),
    ],
)
def test_an_option_that_earlier_runs_do_not_have_tells_a_run_apart(tmp_path, node, option, label):
    config = {"model": {"_name": "lstm"}, "criterion": {"_name": "usual"}}
    with_it = {**config, node: {**config[node], **option}}
    # The order of the folders does not matter, nor that an option is off where it exists.
    off = {**config, "model": {**config["model"], "copy_attn": False, "attn_fertility": None}}
    for name, given in (("a", with_it), ("b", config), ("c", off)):
        content = {**CONTENT, "seed": ord(name), "config": given}
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps(content))
    runs, warnings = find_runs(tmp_path)
    assert not warnings
    assert [label in run.label for run in runs] == [True, False, False]
    assert len({run.label for run in runs}) == 2
