"""A trained model's shortlist, from its own attention to the training text."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import utils
from fairseq.data import data_utils
from tqdm import tqdm

from regattn_fairseq.files import new_file, sha256
from regattn_fairseq.options.fairseq_options import LONGEST_SHORTLIST
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.tasks.shortlist import Shortlist, WordTable

logger = logging.getLogger(__name__)

SENTENCES = 50_000
"""So many sentences of the training text make a table, evenly spread where it has more."""


def load_shortlist(
    checkpoint: Path, model: Any, task: Any, size: int, max_tokens: int
) -> Shortlist:
    """The shortlist of a checkpoint. Its table is made once, and lies beside the checkpoint.

    A source word may become the ``size`` target words that have attended to it most, the target
    word that is spelled like it, and one of the ``size`` most frequent.

    Args:
        checkpoint: of the model.
        model: on its device, in evaluation mode.
        task: fairseq's, whose data folder has the training text.
        size: at most `LONGEST_SHORTLIST`.
        max_tokens: source tokens in a batch.

    Raises:
        PipelineError: the model's search cannot be limited to some words.
    """
    if (
        not hasattr(model.decoder, "fc_out")
        or getattr(model.decoder, "copy_gate", None) is not None
    ):
        raise PipelineError(
            "generation.shortlist is of regattn_lstm without copy_attn: leave it out for this model"
        )
    likely = _table(checkpoint, model, task, max_tokens)
    target = task.target_dictionary
    alike = [target.indices.get(word, target.eos()) for word in task.source_dictionary.symbols]
    chosen = np.column_stack((np.array(alike), likely[:, :size]))
    return Shortlist(torch.from_numpy(chosen), min(target.nspecial + size, len(target)))


def _table(checkpoint: Path, model: Any, task: Any, max_tokens: int) -> np.ndarray:
    path = checkpoint.with_name(f"{checkpoint.stem}.shortlist.npz")
    digest = sha256(checkpoint)
    try:
        with np.load(path) as saved:
            if str(saved["checkpoint"]) == digest:
                kept: np.ndarray = saved["likely"]
                return kept
    except (OSError, ValueError, KeyError):
        pass  # there is none, or it is damaged
    logger.info("shortlist: attention to the training text, once for %s", checkpoint.name)
    likely = _attended(model, task, max_tokens)
    with new_file(path) as file:
        np.savez_compressed(file, likely=likely, checkpoint=digest)
    return likely


@torch.no_grad()
def _attended(model: Any, task: Any, max_tokens: int) -> np.ndarray:
    """The likeliest target words of each source word, int32 [source vocabulary, likeliest]."""
    source, target = task.source_dictionary, task.target_dictionary
    device = next(model.parameters()).device
    task.load_dataset("train")
    dataset = task.dataset("train")
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(SENTENCES, len(dataset)), dtype=int))
    lengths = np.array([dataset.num_tokens(index) for index in chosen])
    order = chosen[np.argsort(lengths, kind="stable")]
    batches = data_utils.batch_by_size(
        order, dataset.num_tokens, max_tokens=max(max_tokens, int(lengths.max()))
    )
    table = WordTable(len(source), len(target))
    for batch in tqdm(batches, unit=" batches", desc="shortlist", disable=None):
        sample = dataset.collater([dataset[int(index)] for index in batch])
        if device.type == "cuda":
            sample = utils.move_to_cuda(sample)
        _scores, extra = model(**sample["net_input"], features_only=True)
        sources, targets = sample["net_input"]["src_tokens"], sample["target"]
        read, written = sources.eq(source.pad()), targets.eq(target.pad())
        padding = written.unsqueeze(2) | read.unsqueeze(1)
        table.add(extra["attn"][0].float(), sources, targets, padding)
    return table.likeliest(LONGEST_SHORTLIST, target.eos())
