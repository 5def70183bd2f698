"""The paper's tables and figures, as ``regattn-reproduce`` makes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from composing import composed
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regattn_fairseq.corpora.entailment import LABELS
from regattn_fairseq.metrics import AttentionRecord, attention_statistics, save_attention
from regattn_fairseq.options.command_line import check
from regattn_fairseq.reproduce import reproduce
from regattn_fairseq.reproduce.plan import check_target, resolve_run
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.sweep import Failure


def loaded(target: str, options: list[str]) -> DictConfig:
    """The configuration of a target."""
    arguments = [f"reproduce={target}", *options]
    check("reproduce", arguments)
    cfg = composed("reproduce", *arguments)
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]  # as Hydra does before it calls a command
    OmegaConf.resolve(cfg)
    check_target(cfg)
    return cfg


def run(cfg: DictConfig) -> Any:
    """Make a run, as ``regattn-run`` does in a sweep."""
    from regattn_fairseq.pipeline.run import run as run_stages

    try:
        return run_stages(cfg)
    except PipelineError as error:
        return Failure(str(error))


def made(target: str, options: list[str], *, command: str) -> Path:
    """Make a target."""
    return reproduce(loaded(target, options), command=command, run=run)


EXAMPLES = 60


def write_result(
    folder,
    planned,
    *,
    metrics,
    texts,
    records,
    task="entailment",
    name="result.json",
    normalizer=None,
    revision="8e4b049ceddf",
):
    """A finished run of a plan, as the evaluation leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, lines in texts.items():
        (folder / f"test.{kind}").write_text("\n".join(lines) + "\n")
    save_attention(folder / "test.attention.npz", records)
    config = resolve_run(planned)
    result = {
        "format": 1,
        "split": config["evaluation"]["split"],
        "task": task,
        "data": planned.corpus,
        "model": "regattn_lstm",
        "normalizer": {"name": normalizer or planned.system, "gamma": 1.0},
        "seed": planned.seed,
        "metrics": metrics,
        "attention": attention_statistics(records),
        "training": {"wall_s": 100.0},
        "git_revision": revision,
        "machine": "a machine",
        "config": config,
        "files": {kind: f"test.{kind}" for kind in texts} | {"attention": "test.attention.npz"},
    }
    (folder / name).write_text(json.dumps(result))


def write_run(folder, planned, right, **more):
    """A run of the entailment classifier; `right` of its labels are right."""
    gold = [LABELS[number % 3] for number in range(EXAMPLES)]
    labels = [
        label if number < right else LABELS[(LABELS.index(label) + 1) % 3]
        for number, label in enumerate(gold)
    ]
    words = ["all", "dogs", "run", "."]
    draw = np.random.default_rng(planned.seed)
    texts = {
        "sources": [" ".join(words)] * EXAMPLES,
        "questions": ["some dogs run ."] * EXAMPLES,
        "hypotheses": labels,
        "references": gold,
    }
    records = [AttentionRecord(words, [label], draw.dirichlet(np.ones(4), 1)) for label in labels]
    metrics = {"accuracy": 100 * right / EXAMPLES}
    write_result(folder, planned, metrics=metrics, texts=texts, records=records, **more)


def write_translation(folder, planned, bleu, **more):
    """A run of a translation model, whose output is its source."""
    words = ["ein", "hund", "."]
    texts = {kind: [" ".join(words)] * EXAMPLES for kind in ("sources", "hypotheses", "references")}
    records = [AttentionRecord(words, words, np.eye(3))] * EXAMPLES
    write_result(
        folder,
        planned,
        metrics={"bleu": bleu},
        texts=texts,
        records=records,
        task="translation",
        **more,
    )
