"""What a training refuses before it begins."""

import logging
import math

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq.declared import normalizer_options
from regattn_fairseq.declared.loss_options import check_loss
from regattn_fairseq.declared.model_options import KINDS, check_normalizer, options_of_kind
from regattn_fairseq.declared.naming import is_idle, option_named, takers
from regattn_fairseq.options import fairseq_options
from regattn_fairseq.pipeline.tasks import TASKS, Task, task_named
from regattn_fairseq.pipeline.training.tracking import check_tracking
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.sweep.callback import in_sweep

logger = logging.getLogger(__name__)


def check_options(cfg: DictConfig) -> None:
    """Refuse options that fairseq would refuse only after minutes, or not at all.

    Args:
        cfg: as composed from ``train.yaml``.

    Raises:
        PipelineError: an option is out of range.
        OmegaConfBaseException: an option is of another kind, such as a fraction for a whole number.
    """
    try:
        check_normalizer(cfg.model)
        check_loss(cfg.model, cfg.criterion._name)
    except OmegaConfBaseException:
        raise  # it is a ValueError too, and the command line says it better
    except ValueError as error:
        raise PipelineError(str(error)) from error
    _refuse_idle_options(cfg)
    _check_task(cfg)
    if cfg.model.get("copy_attn") and not cfg.data.tokenizer.joint:
        raise PipelineError(
            "model.copy_attn=true needs one dictionary for both sides: add "
            "data.tokenizer.joint=true (fairseq-preprocess --joined-dictionary)"
        )
    for name in ("coverage_weight", "alignment_lambda"):
        weight = cfg.criterion.get(name)
        if weight is not None and not 0 <= weight < math.inf:
            raise PipelineError(
                f"criterion.{name} is {weight}; choose 0 or more, such as 1, or leave it out"
            )
    if cfg.criterion.get("alignment_lambda") and not cfg.task.get("load_alignments"):
        raise PipelineError(
            "criterion.alignment_lambda needs links to train attention towards: add "
            "task.load_alignments=true"
        )
    if cfg.training.save_minutes < 0:
        raise PipelineError(
            f"training.save_minutes is {cfg.training.save_minutes}; choose a number of minutes, "
            "or 0 for no checkpoints within an epoch"
        )
    if not 0 < cfg.task.get("train_fraction", 1) <= 1:
        raise PipelineError(
            f"task.train_fraction is {cfg.task.train_fraction}; choose above 0 and at most 1"
        )
    fairseq_options.check_training(cfg)
    check_tracking(cfg)


def check_lengths(
    task: Task, data: PreparedData, split: str, most: int | None, option: str
) -> None:
    """Refuse a limit of a batch that a sentence of a split exceeds.

    Args:
        task: of the corpus.
        data: preprocessed.
        split: of the corpus.
        most: tokens in a batch; None for no limit.
        option: the name of the limit.

    Raises:
        PipelineError: a sentence is too long; the message names its line.
    """
    if most is None:
        return
    lengths = task.lengths(data, split)
    longest = int(lengths.argmax())
    if lengths[longest] > most:
        text = data.text / f"{split}.{task.sides[0]}"
        raise PipelineError(
            f"{option}={most} is less than the {lengths[longest]} tokens of line {longest + 1} of "
            f"{text}: raise it to {lengths[longest]} or more, or lower data.max_length"
        )


def _check_task(cfg: DictConfig) -> None:
    """Refuse options that train another task than the corpus is for."""
    task = task_named(cfg.data.task)
    if cfg.task._name != task.fairseq_task:
        # The experiment that leads to this corpus's task, or away from another's.
        remedies = [("add", task.experiment)] + [
            ("leave out", other.experiment)
            for other in TASKS
            if other.fairseq_task == cfg.task._name
        ]
        for verb, experiment in remedies:
            if experiment is not None:
                raise PipelineError(
                    f"data={cfg.data.name} is for {cfg.data.task}, but the rest of the options "
                    f"are not: {verb} experiment={experiment}"
                )
    if cfg.training.best_metric not in ("loss", task.best_metric):
        raise PipelineError(
            f"training.best_metric is {cfg.training.best_metric!r}; choose loss or "
            f"{task.best_metric}"
        )


def _refuse_idle_options(cfg: DictConfig) -> None:
    """Refuse an option on the command line that the chosen normalizer does not take.

    In a sweep over normalizers, where others take it, a message says that it is left out.
    """
    if not HydraConfig.initialized():
        return
    for override in HydraConfig.get().overrides.task:
        chosen = cfg.normalizer.name
        name = override.partition("=")[0].lstrip("+")
        node, _, key = name.rpartition(".")
        kind = next((each for each in KINDS if node == "model" and key.startswith(each)), None)
        if kind is not None:
            chosen = options_of_kind(cfg.model, kind).attn_normalizer
            key = f"attn{key.removeprefix(kind)}"
        elif not (node == "normalizer" or (node == "model" and key.startswith("attn_"))):
            continue
        if not is_idle(key, chosen):
            continue
        others = ", ".join(takers(str(option_named(key))))
        group = "normalizer." if kind is None else f"model.{kind}_"
        taken = ", ".join(f"{group}{option}" for option in normalizer_options(chosen))
        message = f"{name} is an option of {others}, but not of {chosen}, which takes {taken}"
        if not in_sweep():
            raise PipelineError(message)
        logger.info("%s; left out in this job", message)
