"""What a batch has room for."""

from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import data_utils


def longest_example(dataset: Any) -> int:
    """Tokens of the longest example of a fairseq dataset; 0 if it is empty."""
    return max((int(dataset.num_tokens(index)) for index in range(len(dataset))), default=0)


def whole_batches(task: Any, model: Any, dataset: Any, max_tokens: int) -> Any:
    """Batches of all examples, in fairseq's order: an iterator with a length.

    The limits of length of the task are for the training and do not count here. A batch has room
    for the longest example, whatever ``max_tokens`` says.

    Args:
        task: fairseq's task.
        model: reads the batches.
        dataset: a dataset of that task.
        max_tokens: tokens in a batch, padding included.

    Raises:
        Exception: an example has more tokens than the model has positions. fairseq raises it.
    """
    return task.get_batch_iterator(
        dataset=dataset,
        max_tokens=max(max_tokens, longest_example(dataset)),
        max_positions=model.max_positions(),
    ).next_epoch_itr(shuffle=False)


def sizes(prefix: Path) -> np.ndarray:
    """Tokens of each line of a part of a data-bin: int [lines], the ends of the lines included.

    Args:
        prefix: such as ``bin/train.de-en.de``.
    """
    dataset = data_utils.load_indexed_dataset(str(prefix), None)
    return np.array(dataset.sizes)  # a copy: they lie in a file that closes with the dataset
