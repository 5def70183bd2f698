"""How far many runs are, on timelines whose end is known."""

import heapq
import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from regattn_fairseq.sweep.progress import Progress

DONE = {"state": "done", "metric": "bleu", "began": 0.0, "seconds": 120.0}
RUNNING = {"state": "running", "began": 120.0}

# An estimate is off by no more than this share of the truth, or by half a minute.
ERROR = 0.25


def is_close(estimate: float, truth: float) -> bool:
    """Both in minutes."""
    return abs(estimate - truth) <= max(ERROR * truth, 0.5)


class Timeline:
    """Jobs done one after the other by so many processes, which take some seconds between two."""

    def __init__(self, seconds: Sequence[float], at_once: int) -> None:
        free = [0.0] * at_once
        self.spans = []
        for each in seconds:
            began = heapq.heappop(free) + 2
            self.spans.append((began, began + each))
            heapq.heappush(free, began + each)
        self.ends = sorted(end for _, end in self.spans)

    def records(self, now: float) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for job, (began, end) in enumerate(self.spans):
            if end <= now:
                found[job] = {**DONE, "name": str(job), "score": 1.0, "seconds": end - began}
            elif began <= now:
                found[job] = {"state": "running", "name": str(job), "began": began}
        return found


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_the_time_left_is_that_of_jobs_of_different_cost(at_once):
    draw = random.Random(at_once)
    corpora = {"data=translation": 70.0, "data=headlines": 110.0}
    normalizers = {"softmax": 1.0, "sparsemax": 1.05, "fusedmax": 1.2, "oscarmax": 1.25}
    seeds = ("seed=1", "seed=2")
    jobs = list(itertools.product(seeds, [f"normalizer={name}" for name in normalizers], corpora))
    seconds = [
        corpora[corpus] * normalizers[name.removeprefix("normalizer=")] * draw.uniform(0.95, 1.05)
        for _, name, corpus in jobs
    ]
    timeline = Timeline(seconds, at_once)
    estimated = 0
    for end in timeline.ends[:-1]:
        now = end + 3
        progress = Progress(timeline.records(now), jobs, now, at_once)
        if len({jobs[job][2] for job in progress.records if now > timeline.spans[job][1]}) < 2:
            continue  # nothing can be known of a corpus that no job has done yet
        left = progress.seconds_left()
        assert left is not None
        assert is_close(left / 60, (timeline.ends[-1] - now) / 60), (left, timeline.ends[-1] - now)
        assert progress.is_settled
        estimated += 1
    assert estimated >= 13


@pytest.mark.parametrize(("printed", "truth"), [(11, 4.4), (10, 4.1), (8, 2.5), (6, 2.3), (4, 1.2)])
def test_what_was_once_printed_is_not_close(printed, truth):
    assert not is_close(printed, truth)


def test_a_job_that_runs_is_as_far_as_its_start_says():
    jobs = [("seed=1",), ("seed=2",)]
    records = {0: DONE, 1: RUNNING}
    assert Progress(records, jobs, now=220.0, at_once=1).seconds_left() == pytest.approx(20)
    # It takes longer than the first did: some more time is all that can be said.
    assert Progress(records, jobs, now=320.0, at_once=1).seconds_left() == pytest.approx(38, abs=3)


def test_a_place_that_is_free_for_a_moment_is_not_lost():
    jobs = [(f"seed={seed}",) for seed in range(5)]
    records = {0: DONE, 1: {"state": "running", "began": 0.0}}
    progress = Progress(records, jobs, now=60.0, at_once=2)
    assert not progress.is_settled
    assert progress.seconds_left() == pytest.approx(2 * 120)
    records[2] = {"state": "running", "began": 60.0}
    assert Progress(records, jobs, now=60.0, at_once=2).is_settled


def test_a_line_says_all():
    records = {
        0: {**DONE, "name": "a", "score": 20.0},
        1: {**DONE, "name": "b", "score": 21.5},
        2: {"state": "failed", "name": "c", "reason": "why", "began": 0.0, "seconds": 1.0},
        3: {"state": "running", "name": "d", "began": 120.0},
        4: {"state": "running", "name": "e", "began": 120.0},
    }
    line = Progress(records, [()] * 9, now=180.0).line()
    assert line == (
        "sweep: 2 of 9 done, 2 running, 1 failed; best bleu 21.50 (b); about 5 min left"
    )
    assert Progress(records, None, now=180.0).line().startswith("sweep: 2 done, 2 running")


def test_jobs_that_were_done_before_say_nothing_of_the_time_left():
    records = {0: {**DONE, "name": "a", "score": 1.0, "seconds": 0.5}, 1: RUNNING}
    assert Progress(records, [()] * 9, now=130.0).seconds_left() is None
