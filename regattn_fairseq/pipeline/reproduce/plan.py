"""Which runs a table or figure is made of, and where they are or how they come about."""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq.pipeline import config
from regattn_fairseq.pipeline.errors import PipelineError
from regattn_fairseq.pipeline.files import fingerprint
from regattn_fairseq.pipeline.finished import Run, read_run
from regattn_fairseq.pipeline.report import ReportError
from regattn_fairseq.pipeline.train import run_differences

logger = logging.getLogger(__name__)

CORPORA = ("paper", "real", "synthetic")
# These say how to generate, and are compared apart from what a run was trained with.
_EVALUATION = ("generation", "evaluation")


@dataclass(frozen=True)
class PlannedRun:
    """One model on one corpus.

    Attributes:
        data: name of the corpus, or of one of its test sets.
        normalizer: name of the attention normalizer.
        seed: of the training.
        options: what ``regattn-run`` is given, without the folders.
        folders: the options that only say where things lie.
    """

    data: str
    normalizer: str
    seed: int
    options: tuple[str, ...]
    folders: tuple[str, ...]

    def output_dir(self, runs_dir: Path) -> Path:
        """Where the run goes if it must be made.

        The folder's name depends on the options, but for those of the evaluation: another test set
        does not take another training.
        """
        training = {o for o in self.options if not o.startswith(("evaluation.", "generation"))}
        name = f"{self.normalizer}-{fingerprint(sorted(training))}"
        return runs_dir / self.data / name / f"seed{self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a planned run.

    Attributes:
        planned: the run.
        run: its result; None if there is none.
        reason: why there is none, in one line; empty otherwise.
        trained: whether this very call made it.
    """

    planned: PlannedRun
    run: Run | None
    reason: str = ""
    trained: bool = False


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
    return cfg


def plan_runs(cfg: DictConfig) -> list[PlannedRun]:
    """The runs of a target, corpus by corpus; empty where its corpora have none."""
    planned = []
    for entry in cfg.runs[cfg.corpora]:
        folders = [f"cache_dir={cfg.cache_dir}"]
        place = cfg.raw_dir.get(entry.raw_dir) if "raw_dir" in entry else None
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
                name = entry.get("name", entry.data)
                planned.append(PlannedRun(name, normalizer, seed, tuple(options), tuple(folders)))
    return planned


def carry_out(planned: Sequence[PlannedRun], cfg: DictConfig) -> Iterator[Outcome]:
    """Find each planned run, or make it; what cannot be made is an outcome, too.

    A corpus that is missing for one run is missing for its others: these are not tried.
    """
    finished = list(_finished([Path(folder) for folder in (*cfg.reuse, cfg.runs_dir)]))
    unusable: dict[str, str] = {}
    for number, wanted in enumerate(planned, start=1):
        shown = f"{number} of {len(planned)}: {wanted.data}, {wanted.normalizer}, {wanted.seed}"
        if wanted.data in unusable:
            yield Outcome(wanted, None, unusable[wanted.data])
            continue
        try:
            composed = _composed(wanted)
        except PipelineError as error:
            unusable[wanted.data] = str(error)
            yield Outcome(wanted, None, str(error))
            continue
        found = next((run for run in finished if _is(run, composed)), None)
        if found is not None:
            logger.info("%s: reused, %s", shown, found.folder)
            yield Outcome(wanted, found)
            continue
        if not cfg.train:
            yield Outcome(wanted, None, "not trained yet: leave out train=false")
            continue
        logger.info("%s: training", shown)
        outcome = _make(wanted, Path(cfg.runs_dir))
        if outcome.run is None and "data.raw_dir" in outcome.reason:
            unusable[wanted.data] = outcome.reason
        yield outcome


def _make(wanted: PlannedRun, runs_dir: Path) -> Outcome:
    """Run all stages in a process of their own, whose messages pass through."""
    folder = wanted.output_dir(runs_dir)
    command = [
        *(sys.executable, "-c", "from regattn_fairseq.cli import run; run()"),
        *(*wanted.options, *wanted.folders, f"output_dir={folder}"),
    ]
    logger.info("regattn-run %s", shlex.join(command[3:]))
    lines: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            lines.append(line.strip())
    if process.returncode in (130, -2):
        raise KeyboardInterrupt
    if process.returncode != 0:
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        said = [line for line in lines if line]
        return Outcome(wanted, None, (errors or said or ["it ended without a word"])[-1])
    return Outcome(wanted, read_run(folder / "result.json", runs_dir), trained=True)


def _composed(wanted: PlannedRun) -> dict[str, Any]:
    """The whole configuration that the run would be saved with."""
    config.register()
    try:
        with initialize_config_dir(str(config.CONFIGS), version_base="1.3"):
            cfg = compose("run", overrides=[*wanted.options, *wanted.folders])
        with open_dict(cfg):
            # Only output_dir reads how the command was given, which composing does not know.
            cfg.output_dir = None
            cfg.task.data = ""
            if OmegaConf.is_missing(cfg.data, "raw_dir"):
                cfg.data.raw_dir = None
        composed: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise PipelineError(_first_line(error)) from error
    return composed


def _finished(folders: Sequence[Path]) -> Iterator[Run]:
    for path in dict.fromkeys(path for folder in folders for path in folder.rglob("result.json")):
        try:
            yield read_run(path, path.parent)
        except ReportError:
            continue  # another program's, or a later version's


def _is(run: Run, composed: dict[str, Any]) -> bool:
    """Whether a finished run was made with just these options."""
    saved = run.raw.get("config")
    if not isinstance(saved, dict) or not isinstance(saved.get("data"), dict):
        return False
    if saved["data"].get("name") != composed["data"]["name"]:
        return False
    same = all(saved.get(node) == composed[node] for node in _EVALUATION)
    return same and not run_differences(saved, composed)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
