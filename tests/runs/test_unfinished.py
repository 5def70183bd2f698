"""Runs without a result, as the report lists them."""

import json

from regattn_fairseq.runs.unfinished import find_unfinished


def write(folder, *names, **failure):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text('{"split": "train"}\n' * 3 if "log" in name else "{}")
    if failure:
        (folder / "failure.json").write_text(json.dumps(failure))


def test_what_became_of_each(tmp_path):
    write(tmp_path / "a" / "done", "config.yaml", "fairseq.yaml", "train.json", "result.json")
    write(tmp_path / "a" / "failed", reason="the loss is no longer finite")
    write(tmp_path / "b" / "failed", "config.yaml", "fairseq.yaml", reason="the disk is full")
    write(tmp_path / "b" / "running", "config.yaml", "fairseq.yaml", "train_log.jsonl")
    write(tmp_path / "b" / "trained", "config.yaml", "fairseq.yaml", "train.json")
    write(tmp_path / "c" / "something else", "config.yaml")
    assert find_unfinished(tmp_path) == [
        "a/failed: failed: the loss is no longer finite",
        "b/failed: failed: the disk is full",
        "b/running: not finished: 3 epochs trained so far",
        "b/trained: trained, not evaluated yet",
    ]


def test_half_a_failure_file_is_no_obstacle(tmp_path):
    write(tmp_path / "a", "config.yaml", "fairseq.yaml")
    (tmp_path / "a" / "failure.json").write_text('{"rea')
    assert find_unfinished(tmp_path) == ["a: not finished: 0 epochs trained so far"]
