"""Files that appear whole, and logs that survive a kill."""

import errno
import logging

import pytest

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
    write_lines,
)
from regattn_fairseq.runs.train_log import TrainLog, parse_epoch


def test_fingerprints_follow_values_not_their_order():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint(None)) == 12


def test_lines_end_at_newlines_alone(tmp_path):
    lines = ["one\u2028two", "", "three\x85four\r", "fünf"]
    write_lines(tmp_path / "text", lines)
    assert list(read_lines(tmp_path / "text")) == lines


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"old": True})

    def failing():
        yield "first"
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(PipelineError, match=r"No space left on device.*output_dir"),
        clear_write_errors(tmp_path, "output_dir"),
    ):
        write_lines(path, failing())
    assert read_json(path) == {"old": True}
    assert [found.name for found in tmp_path.iterdir()] == ["file.json"]


def test_broken_json_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"half": ')
    with pytest.raises(PipelineError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def test_fairseqs_messages_become_numbers():
    message = (
        "epoch 003 | valid on 'valid' subset | loss 4.25 | ppl 9.1 | wps 6000.5 | wpb 100 | "
        "num_updates 16 | best_loss 4.2"
    )
    assert parse_epoch(message) == {
        "epoch": 3,
        "loss": 4.25,
        "ppl": 9.1,
        "wps": 6000.5,
        "wpb": 100,
        "num_updates": 16,
        "best_loss": 4.2,
    }
    assert parse_epoch("begin validation on valid subset") is None


@pytest.mark.parametrize(("label", "prefix"), [("", ""), ("toy/softmax", "toy/softmax  ")])
def test_an_epoch_is_a_short_line_on_the_terminal_with_its_run_in_front(
    tmp_path, capsys, label, prefix
):
    with TrainLog(tmp_path / "train_log.jsonl", tmp_path / "train.log", label):
        logging.getLogger("train").info("epoch 003 | loss 4.25 | ppl 9.1 | wps 6000 | wpb 100")
    line = "epoch   3  train  loss 4.25  ppl 9.1  wps 6000\n"
    assert capsys.readouterr().err == prefix + line


def test_of_an_epoch_every_hundredth_update_is_kept(tmp_path):
    path, logger = tmp_path / "train_log.jsonl", logging.getLogger("train_inner")
    with TrainLog(path, tmp_path / "train.log") as log:
        for update in (80, 100, 120, 200):
            logger.info(f"epoch 001:     {update} / 547 loss=4.5, wps=6000, num_updates={update}")
        logger.info("epoch 001:     300 / 547 loss=4.5")
        kept = log.records("train_inner")
    assert [record["num_updates"] for record in kept] == [100, 200]
    assert kept[0] == {
        "split": "train_inner",
        "epoch": 1,
        "loss": 4.5,
        "wps": 6000,
        "num_updates": 100,
    }
    assert len((tmp_path / "train.log").read_text().splitlines()) == 5


def test_the_log_forgets_what_is_done_again_and_skips_half_a_line(tmp_path):
    path = tmp_path / "train_log.jsonl"
    path.write_text(
        '{"split": "train", "epoch": 1.0}\n{"split": "train", "epoch": 2.0}\n{"split": "tra'
    )
    log = TrainLog(path, None)
    assert [record["epoch"] for record in log.records("train")] == [1, 2]
    log.go_on_after(1, None)
    assert path.read_text() == '{"split": "train", "epoch": 1.0}\n'
