"""How far many runs are, and how long the rest of them will take."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Seconds. A shorter job found its work done or failed at once, so it says nothing about others.
_SHORTEST = 10.0
# A job that runs for longer than expected is assumed to need this share of its time more.
_OVERDUE = 0.2
# The ridge penalty: as much evidence as this many jobs that an option does not change the cost.
_RIDGE = 0.05


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Args:
        records: of each job that was started, by its place among all: ``state`` (``running``,
            ``done`` or ``failed``), ``name``, ``began`` (seconds since 1970), and of those that
            have ended ``seconds``, ``metric`` and ``score``.
        jobs: the options of each job, in the order in which they are started; ``None`` if the
            number of jobs is unknown.
        now: seconds since 1970.
        at_once: how many jobs run at the same time; ``None`` for as many as run now.
    """

    records: Mapping[int, dict[str, Any]]
    jobs: Sequence[Sequence[str]] | None
    now: float
    at_once: int | None = None

    def state(self, name: str) -> list[dict[str, Any]]:
        """The records of the jobs that are ``running``, ``done`` or ``failed``."""
        return [record for record in self.records.values() if record["state"] == name]

    @property
    def ended(self) -> int:
        """How many jobs are done or have failed."""
        return len(self.records) - len(self.state("running"))

    @property
    def is_settled(self) -> bool:
        """Whether as many jobs run as can. Right after one has ended, the next has yet to begin."""
        if self.at_once is None or self.jobs is None:
            return False
        return len(self.state("running")) >= min(self.at_once, len(self.jobs) - self.ended)

    def line(self) -> str:
        """One line for the terminal.

        >>> done = {"state": "done", "began": 0.0, "seconds": 72.0}
        >>> running = {"state": "running", "began": 72.0}
        >>> Progress({0: done, 1: running}, [[]] * 4, now=108.0, at_once=1).line()
        'sweep: 1 of 4 done, 1 running, 0 failed; about 3 min left'
        """
        counts = {name: len(self.state(name)) for name in ("done", "running", "failed")}
        total = "" if self.jobs is None else f" of {len(self.jobs)}"
        parts = [
            f"sweep: {counts['done']}{total} done, {counts['running']} running, "
            f"{counts['failed']} failed"
        ]
        scored = [record for record in self.state("done") if "score" in record]
        for metric in dict.fromkeys(record["metric"] for record in scored):
            best = max(
                (record for record in scored if record["metric"] == metric),
                key=lambda record: float(record["score"]),
            )
            parts.append(f"best {metric} {best['score']:.2f} ({best['name']})")
        left = self.seconds_left()
        if left is not None:
            parts.append(f"about {max(1, round(left / 60))} min left")
        return "; ".join(parts)

    def seconds_left(self) -> float | None:
        """Seconds until all jobs have ended; ``None`` before the first has, or if nothing is left.

        The estimate gives the waiting jobs, in their order, to the place that is free first.
        """
        worked = {
            job: record["seconds"]
            for job, record in self.records.items()
            if record["state"] == "done" and record["seconds"] > _SHORTEST
        }
        if self.jobs is None or not worked or self.ended >= len(self.jobs):
            return None
        elapsed = {
            job: self.now - record["began"]
            for job, record in self.records.items()
            if record["state"] == "running"
        }
        costs = _expected_costs(self.jobs, worked, elapsed)
        # When each place becomes free.
        free = [costs[job] - since for job, since in elapsed.items()]
        at_once = self.at_once or len(free) or 1
        free += [0.0] * (at_once - len(free))
        heapq.heapify(free)
        end = max(free)
        for job in range(len(self.jobs)):
            if job not in self.records:
                until = heapq.heappop(free) + costs[job]
                end = max(end, until)
                heapq.heappush(free, until)
        return end


def _expected_costs(
    jobs: Sequence[Sequence[str]], worked: Mapping[int, float], elapsed: Mapping[int, float]
) -> list[float]:
    """Seconds that each job takes, from what those took that share its options.

    Each option multiplies the cost by a factor of its own, which ridge regression finds from the
    costs' logarithms. A job that still runs counts as well, once it runs for longer than expected.

    Args:
        jobs: the options of each job.
        worked: seconds of each job that has ended, by its number.
        elapsed: seconds since each running job began, by its number.
    """
    options = sorted({option for job in jobs for option in job})
    has = np.array([[option in job for option in options] for job in jobs], dtype=float)
    has = has.reshape(len(jobs), len(options))
    seen = dict(worked)
    for _ in range(2):
        places = list(seen)
        logs = np.log([seen[job] for job in places])
        rows = has[places]
        gram = rows.T @ rows + _RIDGE * np.eye(len(options))
        factors = np.linalg.solve(gram, rows.T @ (logs - logs.mean()))
        costs = np.exp(logs.mean() + has @ factors)
        late = {job: since for job, since in elapsed.items() if since > costs[job]}
        if not late:
            break
        seen |= {job: since * (1 + _OVERDUE) for job, since in late.items()}
    return [
        (1 + _OVERDUE) * since if (since := elapsed.get(job, 0.0)) > cost else float(cost)
        for job, cost in enumerate(costs)
    ]
