"""fairseq's trainer, which also stops when asked and keeps the last checkpoint but one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.logging import metrics
from fairseq.logging.progress_bar import format_stat
from fairseq.trainer import Trainer

from regattn_fairseq.interruption import StopRequest
from regattn_fairseq.pipeline.batches import longest_example
from regattn_fairseq.pipeline.training.checkpoints import EPOCH_LOG, LAST, PREVIOUS
from regattn_fairseq.runs.train_log import parse_epoch


class SurvivingTrainer(Trainer):
    """Saves within an epoch too, without validating, so that a resumed training is the same.

    fairseq's own option for checkpoints within an epoch validates at each, which counts as an
    epoch without improvement where training stops early.

    Args:
        arguments: fairseq's.
        request: read after each update. If it is set, the trainer writes a checkpoint and ends
            with :class:`~.interruption.Interrupted`.
        save_minutes: the option ``training.save_minutes``; 0: save only when asked to stop.
    """

    def __init__(self, *arguments: Any, request: StopRequest, save_minutes: float) -> None:
        super().__init__(*arguments)
        self._request = request
        self._save_seconds = 60 * save_minutes
        self._saved = time.monotonic()
        self._epoch_iterator: Any = None

    def get_train_iterator(self, *arguments: Any, **options: Any) -> Any:
        """Give fairseq's iterator. The trainer keeps it, since a checkpoint holds its position."""
        self._epoch_iterator = super().get_train_iterator(*arguments, **options)
        return self._epoch_iterator

    def get_valid_iterator(self, subset: str, disable_iterator_cache: bool = False) -> Any:
        """Give fairseq's iterator. Its batches have room for the longest sentence."""
        options, dataset = self.cfg.dataset, self.task.dataset(subset)
        wanted = options.max_tokens_valid
        if wanted is not None:
            options.max_tokens_valid = max(wanted, longest_example(dataset))
        try:
            return super().get_valid_iterator(subset, disable_iterator_cache)
        finally:
            options.max_tokens_valid = wanted

    def train_step(self, samples: Any, raise_oom: bool = False) -> Any:
        """Make an update; then save if it is time, and stop if asked."""
        log_output = super().train_step(samples, raise_oom)
        # At the end of an epoch fairseq validates and saves by itself, after this.
        if self._epoch_iterator.end_of_epoch():
            return log_output
        due = self._save_seconds > 0 and time.monotonic() - self._saved > self._save_seconds
        number, due = self._agree(self._request.signal_number or 0, due)
        if number or due:
            checkpoint_utils.save_checkpoint(self.cfg.checkpoint, self, self._epoch_iterator, None)
        if number:
            self._request.fulfil(number, f"saved after {self.get_num_updates()} updates")
        return log_output

    def save_checkpoint(self, filename: str, extra_state: dict[str, Any]) -> str | None:
        """Save as fairseq does, and keep the checkpoint before beside the new one.

        The new one holds the numbers of the epoch. fairseq logs them only after it has saved.
        """
        extra_state[EPOCH_LOG] = epoch_numbers()
        self._saved = time.monotonic()
        if not self.should_save_checkpoint_on_current_rank:
            return None
        folder = Path(filename).parent
        last, previous = folder / LAST, folder / PREVIOUS
        # Of the files that fairseq writes, only this one is no step of the training.
        if last.exists() and Path(filename).name != "crash.pt":
            last.replace(previous)
        try:
            saved: str | None = super().save_checkpoint(filename, extra_state)
        except BaseException:
            Path(f"{filename}.tmp").unlink(missing_ok=True)
            if previous.exists() and not last.exists():
                previous.replace(last)
            raise
        return saved

    def _agree(self, number: int, due: bool) -> tuple[int, bool]:
        """Give all processes of a distributed training the same answer, whichever got a signal."""
        if self.data_parallel_world_size == 1:
            return number, due
        wishes = torch.tensor([number, int(due)], device=self.device)
        torch.distributed.all_reduce(wishes, op=torch.distributed.ReduceOp.MAX)
        number, due_anywhere = wishes.tolist()
        return number, bool(due_anywhere)


def trainer_factory(request: StopRequest, save_minutes: float) -> Callable[..., SurvivingTrainer]:
    """What stands in for fairseq's class where its training is called."""

    def build(*arguments: Any) -> SurvivingTrainer:
        return SurvivingTrainer(*arguments, request=request, save_minutes=save_minutes)

    return build


def epoch_numbers() -> dict[str, float]:
    """The numbers that fairseq would report of the epoch so far, read off such a message."""
    from fairseq_cli.train import get_training_stats

    stats = get_training_stats(metrics.get_smoothed_values("train"))
    parts = [f"{name} {format_stat(value)}" for name, value in stats.items()]
    return parse_epoch(" | ".join(["epoch 0", *parts])) or {}
