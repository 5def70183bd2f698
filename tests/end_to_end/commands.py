"""Calling the installed commands, and a corpus to call them on."""

import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

BIN = Path(sys.executable).parent

# A model and a training that take seconds.
TINY = ["model=regattn_lstm_tiny", "training.max_tokens=300", "training.lr=0.01"]


def environment(**variables: str) -> dict[str, str]:
    """This process's, with one thread a command."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **variables}


# Importing what the commands need takes longer than most of what the tests have them do. A process
# of its own does it once, and each command is a fork of it: as clean as a new process. The package
# itself is left out: each command still imports it, as fairseq's own do by --user-dir.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        *("torch", "fairseq.models", "fairseq.tasks", "fairseq.criterions", "numba", "pandas"),
        *("fairseq_cli.preprocess", "fairseq_cli.train", "fairseq_cli.generate", "sacremoses"),
        *("hydra.main", "tensorboardX", "matplotlib.figure", "scipy.stats", "nltk", "sacrebleu"),
        *("rouge_score.rouge_scorer", "sentencepiece", "rich.console", "_pytest.config"),
    ]
)
_SECONDS = 300


def call(
    *command: object, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run what one of the installed commands runs, from any folder, in a fork of that process."""
    name, *arguments = map(str, command)
    with tempfile.TemporaryDirectory() as scratch:
        streams = Path(scratch)
        process = _SERVER.Process(
            target=_run,
            args=(name, arguments, cwd or Path.cwd(), environment(**variables), streams),
        )
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([name, *arguments], _SECONDS)
        stdout, stderr = ((streams / stream).read_text() for stream in ("stdout", "stderr"))
    return subprocess.CompletedProcess([name, *arguments], process.exitcode, stdout, stderr)


def _run(
    name: str, arguments: list[str], cwd: Path, variables: dict[str, str], streams: Path
) -> None:
    for number, stream in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(streams / stream, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = [str(BIN / name), *arguments]
    (command,) = entry_points(group="console_scripts", name=name)
    sys.exit(command.load()())


def call_anew(
    *command: object, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run one of the installed commands as a user would, in a Python of its own."""
    name, *arguments = map(str, command)
    return subprocess.run(
        [str(BIN / name), *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def write_toy_corpus(folder: Path) -> Path:
    """Sentences of a small vocabulary whose translation turns the word order round."""
    folder.mkdir(parents=True)
    words = [a + b for a in ("ka", "lo", "mi", "nu", "pe") for b in ("da", "fo", "gi", "su")]
    draw = random.Random(1)
    seen = set()
    while len(seen) < 500:
        seen.add(tuple(draw.choices(words, k=draw.randint(2, 6))))
    pairs = sorted(seen)
    draw.shuffle(pairs)
    for split, chosen in (("train", pairs[:400]), ("valid", pairs[400:450]), ("test", pairs[450:])):
        (folder / f"{split}.src").write_text("".join(" ".join(p) + "\n" for p in chosen))
        (folder / f"{split}.tgt").write_text(
            "".join(" ".join(w.upper() for w in reversed(p)) + "\n" for p in chosen)
        )
    return folder
