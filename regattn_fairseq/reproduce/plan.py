"""Which runs a table or figure is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS
from regattn_fairseq.runs.errors import PipelineError

CORPORA = ("paper", "real", "synthetic")


@dataclass(frozen=True)
class PlannedRun:
    """One model on one corpus.

    Attributes:
        data: the name of the corpus in the table, or of one of its test sets.
        corpus: name of the corpus.
        raw_dir: the key of its folder in the option ``raw_dir``; empty where it has none.
        system: what the table calls the model: its attention normalizer, or a name of its own.
        seed: of the training.
        options: those of ``regattn-run`` that decide what the run is.
        folders: those that say where files lie.
    """

    data: str
    corpus: str
    raw_dir: str
    system: str
    seed: int
    options: tuple[str, ...]
    folders: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.data}, {self.system}, seed {self.seed}"


def check_target(cfg: DictConfig) -> None:
    """Refuse values that are out of range, and set ``cfg.jobs`` where it is ``null``.

    Raises:
        PipelineError: no target is chosen, or an option is out of range.
    """
    if "kind" not in cfg:
        raise PipelineError(
            "name what to make: table=1, table=2, table=bleu, table=family, figure=1 … figure=5 "
            "(--help)"
        )
    if cfg.corpora not in CORPORA:
        raise PipelineError(f"corpora is {cfg.corpora!r}; choose {', '.join(CORPORA)}")
    if not cfg.seeds or not cfg.normalizers:
        raise PipelineError("seeds and normalizers must each name at least one: seeds=[1,2,3]")
    if any(str(option).startswith("seed=") for option in cfg.overrides):
        raise PipelineError("overrides has a seed, which seeds chooses: seeds=[1,2,3]")
    if cfg.jobs is None:
        import torch  # after the checks above, since it takes seconds

        # Trainings that share a GPU gain little, and may want more of its memory than there is.
        cfg.jobs = 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))
    if not isinstance(cfg.jobs, int) or cfg.jobs < 1:
        raise PipelineError(f"jobs is {cfg.jobs!r}; choose how many to train at once: jobs=2")


def plan_runs(cfg: DictConfig) -> list[PlannedRun]:
    """The runs of a target, corpus by corpus; none where no corpus has its task."""
    planned = []
    for entry in cfg.runs[cfg.corpora]:
        folders = [f"cache_dir={cfg.cache_dir}", f"runs_dir={cfg.runs_dir}"]
        key = entry.get("raw_dir", "")
        place = cfg.raw_dir.get(key)
        if place is not None:
            folders.append(f"data.raw_dir={place}")
        systems = entry.get("systems") or {
            normalizer: [f"normalizer={normalizer}"] for normalizer in cfg.normalizers
        }
        for system, chosen in systems.items():
            for seed in cfg.seeds:
                options = (
                    *entry.options,
                    f"data={entry.data}",
                    *chosen,
                    f"seed={seed}",
                    *cfg.overrides,
                )
                planned.append(
                    PlannedRun(
                        data=entry.get("name", entry.data),
                        corpus=entry.data,
                        raw_dir=key,
                        system=system,
                        seed=seed,
                        options=tuple(options),
                        folders=tuple(folders),
                    )
                )
    return planned


@contextmanager
def own_hydra() -> Iterator[None]:
    """Let ``regattn-run``'s configurations be composed while another command of Hydra's runs."""
    command, choices = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    GlobalHydra.instance().clear()
    config.register()
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = command
        HydraConfig.instance().cfg = choices


def compose_run(wanted: PlannedRun) -> DictConfig:
    """The configuration that ``regattn-run`` would compose for a run.

    Raises:
        PipelineError: an option is unknown or has no such value.
    """
    seed = f"seed={wanted.seed}"
    try:
        cfg = deepcopy(_composed(tuple(o for o in wanted.options if o != seed)))
        for folder in wanted.folders:
            option, _, place = folder.partition("=")
            OmegaConf.update(cfg, option, place)
    except (HydraException, OmegaConfBaseException) as error:
        raise PipelineError(_first_line(error)) from error
    cfg.seed = wanted.seed
    return cfg


# Composing takes half a second, and a plan has each system several times: once for each seed.
@lru_cache(maxsize=64)
def _composed(options: tuple[str, ...]) -> DictConfig:
    with own_hydra():
        return compose("run", overrides=list(options))


def resolve_run(wanted: PlannedRun) -> dict[str, Any]:
    """The configuration of a run as its ``result.json`` will have it.

    Raises:
        PipelineError: as :func:`compose_run`.
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
