"""What a task is to the stages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from omegaconf import DictConfig

from regattn_fairseq.metrics import AttentionRecord, CopyRecord
from regattn_fairseq.pipeline.preprocessing.request import Request
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.task_facts import TaskFacts


@dataclass(frozen=True)
class Trial:
    """A trained model, and the split that it is evaluated on.

    Attributes:
        checkpoint: of the model.
        saved: the configuration that the run saved.
        data: the preprocessed corpus that the model was trained on.
        split: which part of the corpus it is.
        generation: fairseq's options of the search, such as ``beam``.
        evaluation: the node ``evaluation``, such as ``max_tokens`` in a batch.
    """

    checkpoint: Path
    saved: Any
    data: PreparedData
    split: str
    generation: DictConfig
    evaluation: DictConfig

    @property
    def subset(self) -> str:
        """Fairseq's name of the split."""
        return self.data.fairseq_subset(self.split)


@dataclass(frozen=True)
class Outputs:
    """What a model makes of a split.

    Attributes:
        lines: texts or labels, one an example.
        records: the attention of each.
        counts: what the model made, by the names under which ``result.json`` gives the speed.
        learned: of a transformer, what its heads have learned: by kind and option [layer][head].
        copies: where the words of each text come from; None if the model cannot copy.
        search: figures of the search; none if every word has a probability.
    """

    lines: list[str]
    records: list[AttentionRecord]
    counts: dict[str, int]
    learned: dict[str, dict[str, Any]] = field(default_factory=dict)
    copies: list[CopyRecord] | None = None
    search: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """How good the outputs are.

    Attributes:
        metrics: the figures, in points.
        signatures: how each figure was computed.
        confusion: which labels the model takes for which; empty where there are no labels.
    """

    metrics: dict[str, float]
    signatures: dict[str, str] = field(default_factory=dict)
    confusion: dict[str, Any] = field(default_factory=dict)


class Task(Protocol):
    """What a model is trained to do.

    Attributes:
        facts: its name, and what readers of runs know about it.
        sides: endings of the two text files that the model is trained on.
        answers: ending of the file that says what the model should put out.
        fairseq_task: the name of fairseq's task that trains the model.
        best_metric: what ``training.best_metric`` may be besides ``loss``.
        experiment: the ``experiment=`` that sets all options for this task; None where the default
            options do.
        is_aligned: whether words of one side correspond to words of the other, so that attention
            can be compared with a word alignment.
    """

    facts: TaskFacts
    sides: tuple[str, str]
    answers: str
    fairseq_task: str
    best_metric: str
    experiment: str | None
    is_aligned: bool

    def prepare(self, request: Request, data: PreparedData) -> dict[str, str]:
        """Write the corpus, its tokenizers and the data-bin into a folder.

        Args:
            request: the options and the corpus.
            data: the folder. It exists, and it is empty.

        Returns:
            fairseq's name of each split.
        """

    def lengths(self, data: PreparedData, split: str) -> np.ndarray:
        """Tokens of each example as fairseq counts them for a batch: int [examples]."""

    def predict(self, trial: Trial) -> Outputs:
        """Have the model put out something for each example of the split, in its order.

        Raises:
            PipelineError: the checkpoint cannot be read, or it belongs to another data-bin.
        """

    def files(self, trial: Trial) -> dict[str, str]:
        """Endings of the corpus's files that belong to the run, by the names that it gives them."""

    def score(self, lines: Sequence[str], references: Sequence[str], trial: Trial) -> Scores:
        """Compare the outputs of the split with what they should be.

        Args:
            lines: of the outputs.
            references: as many lines of the file ``answers``.
            trial: says how to score.
        """

    def sentence_scores(
        self,
        lines: Sequence[str],
        references: Sequence[str],
        *,
        signatures: dict[str, str],
        lowercase: bool,
    ) -> dict[str, np.ndarray]:
        """Scores of single examples, each [examples], in points.

        Args:
            lines: of the outputs.
            references: what they should be.
            signatures: how `score` computed its figures.
            lowercase: whether case counts for nothing.
        """
