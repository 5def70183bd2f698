"""Which runs a table or figure is made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq.options import config
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import fingerprint

CORPORA = ("paper", "real", "synthetic")


@dataclass(frozen=True)
class PlannedRun:
    """One model on one corpus.

    Attributes:
        data: what the table calls the corpus, or one of its test sets.
        corpus: name of the corpus.
        raw_dir: the key of ``raw_dir`` under which its folder is; empty where it has none.
        normalizer: name of the attention normalizer.
        seed: of the training.
        options: what ``regattn-run`` is given, without the folders.
        folders: the options that only say where things lie.
    """

    data: str
    corpus: str
    raw_dir: str
    normalizer: str
    seed: int
    options: tuple[str, ...]
    folders: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.data}, {self.normalizer}, seed {self.seed}"

    def output_dir(self, runs_dir: Path) -> Path:
        """Where the run goes if it must be made.

        The folder's name depends on the options, but for those of the evaluation: another test set
        does not take another training.
        """
        training = {o for o in self.options if not o.startswith(("evaluation.", "generation"))}
        name = f"{self.normalizer}-{fingerprint(sorted(training))}"
        return runs_dir / self.corpus / name / f"seed{self.seed}"


def load_target(target: str, overrides: Sequence[str]) -> DictConfig:
    """Compose ``configs/reproduce/<target>.yaml`` with the user's options.

    Raises:
        PipelineError: an option is unknown or out of range.
    """
    try:
        with initialize_config_dir(str(config.CONFIGS), version_base="1.3"):
            cfg = compose(f"reproduce/{target}", overrides=list(overrides))
        OmegaConf.resolve(cfg)
    except (HydraException, OmegaConfBaseException) as error:
        raise PipelineError(f"{target}: {_first_line(error)}") from error
    if cfg.corpora not in CORPORA:
        raise PipelineError(f"corpora is {cfg.corpora!r}; choose {', '.join(CORPORA)}")
    if not cfg.seeds or not cfg.normalizers:
        raise PipelineError("seeds and normalizers must each name at least one: seeds=[1,2,3]")
    if cfg.jobs is None:
        # Trainings that share a GPU gain little, and may want more of its memory than there is.
        cfg.jobs = 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))
    if not isinstance(cfg.jobs, int) or cfg.jobs < 1:
        raise PipelineError(f"jobs is {cfg.jobs!r}; choose how many to train at once: jobs=2")
    return cfg


def plan_runs(cfg: DictConfig) -> list[PlannedRun]:
    """The runs of a target, corpus by corpus; empty where its corpora have none."""
    planned = []
    for entry in cfg.runs[cfg.corpora]:
        folders = [f"cache_dir={cfg.cache_dir}"]
        key = entry.get("raw_dir", "")
        place = cfg.raw_dir.get(key)
        if place is not None:
            folders.append(f"data.raw_dir={place}")
        for normalizer in cfg.normalizers:
            for seed in cfg.seeds:
                options = (
                    *entry.options,
                    f"data={entry.data}",
                    f"normalizer={normalizer}",
                    f"seed={seed}",
                    *cfg.overrides,
                )
                planned.append(
                    PlannedRun(
                        data=entry.get("name", entry.data),
                        corpus=entry.data,
                        raw_dir=key,
                        normalizer=normalizer,
                        seed=seed,
                        options=tuple(options),
                        folders=tuple(folders),
                    )
                )
    return planned


def compose_run(wanted: PlannedRun) -> DictConfig:
    """The configuration that ``regattn-run`` would compose for a run.

    Raises:
        PipelineError: an option is unknown or has no such value.
    """
    config.register()
    try:
        with initialize_config_dir(str(config.CONFIGS), version_base="1.3"):
            return compose("run", overrides=[*wanted.options, *wanted.folders])
    except (HydraException, OmegaConfBaseException) as error:
        raise PipelineError(_first_line(error)) from error


def resolve_run(wanted: PlannedRun) -> dict[str, Any]:
    """The same as a finished run has it in its result.

    Raises:
        PipelineError: likewise.
    """
    cfg = compose_run(wanted)
    try:
        with open_dict(cfg):
            cfg.task.data = ""
            if OmegaConf.is_missing(cfg.data, "raw_dir"):
                cfg.data.raw_dir = None
        resolved: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    except OmegaConfBaseException as error:
        raise PipelineError(_first_line(error)) from error
    return resolved


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
