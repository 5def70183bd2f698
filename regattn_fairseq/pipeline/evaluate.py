"""From a checkpoint to hypotheses, attention weights, and ``result.json``."""

import datetime
import importlib.metadata
import logging
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.corpora import further_references
from regattn_fairseq.corpora.entailment import LABELS
from regattn_fairseq.metrics import (
    AttentionFileError,
    AttentionRecord,
    bleu_tokenizer,
    load_attention,
    save_attention,
    score_labels,
    score_translation,
)
from regattn_fairseq.metrics.bleu import DEFAULT_TOKENIZER
from regattn_fairseq.metrics.rouge import is_stemmed, score_summaries
from regattn_fairseq.metrics.rouge_published import published_rouge
from regattn_fairseq.options.fairseq_options import check_generation
from regattn_fairseq.pipeline import entailment
from regattn_fairseq.pipeline.evaluation.alignments import check_alignment, reference_alignment
from regattn_fairseq.pipeline.evaluation.forced_attention import attend_to_references
from regattn_fairseq.pipeline.evaluation.measures import (
    Texts,
    is_measured,
    measure,
    reference_attention_file,
)
from regattn_fairseq.pipeline.evaluation.translator import Translator
from regattn_fairseq.pipeline.preprocess import prepared_data
from regattn_fairseq.pipeline.train import training_summary
from regattn_fairseq.pipeline.training.checkpoints import load_checkpoint
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
    write_lines,
)
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.identity import run_directory
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData, data_of_run
from regattn_fairseq.sweep.callback import Score, name_job

logger = logging.getLogger(__name__)

RESULT_FORMAT = 1
TASKS = ("translation", "summarization", "entailment")


@dataclass(frozen=True)
class Output:
    """What a run makes of a split.

    Attributes:
        lines: texts or labels, one an example.
        references: what they should have been.
        records: the attention of each.
        metrics: the quality of the lines.
        signatures: how that was computed.
        texts: suffixes of the corpus's files that belong to the run, by what they are to it.
        figures: speed, as far as it means something for the task.
        extra: further keys of ``result.json``.
    """

    lines: list[str]
    references: list[str]
    records: list[AttentionRecord]
    metrics: dict[str, float]
    signatures: dict[str, str]
    texts: dict[str, str]
    figures: dict[str, float]
    extra: dict[str, Any]


def evaluate(cfg: DictConfig, run: RunFolder | None = None) -> RunFolder:
    """Generate a split with the run's checkpoint, score it, and write ``result.json``.

    The run's own saved configuration says what data and model it is about; ``cfg`` only says how
    to generate. A run that was evaluated in the same way already is left as it is; where only
    figures of its attention are missing, they are made from its files.

    Args:
        cfg: as composed from ``evaluate.yaml``.
        run: the run; None: the one in ``output_dir``, or that the options of training mean.

    Raises:
        PipelineError: no finished training, a damaged checkpoint, bad options.
    """
    check_generation(cfg)
    if run is None:
        named = None if cfg.output_dir is None else Path(cfg.output_dir)
        run = RunFolder(named or run_directory(cfg, prepared_data(cfg)))
    name_job(run.directory)
    training_summary(run)
    with lease(run.lock, f"the run in {run.directory}"):
        _evaluate(cfg, run)
    return run


def _evaluate(cfg: DictConfig, run: RunFolder) -> None:
    training = training_summary(run)
    saved = OmegaConf.load(run.config)
    if saved.data.task not in TASKS:
        raise PipelineError(f"data.task is {saved.data.task!r}; choose {', '.join(TASKS)}")
    data = data_of_run(saved, run.directory, Path(cfg.cache_dir))
    subset = data.fairseq_subset(cfg.evaluation.split)
    checkpoint = run.checkpoint(cfg.evaluation.checkpoint)
    if not checkpoint.is_file():
        there = sorted(path.stem.partition("_")[2] for path in run.checkpoints.glob("*_*.pt"))
        raise PipelineError(
            f"evaluation.checkpoint is {cfg.evaluation.checkpoint!r}, but {run.checkpoints} has "
            f"only {', '.join(there) or 'none'}"
        )
    how = {
        "generation": OmegaConf.to_container(cfg.generation, resolve=True, enum_to_str=True),
        # What is not set leaves results as they were that know no such option.
        "evaluation": {name: x for name, x in cfg.evaluation.items() if x is not None},
    }
    tokenizer = bleu_tokenizer_of(saved.data, cfg.evaluation)
    special = [] if tokenizer == DEFAULT_TOKENIZER else [tokenizer]
    key = fingerprint([RESULT_FORMAT, how, *special])
    split = cfg.evaluation.split
    alignment = None
    if saved.data.task != "entailment":
        check_alignment(cfg.alignment, data, split)
        alignment = reference_alignment(
            cfg.alignment, data, split, lowercase=bool(saved.data.lowercase)
        )
    # Figures that an alignment gave stay where none is given.
    compared = {} if alignment is None else {"alignment": OmegaConf.to_container(cfg.alignment)}
    config = {**OmegaConf.to_container(saved), **how, **compared}  # type: ignore[dict-item]
    result, texts = _finished(run, split, key)
    if result is not None and is_measured(result, alignment):
        logger.info("evaluated already: %s", run.result)
        # Another split may have been evaluated since, and the alignment's file moved.
        kept = result | {"config": result["config"] | compared}
        for path in (run.result_of(split), run.result):
            if not path.is_file() or read_json(path) != kept:
                write_json(path, kept)
        return
    if result is None or texts is None:
        result, texts = _decoded(cfg, saved, checkpoint, data, subset, run)
        result |= {"key": key, "training": training}
    else:
        logger.info("decoded already; measuring the attention: %s", run.directory)
    with clear_write_errors(run.directory, "output_dir"):
        measured = measure(
            texts,
            task=saved.data.task,
            lowercase=bool(saved.data.lowercase),
            signatures=result["signatures"],
            directory=run.directory,
            split=split,
            data=data,
            alignment=alignment,
            attend=lambda: attend_to_references(
                checkpoint, data, subset, cfg.evaluation.max_tokens
            ),
        )
        files = {**result.pop("files"), **measured.pop("files")}
        result.pop("alignment", None)
        result = {**result, **measured, "files": files, "config": config}
        write_json(run.result_of(split), result)
        write_json(run.result, result)
    shown = "  ".join(f"{name} {value:.2f}" for name, value in result["metrics"].items())
    logger.info("%s: %s", run.result, shown)


def _finished(run: RunFolder, split: str, key: str) -> tuple[dict[str, Any] | None, Texts | None]:
    """The result of an earlier evaluation in the same way, and its files where all can be read."""
    results = (read_json(path) for path in (run.result, run.result_of(split)) if path.is_file())
    result = next((result for result in results if result.get("key") == key), None)
    if result is None:
        return None, None
    try:
        paths = {kind: run.directory / name for kind, name in result["files"].items()}
        texts = Texts(
            sources=list(read_lines(paths["sources"])),
            hypotheses=list(read_lines(paths["hypotheses"])),
            references=list(read_lines(paths["references"])),
            records=load_attention(paths["attention"]),
        )
    except (OSError, KeyError, UnicodeDecodeError, AttentionFileError):
        return result, None
    return result, texts


def _decoded(
    cfg: DictConfig,
    saved: Any,
    checkpoint: Path,
    data: PreparedData,
    subset: str,
    run: RunFolder,
) -> tuple[dict[str, Any], Texts]:
    """Make the output, write it beside the run, and say what it is."""
    split = cfg.evaluation.split
    started = time.monotonic()
    make = _label if saved.data.task == "entailment" else _write
    output = make(cfg, saved, checkpoint, data, subset)
    wall = time.monotonic() - started
    files = {
        **{kind: f"{split}.{suffix}" for kind, suffix in output.texts.items()},
        "hypotheses": f"{split}.hyp",
        "references": f"{split}.ref",
        "attention": f"{split}.attention.npz",
    }
    result = {
        "format": RESULT_FORMAT,
        "task": saved.data.task,
        "data": saved.data.name,
        "model": saved.model._name,
        "normalizer": _normalizer(saved),
        "seed": saved.seed,
        "split": split,
        "metrics": output.metrics,
        "signatures": output.signatures,
        **output.extra,
        "evaluation": {
            "wall_s": wall,
            **{f"{figure}_per_s": count / wall for figure, count in output.figures.items()},
            "sentences": len(output.lines),
        },
        "lowercase": saved.data.lowercase,
        "versions": _versions(),
        "git_revision": _git_revision(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "files": files,
    }
    with clear_write_errors(run.directory, "output_dir"):
        for kind in output.texts:
            write_lines(run.directory / files[kind], read_lines(data.text / files[kind]))
        write_lines(run.directory / files["hypotheses"], output.lines)
        write_lines(run.directory / files["references"], output.references)
        save_attention(run.directory / files["attention"], output.records)
        (run.directory / reference_attention_file(split)).unlink(missing_ok=True)
    sources = list(read_lines(run.directory / files["sources"]))
    return result, Texts(sources, output.lines, output.references, output.records)


# What runs of a task are compared by; more is better.
_SCORES = ("bleu", "rougeL", "accuracy")


def score(run: RunFolder) -> Score:
    """The figure by which a sweep calls one run better than another: BLEU, or ROUGE-L."""
    metrics = read_json(run.result)["metrics"]
    metric = next((name for name in _SCORES if name in metrics), next(iter(metrics)))
    return Score(metric, float(metrics[metric]))


def _write(
    cfg: DictConfig, saved: Any, checkpoint: Path, data: PreparedData, subset: str
) -> Output:
    """Translate or summarize."""
    translator = Translator(checkpoint, data, saved, cfg.generation)
    translator.task.load_dataset(subset)
    hypotheses = translator.generate(translator.task.dataset(subset), cfg.evaluation.max_tokens)
    lines = [translator.decode(hypothesis) for hypothesis in hypotheses]
    references = list(read_lines(data.text / f"{cfg.evaluation.split}.tgt"))
    metrics, signatures = _score(cfg, saved, lines, references, data)
    further = further_references(data.text, cfg.evaluation.split)
    return Output(
        lines,
        references,
        records=[hypothesis.attention for hypothesis in hypotheses],
        metrics=metrics,
        signatures=signatures,
        texts={"sources": "src"} | {path.suffix[1:]: path.suffix[1:] for path in further},
        figures={"target_tokens": sum(len(hypothesis.tokens) + 1 for hypothesis in hypotheses)},
        extra={},
    )


def _label(
    cfg: DictConfig, saved: Any, checkpoint: Path, data: PreparedData, subset: str
) -> Output:
    """Say how each hypothesis relates to its premise."""
    entailment.require_vocabulary(load_checkpoint(checkpoint)["model"], checkpoint, data)
    predictions = entailment.classify(checkpoint, data, subset, cfg.evaluation.max_tokens)
    labels = [prediction.label for prediction in predictions]
    gold = list(read_lines(data.text / f"{cfg.evaluation.split}.label"))
    metrics, confusion = score_labels(labels, gold, LABELS)
    return Output(
        labels,
        gold,
        records=[prediction.attention for prediction in predictions],
        metrics=metrics,
        signatures={},
        texts={"sources": "premise", "questions": "hypothesis"},
        figures={"sentences": len(labels)},
        extra={"confusion": {"labels": list(LABELS), "gold_by_predicted": confusion}},
    )


def bleu_tokenizer_of(data: Any, evaluation: Any) -> str:
    """The tokenizer of BLEU by the nodes ``data`` and ``evaluation``; see `bleu_tokenizer`.

    Raises:
        PipelineError: there is no such tokenizer.
    """
    wanted = evaluation.bleu_tokenizer
    try:
        return bleu_tokenizer(str(data.target_lang), wanted)
    except ValueError as error:
        raise PipelineError(f"evaluation.bleu_tokenizer={wanted}: {error}") from error


def _score(
    cfg: DictConfig,
    saved: Any,
    hypotheses: list[str],
    references: list[str],
    data: PreparedData,
) -> tuple[dict[str, float], dict[str, str]]:
    split = cfg.evaluation.split
    if saved.data.task == "summarization":
        published = (saved.data.get("rouge") or {}).get(split)
        if published:
            more = [read_lines(path) for path in further_references(data.text, split)]
            every = list(zip(references, *more, strict=True))
            return published_rouge(
                hypotheses, every, measure=published.measure, max_bytes=published.bytes
            )
        stemming = is_stemmed(str(saved.data.target_lang))
        return score_summaries(hypotheses, references, stemming=stemming)
    return score_translation(
        hypotheses,
        references,
        lowercase=saved.data.lowercase,
        tokenizer=bleu_tokenizer_of(saved.data, cfg.evaluation),
    )


def _normalizer(saved: Any) -> dict[str, Any]:
    from regattn_fairseq.normalizers import normalizer_options

    chosen = saved.normalizer
    taken = normalizer_options(chosen.name)
    learned = {f"learn_{option}" for option in taken if chosen.get(f"learn_{option}")}
    return {key: chosen[key] for key in chosen if key == "name" or key in {*taken, *learned}}


def _versions() -> dict[str, str]:
    packages = ("regattn-fairseq", "torch", "ve-fairseq", "sacrebleu", "rouge-score")
    versions = {"python": platform.python_version()}
    for package in (*packages, "sentencepiece", "hydra-core", "numpy", "numba"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _git_revision() -> str | None:
    """Of this package's checkout; None in an installed wheel."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {device}"
