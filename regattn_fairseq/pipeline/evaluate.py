"""From a checkpoint to hypotheses, attention weights, and ``result.json``."""

import datetime
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.declared import normalizer_options
from regattn_fairseq.metrics import (
    AttentionRecord,
    head_statistics,
    save_attention,
    save_copying,
)
from regattn_fairseq.options.fairseq_options import check_generation
from regattn_fairseq.pipeline.evaluation import provenance
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment, reference_alignment
from regattn_fairseq.pipeline.evaluation.kept import earlier_result, read_texts, write_result
from regattn_fairseq.pipeline.evaluation.measures import (
    Texts,
    is_measured,
    measure,
    reference_attention_file,
)
from regattn_fairseq.pipeline.evaluation.options import evaluation_key, evaluation_options
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.pipeline.tasks import Task, Trial, task_named
from regattn_fairseq.pipeline.training.summary import training_summary
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import clear_write_errors, read_json, read_lines, write_lines
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import run_directory
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData, data_of_run
from regattn_fairseq.runs.result import Result
from regattn_fairseq.runs.task_facts import task_facts
from regattn_fairseq.sweep.callback import Score, name_job

logger = logging.getLogger(__name__)


def evaluate(cfg: DictConfig) -> RunFolder:
    """Evaluate the run in ``output_dir``, or the run that the options of training describe.

    `evaluate_run` does the work.

    Args:
        cfg: as composed from ``evaluate.yaml``.

    Raises:
        PipelineError: the training has not ended, an option is wrong, or `evaluate_run` fails.
    """
    check_generation(cfg)
    named = None if cfg.output_dir is None else Path(cfg.output_dir)
    run = RunFolder(named or run_directory(cfg, prepared_data(cfg)))
    name_job(run.directory)
    training_summary(run)
    saved = OmegaConf.load(run.config)
    data = data_of_run(saved, run.directory, Path(cfg.cache_dir))
    if task_named(saved.data.task).is_aligned:
        check_alignment(cfg.alignment, data, cfg.evaluation.split)
    evaluate_run(run, data, cfg)
    return run


def evaluate_run(run: RunFolder, data: PreparedData, cfg: DictConfig) -> None:
    """Generate a split with the run's checkpoint, score it, and write ``result.json``.

    The configuration that the run saved describes the model; ``cfg`` describes the evaluation. A
    run that has a result of the same evaluation keeps it. If only figures of its attention are
    missing, they are computed from the files of the run.

    Args:
        run: with a finished training.
        data: what the run was trained on.
        cfg: as composed from ``evaluate.yaml``; its options were checked.

    Raises:
        PipelineError: there is no such split, or the checkpoint is missing or damaged.
    """
    with lease(run.lock, f"the run in {run.directory}"):
        saved = OmegaConf.load(run.config)
        task = task_named(saved.data.task)
        trial = _trial(run, saved, data, cfg)
        alignment = None
        if task.is_aligned:
            alignment = reference_alignment(
                cfg.alignment, data, trial.split, lowercase=bool(saved.data.lowercase)
            )
        config: dict[str, Any] = {**_plain(saved), **evaluation_options(cfg)}
        # Figures that an alignment gave stay where none is given.
        if alignment is not None:
            config["alignment"] = _plain(cfg.alignment)

        key = evaluation_key(cfg, saved)
        result = earlier_result(run, trial.split, key)
        if result is not None and is_measured(result, alignment):
            logger.info("evaluated already: %s", run.result)
            # Since then an evaluation of another split may have replaced the run's last result, and
            # the alignment's file may have moved.
            if alignment is not None:
                result = replace(result, config={**result.config, "alignment": config["alignment"]})
            write_result(result, run, only_if_changed=True)
            return
        texts = None if result is None else read_texts(result)
        if result is None or texts is None:
            result, texts = _decode(task, trial, run, key)
        else:
            logger.info("decoded already; measuring the attention: %s", run.directory)

        with clear_write_errors(run.directory, "output_dir"):
            measured = measure(
                texts,
                scores=task.sentence_scores(
                    texts.hypotheses,
                    texts.references,
                    signatures=result.signatures,
                    lowercase=bool(saved.data.lowercase),
                ),
                trained_on=data.text / f"train.{task.answers}" if task.facts.action else None,
                lowercase=bool(saved.data.lowercase),
                directory=run.directory,
                split=trial.split,
                data=data,
                alignment=alignment,
                attend=lambda: _attend(trial),
            )
            files = {**result.files, **measured.pop("files")}
            result = replace(result, **measured, files=files, config=config)
            write_result(result, run)
        shown = "  ".join(f"{name} {value:.2f}" for name, value in result.metrics.items())
        logger.info("%s: %s", run.result, shown)


def score(run: RunFolder) -> Score:
    """The figure by which a sweep compares runs, such as BLEU. More is better."""
    result = Result.from_content(read_json(run.result), run.directory, run.directory.name)
    metric = task_facts(result.task).score
    return Score(metric, float(result.metrics[metric]))


def _trial(run: RunFolder, saved: Any, data: PreparedData, cfg: DictConfig) -> Trial:
    """The checkpoint and the split that the options name.

    Raises:
        PipelineError: there is no such split or no such checkpoint.
    """
    data.fairseq_subset(cfg.evaluation.split)
    checkpoint = run.checkpoint(cfg.evaluation.checkpoint)
    if not checkpoint.is_file():
        there = sorted(path.stem.partition("_")[2] for path in run.checkpoints.glob("*_*.pt"))
        raise PipelineError(
            f"evaluation.checkpoint is {cfg.evaluation.checkpoint!r}, but {run.checkpoints} has "
            f"only {', '.join(there) or 'none'}"
        )
    return Trial(checkpoint, saved, data, cfg.evaluation.split, cfg.generation, cfg.evaluation)


def _plain(node: Any) -> dict[str, Any]:
    found: Any = OmegaConf.to_container(node)
    return found


def _decode(task: Task, trial: Trial, run: RunFolder, key: str) -> tuple[Result, Texts]:
    """Make the outputs, score them, and write them into the run's folder."""
    saved, data, split = trial.saved, trial.data, trial.split
    started = time.monotonic()
    outputs = task.predict(trial)
    references = list(read_lines(data.text / f"{split}.{task.answers}"))
    scores = task.score(outputs.lines, references, trial)
    wall = time.monotonic() - started
    copied = {kind: f"{split}.{ending}" for kind, ending in task.files(trial).items()}
    result = Result(
        folder=run.directory,
        name=run.directory.name,
        task=saved.data.task,
        data=saved.data.name,
        model=saved.model._name,
        normalizer=_normalizer(saved),
        seed=saved.seed,
        split=split,
        metrics=scores.metrics,
        signatures=scores.signatures,
        confusion=scores.confusion,
        evaluation={
            "wall_s": wall,
            **{f"{name}_per_s": count / wall for name, count in outputs.counts.items()},
            "sentences": len(outputs.lines),
            **outputs.search,
        },
        lowercase=saved.data.lowercase,
        versions=provenance.versions(),
        git_revision=provenance.git_revision(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        machine=provenance.machine(),
        key=key,
        training=training_summary(run),
        heads={
            kind: {**figures, **outputs.learned.get(kind, {})}
            for kind, figures in head_statistics(outputs.records).items()
        },
        files={
            **copied,
            "hypotheses": f"{split}.hyp",
            "references": f"{split}.ref",
            "attention": f"{split}.attention.npz",
            **({"copying": f"{split}.copying.npz"} if outputs.copies else {}),
        },
    )
    with clear_write_errors(run.directory, "output_dir"):
        for name in copied.values():
            write_lines(run.directory / name, read_lines(data.text / name))
        write_lines(result.path("hypotheses"), outputs.lines)
        write_lines(result.path("references"), references)
        save_attention(result.path("attention"), outputs.records)
        if outputs.copies:
            save_copying(result.path("copying"), outputs.copies)
        (run.directory / reference_attention_file(split)).unlink(missing_ok=True)
    sources = list(read_lines(result.path("sources")))
    return result, Texts(sources, outputs.lines, references, outputs.records, outputs.copies)


def _attend(trial: Trial) -> list[AttentionRecord]:
    """The attention while the model is made to write the references."""
    from regattn_fairseq.pipeline.evaluation.forced_attention import attend_to_references

    return attend_to_references(
        trial.checkpoint, trial.data, trial.subset, trial.evaluation.max_tokens
    )


def _normalizer(saved: Any) -> dict[str, Any]:
    """The normalizer's name, the options that it takes, and which of them it learned."""
    chosen = saved.normalizer
    taken = normalizer_options(chosen.name)
    learned = {f"learn_{option}" for option in taken if chosen.get(f"learn_{option}")}
    return {key: chosen[key] for key in chosen if key == "name" or key in {*taken, *learned}}
