"""What users get wrong: one clear line, a non-zero exit, and nothing lost."""

import json
import os
import pickle
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from commands import BIN, TINY, call

from regattn_fairseq.runs.checksums import KNOWN


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode not in (0, -9), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("normalizer.name=fusedmx", ["fusedmx", "fusedmax"]),
        ("normalizer.lam=-0.5", ["lam"]),
        ("normalizer.gamma=0", ["gamma"]),
        ("normalizer.gamma=nan", ["gamma"]),
        ("normalizer=pnormmax normalizer.p=1", ["p", "1"]),
        ("normalizer=pnormmax normalizer.p=2.5", ["p", "2.5"]),
        ("training.best_metric=rouge", ["training.best_metric", "rouge"]),
        ("data.tokenizer.name=wordpiece", ["data.tokenizer.name", "wordpiece"]),
        (
            "data.tokenizer.name=sentencepiece data.tokenizer.model_type=bpe "
            "data.tokenizer.vocab_size=99999",
            ["data.tokenizer.vocab_size"],
        ),
        ("data.min_length=90", ["min_length"]),
        ("data.raw_dir=nowhere", ["nowhere"]),
    ],
)
def test_options_out_of_range(toy, tmp_path, override, words):
    options = ["normalizer=fusedmax", *toy, *override.split()]
    if any(option.startswith("data.") for option in override.split()):
        options.append(f"cache_dir={tmp_path / 'cache'}")
    done = call("regattn-run", *options, *TINY, f"runs_dir={tmp_path}", cwd=tmp_path)
    assert_one_line(done, *words)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("training.max_epochs=3", ["training.max_epochs", "did you mean training.max_epoch?"]),
        ("-m normalizer=softmax,fusemax", ["did you mean fusedmax?"]),
        ("-m +trainning=adam seed=1,2", ["did you mean training?"]),
        ("common.fp16=true", ["common.fp16=true", "GPU"]),
    ],
)
def test_what_is_refused_before_any_work(tmp_path, arguments, words):
    if torch.cuda.is_available() and "fp16" in arguments:
        pytest.skip("it works here")
    done = call("regattn-run", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert_one_line(done, *words)
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(toy, tmp_path):
    done = call("regattn-run", *toy, "normalizer.gamma=0", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def copy_corpus(toy: list[str], folder: Path) -> Path:
    (raw,) = [option.partition("=")[2] for option in toy if option.startswith("data.raw_dir=")]
    shutil.copytree(raw, folder)
    return folder


def break_corpus(folder: Path, how: str) -> None:
    train = folder / "train.tgt"
    if how == "missing":
        train.unlink()
    elif how == "shorter":
        train.write_text("".join(train.read_text().splitlines(keepends=True)[:-3]))
    elif how == "empty":
        train.write_text("")
    elif how == "latin-1":
        train.write_bytes(train.read_bytes().replace(b"KADA", b"K\xc4DA"))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", ["train.tgt"]),
        ("shorter", ["400", "397"]),
        ("empty", ["train.tgt"]),
        ("latin-1", ["train.tgt", "UTF-8"]),
    ],
)
def test_broken_corpora(toy, tmp_path, how, words):
    folder = copy_corpus(toy, tmp_path / "raw")
    break_corpus(folder, how)
    done = call(
        *("regattn-preprocess", *toy, f"data.raw_dir={folder}", f"cache_dir={tmp_path / 'cache'}")
    )
    assert_one_line(done, *words)
    # No half-made folder stays behind, not even a hidden one.
    left = [path for path in (tmp_path / "cache").glob("*") if path.name != KNOWN]
    assert [path.suffix for path in left] in ([], [".lock"])


def test_multi30k_without_its_folder():
    assert_one_line(call("regattn-preprocess", "data=multi30k_de_en"), "data.raw_dir")


def test_debian_without_apt(tmp_path):
    done = call(
        *("regattn-preprocess", "data=debian_headlines", f"data.raw_dir={tmp_path / 'raw'}"),
        f"cache_dir={tmp_path / 'cache'}",
        PATH=str(tmp_path),
    )
    assert_one_line(done, "apt")


def test_training_before_preprocessing(toy, tmp_path):
    done = call(
        "regattn-train", *toy, f"cache_dir={tmp_path / 'c'}", f"output_dir={tmp_path / 'r'}"
    )
    assert_one_line(done, "regattn-preprocess")


def test_evaluation_before_training(tmp_path):
    assert_one_line(call("regattn-evaluate", f"output_dir={tmp_path}"), "regattn-train")


def test_a_report_of_nothing(tmp_path):
    done = call("regattn-report", f"runs_dir={tmp_path}", f"output_dir={tmp_path / 'out'}")
    assert_one_line(done, str(tmp_path), "regattn-run")


def test_a_folder_that_holds_another_run(toy, run_folder):
    before = (run_folder / "result.json").read_text()
    done = call(
        *("regattn-run", *toy, *TINY, "normalizer=fusedmax", "training.max_epoch=4"),
        *(f"output_dir={run_folder}", "training.best_metric=bleu"),
    )
    assert_one_line(done, "output_dir", "max_epoch")
    assert (run_folder / "result.json").read_text() == before


def test_a_result_that_is_gone_comes_back_from_that_of_its_split(run_folder, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    before = (run / "result.json").read_text()
    (run / "result.json").unlink()
    done = call("regattn-evaluate", f"output_dir={run}")
    assert done.returncode == 0, done.stderr
    assert (run / "result.json").read_text() == before


def copy_run(run_folder: Path, folder: Path) -> Path:
    shutil.copytree(run_folder, folder)
    for result in folder.glob("*result.json"):
        result.unlink()
    return folder


def test_a_data_bin_of_another_vocabulary(run_folder, data_bin, tmp_path):
    run = copy_run(run_folder, tmp_path / "run")
    prepared = tmp_path / "prepared"
    shutil.copytree(data_bin.parent, prepared)
    for name in ("dict.src.txt", "dict.tgt.txt"):
        with (prepared / "bin" / name).open("a") as file:
            file.write("another 1\n")
    config = run / "config.yaml"
    config.write_text(config.read_text().replace(str(data_bin), str(prepared / "bin")))
    assert_one_line(
        call("regattn-evaluate", f"output_dir={run}"), "checkpoint_best.pt", str(prepared)
    )
    assert not (run / "result.json").exists()


class Malicious:
    """Its pickle creates a file when it is loaded carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("how", ["truncated", "garbage", "malicious", "foreign"])
def test_checkpoints_that_cannot_be_trusted(run_folder, tmp_path, how):
    run = copy_run(run_folder, tmp_path / "run")
    path = run / "checkpoints" / "checkpoint_best.pt"
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:2000])
    elif how == "garbage":
        path.write_bytes(b"not a checkpoint")
    elif how == "malicious":
        torch.save({"model": Malicious(tmp_path / "owned")}, path)
    else:
        torch.save({"weights": torch.zeros(3)}, path)
    assert_one_line(call("regattn-evaluate", f"output_dir={run}"), str(path))
    assert not (tmp_path / "owned").exists()


def test_a_malicious_checkpoint_does_not_run_in_fairseq_either(data_bin, tmp_path):
    import regattn_fairseq

    path = tmp_path / "checkpoint.pt"
    path.write_bytes(pickle.dumps(Malicious(tmp_path / "owned")))
    done = call(
        *("fairseq-generate", data_bin, "--user-dir", Path(regattn_fairseq.__file__).parent),
        *("--path", path, "--cpu"),
    )
    assert done.returncode != 0
    assert not (tmp_path / "owned").exists()


def test_an_output_folder_that_cannot_be_made(toy, data_bin, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = call("regattn-train", *toy, *TINY, f"output_dir={blocked / 'run'}")
    assert_one_line(done, str(blocked), "output_dir")


def test_a_read_only_output_folder(toy, data_bin, tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    # Root may write anywhere: the kernel's own files are read-only even to it.
    target = "/proc/sys/run" if os.geteuid() == 0 else folder / "run"
    done = call("regattn-train", *toy, *TINY, f"output_dir={target}")
    assert_one_line(done, str(target), "output_dir")


def test_a_full_disk(toy, data_bin, tmp_path):
    """A limit on the size of files stands in for a full disk: writing fails in the same way."""
    folder = tmp_path / "run"
    done = subprocess.run(
        [
            *(str(BIN / "regattn-train"), *toy, *TINY, "training.max_epoch=2"),
            *(f"output_dir={folder}",),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert_one_line(done, "output_dir")
    assert not list((folder / "checkpoints").glob("checkpoint*.pt"))

    # With room again, the same command does the work.
    again = call("regattn-train", *toy, *TINY, "training.max_epoch=2", f"output_dir={folder}")
    assert again.returncode == 0, again.stderr
    assert json.loads((folder / "train.json").read_text())["epochs"] == 2
