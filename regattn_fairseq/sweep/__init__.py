"""Many runs by one command: what became of each, and how far they are."""

from regattn_fairseq.sweep.callback import (
    Failure,
    KilledError,
    Score,
    Stopped,
    in_sweep,
    job_name,
    name_job,
    record_failure,
    stopped,
)

__all__ = [
    "Failure",
    "KilledError",
    "Score",
    "Stopped",
    "in_sweep",
    "job_name",
    "name_job",
    "record_failure",
    "stopped",
]
