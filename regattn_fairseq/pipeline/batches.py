"""Batches of a text that a model is scored on: nothing in it is too long."""

from typing import Any


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
