"""The folder of a written corpus: its manifest, and how it appears completely or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from regattn_fairseq.corpora.protocol import CorpusError
from regattn_fairseq.files import scratch_folder, sha256

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
REQUIRED_SPLITS = ("train", "valid", "test")

T = TypeVar("T")


class Recipe(Protocol):
    """What the recipes of every task have in common."""

    @property
    def name(self) -> str:
        """Short name, as in ``data=…``."""

    def input_files(self) -> tuple[Path, ...]:
        """Files that the text is made from."""


@contextmanager
def corpus_folder(directory: Path) -> Iterator[Path]:
    """A folder to write a corpus into, which becomes ``directory`` at the end.

    It lies beside ``directory``. The block has to call :func:`write_manifest`; when the block has
    ended, one rename gives the folder its final name. If the block fails, nothing is left of it. A
    ``directory`` that already holds the very same corpus is left as it is, so concurrent writers do
    not disturb each other.

    Raises:
        CorpusError: ``directory`` is taken or cannot be written.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(directory) as scratch:
            yield scratch
            _move_into_place(scratch, directory)
    except OSError as error:
        raise CorpusError(
            f"{directory} cannot be written ({error.strerror}): free some space or choose another "
            "output folder"
        ) from error


def require_room(directory: Path) -> None:
    """Refuse a folder that holds something else, before any work is done for it.

    Raises:
        CorpusError: ``directory`` has content and is no corpus.
    """
    if directory.exists() and not (directory / MANIFEST).is_file() and _has_content(directory):
        raise CorpusError(f"{directory} already exists and is no corpus: choose another folder")


def write_manifest(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Write what is known of a corpus beside its files, with their checksums; return all of it."""
    manifest = {
        "format": MANIFEST_FORMAT,
        **facts,
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
    return manifest


def read_manifest(directory: str | Path) -> dict[str, Any]:
    """The manifest that :func:`write_manifest` left in ``directory``.

    Raises:
        CorpusError: there is none, or it is of another format.
    """
    path = Path(directory) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CorpusError(f"{path} is missing: write the corpus first") from error
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{path} cannot be read: remove {directory} and write it again"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise CorpusError(f"{path} has another format: remove {directory} and write it again")
    return manifest


def describe(corpus: Recipe) -> dict[str, Any]:
    """The recipe and its parameters: together with the input files, they decide the text."""
    recipe = type(corpus)
    parameters: dict[str, Any] = {}
    if dataclasses.is_dataclass(corpus):
        parameters = {f.name: getattr(corpus, f.name) for f in dataclasses.fields(corpus)}
        # A path on one machine says nothing about the text; checksums identify the inputs.
        parameters.pop("raw_dir", None)
    return {
        "name": corpus.name,
        "recipe": f"{recipe.__module__}.{recipe.__qualname__}",
        "parameters": parameters,
    }


def input_names(paths: Sequence[Path]) -> list[str]:
    """Short names of a corpus's files; the folder is added if several files have the same name."""
    names = Counter(path.name for path in paths)
    return [
        path.name if names[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths
    ]


def input_checksums(paths: Sequence[Path]) -> dict[str, str]:
    """The SHA-256 of each file, by :func:`input_names`."""
    return dict(zip(input_names(paths), map(sha256, paths), strict=True))


def require_splits(corpus: Recipe, given: Container[str]) -> None:
    """Check that a recipe gives ``train``, ``valid`` and ``test``.

    Raises:
        CorpusError: it does not.
    """
    if missing := [name for name in REQUIRED_SPLITS if name not in given]:
        raise CorpusError(f"corpus {corpus.name} gives no {missing[0]} split")


def with_progress(
    items: Iterable[T], description: str, *, unit: str, total: int | None = None
) -> Iterator[T]:
    """The items, with a bar that shows how far they have been read."""
    # disable=None: no bar unless the output is a terminal; a log file gets none.
    yield from tqdm(items, desc=description, total=total, unit=f" {unit}", disable=None)


def _has_content(path: Path) -> bool:
    return not path.is_dir() or any(path.iterdir())


def _move_into_place(scratch: Path, directory: Path) -> None:
    try:
        # rename(2) replaces an empty folder, and refuses a full one.
        scratch.rename(directory)
    except OSError:
        if not _has_content(directory):
            raise
        if read_manifest(directory) != read_manifest(scratch):
            raise CorpusError(
                f"{directory} already holds another corpus: remove it or choose another folder"
            ) from None
