"""Every option of fairseq's acts, or is refused before any work; one table says which."""

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from composing import composed
from fairseq.data import Dictionary
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.configs import FairseqConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from regattn_fairseq.options import fairseq_options
from regattn_fairseq.options.fairseq_options import (
    TABLE,
    check_generation,
    check_training,
)
from regattn_fairseq.pipeline.checks import check_lengths
from regattn_fairseq.pipeline.preprocessing.binarization import binarize
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.pipeline.training.checkpoints import start_or_go_on
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def base() -> DictConfig:
    return composed("run")


def changed(base: DictConfig, **options: object) -> DictConfig:
    """A copy with other values, of options whose names have __ for a dot."""
    cfg = base.copy()
    with open_dict(cfg):
        for name, value in options.items():
            OmegaConf.update(cfg, name.replace("__", "."), value)
    return cfg


def test_every_option_of_fairseqs_is_in_the_table():
    for node, options in TABLE.items():
        known = {field.name for field in fields(FairseqConfig.__dataclass_fields__[node].type)}
        assert set(options) == known - {"_name"}, node


def test_every_node_of_fairseqs_is_accounted_for():
    nodes = {
        name
        for name, field in FairseqConfig.__dataclass_fields__.items()
        if isinstance(field.type, type) and issubclass(field.type, FairseqDataclass)
    }
    assert nodes == {*TABLE, *fairseq_options._NODES}


def test_the_page_is_made_of_the_table():
    page = (ROOT / "docs" / "fairseq_options.md").read_text(encoding="utf-8")
    assert page == fairseq_options.page(), (
        "python -m regattn_fairseq.options.fairseq_options > docs/fairseq_options.md"
    )


# Other values of options that take names, or that have none by default.
_VALUES = {"constraints": "ordered", "decoding_format": "vote", "print_alignment": "hard"} | {
    "pipeline_checkpoint": "always",
    "zero_sharding": "os",
}


def test_every_refused_option_is_refused(base):
    cfg = base.copy()
    for node, options in TABLE.items():
        written = OmegaConf.to_container(cfg[node], resolve=False)
        for option in (name for name, use in options.items() if not use.acts):
            value = cfg[node][option]
            other = value + 1 if isinstance(value, int | float) else _VALUES.get(option, "7")
            cfg[node][option] = not value if isinstance(value, bool) else other
            with pytest.raises(PipelineError, match=rf"{node}\.{option}=.* is refused: "):
                check_training(cfg)
            cfg[node][option] = written[option]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"generation__beam": 0}, "generation.beam=0 is refused: choose at least 1"),
        ({"generation__temperature": 0}, "above 0"),
        ({"generation__sampling_topk": 3}, "add generation.sampling=true"),
        ({"generation__diverse_beam_groups": 2}, "does not divide generation.beam=5"),
        ({"generation__sampling": True, "generation__match_source_len": True}, "two ways"),
        ({"generation__min_len": 30}, "raise generation.max_len_b"),
        ({"generation__prefix_size": 1, "generation__no_repeat_ngram_size": 2}, "contradict"),
        ({"dataset__validate_interval": 9}, "more than training.max_epoch=8"),
        ({"dataset__validate_after_updates": 9}, "the training might end before it"),
        ({"dataset__valid_subset": "test"}, "choose valid"),
        ({"dataset__max_tokens": None}, "both null"),
        ({"dataset__dataset_impl": "raw"}, "mmap"),
        ({"training__max_epoch": 0, "training__patience": -1}, "would never end"),
        ({"optimization__stop_min_lr": 0.002}, "would end at once"),
        ({"optimization__stop_min_lr": 0, "training__warmup_updates": 9}, "would end at once"),
        ({"optimization__update_freq": [0]}, "each at least 1"),
        ({"checkpoint__save_interval": 3}, "does not divide training.max_epoch=8"),
        ({"checkpoint__reset_meters": True}, "checkpoint.restore_file=…"),
        ({"checkpoint__optimizer_overrides": "lr=1"}, "write a dictionary"),
        (
            {"checkpoint__restore_file": "a.pt", "checkpoint__finetune_from_model": "b.pt"},
            "choose one of them",
        ),
        ({"common__log_format": "json"}, "train_log.jsonl"),
        ({"common__seed": 7}, "set it with seed=…"),
        ({"ema__store_ema": True}, "averaged model"),
        ({"bmuf__block_lr": 3.0}, "use_bmuf is refused"),
        ({"task__num_batch_buckets": 3}, "TPUs"),
        ({"criterion___name": "sentence_prediction"}, "experiment=entailment"),
    ],
)
def test_values_out_of_bounds_and_at_odds(base, options, words):
    with pytest.raises(PipelineError) as caught:
        check_training(changed(base, **options))
    assert words in str(caught.value)


def test_16_bits_need_a_gpu(base, monkeypatch):
    for option in ("fp16", "bf16", "amp", "memory_efficient_fp16"):
        cfg = changed(base, **{f"common__{option}": True})
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(PipelineError, match="needs a GPU"):
            check_training(cfg)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        check_training(cfg)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 3, "training__best_metric": "bleu"},
        {"generation__sampling": True, "generation__sampling_topk": 3, "generation__beam": 1},
        {"generation__prefix_size": 2, "generation__retain_dropout": True},
        {"dataset__valid_subset": "valid,test", "dataset__validate_interval": 2},
        {"training__max_epoch": 0, "optimization__max_update": 9}
        | {"dataset__validate_after_updates": 9},
        {"checkpoint__restore_file": "a.pt", "checkpoint__reset_optimizer": True},
        {"checkpoint__save_interval": 4, "checkpoint__no_epoch_checkpoints": False},
    ],
)
def test_what_acts_is_let_through(base, options):
    cfg = changed(base, **options)
    check_training(cfg)
    check_generation(cfg)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["lr_scheduler=inverse_sqrt", "lr_scheduler.warmup_updates=0"], "choose 1 or more"),
        (["lr_scheduler=cosine", "lr_scheduler.min_lr=1"], "not below training.lr"),
        (["lr_scheduler=triangular", "lr_scheduler.max_lr=0.0001"], "not above"),
        (["lr_scheduler=cosine", "optimization.lr=[0.1,0.2]"], "takes one learning rate"),
    ],
)
def test_schedules_that_would_fail(options, words):
    with pytest.raises(PipelineError, match=words):
        check_training(composed("run", *options))


def restoring(**options: object) -> DictConfig:
    given = {"restore_file": "checkpoint_last.pt", "optimizer_overrides": "{}", **options}
    resets = ("dataloader", "lr_scheduler", "meters", "optimizer")
    checkpoint = {f"reset_{name}": False for name in resets}
    checkpoint |= {"continue_once": None, "finetune_from_model": None, **given}
    return OmegaConf.create({"checkpoint": checkpoint, "optimization": {"max_epoch": 3}})


def test_a_run_begins_from_another_and_goes_on_from_its_own(tmp_path):
    other, own = tmp_path / "other.pt", tmp_path / "checkpoint_last.pt"
    state = {"model": {}, "cfg": {}, "extra_state": {"train_iterator": {"epoch": 3}}}
    torch.save(state, other)
    given = {"restore_file": str(other), "reset_optimizer": True, "reset_dataloader": True}

    first = restoring(**given)
    start_or_go_on(first, own)
    assert first == restoring(**given)

    torch.save(state, own)
    again = restoring(**given, optimizer_overrides="{'lr': [1]}", continue_once=str(other))
    start_or_go_on(again, own)
    assert again == restoring()


def test_what_a_run_cannot_begin_from(tmp_path):
    own, other = tmp_path / "checkpoint_last.pt", tmp_path / "other.pt"
    for name in ("restore_file", "continue_once", "finetune_from_model"):
        with pytest.raises(PipelineError, match=f"checkpoint.{name}=.*no such file"):
            start_or_go_on(restoring(**{name: str(other)}), own)
    other.write_text("no checkpoint")
    with pytest.raises(PipelineError, match="damaged"):
        start_or_go_on(restoring(restore_file=str(other)), own)
    torch.save({"model": {}, "cfg": {}, "extra_state": {"train_iterator": {"epoch": 4}}}, other)
    with pytest.raises(PipelineError, match=r"has had 3 epochs already: raise training\.max_epoch"):
        start_or_go_on(restoring(restore_file=str(other)), tmp_path / "no")  # no epoch is left
    start_or_go_on(restoring(finetune_from_model=str(other)), tmp_path / "no")


@pytest.mark.parametrize("entailment", [False, True])
def test_the_longest_sentence_fits_into_a_batch(tmp_path, entailment):
    data = PreparedData(tmp_path)
    task = task_named("entailment" if entailment else "translation")
    words = Dictionary()
    words.add_symbol("a")
    sides = task.sides
    data.text.mkdir()
    for folder in ("input0", "input1") if entailment else ("",):
        (data.bin / folder).mkdir(parents=True)
    for number, (side, lines) in enumerate(zip(sides, (["a", "a a"], ["a a a", "a"]), strict=True)):
        path = data.text / f"train.{side}"
        path.write_text("".join(f"{line}\n" for line in lines))
        prefix = f"input{number}/train" if entailment else f"train.src-tgt.{side}"
        binarize(path, words, data.bin / prefix, most_processes=1)
    data.record.write_text('{"subsets": {"train": "train"}}')
    longest = 6 if entailment else 4  # the end of each sentence counts
    check_lengths(task, data, "train", longest, "training.max_tokens")
    check_lengths(task, data, "train", None, "training.max_tokens")
    with pytest.raises(PipelineError) as caught:
        check_lengths(task, data, "train", longest - 1, "training.max_tokens")
    assert f"training.max_tokens={longest - 1} is less than the {longest} tokens" in str(
        caught.value
    )
    assert f"line 1 of {data.text / f'train.{sides[0]}'}" in str(caught.value)
