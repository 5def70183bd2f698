"""What our models check, before they are built, of how they are to be trained."""

import os

from fairseq.tasks import FairseqTask
from torch import distributed as dist

from regattn_fairseq.models.errors import ModelError


def check_training_setup(task: FairseqTask) -> None:
    """Refuse a task's options that fail later, and processes that fairseq has not joined.

    Raises:
        ModelError: the message says what to do instead.
    """
    if getattr(getattr(task, "cfg", None), "num_batch_buckets", 0) > 0:
        # fairseq computes the buckets with an argument that numpy 2 has removed.
        raise ModelError(
            "--num-batch-buckets (task.num_batch_buckets) does not work with this fairseq and "
            "numpy 2 or later: leave it out"
        )
    _require_joined_processes()


def _require_joined_processes() -> None:
    """Raise an error if each process of torchrun would train a model of its own.

    fairseq looks at the number of GPUs before it looks at the number of processes. On a CPU, and
    with one GPU for each machine, each process would therefore train a separate model.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and not (dist.is_available() and dist.is_initialized()):
        raise ModelError(
            f"torchrun started {processes} processes, but fairseq has not joined them and each "
            "would train by itself: use torchrun --no-python regattn-train …, which joins them"
        )
