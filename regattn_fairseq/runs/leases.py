"""Locks, so that one process at a time does a piece of work, also on machines that share a disk."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import SoftFileLease, Timeout

from regattn_fairseq.runs.errors import PipelineError

logger = logging.getLogger(__name__)

# The holder of a lock renews it three times in this many seconds. If it does not, other processes
# assume that it died.
LEASE_SECONDS = 90.0


@contextmanager
def lease(path: Path, what: str) -> Iterator[None]:
    """Hold the lock ``path`` in the block. If another process holds it, log that, and wait.

    The lock is a file that is created exclusively, which is safe on NFS as well. If the holder has
    died, this process takes the lock over: at once on the same machine, and from another machine
    (for example after Slurm has moved a job) once it has not been renewed for 90 seconds.

    Args:
        path: the lock file; it exists only while a process holds the lock.
        what: the work, for the message about waiting, such as ``the corpus toy``.

    Raises:
        PipelineError: the lock file cannot be created.
    """
    claim = SoftFileLease(path, lease_duration=LEASE_SECONDS, poll_interval=0.2)
    try:
        claim.acquire(timeout=1)
    except Timeout:
        logger.info("%s: another process is at it; waiting for that one", what)
        claim.acquire()
    except OSError as error:
        raise PipelineError(
            f"cannot write to {path.parent}: {error.strerror or error}; make room there, or choose "
            "another folder"
        ) from error
    try:
        yield
    finally:
        claim.release()
