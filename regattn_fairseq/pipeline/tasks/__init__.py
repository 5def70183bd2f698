"""The tasks: one object each, which prepares a corpus, predicts and scores."""

from regattn_fairseq.pipeline.tasks.entailment import Entailment
from regattn_fairseq.pipeline.tasks.protocol import Outputs, Scores, Task, Trial
from regattn_fairseq.pipeline.tasks.summarization import Summarization
from regattn_fairseq.pipeline.tasks.translation import Translation
from regattn_fairseq.runs.task_facts import task_facts

TASKS: tuple[Task, ...] = (Translation(), Summarization(), Entailment())


def task_named(name: str) -> Task:
    """The task that ``data.task`` names.

    Raises:
        PipelineError: there is no such task.
    """
    facts = task_facts(name)
    return next(task for task in TASKS if task.facts is facts)


__all__ = ["TASKS", "Outputs", "Scores", "Task", "Trial", "task_named"]
