"""The code blocks of the documentation, and how each command in them is run on little."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import fairseq_cli.generate
import fairseq_cli.preprocess
import fairseq_cli.train
import torch
from commands import write_toy_corpus
from in_process import FORK, as_fairseq_expects
from markdown_it import MarkdownIt
from omegaconf import DictConfig

# Here and not where they are needed: each child would import them again.
from regattn_fairseq import (
    cli,
    report,  # noqa: F401
)
from regattn_fairseq.pipeline import run
from regattn_fairseq.pipeline.checks import check_options
from regattn_fairseq.pipeline.preprocessing.request import prepared_data
from regattn_fairseq.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# A model and a training of a moment, on whatever corpus a command names.
_TINY = [
    *("model=regattn_lstm_tiny", "training.max_epoch=1", "optimization.max_update=2"),
    *("training.max_tokens=300", "hydra/launcher=basic"),
]
_TINY_ENTAILMENT = [option for option in _TINY if not option.startswith("model=")]
# The generated corpora, and a hundredth of them.
_FEW = ["data.corpus.pairs=120", "data.corpus.valid=10", "data.corpus.test=10"]
_SMALL_VOCABULARY = ["data.tokenizer.vocab_size=200"]

# What makes any of the transformers a small one.
_FEW_UNITS = [
    f"--{side}-{option}={size}"
    for side in ("encoder", "decoder")
    for option, size in (("embed-dim", 32), ("ffn-embed-dim", 32), ("layers", 1))
]

# Scripts that work for hours, made to do a little of it.
_LITTLE = {
    "benchmark_normalizers.py": ["--parts", "accuracy", "--rows", "2", "--threads", "1"],
    "benchmark_transformer.py": ["--sizes", "16", "--repetitions", "1", "--output", "speed.md"],
}

# What runs on other machines, or belongs to other projects: its text is all that can be checked.
ELSEWHERE = {"ray", "srun", "sbatch", "tensorboard", "ssh", "docker", "kubectl", "source"}


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, also within lists."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [
        Block(page, token.map[0] + 1, token.info.strip(), token.content)
        for token in tokens
        if token.type == "fence" and token.map is not None
    ]


def commands(text: str) -> list[list[str]]:
    """The commands of a shell block as lists of words, without comments and ``…``, ``data=…``."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = []
    for line in joined.splitlines():
        words = [word for word in shlex.split(line, comments=True) if not word.endswith("…")]
        if words:
            found.append(words)
    return found


def run_blocks(page: Path, folder: Path) -> list[str]:
    """Run the blocks of a page one after the other in a folder; return how each failed, if any."""
    _furnish(folder)
    failures = []
    namespace: dict[str, Any] = {"__name__": "__main__"}
    python = [block for block in blocks(page) if block.language == "python"]
    if python:
        failures += in_fork(folder, lambda: _python(python, namespace))
    for block in blocks(page):
        if block.language != "bash":
            continue
        for words in commands(block.text):
            failures += [f"{block.place}: {shlex.join(words)}: {e}" for e in _shell(words, folder)]
    return failures


def in_fork(folder: Path, action: Callable[[], Any]) -> list[str]:
    """Do something in a child process and a folder; return what it raised, or nothing."""
    receiving, sending = FORK.Pipe(duplex=False)

    def child() -> None:
        os.chdir(folder)
        as_fairseq_expects()
        failure = ""
        try:
            action()
        except SystemExit as end:
            failure = f"exit {end.code}" if end.code else ""
        except BaseException:
            failure = traceback.format_exc()
        sending.send(failure)

    process = FORK.Process(target=child)
    process.start()
    sending.close()
    try:
        failure = receiving.recv()
    except EOFError:
        failure = "the process died"
    process.join()
    return [failure] if failure else []


def _python(python: list[Block], namespace: dict[str, Any]) -> None:
    for block in python:
        # Line numbers of a traceback are those of the page.
        code = compile("\n" * block.line + block.text, str(block.page), "exec")
        exec(code, namespace)


def _shell(words: list[str], folder: Path) -> list[str]:
    environment = {}
    while re.fullmatch(r"\w+=\S*", words[0]):
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    program, arguments = words[0], words[1:]
    if program in ELSEWHERE:
        return []
    if program == "torchrun":  # one process does what many would
        words = words[words.index("--no-python") + 1 :]
        program, arguments = words[0], words[1:]
    if program == "pip":
        return _extra_exists(arguments)
    if program == "make":
        return _make(arguments)
    if program.startswith("regattn-"):
        return _regattn(program, arguments, folder, environment)
    if program.startswith("fairseq-"):
        return _fairseq(program, arguments, folder)
    if program == "python" and arguments[0].startswith("scripts/"):
        return _script(ROOT / arguments[0], arguments[1:], folder)
    return ["tests/docs/blocks.py knows no way to run it"]


def _regattn(
    program: str, arguments: list[str], folder: Path, environment: dict[str, str]
) -> list[str]:
    command = program.removeprefix("regattn-")
    if "--help" in arguments:  # tests/end_to_end/test_console.py does this with every command
        return [] if hasattr(cli, command) else [f"no command {program}"]
    if command in ("preprocess", "train", "evaluate", "run"):
        arguments = [*arguments, *_substitutes(command, arguments)]
        if command == "train":  # whose data a page need not have made in the line before
            wanted = [a for a in arguments if a.startswith(("data", "cache_dir"))]
            made = _call(cli.preprocess, ["regattn-preprocess", *wanted], folder, environment)
            if made:
                return made
    if command == "reproduce":
        arguments = [*arguments, "train=false"]
        if "table=bleu" in arguments:  # ten corpora; composing each run takes half a second
            arguments.append("normalizers=[softmax]")
    if command in ("demo", "report"):  # likewise, of runs
        (runs,) = (a.partition("=")[2] for a in arguments if a.startswith("runs_dir="))
        if not any((folder / runs).rglob("result.json")):
            toy = ["data=text", "data.raw_dir=my/folder", f"runs_dir={runs}"]
            made = _call(cli.run, ["regattn-run", *toy, *_substitutes("run", toy)], folder, {})
            if made:
                return made
    if command == "demo":
        with mock.patch("regattn_fairseq.demo.server.answer"):
            return _call(cli.demo, [program, *arguments, "port=0"], folder, environment)
    if command == "run":
        with mock.patch("regattn_fairseq.pipeline.run.run", _FirstOfSweep()):
            return _call(cli.run, [program, *_without_engines(arguments)], folder, environment)
    function = getattr(cli, command)
    return _call(function, [program, *_without_engines(arguments)], folder, environment)


class _FirstOfSweep:
    """Does the first job of a sweep, and checks the options of the second; a third never comes."""

    def __init__(self) -> None:
        self._whole = run.run
        self._jobs = 0

    def __call__(self, cfg: DictConfig) -> RunFolder:
        self._jobs += 1
        if self._jobs == 1:
            return self._whole(cfg)
        check_options(cfg)
        prepared_data(cfg)
        sys.exit(0)


def _without_engines(arguments: list[str]) -> list[str]:
    # Engines need machines, and plugins that only some installations have.
    engines = ("engine=", "sweep=optuna", "hydra.launcher", "hydra.sweeper")
    return [argument for argument in arguments if not argument.startswith(engines)]


def _substitutes(command: str, arguments: list[str]) -> list[str]:
    """What is added to a command, which says all else itself."""
    options = dict(a.partition("=")[::2] for a in arguments if "=" in a)
    given = options.get("data", "synthetic_de_en")
    if command == "evaluate":
        return []
    if options.get("experiment", "").endswith("entailment"):
        few = [*_FEW, "normalizer.lam_warmup=0"] if "data" not in options else []
        tiny = _TINY_ENTAILMENT
    else:
        tiny = _TINY
        if options.get("model", "").startswith("regattn_transformer"):
            tiny = ["model=regattn_transformer_tiny", *_TINY[1:]]
        few = ["data=text", "data.raw_dir=my/folder"]  # which _furnish has filled
        if all(name.startswith("synthetic") for name in given.split(",")):
            few = [*_FEW, *_SMALL_VOCABULARY]
        elif given == "text":
            few = _SMALL_VOCABULARY
        else:
            few += [f"data.name={given}", *_SMALL_VOCABULARY]
    if command == "preprocess":
        return few
    return [*few, *tiny, *(["generation=greedy"] if command == "run" else [])]


def _call(
    function: Callable[[], None], words: list[str], folder: Path, environment: dict[str, str]
) -> list[str]:
    def action() -> None:
        os.environ.update(environment)
        sys.argv = words
        with (folder / "output.txt").open("a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        function()

    (folder / "output.txt").unlink(missing_ok=True)
    failures = in_fork(folder, action)
    if failures:
        return [f"{failures[0]}\n{(folder / 'output.txt').read_text()[-2000:]}"]
    return []


def _fairseq(program: str, arguments: list[str], folder: Path) -> list[str]:
    main = getattr(fairseq_cli, program.removeprefix("fairseq-")).cli_main
    words = [program, *arguments]
    if program == "fairseq-train":
        words += ["--max-update", "2", "--cpu"]
        if any("transformer" in word for word in words):
            words += _FEW_UNITS
    words = [str(ROOT / word) if word == "regattn_fairseq" else word for word in words]
    return _call(main, words, folder, {})


def _script(script: Path, arguments: list[str], folder: Path) -> list[str]:
    if script.name not in _LITTLE:
        return [f"tests/docs/blocks.py knows no way to run {script.name} on little"]
    if not torch.cuda.is_available():
        arguments = ["cpu" if argument == "cuda" else argument for argument in arguments]
    words = [script.name, *arguments, *_LITTLE[script.name]]
    return _call(lambda: runpy.run_path(str(script), run_name="__main__"), words, folder, {})


def _extra_exists(arguments: list[str]) -> list[str]:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"\.\[(\w+)\]", " ".join(arguments))
    return [f"no extra {extra}" for extra in extras if f"\n{extra} = [" not in pyproject]


def _make(arguments: list[str]) -> list[str]:
    """What make would do; the tests are among it, and would begin again here."""
    done = subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    return [] if done.returncode == 0 else [done.stderr]


def _furnish(folder: Path) -> None:
    """Fill a folder with the files that the pages take for granted."""
    toy = write_toy_corpus(folder / "my" / "folder")
    for split in ("train", "valid", "test"):
        for ours, place in (
            ("src", "my/pairs/{}.de"),
            ("tgt", "my/pairs/{}.en"),
            ("src", "text/{}.de"),
            ("tgt", "text/{}.en"),
        ):
            to = folder / place.format(split)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(toy / f"{split}.{ours}", to)
