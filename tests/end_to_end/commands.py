"""Calling the installed commands, and a corpus to call them on."""

import os
import random
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent

# A model and a training that take seconds.
TINY = ["model=regattn_lstm_tiny", "training.max_tokens=300", "training.lr=0.01"]


def environment(**variables: str) -> dict[str, str]:
    """This process's, with one thread a command."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **variables}


def call(
    *command: object, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run one of the installed commands as a user would, from any folder."""
    name, *arguments = map(str, command)
    return subprocess.run(
        [str(BIN / name), *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
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
