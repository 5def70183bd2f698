"""Writing a corpus as plain text with a manifest, all at once or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from regattn_fairseq.corpora.cleaning import (
    CleanedSplit,
    LengthFilter,
    clean_given_splits,
    split_stream,
)
from regattn_fairseq.corpora.protocol import (
    Corpus,
    CorpusError,
    PairStream,
    PublishedSplits,
    SentencePair,
)

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
REQUIRED_SPLITS = ("train", "valid", "test")


def write_corpus(
    corpus: Corpus,
    directory: str | Path,
    *,
    min_length: int = 1,
    max_length: int = 100,
    max_ratio: float | None = None,
) -> dict[str, Any]:
    """Clean, split and write ``corpus`` into ``directory``.

    Writes ``<split>.src`` and ``<split>.tgt`` (one sentence a line, UTF-8), ``<split>.align`` where
    the recipe knows the alignment (Pharaoh format, ``i-j`` for source word i and target word j),
    ``<split>.ref1`` and so on where a test set has further references, and ``manifest.json``. Text
    passes through line by line; what grows with it are the distinct words of each side, and what
    :func:`~regattn_fairseq.corpora.cleaning.clean_given_splits` keeps of each sentence.

    Everything is written beside ``directory`` first and gets its final name by one rename. A
    directory that already holds the very same corpus is left as it is, so concurrent writers do not
    disturb each other.

    Args:
        corpus: the recipe.
        directory: created by this call; its parents too.
        min_length: fewest words on either side.
        max_length: most words on either side.
        max_ratio: most words of the longer side for each word of the shorter; ``None``: any.

    Returns:
        The manifest: recipe, parameters, checksums of inputs and outputs, counts.

    Raises:
        CorpusError: bad options, an input is missing or broken, nothing is left after cleaning, or
            ``directory`` is taken or cannot be written.
    """
    lengths = _checked_lengths(min_length, max_length, max_ratio)
    directory = Path(directory)
    if directory.exists() and not (directory / MANIFEST).is_file() and _has_content(directory):
        raise CorpusError(f"{directory} already exists and is no corpus: choose another folder")
    inputs = _input_checksums(corpus.input_files())
    cleaned, before_split = _clean_and_split(corpus, lengths)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}."))
        try:
            splits: dict[str, dict[str, Any]] = {}
            for name, split in cleaned:
                splits[name] = _write_split(temporary, name, split)
                if not splits[name]["pairs"] and name in REQUIRED_SPLITS:
                    raise CorpusError(_nothing_left(corpus, name, split, before_split, lengths))
            in_order = [*REQUIRED_SPLITS, *(x for x in splits if x not in REQUIRED_SPLITS)]
            manifest = {
                "format": MANIFEST_FORMAT,
                **_describe(corpus),
                "cleaning": dataclasses.asdict(lengths),
                "inputs": inputs,
                "splits": {name: splits[name] for name in in_order},
                "files": {path.name: _sha256(path) for path in sorted(temporary.iterdir())},
            }
            if before_split is not None:
                manifest["stream"] = {
                    "pairs": len(list(before_split.pairs)),
                    "read": before_split.read,
                    "dropped": dict(before_split.dropped),
                }
            (temporary / MANIFEST).write_text(
                json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            # mkdtemp makes folders that only their owner may enter.
            temporary.chmod(0o755)
            _move_into_place(temporary, directory, manifest)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CorpusError(
            f"{directory} cannot be written ({error.strerror}): free some space or choose another "
            "output folder"
        ) from error
    return manifest


def read_manifest(directory: str | Path) -> dict[str, Any]:
    """The manifest that :func:`write_corpus` left in ``directory``.

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


def further_references(directory: str | Path, split: str) -> list[Path]:
    """``<split>.ref1`` and so on: what a test set has besides ``<split>.tgt``."""
    numbered = {
        int(path.suffix.removeprefix(".ref")): path
        for path in Path(directory).glob(f"{split}.ref[0-9]*")
    }
    return [numbered[number] for number in sorted(numbered)]


def _checked_lengths(min_length: int, max_length: int, max_ratio: float | None) -> LengthFilter:
    if min_length < 1:
        raise CorpusError(f"data.min_length={min_length} must be at least 1")
    if max_length < min_length:
        raise CorpusError(f"data.max_length={max_length} must not be below min_length={min_length}")
    if max_ratio is not None and max_ratio < 1:
        raise CorpusError(f"data.max_ratio={max_ratio} must be at least 1, or null for no bound")
    return LengthFilter(min_length, max_length, max_ratio)


def _clean_and_split(
    corpus: Corpus, lengths: LengthFilter
) -> tuple[Iterable[tuple[str, CleanedSplit]], CleanedSplit | None]:
    text = corpus.read()
    if isinstance(text, PairStream):
        shown = dataclasses.replace(text, pairs=_progress(text.pairs, corpus.name, text.total))
        splits, whole = split_stream(shown, lengths)
        return splits.items(), whole
    as_published = isinstance(text, PublishedSplits)
    given = text.splits if isinstance(text, PublishedSplits) else text
    missing = [name for name in REQUIRED_SPLITS if name not in given]
    if missing:
        raise CorpusError(f"corpus {corpus.name} gives no {missing[0]} split")
    shown_splits = {
        name: _progress(pairs, f"{corpus.name} {name}") for name, pairs in given.items()
    }
    return clean_given_splits(shown_splits, lengths, as_published=as_published), None


def _progress(
    pairs: Iterable[SentencePair], description: str, total: int | None = None
) -> Iterator[SentencePair]:
    # disable=None: no bar where nobody watches, as in a log file.
    yield from tqdm(pairs, desc=description, total=total, unit=" pairs", disable=None)


def _nothing_left(
    corpus: Corpus,
    name: str,
    split: CleanedSplit,
    before_split: CleanedSplit | None,
    lengths: LengthFilter,
) -> str:
    dropped = split.dropped if before_split is None else before_split.dropped
    read = split.read if before_split is None else before_split.read
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
    return (
        f"corpus {corpus.name}: no pair is left for {name} (of {read} read; dropped: "
        f"{reasons or 'none'}): relax data.min_length={lengths.min_length}, "
        f"data.max_length={lengths.max_length}, data.max_ratio={lengths.max_ratio} "
        "or give more text"
    )


def _describe(corpus: Corpus) -> dict[str, Any]:
    recipe = type(corpus)
    parameters: dict[str, Any] = {}
    if dataclasses.is_dataclass(corpus):
        parameters = {f.name: getattr(corpus, f.name) for f in dataclasses.fields(corpus)}
        # A place on one machine; the inputs are known by their checksums.
        parameters.pop("raw_dir", None)
    return {
        "name": corpus.name,
        "recipe": f"{recipe.__module__}.{recipe.__qualname__}",
        "parameters": parameters,
        "source_lang": corpus.source_lang,
        "target_lang": corpus.target_lang,
    }


def _write_split(directory: Path, name: str, split: CleanedSplit) -> dict[str, Any]:
    """Write the split's files while its pairs are read, and count what was written."""
    source_words: Counter[str] = Counter()
    target_words: Counter[str] = Counter()
    pairs, aligned, references = 0, True, None
    with ExitStack() as files:

        def opened(suffix: str) -> TextIO:
            path = directory / f"{name}.{suffix}"
            return files.enter_context(path.open("w", encoding="utf-8", newline="\n"))

        source, target, alignment = opened("src"), opened("tgt"), opened("align")
        further: list[TextIO] = []
        for pair in split.pairs:
            if references is None:
                references = len(pair.more_targets)
                further = [opened(f"ref{number}") for number in range(1, references + 1)]
            for file, text in zip(
                (source, target, *further),
                (pair.source, pair.target, *pair.more_targets),
                strict=True,
            ):
                file.write(f"{text}\n")
            if pair.alignment is None:
                aligned = False
            else:
                alignment.write(" ".join(f"{i}-{j}" for i, j in pair.alignment) + "\n")
            source_words.update(pair.source.split())
            target_words.update(pair.target.split())
            pairs += 1
    if not aligned:
        (directory / f"{name}.align").unlink()
    counts: dict[str, Any] = {"pairs": pairs, "read": split.read, "dropped": dict(split.dropped)}
    if references:
        counts["references"] = references + 1
    if split.shared:
        counts["shared"] = dict(split.shared)
    return {
        **counts,
        "source": {"words": source_words.total(), "types": len(source_words)},
        "target": {"words": target_words.total(), "types": len(target_words)},
        "aligned": aligned,
    }


def _input_checksums(paths: Sequence[Path]) -> dict[str, str]:
    """By file name, and by folder and name where several files have one name."""
    names = Counter(path.name for path in paths)
    return {
        path.name if names[path.name] == 1 else f"{path.parent.name}/{path.name}": _sha256(path)
        for path in paths
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_content(path: Path) -> bool:
    return not path.is_dir() or any(path.iterdir())


def _move_into_place(temporary: Path, directory: Path, manifest: dict[str, Any]) -> None:
    try:
        # rename(2) replaces an empty folder, and refuses a full one.
        temporary.rename(directory)
    except OSError:
        if not _has_content(directory):
            raise
        # JSON turns tuples into lists, so compare what a reader would see.
        if read_manifest(directory) != json.loads(json.dumps(manifest)):
            raise CorpusError(
                f"{directory} already holds another corpus: remove it or choose another folder"
            ) from None
