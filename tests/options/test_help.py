"""``--help``, ``--help-all`` and docs/options.md say the same, of every option that there is."""

import functools
import re
import shlex
from pathlib import Path

import pytest
from composing import composed
from omegaconf import DictConfig

from regattn_fairseq import cli
from regattn_fairseq.options import comments, help, page
from regattn_fairseq.options.choices import groups, offered
from regattn_fairseq.options.command_line import check
from regattn_fairseq.options.fairseq_options import TABLE
from regattn_fairseq.options.help import WIDTH, all_options
from regattn_fairseq.options.index import describe_choice, describe_group, entries

ROOT = Path(__file__).parents[2]
COMMANDS = ("preprocess", "train", "evaluate", "run", "report", "demo", "reproduce")
_OPTION = re.compile(r"^  ([a-z][\w.]*)=(\S+)", re.MULTILINE)


@functools.cache
def configuration(command: str, *options: str) -> DictConfig:
    return composed(command, *options)


@functools.cache
def shown(command: str, *options: str) -> str:
    return configuration(command, *options).hydra.help.template


def listed(text: str) -> dict[str, str]:
    """The options in a help text, by name, with their defaults."""
    return dict(_OPTION.findall(text.partition("Options, with their defaults:")[2]))


def test_the_page_is_made_of_the_comments():
    written = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert written == page.page(), "python -m regattn_fairseq.options.page > docs/options.md"
    anchors = re.findall(r'<a id="([^"]+)"', written)
    assert len(anchors) == len(set(anchors)) > 300
    assert {*re.findall(r"\(#([\w.]+\.\w+)\)", written)} <= {*anchors}
    assert not re.search(r"\|[ ]*\|", written)  # no empty cell


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_screen_and_can_be_written(command):
    text = shown(command)
    lines = text.splitlines()
    assert lines[0].startswith(f"regattn-{command}: ")
    assert "Examples:" in lines
    assert 25 <= len(lines) <= 46
    assert max(map(len, lines)) <= WIDTH
    options = listed(text)
    assert len(options) >= 6
    check(command, [f"{name}={default}" for name, default in options.items() if default != "…"])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_are_understood(command):
    examples = re.findall(rf"^  regattn-{command} (.+)$", shown(command), re.MULTILINE)
    assert len(examples) >= 3
    for example in examples:
        words = [cli._target(word) for word in shlex.split(example, comments=True)]
        check(command, [word for word in words if word != "-m"], sweep="-m" in words)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_all_has_what_the_command_can_use_and_nothing_else(command):
    cfg = configuration(command)
    text = all_options(cfg)
    assert {*listed(shown(command))} <= {name for name, _ in _OPTION.findall(text)}
    names = {name for name, _ in _OPTION.findall(text)}
    for node, options in TABLE.items():
        for option, use in options.items():
            assert use.acts or f"{node}.{option}" not in names
    nodes = {name.partition(".")[0] for name in names}
    if command == "evaluate":
        assert nodes >= {"evaluation", "generation", "alignment", "output_dir"}
        assert not nodes & {"training", "optimization", "model", "data"}
    if command == "train":
        assert nodes >= {"training", "optimization", "model", "data"}
        assert not nodes & {"evaluation", "generation"}
    if command == "preprocess":
        assert nodes == {"data", "cache_dir", "preprocess_workers"}


def test_the_tutorial_quotes_what_help_prints():
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    quoted = re.search(r"```text\n(regattn-run: .*?)```", tutorial, re.DOTALL)
    assert quoted is not None
    for part in quoted[1].split("…\n"):
        assert part in f"{shown('run')}\n"


def test_help_follows_the_choices():
    text = all_options(composed("run", "training=linear", "normalizer=fusedmax"))
    options = dict(_OPTION.findall(text))
    assert options["training.max_update"] == "10000"
    assert "training.anneal_epoch" not in options
    assert options["normalizer.lam"] == "0.3"
    assert listed(shown("reproduce", "reproduce=figure2"))["points"] == "601"


@pytest.mark.parametrize("group", groups())
def test_every_group_and_choice_is_described(group):
    assert describe_group(group)
    for choice in offered(group):
        assert describe_choice(group, choice), choice


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_described(command):
    root, cfg, choices = help._parts(configuration(command))
    assert not [each.name for each in entries(root, cfg, choices) if not each.description]


def test_a_comment_is_what_stands_behind_a_value(tmp_path, monkeypatch):
    (tmp_path / "training").mkdir()
    (tmp_path / "run.yaml").write_text("defaults:\n  - training: mine  # the recipe\na: 1  # one\n")
    (tmp_path / "training" / "mine.yaml").write_text(
        "# @package _global_\n# Mine: regattn-run training=mine\n"
        "training:  # of all\n  lr: 0.1  # how fast # or slow\n  name: 'a # b'\n  text: a#b\n"
        "  pair: {first: 1, second: 2}  # both\n  several: [1, 2]  # some\n"
    )
    monkeypatch.setattr(comments, "CONFIGS", tmp_path)
    files = comments.comments.__wrapped__()
    assert files["run"].options == {"a": "one"}
    assert files["run"].groups == {"training": "the recipe"}
    mine = files["training=mine"]
    assert mine.head == "Mine"
    assert mine.options["training"] == "of all"
    assert mine.options["training.lr"] == "how fast # or slow"
    assert mine.options["training.name"] == mine.options["training.text"] == ""
    assert mine.options["training.several"] == "some"
