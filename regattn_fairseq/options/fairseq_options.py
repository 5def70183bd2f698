"""fairseq's own options: which of them have an effect in our commands, which are refused, and why.

The commands check this table before they start. It is also the source of
``docs/fairseq_options.md``:
``python -m regattn_fairseq.options.fairseq_options > docs/fairseq_options.md``.
"""

import ast
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.options.generated import NODES
from regattn_fairseq.runs.errors import PipelineError

LONGEST_SHORTLIST = 256
"""The largest ``generation.shortlist``: for so many words a table is made."""


@dataclass(frozen=True)
class Use:
    """What our commands do with an option.

    Args:
        acts: whether the option does in our commands what fairseq documents.
        note: the reason if it does not, or the limits on its values.
        within: whether a value is allowed; the note describes the allowed values.
    """

    acts: bool
    note: str = ""
    within: Callable[[Any], bool] | None = None


_ACTS = Use(True)
_POSITIVE = Use(True, "at least 1", lambda value: value is None or value >= 1)
_NOT_NEGATIVE = Use(True, "at least 0", lambda value: value >= 0)


def _refused(note: str) -> Use:
    return Use(False, note)


def _on_gpu() -> Use:
    return Use(
        True,
        "it needs a GPU; without one leave it out, and training computes in 32 bits",
        lambda value: not value or _has_gpu(),
    )


def _has_gpu() -> bool:
    import torch  # takes seconds, and few runs ask

    return torch.cuda.is_available()


_TWO_PASSES = _refused("it is of models that write in two passes; the models here write in one")
_REFINEMENT = _refused("it is of models that refine a whole output; those here write word by word")
_BY_TORCHRUN = _refused("torchrun says so: torchrun --nproc-per-node=… --no-python regattn-train …")
_PIPELINE = _refused("the models here are not split over several GPUs")
_FAIRSCALE = _refused("it needs fairscale, which does not work with this version of torch")
_BY_COMMAND = _refused("only fairseq's own commands read it")
_FROM_RECIPE = "set it with {}, which the rest follows"
_OUTPUT = _refused("the output is written to files, the attention's weights with it")

TABLE: dict[str, dict[str, Use]] = {
    "generation": {
        "beam": _POSITIVE,
        "beam_mt": _TWO_PASSES,
        "nbest": _refused("only the best output is written and scored"),
        "max_len_a": _NOT_NEGATIVE,
        "max_len_b": _NOT_NEGATIVE,
        "max_len_a_mt": _TWO_PASSES,
        "max_len_b_mt": _TWO_PASSES,
        "min_len": Use(
            True, "at least 0, and at most 2 · max_len_a + max_len_b", lambda value: value >= 0
        ),
        "match_source_len": Use(True, "not with sampling, diverse_beam_groups or diversity_rate"),
        "unnormalized": _ACTS,
        "no_early_stop": _refused("fairseq no longer reads it"),
        "no_beamable_mm": _refused("it is of convolutional models"),
        "lenpen": _ACTS,
        "lenpen_mt": _TWO_PASSES,
        "unkpen": _ACTS,
        "replace_unk": _refused("outputs are scored as the model wrote them"),
        "sacrebleu": _refused("translations are always scored with sacrebleu"),
        "score_reference": _refused(
            "an evaluation scores what the model writes; the loss of the references is that of the "
            "validation, in train_log.jsonl"
        ),
        "prefix_size": Use(
            True,
            "at least 0; the output begins with so many of the reference's tokens",
            lambda value: value >= 0,
        ),
        "no_repeat_ngram_size": Use(
            True, "at least 0; not with prefix_size", lambda value: value >= 0
        ),
        "sampling": Use(
            True,
            "from the run's seed; not with match_source_len, diverse_beam_groups or diversity_rate",
        ),
        "sampling_topk": Use(True, "with sampling"),
        "sampling_topp": Use(True, "with sampling"),
        "constraints": _refused("there is no file that the words to be used could stand in"),
        "temperature": Use(True, "above 0", lambda value: value > 0),
        "diverse_beam_groups": Use(True, "a divisor of beam"),
        "diverse_beam_strength": Use(True, "with diverse_beam_groups"),
        "diversity_rate": _ACTS,
        "print_alignment": _OUTPUT,
        "print_step": _OUTPUT,
        "lm_path": _refused("no language model is added to the scores"),
        "lm_weight": _refused("no language model is added to the scores"),
        "iter_decode_eos_penalty": _REFINEMENT,
        "iter_decode_max_iter": _REFINEMENT,
        "iter_decode_force_max_iter": _REFINEMENT,
        "iter_decode_with_beam": _REFINEMENT,
        "iter_decode_with_external_reranker": _REFINEMENT,
        "retain_iter_history": _REFINEMENT,
        "retain_dropout": Use(True, "from the run's seed"),
        "retain_dropout_modules": _refused(
            "the dropout modules here have no names: retain_dropout=true is for all of them"
        ),
        "decoding_format": _REFINEMENT,
        "no_seed_provided": Use(True, "with sampling or retain_dropout: other outputs each time"),
        "eos_token": _refused("it is of multilingual models"),
    },
    "dataset": {
        "num_workers": _NOT_NEGATIVE,
        "skip_invalid_size_inputs_valid_test": Use(
            True, "in the validation; an evaluation leaves no line out"
        ),
        "max_tokens": Use(
            True,
            "at least the tokens of the longest sentence; or batch_size, or both",
            lambda value: value is None or value >= 1,
        ),
        "batch_size": _POSITIVE,
        "required_batch_size_multiple": _refused(
            "with any number but 1 fairseq leaves the last sentences out, without a word"
        ),
        "required_seq_len_multiple": _POSITIVE,
        "dataset_impl": Use(
            True, "mmap, which the preprocessing writes", lambda value: str(value) in "mmap None"
        ),
        "data_buffer_size": _NOT_NEGATIVE,
        "train_subset": _refused("the corpus's files say what is trained on"),
        "valid_subset": Use(
            True,
            "valid, or valid,test: the first one decides which checkpoint is best",
            lambda value: str(value).split(",")[0] == "valid",
        ),
        "combine_valid_subsets": _refused("there is one validation set"),
        "ignore_unused_valid_subsets": _refused("there is one validation set"),
        "validate_interval": Use(True, "at most training.max_epoch", lambda value: value >= 1),
        "validate_interval_updates": _NOT_NEGATIVE,
        "validate_after_updates": Use(
            True,
            "at most optimization.max_update, where that alone ends the training",
            lambda value: value >= 0,
        ),
        "fixed_validation_seed": _ACTS,
        "disable_validation": _refused("the validation decides which checkpoint is best"),
        "max_tokens_valid": _POSITIVE,
        "batch_size_valid": _POSITIVE,
        "max_valid_steps": _POSITIVE,
        "curriculum": _NOT_NEGATIVE,
        "gen_subset": _refused("set evaluation.split"),
        "num_shards": _refused("an evaluation is of a whole split"),
        "shard_id": _refused("an evaluation is of a whole split"),
        "grouped_shuffling": _ACTS,
        "update_epoch_batch_itr": _ACTS,
        "update_ordered_indices_seed": _ACTS,
    },
    "optimization": {
        "max_epoch": _NOT_NEGATIVE,
        "max_update": _NOT_NEGATIVE,
        "stop_time_hours": _NOT_NEGATIVE,
        "clip_norm": _NOT_NEGATIVE,
        "sentence_avg": _ACTS,
        "update_freq": Use(True, "each at least 1", lambda value: bool(value) and min(value) >= 1),
        "lr": Use(True, "each above 0", lambda value: bool(value) and min(value) > 0),
        "stop_min_lr": Use(True, "below the first learning rate"),
        "use_bmuf": _FAIRSCALE,
        "skip_remainder_batch": _ACTS,
        "debug_param_names": _refused("it is for debugging fairseq itself"),
    },
    "checkpoint": {
        "save_dir": _refused("checkpoints go to output_dir: set that"),
        "restore_file": Use(
            True, "for the first start; an interrupted run goes on from its own last checkpoint"
        ),
        "continue_once": Use(True, "as restore_file, but not with it"),
        "finetune_from_model": Use(True, "for the first start; not with restore_file or reset_…"),
        "reset_dataloader": Use(True, "with restore_file"),
        "reset_lr_scheduler": Use(True, "with restore_file"),
        "reset_meters": Use(True, "with restore_file"),
        "reset_optimizer": Use(True, "with restore_file"),
        "optimizer_overrides": Use(True, "with restore_file, a dictionary as Python writes it"),
        "save_interval": Use(
            True,
            "a divisor of training.max_epoch, so that the last epoch is saved",
            lambda value: value >= 1,
        ),
        "save_interval_updates": Use(
            True,
            "at least 0; validates each time, which training.save_minutes does not",
            lambda value: value >= 0,
        ),
        "keep_interval_updates": _ACTS,
        "keep_interval_updates_pattern": _ACTS,
        "keep_last_epochs": Use(True, "with no_epoch_checkpoints=false"),
        "keep_best_checkpoints": _ACTS,
        "no_save": _refused("a run is evaluated with its checkpoint"),
        "no_epoch_checkpoints": _ACTS,
        "no_last_checkpoints": _refused("an interrupted training goes on from the last checkpoint"),
        "no_save_optimizer_state": _refused(
            "an interrupted training could not go on as it was; the checkpoints are small"
        ),
        "best_checkpoint_metric": _refused(_FROM_RECIPE.format("training.best_metric")),
        "maximize_best_checkpoint_metric": _refused(_FROM_RECIPE.format("training.best_metric")),
        "patience": _ACTS,
        "checkpoint_suffix": _refused("checkpoints have the names that the evaluation looks for"),
        "checkpoint_shard_count": _refused("a checkpoint is one file"),
        "load_checkpoint_on_all_dp_ranks": _ACTS,
        "write_checkpoints_asynchronously": _refused(
            "a checkpoint could be half written when the training is interrupted"
        ),
        "model_parallel_size": _PIPELINE,
    },
    "common": {
        "no_progress_bar": _ACTS,
        "log_interval": _POSITIVE,
        "log_format": Use(
            True,
            "simple or tqdm; train_log.jsonl has the numbers of each epoch as JSON",
            lambda value: str(value) in ("simple", "tqdm"),
        ),
        "log_file": _ACTS,
        "aim_repo": Use(True, "with the package aim"),
        "aim_run_hash": Use(True, "with the package aim"),
        "tensorboard_logdir": _ACTS,
        "wandb_project": _ACTS,
        "azureml_logging": Use(True, "with the package azureml"),
        "seed": _refused(_FROM_RECIPE.format("seed=…")),
        "cpu": _ACTS,
        "tpu": _refused("the models here are for CPUs and GPUs"),
        "bf16": _on_gpu(),
        "memory_efficient_bf16": _on_gpu(),
        "fp16": _on_gpu(),
        "memory_efficient_fp16": _on_gpu(),
        "fp16_no_flatten_grads": Use(True, "with fp16"),
        "fp16_init_scale": Use(True, "with fp16"),
        "fp16_scale_window": Use(True, "with fp16"),
        "fp16_scale_tolerance": Use(True, "with fp16"),
        "on_cpu_convert_precision": Use(True, "with fp16 or bf16"),
        "min_loss_scale": Use(True, "with fp16 or amp"),
        "threshold_loss_scale": Use(True, "with fp16"),
        "amp": _on_gpu(),
        "amp_batch_retries": Use(True, "with amp"),
        "amp_init_scale": Use(True, "with amp"),
        "amp_scale_window": Use(True, "with amp"),
        "user_dir": Use(True, "a folder with a normalizer of your own"),
        "empty_cache_freq": Use(True, "on a GPU"),
        "all_gather_list_size": Use(True, "with several processes"),
        "model_parallel_size": _PIPELINE,
        "quantization_config_path": _refused("the models here cannot be quantized in training"),
        "profile": _BY_COMMAND,
        "reset_logging": _BY_COMMAND,
        "suppress_crashes": _BY_COMMAND,
        "use_plasma_view": _refused("the data-bin is mapped into memory, which is shared already"),
        "plasma_path": _refused("the data-bin is mapped into memory, which is shared already"),
    },
    "distributed_training": {
        "distributed_world_size": _BY_TORCHRUN,
        "distributed_num_procs": _BY_TORCHRUN,
        "distributed_rank": _BY_TORCHRUN,
        "distributed_backend": _refused("set training.distributed.backend"),
        "distributed_init_method": _BY_TORCHRUN,
        "distributed_port": _BY_TORCHRUN,
        "device_id": _BY_TORCHRUN,
        "distributed_no_spawn": _BY_TORCHRUN,
        "nprocs_per_node": _BY_TORCHRUN,
        "ddp_backend": Use(
            True,
            "pytorch_ddp or legacy_ddp, with several processes on GPUs",
            lambda value: str(value) not in ("fully_sharded", "slowmo"),
        ),
        "ddp_comm_hook": Use(True, "with several processes on GPUs"),
        "bucket_cap_mb": Use(True, "with several processes"),
        "fix_batches_to_gpus": Use(True, "with several processes"),
        "find_unused_parameters": Use(True, "with several processes on GPUs"),
        "gradient_as_bucket_view": Use(True, "with several processes on GPUs"),
        "fast_stat_sync": _refused("fairseq no longer reads it"),
        "heartbeat_timeout": Use(True, "with several processes"),
        "broadcast_buffers": Use(True, "with several processes on GPUs"),
        "slowmo_momentum": _FAIRSCALE,
        "slowmo_base_algorithm": _FAIRSCALE,
        "localsgd_frequency": _FAIRSCALE,
        "pipeline_model_parallel": _PIPELINE,
        "pipeline_balance": _PIPELINE,
        "pipeline_devices": _PIPELINE,
        "pipeline_chunks": _PIPELINE,
        "pipeline_encoder_balance": _PIPELINE,
        "pipeline_encoder_devices": _PIPELINE,
        "pipeline_decoder_balance": _PIPELINE,
        "pipeline_decoder_devices": _PIPELINE,
        "pipeline_checkpoint": _PIPELINE,
        "zero_sharding": _FAIRSCALE,
        "fp16": _refused("set common.fp16"),
        "memory_efficient_fp16": _refused("set common.memory_efficient_fp16"),
        "tpu": _refused("the models here are for CPUs and GPUs"),
        "no_reshard_after_forward": _FAIRSCALE,
        "fp32_reduce_scatter": _FAIRSCALE,
        "cpu_offload": _FAIRSCALE,
        "use_sharded_state": _FAIRSCALE,
        "not_fsdp_flatten_parameters": _FAIRSCALE,
    },
}

# Options of tasks and optimizers that would fail or have no effect, and their defaults.
_OTHERS = {
    "task.num_batch_buckets": (0, "it is for TPUs, and fails with this version of numpy"),
    "task.upsample_primary": (-1, "the training text is one part"),
    "optimizer.fp16_adam_stats": (False, "it needs NVIDIA's apex"),
}

# Nodes of fairseq whose options are all refused.
_NODES = {
    "common_eval": "regattn-evaluate has evaluation.… and generation.…",
    "bmuf": "optimization.use_bmuf is refused",
    "eval_lm": "there is no language model",
    "interactive": "regattn-demo translates what is typed",
    "ema": "an evaluation would not use the averaged model",
}

# Expected values that our recipes or the run set. All other options have fairseq's defaults.
_EXPECTED: dict[str, Callable[[DictConfig], Any]] = {
    "dataset.required_batch_size_multiple": lambda cfg: 1,
    "distributed_training.distributed_world_size": lambda cfg: 1,
    "common.seed": lambda cfg: cfg.seed,
    "checkpoint.best_checkpoint_metric": lambda cfg: cfg.training.best_metric,
    "checkpoint.maximize_best_checkpoint_metric": (lambda cfg: cfg.training.best_metric != "loss"),
}


def use_of(name: str) -> Use:
    """What our commands do with an option, of fairseq's or of ours.

    Args:
        name: in full, such as ``optimization.lr``.
    """
    node, _, option = name.partition(".")
    if node in _NODES:
        return _refused(_NODES[node])
    if name in _OTHERS:
        return _refused(_OTHERS[name][1])
    return TABLE.get(node, {}).get(option, _ACTS)


def check_training(cfg: DictConfig) -> None:
    """Refuse, before any work, options that fairseq would ignore, or would fail at after hours.

    Args:
        cfg: as composed from ``train.yaml``.

    Raises:
        PipelineError: an option is refused, out of range, or does not fit another option.
    """
    for node in TABLE:
        _check_node(cfg, node)
    for node, reason in _NODES.items():
        for option, value in _changed(cfg, node):
            raise PipelineError(f"{node}.{option}={_text(value)} has no effect here: {reason}")
    for option, (default, reason) in _OTHERS.items():
        value = OmegaConf.select(cfg, option, default=default)
        if value != default:
            raise PipelineError(f"{option}={_text(value)} is refused: {reason}")
    _check_generation_together(cfg.generation)
    _check_kind(cfg)
    _check_end(cfg)
    _check_start(cfg.checkpoint)
    _check_schedule(cfg)


def check_generation(cfg: DictConfig) -> None:
    """The same check for the options that an evaluation reads.

    Args:
        cfg: as composed from ``evaluate.yaml``.
    """
    _check_node(cfg, "generation")
    _check_generation_together(cfg.generation)


def _check_node(cfg: DictConfig, node: str) -> None:
    for option, use in TABLE[node].items():
        value = cfg[node].get(option)
        if use.within is not None and not use.within(value):
            advice = use.note if use.note.startswith("it ") else f"choose {use.note}"
            raise PipelineError(f"{node}.{option}={_text(value)} is refused: {advice}")
    for option, value in _changed(cfg, node):
        use = TABLE[node].get(option, _ACTS)
        if not use.acts:
            raise PipelineError(f"{node}.{option}={_text(value)} is refused: {use.note}")


def _changed(cfg: DictConfig, node: str) -> Iterator[tuple[str, Any]]:
    """The options of a node whose values are not the defaults of fairseq or of our recipe."""
    if node not in cfg:
        return
    given = cfg[node]
    for option, default in _defaults(node).items():
        name, value = f"{node}.{option}", given.get(option)
        if name in _EXPECTED:
            default = _EXPECTED[name](cfg)
        elif isinstance(default, str) and default.startswith("${"):
            default = OmegaConf.select(cfg, default[2:-1])
        if value != default:
            yield option, value


@functools.cache
def _defaults(node: str) -> dict[str, Any]:
    """The defaults of fairseq. A default that is another option's value is written as ``${…}``."""
    found: Any = OmegaConf.to_container(OmegaConf.structured(NODES[node]), resolve=False)
    return dict(found)


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_generation_together(options: Any) -> None:
    penalty = options.get("coverage_penalty")
    if penalty is not None and not 0 <= penalty < math.inf:
        raise PipelineError(
            f"generation.coverage_penalty={penalty} is refused: choose 0 or more, such as 0.2"
        )
    shortlist = options.get("shortlist")
    if shortlist is not None and not 1 <= shortlist <= LONGEST_SHORTLIST:
        raise PipelineError(
            f"generation.shortlist={shortlist} is refused: choose 1 to {LONGEST_SHORTLIST} words, "
            "such as 30"
        )
    ways = {
        "sampling": options.sampling,
        "diverse_beam_groups": options.diverse_beam_groups > 0,
        "match_source_len": options.match_source_len,
        "diversity_rate": options.diversity_rate > -1,
    }
    chosen = [name for name, wanted in ways.items() if wanted]
    if len(chosen) > 1:
        raise PipelineError(
            f"generation.{chosen[0]} and generation.{chosen[1]} are two ways to search: choose one"
        )
    for name in ("sampling_topk", "sampling_topp"):
        if options[name] > 0 and not options.sampling:
            raise PipelineError(f"generation.{name} is of sampling: add generation.sampling=true")
    if options.diverse_beam_groups > 0 and options.beam % options.diverse_beam_groups:
        raise PipelineError(
            f"generation.diverse_beam_groups={options.diverse_beam_groups} does not divide "
            f"generation.beam={options.beam}: choose a divisor"
        )
    if options.prefix_size and options.no_repeat_ngram_size:
        raise PipelineError(
            "generation.prefix_size and generation.no_repeat_ngram_size contradict each other "
            "where a reference repeats itself: choose one"
        )
    longest = int(2 * options.max_len_a + options.max_len_b)  # for a source of one word
    if options.min_len > longest and not options.match_source_len:
        raise PipelineError(
            f"generation.min_len={options.min_len} is more than a short source may be turned into "
            f"({longest} tokens): lower it, or raise generation.max_len_b"
        )


def _check_kind(cfg: DictConfig) -> None:
    """Check that the model and the criterion fit the task."""
    labels = cfg.task._name == "sentence_prediction"
    for node, own in (("model", "regattn_entailment"), ("criterion", "sentence_prediction")):
        chosen = cfg[node]._name
        if labels != (chosen == own):
            advice = f"{node}={own}" if labels else f"another {node}, or experiment=entailment"
            raise PipelineError(
                f"{node}={chosen} is not for data={cfg.data.name}, which is for "
                f"{cfg.data.task}: choose {advice}"
            )


def _check_end(cfg: DictConfig) -> None:
    """Check that training ends, validates before that, and saves its last state."""
    epochs, updates = cfg.optimization.max_epoch, cfg.optimization.max_update
    dataset, checkpoint = cfg.dataset, cfg.checkpoint
    ends = epochs or updates or cfg.optimization.stop_time_hours or checkpoint.patience > 0
    if not ends and cfg.optimization.stop_min_lr <= 0:
        raise PipelineError(
            "the training would never end: set training.max_epoch, optimization.max_update, "
            "optimization.stop_time_hours or training.patience"
        )
    if dataset.max_tokens is None and dataset.batch_size is None:
        raise PipelineError(
            "training.max_tokens and dataset.batch_size are both null: one of them says how much "
            "goes into a batch"
        )
    if epochs and dataset.validate_interval > epochs:
        raise PipelineError(
            f"dataset.validate_interval={dataset.validate_interval} is more than "
            f"training.max_epoch={epochs}: no checkpoint would ever be the best"
        )
    after = dataset.validate_after_updates
    if after and (epochs or not updates or after > updates):
        raise PipelineError(
            f"dataset.validate_after_updates={after}: the training might end before it; set "
            "optimization.max_update to as many or more, and training.max_epoch=0"
        )
    if epochs and epochs % checkpoint.save_interval:
        raise PipelineError(
            f"checkpoint.save_interval={checkpoint.save_interval} does not divide "
            f"training.max_epoch={epochs}: the last epochs would not be saved"
        )
    schedule, least = cfg.lr_scheduler, cfg.optimization.stop_min_lr
    rises = schedule.get("warmup_updates") or schedule.get("warmup_steps")
    if least >= (0 if rises or schedule._name == "step" else min(cfg.optimization.lr)):
        raise PipelineError(
            f"optimization.stop_min_lr={least} is not below the learning rate that the training "
            "begins with: it would end at once; lower it, or leave out the warm-up"
        )


DEFAULT_RESTORE = "checkpoint_last.pt"
OF_RESTORING = (
    "reset_dataloader",
    "reset_lr_scheduler",
    "reset_meters",
    "reset_optimizer",
    "optimizer_overrides",
)


def _check_start(options: Any) -> None:
    """Check the options of the checkpoint that a new training starts from."""
    given = [
        name
        for name in ("restore_file", "continue_once", "finetune_from_model")
        if options[name] not in (None, DEFAULT_RESTORE)
    ]
    if len(given) > 1:
        raise PipelineError(f"checkpoint.{given[0]} and checkpoint.{given[1]}: choose one of them")
    try:
        is_dictionary = isinstance(ast.literal_eval(options.optimizer_overrides), dict)
    except (SyntaxError, ValueError):
        is_dictionary = False
    if not is_dictionary:
        raise PipelineError(
            f"checkpoint.optimizer_overrides is {options.optimizer_overrides!r}: write a "
            "dictionary as Python does, such as \"{'lr': [0.1]}\""
        )
    for name in OF_RESTORING:
        if options[name] in (False, "{}") or given in (["restore_file"], ["continue_once"]):
            continue
        raise PipelineError(
            f"checkpoint.{name} says what not to take over from another run's checkpoint: name "
            "that with checkpoint.restore_file=…, or leave it out"
        )


def _check_schedule(cfg: DictConfig) -> None:
    """Refuse options at which fairseq's learning rate schedules fail or divide by zero."""
    schedule, rates = cfg.lr_scheduler, cfg.optimization.lr
    name = schedule._name
    if name not in ("fixed", "polynomial_decay") and len(rates) > 1:
        raise PipelineError(
            f"lr_scheduler={name} takes one learning rate, but optimization.lr has {len(rates)}: "
            "leave one, or choose lr_scheduler=fixed"
        )
    if name == "inverse_sqrt" and schedule.warmup_updates < 1:
        raise PipelineError(
            "lr_scheduler=inverse_sqrt falls from lr_scheduler.warmup_updates on: choose 1 or more"
        )
    if name in ("cosine", "step") and schedule.min_lr >= rates[0]:
        raise PipelineError(
            f"lr_scheduler.min_lr={schedule.min_lr} is not below training.lr ({rates[0]})"
        )
    if name == "triangular" and schedule.max_lr <= schedule.lr[0]:
        raise PipelineError(
            f"lr_scheduler.max_lr={schedule.max_lr} is not above lr_scheduler.lr ({schedule.lr[0]})"
        )


def page() -> str:
    """The content of ``docs/fairseq_options.md``."""
    lines = [
        "# fairseq's options",
        "",
        "Every option of fairseq's can be given to `regattn-train` and `regattn-run` by its name, "
        "those of",
        "`generation` to `regattn-evaluate` too. It does there what fairseq says, or is refused in "
        "one line",
        "before any work is done; this page is made from the table that the commands read. For "
        "fairseq's own",
        "commands, nothing is refused.",
    ]
    for node, options in TABLE.items():
        lines += ["", f"## {node}", "", "| option | | |", "|---|---|---|"]
        for option, use in options.items():
            lines.append(f"| `{option}` | {'acts' if use.acts else 'refused'} | {use.note} |")
    lines += ["", "## Others", "", "| option | | |", "|---|---|---|"]
    for option, (_default, reason) in _OTHERS.items():
        lines.append(f"| `{option}` | refused | {reason} |")
    for node, reason in _NODES.items():
        lines.append(f"| `{node}.…` | refused | {reason} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
