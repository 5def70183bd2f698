"""A held-out sentence that is longer than any batch, and than fairseq's limits."""

import json
from pathlib import Path

from commands import write_toy_corpus
from in_process import composed

from regattn_fairseq.metrics import load_attention
from regattn_fairseq.pipeline.run import run

LONG = 1100  # words; fairseq's own limit is 1,024, and a batch of the tiny training holds 300


def test_they_are_scored_like_any_other(tmp_path):
    raw = write_toy_corpus(tmp_path / "toy")
    for split in ("valid", "test"):
        with (raw / f"{split}.src").open("a") as file:
            file.write(" ".join(["kada"] * LONG) + "\n")
        with (raw / f"{split}.tgt").open("a") as file:
            file.write("KADA LOFO\n")
    folder = tmp_path / "run"
    cfg = composed(
        ["data=text", f"data.raw_dir={raw}", "data.name=long", "data.tokenizer.name=space"],
        *(f"cache_dir={tmp_path / 'cache'}", f"output_dir={folder}", "generation=greedy"),
        *("optimization.max_update=2", "task.max_source_positions=50", "evaluation.max_tokens=300"),
        "generation.max_len_b=20",
        root="run",
    )
    run(cfg)
    log = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    assert {record["split"] for record in log} == {"train", "valid"}
    assert "skipped" not in (folder / "train.log").read_text()
    assert len((folder / "test.hyp").read_text().splitlines()) == 51
    attention = load_attention(folder / "test.attention.npz")
    assert len(attention[-1].source_tokens) == LONG + 1
    assert Path(folder / "result.json").exists()
