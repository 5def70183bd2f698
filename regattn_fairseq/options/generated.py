"""fairseq's option groups and ours. Do not edit it: ``python -m regattn_fairseq.options.generate``."""

# mypy: ignore-errors

from dataclasses import dataclass, field
from enum import StrEnum

from typing import Any

CommonLogFormat = StrEnum("CommonLogFormat", {"json": "json", "none": "none", "simple": "simple", "tqdm": "tqdm"})

@dataclass
class Common:
    _name: str | None = None
    no_progress_bar: bool = False
    log_interval: int = 100
    log_format: CommonLogFormat | None = None
    log_file: str | None = None
    aim_repo: str | None = None
    aim_run_hash: str | None = None
    tensorboard_logdir: str | None = None
    wandb_project: str | None = None
    azureml_logging: bool | None = False
    seed: int = 1
    cpu: bool = False
    tpu: bool = False
    bf16: bool = False
    memory_efficient_bf16: bool = False
    fp16: bool = False
    memory_efficient_fp16: bool = False
    fp16_no_flatten_grads: bool = False
    fp16_init_scale: int = 128
    fp16_scale_window: int | None = None
    fp16_scale_tolerance: float = 0.0
    on_cpu_convert_precision: bool = False
    min_loss_scale: float = 0.0001
    threshold_loss_scale: float | None = None
    amp: bool = False
    amp_batch_retries: int = 2
    amp_init_scale: int = 128
    amp_scale_window: int | None = None
    user_dir: str | None = None
    empty_cache_freq: int = 0
    all_gather_list_size: int = 16384
    model_parallel_size: int = 1
    quantization_config_path: str | None = None
    profile: bool = False
    reset_logging: bool = False
    suppress_crashes: bool = False
    use_plasma_view: bool = False
    plasma_path: str | None = "/tmp/plasma"

@dataclass
class CommonEval:
    _name: str | None = None
    path: str | None = None
    post_process: str | None = None
    quiet: bool = False
    model_overrides: str = "{}"
    results_path: str | None = None

DistributedTrainingDdpBackend = StrEnum("DistributedTrainingDdpBackend", {"c10d": "c10d", "fully_sharded": "fully_sharded", "legacy_ddp": "legacy_ddp", "no_c10d": "no_c10d", "pytorch_ddp": "pytorch_ddp", "slowmo": "slowmo"})

DistributedTrainingDdpCommHook = StrEnum("DistributedTrainingDdpCommHook", {"none": "none", "fp16": "fp16"})

DistributedTrainingPipelineCheckpoint = StrEnum("DistributedTrainingPipelineCheckpoint", {"always": "always", "never": "never", "except_last": "except_last"})

DistributedTrainingZeroSharding = StrEnum("DistributedTrainingZeroSharding", {"none": "none", "os": "os"})

@dataclass
class DistributedTraining:
    _name: str | None = None
    distributed_world_size: int = 1
    distributed_num_procs: int | None = 1
    distributed_rank: int | None = 0
    distributed_backend: str = "nccl"
    distributed_init_method: str | None = None
    distributed_port: int = -1
    device_id: int = 0
    distributed_no_spawn: bool = False
    ddp_backend: DistributedTrainingDdpBackend = "pytorch_ddp"
    ddp_comm_hook: DistributedTrainingDdpCommHook = "none"
    bucket_cap_mb: int = 25
    fix_batches_to_gpus: bool = False
    find_unused_parameters: bool = False
    gradient_as_bucket_view: bool = False
    fast_stat_sync: bool = False
    heartbeat_timeout: int = -1
    broadcast_buffers: bool = False
    slowmo_momentum: float | None = None
    slowmo_base_algorithm: str = "localsgd"
    localsgd_frequency: int = 3
    nprocs_per_node: int = 1
    pipeline_model_parallel: bool = False
    pipeline_balance: str | None = None
    pipeline_devices: str | None = None
    pipeline_chunks: int | None = 0
    pipeline_encoder_balance: str | None = None
    pipeline_encoder_devices: str | None = None
    pipeline_decoder_balance: str | None = None
    pipeline_decoder_devices: str | None = None
    pipeline_checkpoint: DistributedTrainingPipelineCheckpoint = "never"
    zero_sharding: DistributedTrainingZeroSharding = "none"
    fp16: bool = "${common.fp16}"
    memory_efficient_fp16: bool = "${common.memory_efficient_fp16}"
    tpu: bool = "${common.tpu}"
    no_reshard_after_forward: bool = False
    fp32_reduce_scatter: bool = False
    cpu_offload: bool = False
    use_sharded_state: bool = False
    not_fsdp_flatten_parameters: bool = False

DatasetDatasetImpl = StrEnum("DatasetDatasetImpl", {"raw": "raw", "lazy": "lazy", "cached": "cached", "mmap": "mmap", "fasta": "fasta", "huffman": "huffman"})

@dataclass
class Dataset:
    _name: str | None = None
    num_workers: int = 1
    skip_invalid_size_inputs_valid_test: bool = False
    max_tokens: int | None = None
    batch_size: int | None = None
    required_batch_size_multiple: int = 8
    required_seq_len_multiple: int = 1
    dataset_impl: DatasetDatasetImpl | None = None
    data_buffer_size: int = 10
    train_subset: str = "train"
    valid_subset: str = "valid"
    combine_valid_subsets: bool | None = None
    ignore_unused_valid_subsets: bool | None = False
    validate_interval: int = 1
    validate_interval_updates: int = 0
    validate_after_updates: int = 0
    fixed_validation_seed: int | None = None
    disable_validation: bool = False
    max_tokens_valid: int | None = "${dataset.max_tokens}"
    batch_size_valid: int | None = "${dataset.batch_size}"
    max_valid_steps: int | None = None
    curriculum: int = 0
    gen_subset: str = "test"
    num_shards: int = 1
    shard_id: int = 0
    grouped_shuffling: bool = False
    update_epoch_batch_itr: bool = "${dataset.grouped_shuffling}"
    update_ordered_indices_seed: bool = False

@dataclass
class Optimization:
    _name: str | None = None
    max_epoch: int = 0
    max_update: int = 0
    stop_time_hours: float = 0
    clip_norm: float = 0.0
    sentence_avg: bool = False
    update_freq: list[int] = field(default_factory=lambda: [1])
    lr: list[float] = field(default_factory=lambda: [0.25])
    stop_min_lr: float = -1.0
    use_bmuf: bool = False
    skip_remainder_batch: bool | None = False
    debug_param_names: bool = False

@dataclass
class Checkpoint:
    _name: str | None = None
    save_dir: str = "checkpoints"
    restore_file: str = "checkpoint_last.pt"
    continue_once: str | None = None
    finetune_from_model: str | None = None
    reset_dataloader: bool = False
    reset_lr_scheduler: bool = False
    reset_meters: bool = False
    reset_optimizer: bool = False
    optimizer_overrides: str = "{}"
    save_interval: int = 1
    save_interval_updates: int = 0
    keep_interval_updates: int = -1
    keep_interval_updates_pattern: int = -1
    keep_last_epochs: int = -1
    keep_best_checkpoints: int = -1
    no_save: bool = False
    no_epoch_checkpoints: bool = False
    no_last_checkpoints: bool = False
    no_save_optimizer_state: bool = False
    best_checkpoint_metric: str = "loss"
    maximize_best_checkpoint_metric: bool = False
    patience: int = -1
    checkpoint_suffix: str = ""
    checkpoint_shard_count: int = 1
    load_checkpoint_on_all_dp_ranks: bool = False
    write_checkpoints_asynchronously: bool = False
    model_parallel_size: int = "${common.model_parallel_size}"

@dataclass
class Bmuf:
    _name: str | None = None
    block_lr: float = 1
    block_momentum: float = 0.875
    global_sync_iter: int = 50
    warmup_iterations: int = 500
    use_nbm: bool = False
    average_sync: bool = False
    distributed_world_size: int = "${distributed_training.distributed_world_size}"

GenerationConstraints = StrEnum("GenerationConstraints", {"ordered": "ordered", "unordered": "unordered"})

GenerationPrintAlignment = StrEnum("GenerationPrintAlignment", {"hard": "hard", "soft": "soft"})

GenerationDecodingFormat = StrEnum("GenerationDecodingFormat", {"unigram": "unigram", "ensemble": "ensemble", "vote": "vote", "dp": "dp", "bs": "bs"})

@dataclass
class Generation:
    _name: str | None = None
    beam: int = 5
    beam_mt: int = 0
    nbest: int = 1
    max_len_a: float = 0
    max_len_b: int = 200
    max_len_a_mt: float = 0
    max_len_b_mt: int = 200
    min_len: int = 1
    match_source_len: bool = False
    unnormalized: bool = False
    no_early_stop: bool = False
    no_beamable_mm: bool = False
    lenpen: float = 1
    lenpen_mt: float = 1
    unkpen: float = 0
    replace_unk: str | None = None
    sacrebleu: bool = False
    score_reference: bool = False
    prefix_size: int = 0
    no_repeat_ngram_size: int = 0
    sampling: bool = False
    sampling_topk: int = -1
    sampling_topp: float = -1.0
    constraints: GenerationConstraints | None = None
    temperature: float = 1.0
    diverse_beam_groups: int = -1
    diverse_beam_strength: float = 0.5
    diversity_rate: float = -1.0
    print_alignment: GenerationPrintAlignment | None = None
    print_step: bool = False
    lm_path: str | None = None
    lm_weight: float = 0.0
    iter_decode_eos_penalty: float = 0.0
    iter_decode_max_iter: int = 10
    iter_decode_force_max_iter: bool = False
    iter_decode_with_beam: int = 1
    iter_decode_with_external_reranker: bool = False
    retain_iter_history: bool = False
    retain_dropout: bool = False
    retain_dropout_modules: Any = None
    decoding_format: GenerationDecodingFormat | None = None
    no_seed_provided: bool = False
    eos_token: str | None = None

@dataclass
class EvalLm:
    _name: str | None = None
    output_word_probs: bool = False
    output_word_stats: bool = False
    context_window: int = 0
    softmax_batch: int = 9223372036854775807

@dataclass
class Interactive:
    _name: str | None = None
    buffer_size: int = 0
    input: str = "-"

@dataclass
class Ema:
    _name: str | None = None
    store_ema: bool = False
    ema_decay: float = 0.9999
    ema_start_update: int = 0
    ema_seed_model: str | None = None
    ema_update_freq: int = 1
    ema_fp32: bool = False

@dataclass
class CrossEntropyCriterion:
    _name: str | None = "cross_entropy"
    sentence_avg: bool = "${optimization.sentence_avg}"

@dataclass
class LabelSmoothedCrossEntropyCriterion:
    _name: str | None = "label_smoothed_cross_entropy"
    label_smoothing: float = 0.0
    report_accuracy: bool = False
    ignore_prefix_size: int = 0
    sentence_avg: bool = "${optimization.sentence_avg}"

@dataclass
class LabelSmoothedCrossEntropyWithRdropCriterion:
    _name: str | None = "label_smoothed_cross_entropy_with_rdrop"
    label_smoothing: float = 0.0
    report_accuracy: bool = False
    ignore_prefix_size: int = 0
    sentence_avg: bool = "${optimization.sentence_avg}"
    rdrop_alpha: float = 0.0

@dataclass
class RegattnFenchelYoungCriterion:
    _name: str | None = "regattn_fenchel_young"
    label_smoothing: float = 0.0
    report_accuracy: bool = False
    ignore_prefix_size: int = 0
    sentence_avg: bool = "${optimization.sentence_avg}"
    coverage_weight: float | None = None
    alignment_lambda: float | None = None

@dataclass
class RegattnLabelSmoothedCrossEntropyCriterion:
    _name: str | None = "regattn_label_smoothed_cross_entropy"
    label_smoothing: float = 0.0
    report_accuracy: bool = False
    ignore_prefix_size: int = 0
    sentence_avg: bool = "${optimization.sentence_avg}"
    coverage_weight: float | None = None
    alignment_lambda: float | None = None

@dataclass
class SentencePredictionCriterion:
    _name: str | None = "sentence_prediction"
    classification_head_name: str = "sentence_classification_head"
    regression_target: bool = False
    report_mcc: bool = False
    report_acc_and_f1: bool = False
    report_pearson_and_spearman: bool = False

@dataclass
class CosineLrScheduler:
    _name: str | None = "cosine"
    warmup_updates: int = 0
    warmup_init_lr: float = -1
    lr: list[float] = "${optimization.lr}"
    min_lr: float = 0.0
    t_mult: float = 1.0
    lr_period_updates: float = -1
    lr_shrink: float = 0.1
    max_update: int = "${optimization.max_update}"

@dataclass
class FixedLrScheduler:
    _name: str | None = "fixed"
    force_anneal: int | None = None
    lr_shrink: float = 0.1
    warmup_updates: int = 0
    lr: list[float] = "${optimization.lr}"

@dataclass
class InverseSqrtLrScheduler:
    _name: str | None = "inverse_sqrt"
    warmup_updates: int = 4000
    warmup_init_lr: float = -1
    lr: list[float] = "${optimization.lr}"

@dataclass
class PolynomialDecayLrScheduler:
    _name: str | None = "polynomial_decay"
    warmup_updates: int = 0
    force_anneal: int | None = None
    end_learning_rate: float = 0.0
    power: float = 1.0
    total_num_update: float = "${optimization.max_update}"
    lr: list[float] = "${optimization.lr}"

@dataclass
class ReduceLrOnPlateauLrScheduler:
    _name: str | None = "reduce_lr_on_plateau"
    lr_shrink: float = 0.1
    lr_threshold: float = 0.0001
    lr_patience: int = 0
    warmup_updates: int = 0
    warmup_init_lr: float = -1
    lr: list[float] = "${optimization.lr}"
    maximize_best_checkpoint_metric: bool = "${checkpoint.maximize_best_checkpoint_metric}"

@dataclass
class StepLrScheduler:
    _name: str | None = "step"
    warmup_updates: int = 0
    warmup_init_lr: float = -1
    lr: list[float] = "${optimization.lr}"
    min_lr: float = 0.0
    lr_deacy_period: int = 25000
    lr_decay: float = 0.5

@dataclass
class TriStageLrScheduler:
    _name: str | None = "tri_stage"
    warmup_steps: int = 0
    hold_steps: int = 0
    decay_steps: int = 0
    phase_ratio: tuple[float, float, float] | None = None
    init_lr_scale: float = 0.01
    final_lr_scale: float = 0.01
    max_update: float = "${optimization.max_update}"
    lr: list[float] = "${optimization.lr}"

@dataclass
class TriangularLrScheduler:
    _name: str | None = "triangular"
    max_lr: float = "???"
    lr_period_updates: float = 5000
    lr_shrink: float = 0.1
    shrink_min: bool = False
    lr: list[float] = "${optimization.lr}"

@dataclass
class AdamOptimizer:
    _name: str | None = "adam"
    adam_betas: Any = (0.9, 0.999)
    adam_eps: float = 1e-08
    weight_decay: float = 0.0
    use_old_adam: bool = False
    fp16_adam_stats: bool = False
    tpu: bool = "${common.tpu}"
    lr: list[float] = "${optimization.lr}"

@dataclass
class NagOptimizer:
    _name: str | None = "nag"
    momentum: float = 0.99
    weight_decay: float = 0.0
    lr: list[float] = "${optimization.lr}"

RegattnTranslationTaskDatasetImpl = StrEnum("RegattnTranslationTaskDatasetImpl", {"raw": "raw", "lazy": "lazy", "cached": "cached", "mmap": "mmap", "fasta": "fasta", "huffman": "huffman"})

@dataclass
class RegattnTranslationTask:
    _name: str | None = "regattn_translation"
    data: str | None = None
    source_lang: str | None = None
    target_lang: str | None = None
    load_alignments: bool = False
    left_pad_source: bool = True
    left_pad_target: bool = False
    max_source_positions: int = 1000000000
    max_target_positions: int = 1000000000
    upsample_primary: int = -1
    truncate_source: bool = False
    num_batch_buckets: int = 0
    train_subset: str = "${dataset.train_subset}"
    dataset_impl: RegattnTranslationTaskDatasetImpl | None = "${dataset.dataset_impl}"
    required_seq_len_multiple: int = "${dataset.required_seq_len_multiple}"
    eval_bleu: bool = False
    eval_bleu_args: str | None = "{}"
    eval_bleu_detok: str = "space"
    eval_bleu_detok_args: str | None = "{}"
    eval_tokenized_bleu: bool = False
    eval_bleu_remove_bpe: str | None = None
    eval_bleu_print_samples: bool = False
    rebuild_batches: bool = False
    eval_bleu_tokenizer: str = "13a"
    train_fraction: float = 1.0

SentencePredictionTaskShortenMethod = StrEnum("SentencePredictionTaskShortenMethod", {"none": "none", "truncate": "truncate", "random_crop": "random_crop"})

@dataclass
class SentencePredictionTask:
    _name: str | None = "sentence_prediction"
    data: str = "???"
    num_classes: int = -1
    init_token: int | None = None
    separator_token: int | None = None
    no_shuffle: bool = False
    shorten_method: SentencePredictionTaskShortenMethod = "none"
    shorten_data_split_list: str = ""
    add_prev_output_tokens: bool = False
    max_positions: int = 512
    regression_target: bool = "${criterion.regression_target}"
    classification_head_name: str = "${criterion.classification_head_name}"
    seed: int = "${common.seed}"
    d2v2_multi: bool = False

@dataclass
class RegattnEntailmentModel:
    _name: str | None = "regattn_entailment"
    attn_normalizer: str = "softmax"
    attn_gamma: float | None = None
    attn_lambda: float | None = None
    attn_p: float | None = None
    attn_alpha: float | None = None
    attn_k: int | None = None
    attn_learn_gamma: bool = False
    attn_learn_lambda: bool = False
    attn_learn_alpha: bool = False
    attn_gamma_start: float | None = None
    attn_gamma_anneal: int = 1000
    attn_lambda_warmup: int = 1000
    attn_normalized: bool = False
    dropout: float = 0.1
    encoder_embed_dim: int = 300
    encoder_embed_path: str | None = None
    encoder_freeze_embed: bool = False
    encoder_hidden_size: int = 100

RegattnLstmModelAttnScore = StrEnum("RegattnLstmModelAttnScore", {"dot": "dot", "general": "general", "concat": "concat"})

@dataclass
class RegattnLstmModel:
    _name: str | None = "regattn_lstm"
    loss_normalizer: str = "softmax"
    loss_gamma: float | None = None
    loss_lambda: float | None = None
    loss_p: float | None = None
    loss_alpha: float | None = None
    loss_k: int | None = None
    attn_normalizer: str = "softmax"
    attn_gamma: float | None = None
    attn_lambda: float | None = None
    attn_p: float | None = None
    attn_alpha: float | None = None
    attn_k: int | None = None
    attn_learn_gamma: bool = False
    attn_learn_lambda: bool = False
    attn_learn_alpha: bool = False
    attn_gamma_start: float | None = None
    attn_gamma_anneal: int = 1000
    attn_lambda_warmup: int = 1000
    attn_normalized: bool = False
    dropout: float = 0.1
    encoder_embed_dim: int = 512
    encoder_embed_path: str | None = None
    encoder_freeze_embed: bool = False
    encoder_hidden_size: int | None = None
    encoder_layers: int = 1
    encoder_bidirectional: bool = False
    encoder_dropout_in: float | None = None
    encoder_dropout_out: float | None = None
    decoder_embed_dim: int = 512
    decoder_embed_path: str | None = None
    decoder_freeze_embed: bool = False
    decoder_hidden_size: int | None = None
    decoder_layers: int = 1
    decoder_out_embed_dim: int = 512
    decoder_dropout_in: float | None = None
    decoder_dropout_out: float | None = None
    share_decoder_input_output_embed: bool = False
    share_all_embeddings: bool = False
    attn_score: RegattnLstmModelAttnScore = "general"
    attn_scaled: bool = False
    attn_fertility: float | None = None
    attn_fertility_guided: bool = False
    attn_window: float | None = None
    copy_attn: bool = False
    no_input_feeding: bool = False

RegattnTransformerModelActivationFn = StrEnum("RegattnTransformerModelActivationFn", {"relu": "relu", "gelu": "gelu", "gelu_fast": "gelu_fast", "gelu_accurate": "gelu_accurate", "tanh": "tanh", "linear": "linear"})

@dataclass
class RegattnTransformerModel:
    _name: str | None = "regattn_transformer"
    loss_normalizer: str = "softmax"
    loss_gamma: float | None = None
    loss_lambda: float | None = None
    loss_p: float | None = None
    loss_alpha: float | None = None
    loss_k: int | None = None
    attn_normalizer: str = "softmax"
    attn_gamma: float | None = None
    attn_lambda: float | None = None
    attn_p: float | None = None
    attn_alpha: float | None = None
    attn_k: int | None = None
    attn_learn_gamma: bool = False
    attn_learn_lambda: bool = False
    attn_learn_alpha: bool = False
    attn_gamma_start: float | None = None
    attn_gamma_anneal: int = 1000
    attn_lambda_warmup: int = 1000
    activation_fn: RegattnTransformerModelActivationFn = "relu"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    encoder_embed_path: str | None = None
    encoder_embed_dim: int | None = 512
    encoder_ffn_embed_dim: int = 2048
    encoder_layers: int = 6
    encoder_attention_heads: int = 8
    encoder_normalize_before: bool = False
    encoder_learned_pos: bool = False
    encoder_layerdrop: float = 0.0
    encoder_layers_to_keep: str | None = None
    max_source_positions: int = 1024
    decoder_embed_path: str | None = None
    decoder_embed_dim: int | None = None
    decoder_ffn_embed_dim: int | None = None
    decoder_layers: int = 6
    decoder_attention_heads: int = 8
    decoder_normalize_before: bool = False
    decoder_learned_pos: bool = False
    decoder_layerdrop: float = 0.0
    decoder_layers_to_keep: str | None = None
    decoder_input_dim: int | None = None
    decoder_output_dim: int | None = None
    max_target_positions: int = 1024
    share_decoder_input_output_embed: bool = False
    share_all_embeddings: bool = False
    no_token_positional_embeddings: bool = False
    adaptive_softmax_cutoff: list[int] | None = None
    adaptive_softmax_dropout: float = 0.0
    adaptive_softmax_factor: float = 4.0
    layernorm_embedding: bool = False
    tie_adaptive_weights: bool = False
    tie_adaptive_proj: bool = False
    no_scale_embedding: bool = False
    checkpoint_activations: bool = False
    offload_activations: bool = False
    no_cross_attention: bool = False
    cross_self_attention: bool = False
    quant_noise_pq: float = 0.0
    quant_noise_pq_block_size: int = 8
    quant_noise_scalar: float = 0.0
    min_params_to_wrap: int = 100000000
    no_decoder_final_norm: bool = False
    encoder_self_attn_normalizer: str | None = None
    encoder_self_attn_gamma: float | None = None
    encoder_self_attn_lambda: float | None = None
    encoder_self_attn_p: float | None = None
    encoder_self_attn_alpha: float | None = None
    encoder_self_attn_k: int | None = None
    encoder_self_attn_learn_gamma: bool | None = None
    encoder_self_attn_learn_lambda: bool | None = None
    encoder_self_attn_learn_alpha: bool | None = None
    encoder_self_attn_gamma_start: float | None = None
    decoder_self_attn_normalizer: str | None = None
    decoder_self_attn_gamma: float | None = None
    decoder_self_attn_lambda: float | None = None
    decoder_self_attn_p: float | None = None
    decoder_self_attn_alpha: float | None = None
    decoder_self_attn_k: int | None = None
    decoder_self_attn_learn_gamma: bool | None = None
    decoder_self_attn_learn_lambda: bool | None = None
    decoder_self_attn_learn_alpha: bool | None = None
    decoder_self_attn_gamma_start: float | None = None
    encoder_decoder_attn_normalizer: str | None = None
    encoder_decoder_attn_gamma: float | None = None
    encoder_decoder_attn_lambda: float | None = None
    encoder_decoder_attn_p: float | None = None
    encoder_decoder_attn_alpha: float | None = None
    encoder_decoder_attn_k: int | None = None
    encoder_decoder_attn_learn_gamma: bool | None = None
    encoder_decoder_attn_learn_lambda: bool | None = None
    encoder_decoder_attn_learn_alpha: bool | None = None
    encoder_decoder_attn_gamma_start: float | None = None

# Every node of fairseq's configuration; None where a group's choice stands there.
NODES = {
    "_name": None,
    "common": Common,
    "common_eval": CommonEval,
    "distributed_training": DistributedTraining,
    "dataset": Dataset,
    "optimization": Optimization,
    "checkpoint": Checkpoint,
    "bmuf": Bmuf,
    "generation": Generation,
    "eval_lm": EvalLm,
    "interactive": Interactive,
    "model": None,
    "task": None,
    "criterion": None,
    "optimizer": None,
    "lr_scheduler": None,
    "scoring": None,
    "bpe": None,
    "tokenizer": None,
    "ema": Ema,
}

# The choices of fairseq's registries that the commands offer.
GROUPS = {
    "criterion": {
        "cross_entropy": CrossEntropyCriterion,
        "label_smoothed_cross_entropy": LabelSmoothedCrossEntropyCriterion,
        "label_smoothed_cross_entropy_with_rdrop": LabelSmoothedCrossEntropyWithRdropCriterion,
        "regattn_fenchel_young": RegattnFenchelYoungCriterion,
        "regattn_label_smoothed_cross_entropy": RegattnLabelSmoothedCrossEntropyCriterion,
        "sentence_prediction": SentencePredictionCriterion,
    },
    "lr_scheduler": {
        "cosine": CosineLrScheduler,
        "fixed": FixedLrScheduler,
        "inverse_sqrt": InverseSqrtLrScheduler,
        "polynomial_decay": PolynomialDecayLrScheduler,
        "reduce_lr_on_plateau": ReduceLrOnPlateauLrScheduler,
        "step": StepLrScheduler,
        "tri_stage": TriStageLrScheduler,
        "triangular": TriangularLrScheduler,
    },
    "optimizer": {
        "adam": AdamOptimizer,
        "nag": NagOptimizer,
    },
    "task": {
        "regattn_translation": RegattnTranslationTask,
        "sentence_prediction": SentencePredictionTask,
    },
    "model": {
        "regattn_entailment": RegattnEntailmentModel,
        "regattn_lstm": RegattnLstmModel,
        "regattn_transformer": RegattnTransformerModel,
    },
}

# The architectures of our models: options that differ from the model's.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "regattn_lstm_tiny": {
        "dropout": 0.1,
        "encoder_embed_dim": 32,
        "encoder_hidden_size": 32,
        "decoder_embed_dim": 32,
        "decoder_hidden_size": 32,
        "decoder_out_embed_dim": 32,
    },
    "regattn_lstm_small": {
        "dropout": 0.1,
        "encoder_embed_dim": 128,
        "encoder_hidden_size": 64,
        "encoder_bidirectional": True,
        "decoder_embed_dim": 128,
        "decoder_hidden_size": 128,
        "decoder_out_embed_dim": 128,
        "attn_normalized": True,
    },
    "regattn_lstm_iwslt_de_en": {
        "dropout": 0.2,
        "encoder_embed_dim": 256,
        "encoder_hidden_size": 128,
        "encoder_bidirectional": True,
        "decoder_embed_dim": 256,
        "decoder_hidden_size": 256,
        "decoder_out_embed_dim": 256,
        "attn_normalized": True,
    },
    "regattn_lstm_opennmt": {
        "dropout": 0.3,
        "encoder_embed_dim": 500,
        "encoder_hidden_size": 500,
        "encoder_layers": 2,
        "encoder_dropout_in": 0.0,
        "encoder_dropout_out": 0.3,
        "decoder_embed_dim": 500,
        "decoder_hidden_size": 500,
        "decoder_layers": 2,
        "decoder_out_embed_dim": 500,
        "decoder_dropout_in": 0.0,
        "decoder_dropout_out": 0.3,
    },
    "regattn_transformer_tiny": {
        "encoder_embed_dim": 64,
        "encoder_ffn_embed_dim": 64,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_layers": 2,
        "decoder_attention_heads": 2,
    },
    "regattn_transformer_small": {
        "encoder_embed_dim": 128,
        "encoder_ffn_embed_dim": 256,
        "encoder_layers": 3,
        "encoder_attention_heads": 4,
        "encoder_normalize_before": True,
        "decoder_layers": 3,
        "decoder_attention_heads": 4,
        "decoder_normalize_before": True,
        "share_decoder_input_output_embed": True,
    },
    "regattn_transformer_iwslt_de_en": {
        "encoder_ffn_embed_dim": 1024,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
    },
    "regattn_transformer_vaswani_wmt_en_de_big": {
        "encoder_embed_dim": 1024,
        "encoder_ffn_embed_dim": 4096,
        "encoder_attention_heads": 16,
        "decoder_attention_heads": 16,
        "dropout": 0.3,
    },
}

# Other choices of fairseq's, which do not work with our models and corpora.
OTHERS = {
    "criterion": ["adaptive_loss", "ctc", "fastspeech2", "hubert", "label_smoothed_cross_entropy_with_alignment", "label_smoothed_cross_entropy_with_ctc", "latency_augmented_label_smoothed_cross_entropy", "masked_lm", "model", "nat_loss", "sentence_prediction_adapters", "speech_dlm_criterion", "speech_to_spectrogram", "speech_to_spectrogram_2pass", "speech_to_unit", "speech_to_unit_2pass", "speech_unit_lm_criterion", "tacotron2", "wav2vec"],
    "lr_scheduler": ["pass_through"],
    "optimizer": ["composite", "cpu_adam"],
    "task": ["audio_classification", "audio_finetuning", "audio_pretraining", "denoising", "dummy_lm", "dummy_masked_lm", "hubert_pretraining", "language_modeling", "masked_lm", "multilingual_denoising", "multilingual_language_modeling", "multires_hubert_pretraining", "nlu_finetuning", "sentence_prediction_adapters", "simul_text_to_text", "span_masked_lm", "speech_dlm_task", "speech_unit_modeling", "translation", "translation_from_pretrained_xlm", "translation_lev"],
    "model": ["hubert", "hubert_ctc", "hubert_seq2seq", "multires_hubert", "multires_hubert_ctc", "speech_dlm", "transformer_lm", "transformer_ulm", "wav2vec", "wav2vec2", "wav2vec2_laser", "wav2vec_classification", "wav2vec_ctc", "wav2vec_seq2seq"],
}
