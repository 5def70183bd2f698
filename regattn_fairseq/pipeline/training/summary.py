"""What a training leaves to say about itself, in ``train.json``."""

import statistics
from typing import Any

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_json
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.train_log import TrainLog


def summarize_training(run: RunFolder) -> dict[str, Any]:
    """Figures of a training that has ended, from its last checkpoint and its log.

    Raises:
        PipelineError: the checkpoint cannot be read.
    """
    from regattn_fairseq.pipeline.training.checkpoints import load_checkpoint  # imports torch

    state = load_checkpoint(run.checkpoint("last"))
    with TrainLog(run.log, None) as log:
        training, validation = log.records("train"), log.records("valid")
    shapes = {id(tensor.untyped_storage()): tensor.numel() for tensor in state["model"].values()}
    speeds = [record["wps"] for record in training if "wps" in record]
    best = min(validation, key=lambda record: record["loss"])
    return {
        "epochs": int(max(record["epoch"] for record in training)),
        "updates": int(state["optimizer_history"][-1]["num_updates"]),
        "wall_s": float(state["extra_state"]["previous_training_time"]),
        "target_tokens_per_s": statistics.median_high(speeds) if speeds else None,
        "valid_loss": best["loss"],
        "valid_ppl": best.get("ppl"),
        "parameters": sum(shapes.values()),
    }


def training_summary(run: RunFolder) -> dict[str, Any]:
    """The summary that :func:`~regattn_fairseq.pipeline.train.train` left.

    Raises:
        PipelineError: the training has not ended.
    """
    if not run.training.is_file():
        raise PipelineError(
            f"{run.directory} holds no finished training: run regattn-train with the same options "
            "(it resumes by itself), or regattn-run"
        )
    summary: dict[str, Any] = read_json(run.training)
    return summary
