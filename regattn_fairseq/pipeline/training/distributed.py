"""Several processes that train one model: from torchrun's variables to fairseq's options.

A process that is alone does not import torch for this.
"""

import logging
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from regattn_fairseq.runs.errors import PipelineError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class World:
    """One of the processes that train together.

    Args:
        rank: its number, from 0. The first process writes the files.
        size: the number of processes.
        local_rank: its number on this machine, from 0.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0


def world() -> World:
    """Read the variables that torchrun set. Without them, a process is alone.

    Raises:
        PipelineError: some of the variables are missing.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    missing = [
        name
        for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
        if name not in os.environ
    ]
    if missing:
        raise PipelineError(
            f"WORLD_SIZE is {size}, but {', '.join(missing)} not set: start all processes with "
            "torchrun --no-python regattn-train …, or unset WORLD_SIZE"
        )
    return World(int(os.environ["RANK"]), size, int(os.environ["LOCAL_RANK"]))


def join(here: World, backend: str | None) -> None:
    """Connect to the other processes. A second call does nothing.

    Args:
        here: from :func:`world`.
        backend: ``nccl``, ``gloo``, or ``None`` for the one that fits the devices.

    Raises:
        PipelineError: this machine has fewer GPUs than processes.
    """
    if here.size == 1:
        return
    import torch
    import torch.distributed as dist

    if dist.is_initialized():
        return
    if torch.cuda.is_available():
        if here.local_rank >= torch.cuda.device_count():
            raise PipelineError(
                f"{here.local_rank + 1} processes or more on a machine with "
                f"{torch.cuda.device_count()} GPUs: lower torchrun's --nproc-per-node"
            )
        torch.cuda.set_device(here.local_rank)
    # The others wait while the first process preprocesses, which may take hours.
    dist.init_process_group(_backend(backend), timeout=timedelta(hours=6))


def leave() -> None:
    """Disconnect from the other processes, so that the program ends without warnings."""
    dist = sys.modules.get("torch.distributed")
    if dist is not None and dist.is_initialized():
        dist.destroy_process_group()


def wait_for_all(here: World) -> None:
    """Return when every process has called this."""
    if here.size > 1:
        import torch.distributed as dist

        dist.barrier()


def fairseq_options(here: World, backend: str | None) -> dict[str, Any]:
    """Values of fairseq's node ``distributed_training``.

    fairseq finds them out only on a machine with two GPUs or more. Elsewhere it ignores torchrun,
    and each process would train a model of its own.
    """
    if here.size == 1:
        return {}
    import torch

    # fairseq passes a device number to torch's own wrapper, which accepts one for GPUs only.
    wrapper = {} if torch.cuda.is_available() else {"ddp_backend": "legacy_ddp"}
    return {
        **wrapper,
        "distributed_world_size": here.size,
        "distributed_rank": here.rank,
        "distributed_init_method": "env://",
        "distributed_backend": _backend(backend),
        "distributed_no_spawn": True,
        "device_id": here.local_rank,
    }


def _backend(chosen: str | None) -> str:
    import torch

    return chosen or ("nccl" if torch.cuda.is_available() else "gloo")
