"""Tasks by name, and what readers of runs know of them."""

import pytest

from regattn_fairseq.pipeline.tasks import TASKS, task_named
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.task_facts import TASK_FACTS


def test_each_task_that_readers_know_can_be_trained():
    assert [task.facts for task in TASKS] == list(TASK_FACTS)
    assert [task_named(facts.name).facts for facts in TASK_FACTS] == list(TASK_FACTS)


def test_another_name_is_refused_with_those_that_there_are():
    with pytest.raises(PipelineError) as caught:
        task_named("translaton")
    assert str(caught.value) == (
        "data.task is 'translaton'; choose translation, summarization, entailment"
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.facts.name)
def test_runs_are_compared_by_a_figure_that_each_sentence_has_too(task):
    lines = ["contradiction", "neutral"]
    scores = task.sentence_scores(lines, ["contradiction"] * 2, signatures={}, lowercase=True)
    assert scores[task.facts.score].tolist() == pytest.approx([100, 0])
