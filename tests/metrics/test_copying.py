"""Figures of copied words, and the file that keeps them."""

import numpy as np
import pytest

from regattn_fairseq.metrics import (
    COPYING_FIGURES,
    AttentionRecord,
    CopyRecord,
    attention_counts,
    copying_counts,
    load_copying,
    ratios,
    save_copying,
)


def record(weights):
    weights = np.array(weights, np.float32)
    return AttentionRecord(["a"] * weights.shape[1], ["b"] * weights.shape[0], weights)


def copy(gate, generated):
    return CopyRecord(np.array(gate, np.float32), np.array(generated, np.float32))


COPIES = [copy([0.25, 1.0], [0.4, 1.0]), copy([0.75], [0.6])]
RECORDS = [record([[0.5, 0.5, 0], [1, 0, 0]]), record([[0.2, 0.3, 0.5, 0]])]


def test_figures():
    counts = copying_counts(COPIES, RECORDS) | attention_counts(RECORDS)
    assert ratios(counts, COPYING_FIGURES) == pytest.approx(
        # A word that is certainly generated could be copied from nowhere.
        {"gate": 2 / 3, "copied_share": 1 / 3, "copyable": 5 / 3}
    )


def test_a_file_gives_back_what_it_got(tmp_path):
    save_copying(tmp_path / "copying.npz", [*COPIES, copy([], [])])
    found = load_copying(tmp_path / "copying.npz")
    assert [each.gate.tolist() for each in found] == [[0.25, 1.0], [0.75], []]
    assert [each.copied.tolist() for each in found] == [[True, False], [False], []]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "copying.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"copying.npz: not a readable file"):
        load_copying(tmp_path / "copying.npz")
    with pytest.raises(FileNotFoundError):
        load_copying(tmp_path / "nowhere.npz")
