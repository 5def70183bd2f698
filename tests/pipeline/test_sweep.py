"""The summary of a sweep, from the records of its jobs."""

import pytest
from hydra import compose, initialize_config_dir

from regattn_fairseq.pipeline import config
from regattn_fairseq.pipeline.config import CONFIGS
from regattn_fairseq.pipeline.sweep import Failure, Progress, Score, _count_jobs

DONE = {"state": "done", "metric": "bleu", "seconds": 120.0}


def test_a_line_says_all():
    records = [
        {**DONE, "name": "a", "score": 20.0},
        {**DONE, "name": "b", "score": 21.5},
        {"state": "failed", "name": "c", "reason": "why", "seconds": 1.0},
        {"state": "running", "name": "d", "seconds": 0.0},
        {"state": "running", "name": "e", "seconds": 0.0},
    ]
    line = Progress(records, total=9).line()
    assert line == (
        "sweep: 2 of 9 done, 2 running, 1 failed; best bleu 21.50 (b); about 5 min left"
    )


def test_jobs_that_were_done_before_say_nothing_of_the_time_left():
    records = [{**DONE, "name": "a", "score": 1.0, "seconds": 0.5}, {"state": "running"}]
    assert Progress(records, total=9).seconds_left() is None


def test_what_a_searching_sweeper_is_told():
    assert float(Score("bleu", 12.5)) == 12.5
    with pytest.raises(TypeError):  # which Optuna's sweeper counts as a failed trial
        float(Failure("why"))


@pytest.mark.parametrize(
    ("overrides", "jobs"),
    [
        (["sweep=normalizers"], 4),
        (["sweep=normalizers", "seed=1,2"], 8),
        (["sweep=normalizers", "normalizer=softmax,fusedmax"], 2),
        (["sweep=seeds"], 5),
        (["sweep=lambda_gamma", "normalizer=fusedmax"], 12),
        (["sweep=learning_curve"], 5),
        (["seed=range(1,4)"], 3),
    ],
)
def test_jobs_are_counted_as_hydra_does(overrides, jobs):
    config.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        groups = [override for override in overrides if override.startswith("sweep=")]
        cfg = compose("run", overrides=groups, return_hydra_config=True)
    cfg.hydra.overrides.task = overrides
    assert _count_jobs(cfg) == jobs
