"""The identity of a run: the options that change the model's parameters, and the data."""

import os
from pathlib import Path, PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regattn_fairseq.declared import normalizer_options
from regattn_fairseq.declared.loss_options import idle_loss_options
from regattn_fairseq.declared.naming import is_idle, labelled
from regattn_fairseq.files import sha256
from regattn_fairseq.runs.files import fingerprint
from regattn_fairseq.runs.prepared import PreparedData

# fairseq's option groups that its trainer reads. The other parts of a configuration set options of
# these groups (`data`, `normalizer` and `training`), say where files are, or what is done with the
# trained model.
TRAINED_BY = (
    *("model", "task", "criterion", "optimizer", "lr_scheduler"),
    *("optimization", "dataset", "checkpoint", "common", "bmuf", "ema"),
)

# Options of these groups that do not change the parameters: they set paths, messages, memory,
# speed, and which files are kept.
_WITHOUT_EFFECT = {
    "task": ("data",),
    "dataset": (
        *("num_workers", "data_buffer_size", "dataset_impl", "gen_subset", "num_shards"),
        *("shard_id", "max_tokens_valid", "batch_size_valid"),
        "skip_invalid_size_inputs_valid_test",
    ),
    "checkpoint": (
        *("save_dir", "keep_interval_updates", "keep_interval_updates_pattern"),
        *("keep_last_epochs", "keep_best_checkpoints", "no_save", "no_epoch_checkpoints"),
        *("no_last_checkpoints", "no_save_optimizer_state", "checkpoint_suffix"),
        *("checkpoint_shard_count", "load_checkpoint_on_all_dp_ranks"),
        *("write_checkpoints_asynchronously", "model_parallel_size"),
    ),
    "common": (
        *("no_progress_bar", "log_interval", "log_format", "log_file", "aim_repo"),
        *("aim_run_hash", "tensorboard_logdir", "wandb_project", "azureml_logging", "cpu"),
        *("user_dir", "empty_cache_freq", "all_gather_list_size", "profile", "reset_logging"),
        *("suppress_crashes", "use_plasma_view", "plasma_path"),
    ),
}

# Parts of a configuration that say, beside these groups, what was trained and evaluated.
_DESCRIBED_BY = ("normalizer", "training", "seed", "generation", "evaluation", "alignment")

# Options that name a file. The content of the file counts, not its path.
_FILES = {
    "model": ("encoder_embed_path", "decoder_embed_path"),
    "checkpoint": ("restore_file", "finetune_from_model"),
}


def identity(cfg: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved configuration that decides the parameters.

    Options that are off are left out, and so is softmax at the output.

    Args:
        cfg: as in a run's ``config.yaml``. Its key ``prepared`` is the path of the preprocessed
            data. The last part of this path identifies the text.
    """
    found: dict[str, Any] = {"data": text_options(cfg["data"])}
    if cfg.get("prepared"):
        found["prepared"] = Path(cfg["prepared"]).name
    normalizer = cfg["model"]["attn_normalizer"]
    idle = idle_loss_options(cfg["model"])
    for group in TRAINED_BY:
        options = cfg.get(group)
        if not isinstance(options, dict):
            continue
        found[group] = {
            name: value
            for name, value in switched_on(by_content(group, options)).items()
            if name not in _WITHOUT_EFFECT.get(group, ())
            and name not in idle
            and not (name.startswith("attn_") and is_idle(name, normalizer))
        }
    return found


def portable(cfg: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved configuration that says what a run is, on any machine.

    It holds no path of a machine. An option that names a file has the checksum of the file
    instead, and what else looks like a path has only its last part. The portable part of a portable
    configuration is the same again.

    Args:
        cfg: as in a run's ``config.yaml``.
    """
    kept: dict[str, Any] = {"data": text_options(cfg["data"])}
    if "rouge" in cfg["data"]:
        kept["data"]["rouge"] = cfg["data"]["rouge"]
    for group in TRAINED_BY:
        if isinstance(cfg.get(group), dict):
            kept[group] = {
                name: value
                for name, value in by_content(group, cfg[group]).items()
                if name not in _WITHOUT_EFFECT.get(group, ())
            }
    kept |= {name: cfg[name] for name in (*_DESCRIBED_BY, "prepared") if name in cfg}
    found: dict[str, Any] = _without_folders(kept)
    return found


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_folders(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_without_folders(below) for below in value]
    return PurePath(value).name if isinstance(value, str) and "/" in value else value


def switched_on(options: dict[str, Any]) -> dict[str, Any]:
    """The options without those that are off, ``None`` or ``False``.

    So a version that adds an option does not make the runs of earlier versions different ones.
    """
    return {
        name: value for name, value in options.items() if value is not None and value is not False
    }


def by_content(group: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a group, with the checksums of files in the place of their paths."""
    named = _FILES.get(group, ())
    return {name: _content(value) if name in named else value for name, value in options.items()}


def text_options(data: dict[str, Any]) -> dict[str, Any]:
    """The options of a resolved node ``data`` that decide the preprocessed text.

    The path of the corpus does not count, because the content of its files does. The options for
    scoring outputs do not count either.
    """
    left = {name: value for name, value in data.items() if name not in ("raw_dir", "rouge")}
    corpus = {name: value for name, value in data["corpus"].items() if name != "raw_dir"}
    return {**left, "corpus": corpus}


def run_differences(saved: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The differences of two resolved configurations in options that decide the trained model.

    If one of them does not name its preprocessed data, they are assumed to use the same data.
    """
    there, here = identity(saved), identity(wanted)
    if "prepared" not in there or "prepared" not in here:
        there.pop("prepared", None)
        here.pop("prepared", None)
    return _differences(there, here)


def run_directory(cfg: DictConfig, data: PreparedData) -> Path:
    """The folder of the run that ``cfg`` describes: its ``output_dir`` if set, or a default one.

    The default is ``<runs_dir>/<corpus>/<normalizer>-<digits>/seed<seed>``. The digits are a
    hash of all options that decide the parameters, except the seed: the seeds of one set-up share
    a folder.
    """
    if cfg.output_dir is not None:
        return Path(cfg.output_dir).expanduser()
    label = run_label(resolved(cfg, data, Path()))
    return Path(cfg.runs_dir).expanduser() / cfg.data.name / label / f"seed{cfg.seed}"


def run_label(cfg: dict[str, Any]) -> str:
    """The folder name that the seeds of one set-up share: ``<normalizer>-<digits>``.

    Args:
        cfg: a resolved configuration.
    """
    what = identity(cfg)
    what["common"] = {name: value for name, value in what["common"].items() if name != "seed"}
    return f"{normalizer_label(OmegaConf.create(cfg['normalizer']))}-{fingerprint(what)[:8]}"


def resolved(cfg: DictConfig, data: PreparedData, directory: Path) -> dict[str, Any]:
    """The whole configuration of a run in ``directory``, as its ``config.yaml`` keeps it."""
    cfg = cfg.copy()
    with read_write(cfg), open_dict(cfg):
        cfg.output_dir = str(directory)
        cfg.prepared = os.path.relpath(data.directory.resolve(), directory.resolve())
        # Absolute paths, so that the saved configuration works from any folder.
        cfg.task.data = str(data.bin.resolve())
        cfg.checkpoint.save_dir = str((directory / "checkpoints").resolve())
        if cfg.common.tensorboard_logdir is not None:
            cfg.common.tensorboard_logdir = str(Path(cfg.common.tensorboard_logdir).resolve())
    found: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    return found


def normalizer_label(options: DictConfig) -> str:
    """A folder name for a normalizer: its name, and the options that it takes.

    >>> normalizer_label(OmegaConf.create({"name": "fusedmax", "gamma": 1.0, "lam": 0.1}))
    'fusedmax_lam0.1'
    >>> normalizer_label(OmegaConf.create({"name": "sparsemax", "gamma": 2.0, "learn_gamma": True}))
    'sparsemax_gamma2_learned'
    """
    taken = normalizer_options(options.name)
    names = (*taken, *(f"learn_{option}" for option in taken))
    told = labelled({name: options[name] for name in names if name in options})
    parts = (f"{option}{value}{'_learned' if learned else ''}" for option, value, learned in told)
    return "_".join((options.name, *parts))


def _content(value: Any) -> Any:
    """The checksum of the file that an option names, or the option's value if there is no file."""
    if not isinstance(value, str) or not Path(value).is_file():
        return value
    return sha256(Path(value))


def _differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    if isinstance(saved, dict) and isinstance(wanted, dict):
        found = []
        for key in sorted({*saved, *wanted}):
            below = f"{path}.{key}" if path else key
            found += _differences(saved.get(key), wanted.get(key), below)
        return found
    if saved == wanted:
        return []
    if path == "prepared":
        return [f"trained on {saved}, the text is now {wanted}"]
    return [f"{path}: {saved} there, {wanted} here"]
