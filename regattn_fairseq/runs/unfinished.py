"""The state of runs that have no result: failed or unfinished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT, CONFIG, FAILURE, SUMMARY, LOG = (
    "result.json",
    "config.yaml",
    "failure.json",
    "train.json",
    "train_log.jsonl",
)


def find_unfinished(root: Path) -> list[str]:
    """One line for each run under a folder that failed or has not ended, in the order of paths.

    Args:
        root: is searched, subfolders included.
    """
    marks = (path for name in (CONFIG, FAILURE) for path in root.rglob(name))
    folders = sorted({path.parent for path in marks})
    return [
        f"{folder.relative_to(root).as_posix()}: {_state(folder)}"
        for folder in folders
        if (folder / FAILURE).is_file() or _is_run(folder)
    ]


def _is_run(folder: Path) -> bool:
    """Whether the folder is a run without a result, not just a folder with a configuration."""
    started = any((folder / name).exists() for name in (LOG, SUMMARY, "fairseq.yaml"))
    return started and not (folder / RESULT).exists()


def _state(folder: Path) -> str:
    failure = _read(folder / FAILURE)
    if failure.get("reason"):
        return f"failed: {failure['reason']}"
    if (folder / SUMMARY).is_file():
        return "trained, not evaluated yet"
    epochs = 0
    if (folder / LOG).is_file():
        epochs = (folder / LOG).read_text(errors="replace").count('"split": "train"')
    return f"not finished: {epochs} epochs trained so far"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
