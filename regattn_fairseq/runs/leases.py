"""One process at a time does a piece of work, on one machine or on many that share a folder."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import SoftFileLease, Timeout

from regattn_fairseq.runs.errors import PipelineError

logger = logging.getLogger(__name__)

# A holder renews its claim three times in this many seconds; one that does not is taken for dead.
LEASE_SECONDS = 90.0


@contextmanager
def lease(path: Path, what: str) -> Iterator[None]:
    """Hold ``path`` while the work lasts; wait, and say so, while another process does.

    The lock is a file that is created exclusively, which is safe on NFS as well. The claim of a
    process that died is taken over: at once on the same machine, and from another machine (a job
    that Slurm moved elsewhere) once it has not been renewed for 90 seconds.

    Args:
        path: the lock file; it is there only while it is held.
        what: for the message while waiting, such as ``the corpus toy``.

    Raises:
        PipelineError: the lock cannot be made where it belongs.
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
