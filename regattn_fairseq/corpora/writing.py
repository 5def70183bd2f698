"""Writing a corpus as plain text with a manifest, all at once or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from regattn_fairseq.corpora.cleaning import (
    CleanedSplit,
    LengthFilter,
    clean_given_splits,
    split_stream,
)
from regattn_fairseq.corpora.folder import (
    REQUIRED_SPLITS,
    corpus_folder,
    describe,
    input_checksums,
    require_room,
    require_splits,
    with_progress,
    write_manifest,
)
from regattn_fairseq.corpora.protocol import Corpus, CorpusError, PairStream, PublishedSplits


def write_corpus(
    corpus: Corpus,
    directory: str | Path,
    *,
    min_length: int = 1,
    max_length: int = 100,
    max_ratio: float | None = None,
) -> dict[str, Any]:
    """Clean, split and write ``corpus`` into ``directory``.

    Writes ``<split>.src`` and ``<split>.tgt`` (one sentence per line, UTF-8), ``<split>.align`` if
    the recipe knows the alignment (Pharaoh format, ``i-j`` for source word i and target word j),
    ``<split>.ref1`` and so on if a test set has further references, and ``manifest.json``. Text
    with splits is processed line by line: memory grows only with the distinct words of each side
    and with what :func:`~regattn_fairseq.corpora.cleaning.clean_given_splits` keeps of each
    sentence. A stream without splits is held in memory.

    Everything is written beside ``directory`` first and gets its final name by one rename. A
    directory that already holds the very same corpus is left as it is, so concurrent writers do not
    disturb each other.

    Args:
        corpus: the recipe.
        directory: created by this call; its parents too.
        min_length: fewest words on either side.
        max_length: most words on either side.
        max_ratio: most words of the longer side for each word of the shorter; ``None``: no bound.

    Returns:
        The manifest: recipe, parameters, checksums of inputs and outputs, counts.

    Raises:
        CorpusError: bad options, an input is missing or broken, nothing is left after cleaning, or
            ``directory`` is taken or cannot be written.
    """
    lengths = _checked_lengths(min_length, max_length, max_ratio)
    directory = Path(directory)
    require_room(directory)
    inputs = input_checksums(corpus.input_files())
    cleaned, before_split = _clean_and_split(corpus, lengths)
    with corpus_folder(directory) as folder:
        splits: dict[str, dict[str, Any]] = {}
        for name, split in cleaned:
            splits[name] = _write_split(folder, name, split)
            if not splits[name]["pairs"] and name in REQUIRED_SPLITS:
                raise CorpusError(_nothing_left(corpus, name, split, before_split, lengths))
        in_order = [*REQUIRED_SPLITS, *(x for x in splits if x not in REQUIRED_SPLITS)]
        facts = {
            **describe(corpus),
            "source_lang": corpus.source_lang,
            "target_lang": corpus.target_lang,
            "cleaning": dataclasses.asdict(lengths),
            "inputs": inputs,
            "splits": {name: splits[name] for name in in_order},
        }
        if before_split is not None:
            facts["stream"] = {
                "pairs": len(list(before_split.pairs)),
                "read": before_split.read,
                "dropped": dict(before_split.dropped),
            }
        return write_manifest(folder, facts)


def further_references(directory: str | Path, split: str) -> list[Path]:
    """``<split>.ref1`` and so on: the references of a test set besides ``<split>.tgt``."""
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
        pairs = with_progress(text.pairs, corpus.name, unit="pairs", total=text.total)
        splits, whole = split_stream(dataclasses.replace(text, pairs=pairs), lengths)
        return splits.items(), whole
    as_published = isinstance(text, PublishedSplits)
    given = text.splits if isinstance(text, PublishedSplits) else text
    require_splits(corpus, given)
    shown_splits = {
        name: with_progress(pairs, f"{corpus.name} {name}", unit="pairs")
        for name, pairs in given.items()
    }
    return clean_given_splits(shown_splits, lengths, as_published=as_published), None


def _nothing_left(
    corpus: Corpus,
    name: str,
    split: CleanedSplit,
    before_split: CleanedSplit | None,
    lengths: LengthFilter,
) -> str:
    dropped = split.dropped if before_split is None else before_split.dropped
    read = split.read if before_split is None else before_split.read
    reason, count = next(iter(dropped.most_common(1)), ("", 0))
    if reason.startswith("also_in_"):
        other = reason.removeprefix("also_in_")
        return (
            f"corpus {corpus.name}: no pair is left for {name}, since {count} of its {read} pairs "
            f"have a sentence that is in {other} too: give {name} text of its own; its files may "
            f"be copies of those of {other}"
        )
    if reason == "empty":
        return (
            f"corpus {corpus.name}: no pair is left for {name}, since {count} of its {read} pairs "
            "have nothing on one side: put a sentence on each line of both"
        )
    if before_split is not None and (pairs := len(list(before_split.pairs))):
        return (
            f"corpus {corpus.name}: its {pairs} pairs leave none for {name}: lower "
            "data.corpus.valid=… and data.corpus.test=…, the numbers of pairs to hold out, or give "
            "more text"
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
    return (
        f"corpus {corpus.name}: no pair is left for {name} (of {read} read; dropped: "
        f"{reasons or 'none'}): relax data.min_length={lengths.min_length}, "
        f"data.max_length={lengths.max_length}, data.max_ratio={lengths.max_ratio} "
        "or give more text"
    )


def _write_split(directory: Path, name: str, split: CleanedSplit) -> dict[str, Any]:
    """Write the split's files while its pairs are read, and count what was written."""
    sides = _Words(), _Words()
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
            for words, text in zip(sides, (pair.source, pair.target), strict=True):
                words.add(text)
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
        "source": sides[0].counts(),
        "target": sides[1].counts(),
        "aligned": aligned,
    }


class _Words:
    """How many words a text has, and how many distinct ones."""

    def __init__(self) -> None:
        self._words = 0
        self._types: set[str] = set()

    def add(self, text: str) -> None:
        words = text.split()
        self._words += len(words)
        self._types.update(words)

    def counts(self) -> dict[str, int]:
        return {"words": self._words, "types": len(self._types)}
