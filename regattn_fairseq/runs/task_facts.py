"""Facts about the tasks that a corpus can be for. They need no model."""

from dataclasses import dataclass

from regattn_fairseq.runs.errors import PipelineError


@dataclass(frozen=True)
class TaskFacts:
    """The facts about a task that programs need to read its runs.

    Attributes:
        name: as in ``data.task``.
        score: the figure by which runs are compared; more is better.
        action: label of the button that makes a model write; empty for tasks without text output.
    """

    name: str
    score: str
    action: str = ""


TRANSLATION = TaskFacts("translation", score="bleu", action="Translate")
SUMMARIZATION = TaskFacts("summarization", score="rougeL", action="Write a headline")
ENTAILMENT = TaskFacts("entailment", score="accuracy")

TASK_FACTS = (TRANSLATION, SUMMARIZATION, ENTAILMENT)
"""All tasks, in the order in which tables show them."""


def task_facts(name: str) -> TaskFacts:
    """The facts about the task of this name.

    Raises:
        PipelineError: there is no such task.
    """
    for facts in TASK_FACTS:
        if facts.name == name:
            return facts
    known = ", ".join(facts.name for facts in TASK_FACTS)
    raise PipelineError(f"data.task is {name!r}; choose {known}")
