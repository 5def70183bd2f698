"""Another text is other data, other options that matter are another run, and nothing else is."""

import copy
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from regattn_fairseq.corpora import CorpusError
from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.runs.checksums import KNOWN
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.identity import (
    identity,
    resolved,
    run_differences,
    run_directory,
)
from regattn_fairseq.runs.prepared import PreparedData, data_of_run

DATA = PreparedData(Path("cache/data-0123456789ab"))


def composed(*overrides: str):
    config.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("run", overrides=list(overrides))


def write_text(folder: Path, words: str, *, zipped: bool = False) -> Path:
    folder.mkdir(parents=True)
    for number, split in enumerate(("train", "valid", "test")):
        for side in ("src", "tgt"):
            lines = "".join(f"{words} {side} {number} {i}\n" for i in range(4))
            if zipped:
                (folder / f"{split}.{side}.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
            else:
                (folder / f"{split}.{side}").write_text(lines)
    return folder


@pytest.fixture
def text(tmp_path):
    """Options of a corpus in ``tmp_path/a``."""

    def options(folder: Path) -> list[str]:
        return [
            "data=text",
            f"data.raw_dir={folder}",
            "data.tokenizer.name=space",
            f"cache_dir={tmp_path / 'cache'}",
            f"runs_dir={tmp_path / 'runs'}",
        ]

    return options


def test_two_corpora_side_by_side_are_two_caches_each_found_again(text, tmp_path):
    one = composed(*text(write_text(tmp_path / "a", "one")))
    other = composed(*text(write_text(tmp_path / "b", "other", zipped=True)))
    first, second = preprocess(one), preprocess(other)
    assert first != second
    assert "one src" in (first.text / "train.src").read_text()
    assert "other src" in (second.text / "train.src").read_text()
    before = first.record.stat().st_mtime_ns
    assert (preprocess(one), preprocess(other)) == (first, second)
    assert first.record.stat().st_mtime_ns == before
    assert run_directory(one, first) != run_directory(other, second)


def test_the_same_text_elsewhere_is_the_same_cache(text, tmp_path):
    here = prepared_data(composed(*text(write_text(tmp_path / "a", "one"))))
    there = prepared_data(composed(*text(write_text(tmp_path / "b", "one"))))
    assert here == there


def test_a_missing_folder_is_an_error_also_where_a_cache_is(text, tmp_path):
    raw = write_text(tmp_path / "a", "one")
    preprocess(composed(*text(raw)))
    shutil.rmtree(raw)
    with pytest.raises(CorpusError, match=r"train\.src"):
        preprocess(composed(*text(raw)))


def test_a_changed_file_is_a_new_cache_and_says_so(text, tmp_path, caplog):
    caplog.set_level("INFO")
    raw = write_text(tmp_path / "a", "one")
    cfg = composed(*text(raw))
    before = preprocess(cfg)
    train = raw / "train.src"
    words, status = train.read_text(), train.stat()

    train.write_text(words.replace("one", "two"))  # as long, and with its old time
    os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = preprocess(cfg)
    assert after != before
    assert "two src" in (after.text / "train.src").read_text()
    assert f"{before.directory} was made of other files, which differ in train.src:" in caplog.text

    train.write_text(words)
    assert preprocess(cfg) == before


def test_files_in_folders_below_count_too(tmp_path):
    folder = tmp_path / "sumdata" / "train"
    folder.mkdir(parents=True)
    for split, names in {
        "train": ("train.article.txt", "train.title.txt"),
        "valid": ("valid.article.filter.txt", "valid.title.filter.txt"),
        "test": ("input.txt", "task1_ref0.txt"),
    }.items():
        for name in names:
            (folder / name).write_text(f"{split} police said .\n")
    cfg = composed("data=gigaword", f"data.raw_dir={tmp_path}", f"cache_dir={tmp_path / 'cache'}")
    before = prepared_data(cfg)
    assert prepared_data(cfg) == before
    (folder / "train.article.txt").write_text("train people said .\n")
    assert prepared_data(cfg) != before


def test_a_file_is_read_once(text, tmp_path, monkeypatch):
    raw = write_text(tmp_path / "a", "one")
    cfg = composed(*text(raw))
    data = prepared_data(cfg)
    assert len(json.loads((tmp_path / "cache" / KNOWN).read_text())) == 6
    monkeypatch.setattr("regattn_fairseq.runs.checksums.sha256", None)
    assert prepared_data(cfg) == data


@pytest.mark.parametrize(
    "option",
    [
        "evaluation.split=valid",
        "evaluation.max_tokens=100",
        "generation.beam=10",
        "alignment.aligner=eflomal",
        "training.save_minutes=1",
        "common.log_interval=7",
        "dataset.num_workers=1",
        "preprocess_workers=1",
        "checkpoint.keep_last_epochs=2",
        "tracking=none",
        "normalizer.p=1.2",  # which softmax does not have
        "training.max_epoch=8",  # as it is anyway
        "data.raw_dir=elsewhere",
    ],
)
def test_what_leaves_the_parameters_as_they_are_is_the_same_run(option):
    cfg = composed("data=text", "data.raw_dir=here")
    same = composed("data=text", "data.raw_dir=here", option)
    assert run_directory(same, DATA) == run_directory(cfg, DATA)


@pytest.mark.parametrize(
    "option",
    [
        "training.lr=0.1",
        "optimization.clip_norm=3",
        "model.dropout=0.5",
        "normalizer.gamma=2",
        "common.fp16=true",
        "task.train_fraction=0.5",
        "dataset.batch_size=4",
        "training=linear",
        "criterion.label_smoothing=0",
        "seed=2",
    ],
)
def test_what_changes_the_parameters_is_another_run(option):
    cfg, other = composed(), composed(option)
    assert run_directory(other, DATA) != run_directory(cfg, DATA)
    first, second = (resolved(x, DATA, Path("run")) for x in (cfg, other))
    assert run_differences(first, second)
    assert not run_differences(first, first)


def test_a_run_of_a_version_without_an_option_is_the_same_where_the_option_is_off():
    now = resolved(composed(), DATA, Path("run"))
    before = copy.deepcopy(now)
    for off in [name for name, value in now["model"].items() if value is None or value is False]:
        del before["model"][off]
    assert before["model"] != now["model"]
    assert not run_differences(before, now)
    assert run_differences(before, {**now, "model": {**now["model"], "no_input_feeding": True}})


def test_the_way_an_option_was_set_does_not_matter():
    by_group = composed("training=linear", "training.max_update=1300")
    by_fairseqs_name = composed("training=linear", "optimization.max_update=1300").copy()
    by_fairseqs_name.lr_scheduler.total_num_update = 1300
    assert run_directory(by_group, DATA) == run_directory(by_fairseqs_name, DATA)


def test_seeds_share_a_folder_whose_name_is_short_and_needs_no_quotes():
    options = [f"model.{name}=0.123" for name in ("encoder_dropout_in", "decoder_dropout_out")]
    options += ["model.dropout=0.3", "training.lr=0.003", "optimization.clip_norm=5"]
    one, two = (run_directory(composed(*options, f"seed={n}"), DATA) for n in (1, 2))
    assert one.parent == two.parent
    assert (one.name, two.name) == ("seed1", "seed2")
    assert len(one.parent.name) < 40
    assert set(str(one)) <= set("abcdefghijklmnopqrstuvwxyz0123456789/_-.")


def test_vectors_count_by_their_content(tmp_path):
    def of(path: Path):
        cfg = composed(f"model.encoder_embed_path={path}")
        return identity(resolved(cfg, DATA, tmp_path))

    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    first.write_text("the 1 2 3\n")
    second.write_text("the 1 2 3\n")
    assert of(first) == of(second)
    before = of(first)
    first.write_text("the 3 2 1\n")
    assert of(first) != before


def test_data_is_found_where_it_was_beside_the_run_or_in_the_cache(text, tmp_path):
    project = tmp_path / "project"
    cfg = composed(*text(write_text(tmp_path / "a", "one")), f"cache_dir={project / 'cache'}")
    data = preprocess(cfg)
    saved = OmegaConf.to_container(
        OmegaConf.create(resolved(cfg, data, project / "runs" / "mine")), resolve=True
    )
    run = project / "runs" / "mine"
    run.mkdir(parents=True)
    assert data_of_run(saved, run, Path("cache")) == data

    moved = tmp_path / "moved"
    project.rename(moved)
    found = data_of_run(saved, moved / "runs" / "mine", Path("nowhere"))
    assert found.directory.resolve() == moved / "cache" / data.directory.name

    elsewhere = tmp_path / "elsewhere"
    (moved / "cache").rename(elsewhere)
    found = data_of_run(saved, moved / "runs" / "mine", elsewhere)
    assert found.directory == elsewhere / data.directory.name
    with pytest.raises(PipelineError, match=r"neither in .* cache_dir="):
        data_of_run(saved, moved / "runs" / "mine", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["data=multi30k_de_en", "data.source_lang=it", "data.raw_dir=."],
            r"^data.source_lang=it is not in Multi30k: choose one of de, en, fr$",
        ),
        (["data=debian_de_en", "data.target_lang=EN"], "^data.target_lang=EN is no language code"),
        (["data=iwslt17_de_en", "data.source_lang=xx"], "^data.source_lang"),
        (["data=text", "data.raw_dir=.", "+data.corpus.speed=3"], "speed"),
        (["data=text", "data.raw_dir=.", "data.name=a/b"], "^data.name=a/b is not a name"),
        (["data=text", "data.raw_dir=.", "data.target_lang=src"], "both 'src'"),
        (["data=text"], "data.raw_dir"),
    ],
)
def test_a_recipe_that_refuses_an_option_says_so_itself(options, words):
    with pytest.raises((CorpusError, PipelineError), match=words):
        prepared_data(composed(*options))
