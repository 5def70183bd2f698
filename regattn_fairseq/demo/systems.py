"""Loads finished runs, whose models then write side by side."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from regattn_fairseq.demo.panels import AttentionPanel
from regattn_fairseq.normalizers import normalizer_names
from regattn_fairseq.pipeline.evaluation.heads import head_counts
from regattn_fairseq.pipeline.evaluation.normalizers import trained_options
from regattn_fairseq.pipeline.evaluation.translator import Translator
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.finding import find_runs
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.prepared import data_of_run
from regattn_fairseq.runs.result import Result, reason
from regattn_fairseq.runs.task_facts import TASK_FACTS

logger = logging.getLogger(__name__)

_WRITING = tuple(facts.name for facts in TASK_FACTS if facts.action)
_EXAMPLE_WORDS = range(5, 16)


@dataclass(frozen=True)
class System:
    """One trained model.

    Attributes:
        label: its normalizer, as tables show it.
        translator: writes with the model.
    """

    label: str
    translator: Translator


class Desk:
    """The models of one corpus, which answer a request together.

    Args:
        name: name of the corpus; followed by the model's if the corpus has several models.
        task: ``translation`` or ``summarization``.
        example: the first sentence in the input field.
        systems: the models, one for each normalizer.
    """

    def __init__(self, name: str, task: str, example: str, systems: list[System]) -> None:
        self.name = name
        self.task = task
        self.example = example
        self.systems = systems
        self._lock = threading.Lock()

    @property
    def heads(self) -> dict[str, tuple[int, int]]:
        """Layers and heads of each kind of attention of the first transformer; empty if none is."""
        counts = (head_counts(system.translator.model) for system in self.systems)
        return next((each for each in counts if each), {})

    def write(self, line: str, **options: float) -> list[AttentionPanel]:
        """Write with each model.

        Args:
            line: the source sentence.
            options: values to use instead of the trained ones, such as ``gamma`` and ``lam``.

        Raises:
            ValueError: an option is out of range.
        """
        panels = []
        # Only one request at a time computes, so that no other one changes its options meanwhile.
        with self._lock:
            for system in self.systems:
                trained = trained_options(system.translator.normalizer)
                with system.translator.normalizer_options(**options) as used:
                    hypothesis = system.translator.translate(line)
                panels.append(
                    AttentionPanel(
                        system.translator.normalizer.name,
                        used,
                        trained,
                        system.translator.decode(hypothesis),
                        hypothesis.attention,
                    )
                )
        return panels


def load_desks(root: Path, max_models: int, cache_dir: Path = Path("cache")) -> list[Desk]:
    """Load the runs under a folder. If there are several seeds, only the first is loaded.

    Runs that cannot be shown are left out with a warning.

    Args:
        root: is searched for ``result.json`` files, as by ``regattn-report``.
        max_models: the largest number of models to load.
        cache_dir: where preprocessed data is, if it is not where the run says.

    Raises:
        PipelineError: none could be loaded.
    """
    runs, warnings = find_runs(root)
    blocks: dict[tuple[str, ...], list[tuple[Result, System]]] = {}
    seen = set()
    loaded = 0
    for run in sorted(runs, key=lambda run: (run.block, run.seed or 0)):
        key = (run.task, run.data, run.model)
        if (*key, run.label) in seen:
            continue
        if loaded == max_models:
            warnings.append(f"{run.name}: not loaded, since max_models={max_models}")
            continue
        try:
            translator = _load(run, cache_dir)
        except (PipelineError, OSError) as error:
            warnings.append(f"{run.name}: left out, {reason(error)}")
            continue
        seen.add((*key, run.label))
        loaded += 1
        blocks.setdefault(key, []).append((run, System(run.label, translator)))
    for warning in warnings:
        logger.warning("%s", warning)
    if not blocks:
        raise PipelineError(
            f"no run under {root} can be shown: the warnings say why; name another runs_dir=…"
        )
    several_models = len({(task, data) for task, data, _ in blocks}) < len(blocks)
    return [
        Desk(
            f"{data} ({model})" if several_models else data,
            task,
            _example(members[0][0]),
            [system for _, system in sorted(members, key=lambda member: _order(member[1]))],
        )
        for (task, data, model), members in blocks.items()
    ]


def _load(run: Result, cache_dir: Path) -> Translator:
    if run.task not in _WRITING:
        raise PipelineError(f"its task is {run.task}, and only models that write are shown")
    files = RunFolder(run.folder)
    if not files.config.is_file():
        raise PipelineError("it has no config.yaml: copy the whole folder of the run")
    saved: Any = OmegaConf.load(files.config)
    data = data_of_run(saved, run.folder, cache_dir)
    checkpoint = files.checkpoint(run.config.get("evaluation", {}).get("checkpoint", "best"))
    generation = OmegaConf.create(run.config.get("generation", {}))
    translator = Translator(checkpoint, data, saved, generation)
    assert translator.normalizer  # raises an error if there is none
    return translator


def _order(system: System) -> tuple[int, str]:
    """The order of a report's tables: softmax, the baseline, comes first."""
    return normalizer_names().index(system.translator.normalizer.name), system.label


def _example(run: Result) -> str:
    try:
        lines = run.lines("sources")
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line for line in lines if len(line.split()) in _EXAMPLE_WORDS), lines[0])
