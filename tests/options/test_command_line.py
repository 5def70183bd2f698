"""Arguments that are not understood are refused in one line, with the name that was meant."""

import importlib.util
import sys

import pytest
from composing import composed
from omegaconf.errors import ValidationError

from regattn_fairseq.options import command_line, config
from regattn_fairseq.options.command_line import (
    CommandLineError,
    bad_value,
    check,
    explain,
    nearest,
)
from regattn_fairseq.pipeline.checks import check_options

config.register()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["normalizer=fusemax"], ["normalizer=fusemax", "did you mean fusedmax?"]),
        (["normalizer=options"], ["normalizer=options", "softmax"]),
        (["data=multi30k_base"], ["data=multi30k_base", "multi30k_de_en"]),
        (["normalizer=3"], ["normalizer=3", "softmax"]),
        (["experiment=nope"], ["experiment=nope", "quickstart"]),
        (["optimizer=sgd"], ["optimizer=sgd", "adam, nag"]),
        (["criterion=wav2vec"], ["criterion=wav2vec", "cross_entropy"]),
        (["model=transformer_lm"], ["model=transformer_lm", "regattn_lstm"]),
        (["trainning=adam"], ["trainning", "did you mean training?"]),
        (["+trainning=adam"], ["trainning", "did you mean training?"]),
        (["++trainning=adam"], ["trainning", "did you mean training?"]),
        (["+training.anneal_epoch=5", "training=linear"], ["training.anneal_epoch"]),
        (["+model.foo=1"], ["model.foo"]),
        (["+training.lr=0.1"], ["training.lr=0.1", "without +"]),
        (["training.max_update=20"], ["did you mean optimization.max_update?"]),
        (["training.max_epochs=3"], ["did you mean training.max_epoch?"]),
        (["lam=0.1"], ["did you mean normalizer.lam?"]),
        (["normalizer.lam=abc"], ["normalizer.lam", "'abc'", "number"]),
        (["training.save_minutes=abc"], ["training.save_minutes", "'abc'", "number"]),
        (["optimization.lr=0.1"], ["optimization.lr", "list in brackets", "[0.002]"]),
        (["data.lowercase=no"], ["data.lowercase", "true or false"]),
        (["data.raw_dir=a b, c"], ["\"data.raw_dir='a b, c'\""]),
        (["data.raw_dir=it's"], ["\"data.raw_dir='it\\'s'\""]),
        (["data.raw_dir=a,b"], ["-m", "\"data.raw_dir='a,b'\""]),
        (["seed"], ["seed", "option=value"]),
        (["=3"], ["=3", "option=value"]),
        (["see d=3"], ["'see d'"]),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(CommandLineError) as caught:
        check("run", arguments)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["data=text", "data.raw_dir='a b, c'", "~training.patience"],
        ["+data.corpus.anything=1", "+data.rouge.test={measure: f1}"],
        ["+mine=0.3", "model.dropout=${mine}"],
        ["++training.lr=0.1", "training.max_epoch=null", "optimization.update_freq=[1,2]"],
        ["hydra.run.dir=x", "+hydra.anything=1"],
        ["training=linear", "training.max_update=20"],
    ],
)
def test_what_is_not(arguments):
    check("run", arguments)


def test_each_value_of_a_sweep_is_looked_at():
    check("run", ["normalizer=softmax,fusedmax", "seed=1,2", "model.dropout=range(3)"], sweep=True)
    for wrong in ("normalizer=softmax,fusemax", "seed=1,x", "training.max_update=1,2"):
        with pytest.raises(CommandLineError):
            check("run", [wrong], sweep=True)


def test_options_of_a_folder_of_ones_own_are_known(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nmine: {size: 3}\n")
    options = ["experiment=mine", "mine.size=4"]
    check("run", ["experiment=mine", "mine.size=4"], config_dir=str(tmp_path))
    with pytest.raises(CommandLineError, match="mine"):
        check("run", options)


def test_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    seen = []
    arguments = ["data=text", "data.raw_dir=~/corpora/six", "runs_dir=~", "~training.patience"]
    monkeypatch.setattr(sys, "argv", ["regattn-preprocess"])
    command_line.run("train", lambda cfg: seen.append(cfg), arguments)
    (cfg,) = seen
    assert (cfg.data.raw_dir, cfg.runs_dir) == ("/home/me/corpora/six", "/home/me")
    assert "patience" not in cfg.training


@pytest.mark.parametrize(
    ("root", "argument", "words"),
    [
        ("run", "generation.print_alignment=foo", ["generation.print_alignment", "hard, soft"]),
        ("run", "optimization.lr=[a]", ["optimization.lr[0] is 'a', but must be a number"]),
        ("run", "engine=slurm", ["[slurm]"]),
        ("report", "normalizer=softmax", ["no choice of normalizer"]),
        ("preprocess", "training=adam", ["no choice of training", "it has data"]),
        ("report", "--config-dir=/nowhere", ["/nowhere"]),
        ("report", "--resolve", ["--resolve"]),
        ("report", "--nonsense", ["--nonsense", "--help"]),
    ],
)
def test_what_only_hydra_finds(monkeypatch, root, argument, words):
    """By its exceptions' classes, with the option's own name."""
    launcher = "hydra_plugins.hydra_submitit_launcher"
    if argument == "engine=slurm" and importlib.util.find_spec(launcher):
        pytest.skip("its launcher is installed")
    monkeypatch.setattr(sys, "argv", ["regattn"])
    with pytest.raises(Exception) as caught:  # noqa: PT011
        command_line.run(root, lambda cfg: None, [argument])
    line = explain(caught.value, root, [argument])
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("option", "value", "more"),
    [("training.max_epoch", "1.5", ()), ("normalizer.k", "2.5", ("normalizer=topk",))],
)
def test_a_value_that_fairseqs_option_cannot_take_is_named_by_the_users(option, value, more):
    cfg = composed("run", f"{option}={value}", *more)
    with pytest.raises(ValidationError) as caught:
        check_options(cfg)
    assert bad_value(caught.value) == f"{option} is '{value}', but must be a whole number"


def test_nearest():
    known = ["seed", "data.lowercase", "optimization.max_update", "lr_scheduler.max_update"]
    assert nearest("optimizer.max_update", known) == "optimization.max_update"
    assert nearest("lower_case", known) == "data.lowercase"
    assert nearest("zzz", known) is None


def test_version():
    shown = command_line.version()
    assert shown.startswith("regattn-fairseq ")
    assert "torch " in shown
    assert "fairseq 0" in shown
