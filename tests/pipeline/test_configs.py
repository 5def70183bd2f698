"""Every file in configs/ composes, and says what fairseq and the pipeline need to know."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from regattn_fairseq.models.lstm import normalizer_from_options
from regattn_fairseq.pipeline import config
from regattn_fairseq.pipeline.config import CONFIGS, FAIRSEQ_NODES, normalizer_label
from regattn_fairseq.pipeline.preprocess import prepared_data
from regattn_fairseq.pipeline.train import check_options


def composed(root: str, *overrides: str):
    config.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose(root, overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)  # output_dir reads the overrides there
    return cfg


def names(group: str) -> list[str]:
    found = sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))
    return [name for name in found if name not in ("options", "multi30k_base")]


@pytest.mark.parametrize("root", ["preprocess", "train", "evaluate", "run", "report"])
def test_every_stage_composes_without_options(root):
    cfg = composed(root)
    missing = {key for key in OmegaConf.missing_keys(cfg) if not key.startswith("hydra.")}
    assert missing == set()


@pytest.mark.parametrize("name", names("data"))
def test_every_corpus_composes(name):
    cfg = composed("run", f"data={name}", "data.raw_dir=somewhere")
    assert cfg.data.task in ("translation", "summarization")
    assert cfg.task.source_lang == cfg.data.source_lang
    assert prepared_data(cfg).directory.name.startswith(f"{name}-")


@pytest.mark.parametrize("name", names("normalizer"))
def test_every_normalizer_reaches_the_model(name):
    cfg = composed("run", f"normalizer={name}", "normalizer.gamma=2")
    assert cfg.model.attn_normalizer == name
    assert cfg.model.attn_gamma == 2
    check_options(cfg)
    normalizer_from_options(cfg.model)
    assert f"{name}_gamma2" in cfg.output_dir


@pytest.mark.parametrize("group", ["model", "training", "generation", "experiment"])
def test_every_other_choice_composes(group):
    for name in names(group):
        cfg = composed("run", f"{group}={name}", "data.raw_dir=somewhere")
        resolved = OmegaConf.to_container(cfg, resolve=False, enum_to_str=True)
        assert set(FAIRSEQ_NODES) - {"_name", "bpe", "tokenizer", "scoring"} <= set(resolved)
        check_options(cfg)


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "none"])
def test_every_tracker_composes(name):
    cfg = composed("run", f"tracking={name}")
    assert (cfg.common.tensorboard_logdir is None) == (name == "none")
    assert (cfg.common.wandb_project is None) == (name != "wandb")


@pytest.mark.parametrize("name", [name for name in names("sweep") if name != "optuna"])
def test_every_sweep_composes_and_says_its_command(name):
    cfg = composed("run", f"sweep={name}")
    assert cfg.hydra.sweeper.params
    assert "sweep" not in cfg.output_dir.removeprefix(cfg.runs_dir)
    lines = (CONFIGS / "sweep" / f"{name}.yaml").read_text().splitlines()
    assert lines[1].startswith(f"# regattn-run -m sweep={name}")


@pytest.mark.parametrize("name", names("experiment"))
def test_an_experiments_first_comment_is_its_command(name):
    lines = (CONFIGS / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_"
    command = lines[1].removeprefix("# ").split()
    assert command[0] == "regattn-run"
    assert f"experiment={name}" in command


def test_folders_differ_where_runs_do():
    base = composed("run").output_dir
    assert composed("run").output_dir == base
    others = ["seed=2", "normalizer=fusedmax", "data=synthetic_headlines", "training.lr=0.1"]
    folders = {composed("run", other).output_dir for other in others}
    assert len(folders) == len(others)
    assert base not in folders


def test_preprocessed_folders_depend_on_content_alone():
    here = prepared_data(composed("run", "data=multi30k_de_en", "data.raw_dir=here"))
    there = prepared_data(composed("run", "data=multi30k_de_en", "data.raw_dir=there"))
    other = prepared_data(
        composed("run", "data=multi30k_de_en", "data.raw_dir=here", "data.lowercase=false")
    )
    assert here == there
    assert here != other


@pytest.mark.parametrize(
    ("values", "label"),
    [
        (("softmax", 1.0, 0.1, 1.5), "softmax"),
        (("softmax", 0.5, 0.1, 1.5), "softmax_gamma0.5"),
        (("oscarmax", 1.0, 0.05, 1.5), "oscarmax_lam0.05"),
        (("pnormmax", 1.0, 0.05, 1.2), "pnormmax_p1.2"),
    ],
)
def test_normalizer_labels(values, label):
    assert normalizer_label(*values) == label


def test_fairseqs_own_options_have_their_own_names():
    cfg = composed(
        "run", "optimization.clip_norm=3", "optimizer.weight_decay=0.1", "common.fp16=true"
    )
    assert (cfg.optimization.clip_norm, cfg.optimizer.weight_decay, cfg.common.fp16) == (
        3,
        0.1,
        True,
    )
