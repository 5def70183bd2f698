"""The table of outputs with copied words."""

from types import SimpleNamespace

import numpy as np

from regattn_fairseq.metrics import AttentionRecord, CopyRecord, save_copying
from regattn_fairseq.report.copied import copied_words_table


def system(folder, label, outputs):
    """A system whose outputs are pieces, each with whether it was copied."""
    copies, records = [], []
    for pieces in outputs:
        generated = np.array([0.9 if kept else 0.1 for _, kept in pieces] + [1.0], np.float32)
        copies.append(CopyRecord(generated, generated))
        tokens = [*(piece for piece, _ in pieces), "</s>"]
        records.append(AttentionRecord(["s"], tokens, np.ones((len(tokens), 1))))
    path = folder / f"{label}.npz"
    save_copying(path, copies)
    return SimpleNamespace(
        row=SimpleNamespace(label=label),
        run=SimpleNamespace(path=lambda kind: path),
        records=records,
        is_complete=True,
    )


def test_copied_pieces_stand_in_brackets(tmp_path):
    plain = [("▁no", True), ("▁copy", True)]
    mixed = [("▁g", False), ("tk", False), ("▁edit", True), ("or", False), ("▁x", False)]
    systems = [system(tmp_path, "softmax", [plain, mixed])]
    table = copied_words_table(systems, "titled")
    assert table.title == "titled: copied words"
    assert [[cell.text for cell in row] for row in table.cells] == [
        ["softmax", "2", "[gtk] edit[or] [x]"]
    ]


def test_without_copies_there_is_no_table(tmp_path):
    assert copied_words_table([system(tmp_path, "softmax", [[("▁a", True)]])], "t") is None
    assert copied_words_table([], "t") is None
