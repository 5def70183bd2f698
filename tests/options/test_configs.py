"""Every file in configs/ composes, and says what fairseq and the pipeline need to know."""

from pathlib import Path

import pytest
from composing import composed
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

from regattn_fairseq.models.normalizer_options import NormalizerOptions, normalizer_from_options
from regattn_fairseq.normalizers import rule
from regattn_fairseq.options.choices import CONFIGS, groups, offered
from regattn_fairseq.options.config import FAIRSEQ_NODES
from regattn_fairseq.pipeline.checks import check_options
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.identity import normalizer_label, run_directory
from regattn_fairseq.runs.prepared import PreparedData


def folder(cfg) -> Path:
    """Of the run on some preprocessed data."""
    return run_directory(cfg, PreparedData(Path("cache/data-0123456789ab")))


@pytest.mark.parametrize(
    "root", ["preprocess", "train", "evaluate", "run", "report", "demo", "reproduce"]
)
def test_every_stage_composes_without_options(root):
    cfg = composed(root)
    missing = {key for key in OmegaConf.missing_keys(cfg) if not key.startswith("hydra.")}
    assert missing == set()


FOR_MANY_LANGUAGES = {"debian": "debian_it_en", "tatoeba": "tatoeba_it_en"}


@pytest.mark.parametrize("name", offered("data"))
def test_every_corpus_composes(name):
    language = ["data.source_lang=it"] if name in FOR_MANY_LANGUAGES else []
    cfg = composed("run", f"data={name}", "data.raw_dir=somewhere", *language)
    if cfg.data.task == "entailment":
        cfg = composed("run", "experiment=entailment", f"data={name}", "data.raw_dir=somewhere")
        assert cfg.model._name == "regattn_entailment"
        assert cfg.checkpoint.maximize_best_checkpoint_metric
        check_options(cfg)
    else:
        assert cfg.data.task in ("translation", "summarization")
        assert cfg.task.source_lang == cfg.data.source_lang
    assert cfg.data.name == FOR_MANY_LANGUAGES.get(name, name)


@pytest.mark.parametrize("name", offered("normalizer"))
def test_every_normalizer_reaches_the_model(name):
    cfg = composed("run", f"normalizer={name}", "normalizer.gamma=2")
    assert cfg.model.attn_normalizer == name
    assert cfg.model.attn_gamma == 2
    check_options(cfg)
    normalizer_from_options(cfg.model)
    assert normalizer_label(cfg.normalizer).startswith(f"{name}_")
    assert "_gamma2" in str(folder(cfg))


@pytest.mark.parametrize("name", offered("normalizer"))
def test_the_map_declares_the_defaults_of_all(name):
    given = composed("run", f"normalizer={name}").normalizer
    built = normalizer_from_options(NormalizerOptions(attn_normalizer=name))
    assert built.schedule.gamma_factor(0, words=20) == (20 if rule(name).steep else 1)
    for option, value in built.options.items():
        assert given.get(option, value) == value == rule(name).options[option].default


# Choices that are of classifiers, and choices that plugins make possible.
_OF_ENTAILMENT = {
    *("task=entailment", "model=regattn_entailment", "criterion=sentence_prediction"),
}
_OF_PLUGINS = {"engine=ray", "engine=slurm", "sweep=optuna"}


# The last one is regattn-reproduce's.
_TESTED_ELSEWHERE = {"data", "normalizer", "tracking", "reproduce"}


@pytest.mark.parametrize("group", sorted({*groups()} - _TESTED_ELSEWHERE))
def test_every_choice_that_help_lists_composes_and_could_train(group):
    for name in offered(group):
        choice = f"{group}={name}"
        experiment = ["experiment=entailment"] if choice in _OF_ENTAILMENT else []
        try:
            cfg = composed("run", *experiment, choice, "data.raw_dir=somewhere")
        except MissingConfigException:
            assert choice in _OF_PLUGINS  # which may not be installed
            continue
        resolved = OmegaConf.to_container(cfg, resolve=False, enum_to_str=True)
        assert set(FAIRSEQ_NODES) - {"_name", "bpe", "tokenizer", "scoring"} <= set(resolved)
        check_options(cfg)


def test_choices_of_fairseqs_go_with_other_recipes():
    for name in ("inverse_sqrt", "tri_stage", "polynomial_decay"):
        composed("run", "training=opennmt", "optimizer=adam", f"lr_scheduler={name}")
    composed("run", "experiment=quickstart", "lr_scheduler=triangular", "criterion=cross_entropy")
    composed("run", "experiment=synthetic_entailment", "lr_scheduler=step", "optimizer=nag")


def test_recipes_reach_fairseqs_options():
    cfg = composed("run", "training=linear", "optimizer=nag")
    assert cfg.criterion.label_smoothing == 0.1
    assert cfg.lr_scheduler.warmup_updates == 100
    assert cfg.lr_scheduler.total_num_update == cfg.optimization.max_update == 10000
    assert cfg.optimizer.momentum == 0.99
    assert composed("run", "training=opennmt").optimizer.momentum == 0
    cfg = composed("run", "lr_scheduler=cosine", "optimization.max_update=500")
    assert cfg.lr_scheduler.lr_period_updates == 500
    assert composed("run", "lr_scheduler=cosine").lr_scheduler.lr_period_updates == 10000
    triangle = composed("run", "lr_scheduler=triangular").lr_scheduler
    assert (triangle.lr, triangle.max_lr) == ([0.0002], 0.002)


@pytest.mark.parametrize("recipe", offered("training"))
def test_a_recipe_is_for_any_task(recipe):
    for experiment, criterion, metric in (
        ("multi30k", "regattn_label_smoothed_cross_entropy", "loss"),
        ("entailment", "sentence_prediction", "accuracy"),
    ):
        cfg = composed(
            "run", f"experiment={experiment}", f"training={recipe}", "data.raw_dir=somewhere"
        )
        assert cfg.criterion._name == criterion
        assert cfg.training.best_metric == metric
        assert cfg.dataset.batch_size == cfg.training.batch_size
        check_options(cfg)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data=synthetic_entailment"], "add experiment=entailment"),
        (["experiment=entailment", "data=synthetic_de_en"], "leave out experiment=entailment"),
        (["experiment=entailment", "training.best_metric=bleu"], "choose loss or accuracy"),
    ],
)
def test_corpus_and_model_must_be_for_the_same_task(overrides, words):
    with pytest.raises(PipelineError, match=words):
        check_options(composed("run", *overrides))


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "none"])
def test_every_tracker_composes(name):
    cfg = composed("run", f"tracking={name}")
    assert (cfg.common.tensorboard_logdir is None) == (name == "none")
    assert (cfg.common.wandb_project is None) == (name != "wandb")


@pytest.mark.parametrize("name", [name for name in offered("sweep") if name != "optuna"])
def test_every_sweep_composes_and_says_its_command(name):
    cfg = composed("run", f"sweep={name}")
    assert cfg.hydra.sweeper.params
    assert folder(cfg) == folder(composed("run"))
    lines = (CONFIGS / "sweep" / f"{name}.yaml").read_text().splitlines()
    assert lines[1].startswith(f"# regattn-run -m sweep={name}")


@pytest.mark.parametrize("name", offered("experiment"))
def test_an_experiments_first_comment_is_its_command(name):
    lines = (CONFIGS / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_"
    command = lines[1].removeprefix("# ").split()
    assert command[0] == "regattn-run"
    assert f"experiment={name}" in command


@pytest.mark.parametrize(
    ("overrides", "label"),
    [
        (["normalizer=softmax"], "softmax"),
        (["normalizer=softmax", "normalizer.gamma=0.5"], "softmax_gamma0.5"),
        (["normalizer=oscarmax", "normalizer.lam=0.05"], "oscarmax_lam0.05"),
        (["normalizer=pnormmax", "normalizer.p=1.2"], "pnormmax_p1.2"),
        (["normalizer=entmax", "normalizer.alpha=1.7"], "entmax_alpha1.7"),
        (["normalizer=topk", "normalizer.k=5"], "topk_k5"),
        (
            ["normalizer=fusedmax", "normalizer.learn_lam=true", "normalizer.learn_gamma=true"],
            "fusedmax_gamma1_learned_lam0.3_learned",
        ),
    ],
)
def test_normalizer_labels(overrides, label):
    cfg = composed("train", *overrides)
    assert normalizer_label(cfg.normalizer) == label
    assert f"/{label}-" in str(folder(cfg))


def test_fairseqs_own_options_have_their_own_names():
    cfg = composed(
        "run", "optimization.clip_norm=3", "optimizer.weight_decay=0.1", "common.fp16=true"
    )
    assert (cfg.optimization.clip_norm, cfg.optimizer.weight_decay, cfg.common.fp16) == (
        3,
        0.1,
        True,
    )
