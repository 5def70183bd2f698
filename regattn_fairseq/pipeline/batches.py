"""What fits into a batch: all of a text that a model is scored on, most of what it learns from."""

from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import data_utils

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData


def longest_example(dataset: Any) -> int:
    """Tokens of the longest example of a fairseq dataset; 0 if it is empty."""
    return max((int(dataset.num_tokens(index)) for index in range(len(dataset))), default=0)


def whole_batches(task: Any, model: Any, dataset: Any, max_tokens: int) -> Any:
    """Batches of all examples, in fairseq's order: an iterator with a length.

    The task's limits are those of the training. A batch has room for the longest example, whatever
    ``max_tokens`` says; only what the model itself cannot take is refused.

    Args:
        task: fairseq's.
        model: that will read them.
        dataset: of the task's kind.
        max_tokens: tokens in a batch, padding included.

    Raises:
        Exception: fairseq's, of an example with more tokens than the model has positions.
    """
    return task.get_batch_iterator(
        dataset=dataset,
        max_tokens=max(max_tokens, longest_example(dataset)),
        max_positions=model.max_positions(),
    ).next_epoch_itr(shuffle=False)


def check_lengths(data: PreparedData, split: str, most: int | None, option: str) -> None:
    """See to it that every sentence of a split fits into a batch.

    Args:
        data: preprocessed.
        split: of the corpus.
        most: tokens in a batch; None for no limit.
        option: its name.

    Raises:
        PipelineError: one does not, with its line.
    """
    if most is None:
        return
    lengths = _lengths(data, split)
    longest = int(lengths.argmax())
    if lengths[longest] > most:
        (text,) = [path for path in _texts(data, split) if path.is_file()][:1]
        raise PipelineError(
            f"{option}={most} is less than the {lengths[longest]} tokens of line {longest + 1} of "
            f"{text}: raise it to {lengths[longest]} or more, or lower data.max_length"
        )


def _texts(data: PreparedData, split: str) -> list[Path]:
    return [data.text / f"{split}.{ending}" for ending in ("src", "premise")]


def _lengths(data: PreparedData, split: str) -> np.ndarray:
    """Of each sentence, as fairseq counts them for a batch."""
    subset = data.fairseq_subset(split)
    if (data.bin / "input0").is_dir():
        return np.add(*(_sizes(data.bin / side / subset) for side in ("input0", "input1")))
    sides = sorted(data.bin.glob(f"{subset}.*-*.*.idx"))
    return np.maximum.reduce([_sizes(path.with_suffix("")) for path in sides])


def _sizes(path: Path) -> np.ndarray:
    dataset = data_utils.load_indexed_dataset(str(path), None)
    return np.array(dataset.sizes)  # a copy: they lie in a file that closes with the dataset
