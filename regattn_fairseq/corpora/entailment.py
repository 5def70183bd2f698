"""What an entailment corpus is, and writing one as plain text with a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from regattn_fairseq.corpora.folder import (
    corpus_folder,
    describe,
    input_checksums,
    require_room,
    require_splits,
    with_progress,
    write_manifest,
)
from regattn_fairseq.corpora.protocol import CorpusError

LABELS = ("entailment", "neutral", "contradiction")
"""Whether the hypothesis follows from the premise, is left open by it, or is excluded by it."""


class EntailmentExample(NamedTuple):
    """Two sentences, each on one line, and one of :data:`LABELS`."""

    premise: str
    hypothesis: str
    label: str


class EntailmentCorpus(Protocol):
    """A recipe: a frozen dataclass whose fields are its parameters.

    Like :class:`~regattn_fairseq.corpora.protocol.Corpus`, with examples in place of pairs.
    """

    @property
    def name(self) -> str:
        """Short name, as in ``data=…``."""

    def input_files(self) -> tuple[Path, ...]:
        """Files that the text is made from; their checksums go into the manifest.

        Raises:
            CorpusError: one of them is missing and cannot be obtained.
        """

    def read(self) -> Mapping[str, Iterable[EntailmentExample]]:
        """Examples of ``train``, ``valid`` and ``test``.

        Raises:
            CorpusError: an input file is missing or broken; it may be raised only when the
                examples are iterated over.
        """


def write_entailment(
    corpus: EntailmentCorpus, directory: str | Path, *, max_length: int = 100
) -> dict[str, Any]:
    """Clean and write ``corpus`` into ``directory``.

    Writes ``<split>.premise``, ``<split>.hypothesis`` and ``<split>.label``, one line per example,
    and ``manifest.json``. Held-out splits keep every example that has two sentences and a label.
    ``train`` also loses examples that are in a held-out split, repeated ones, and too long ones.
    Everything is written beside ``directory`` first and gets its final name by one rename.

    Args:
        corpus: the recipe.
        directory: created by this call; its parents too.
        max_length: most words of a premise or hypothesis in ``train``.

    Returns:
        The manifest: recipe, parameters, checksums of inputs and outputs, counts.

    Raises:
        CorpusError: an input is missing or broken, a split is empty, or ``directory`` is taken or
            cannot be written.
    """
    directory = Path(directory)
    require_room(directory)
    inputs = input_checksums(corpus.input_files())
    given = corpus.read()
    require_splits(corpus, given)
    shown = {
        name: with_progress(examples, f"{corpus.name} {name}", unit="examples")
        for name, examples in given.items()
    }
    held_out = {name: _clean(shown[name]) for name in shown if name != "train"}
    known = {example[:2] for examples, _ in held_out.values() for example in examples}
    splits = {"train": _clean(shown["train"], known, max_length), **held_out}
    for name, (examples, dropped) in splits.items():
        if not examples:
            if dropped["seen"] > dropped.total() / 2:
                raise CorpusError(
                    f"corpus {corpus.name}: no example is left for {name}, since {dropped['seen']} "
                    "of its examples are in a held-out set too: give it text of its own; its file "
                    "may be a copy of theirs"
                )
            reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
            raise CorpusError(
                f"corpus {corpus.name}: no example is left for {name} (dropped: "
                f"{reasons or 'none'}): relax data.max_length={max_length} or give more text"
            )
    with corpus_folder(directory) as folder:
        written = {
            name: _write_split(folder, name, examples, dropped)
            for name, (examples, dropped) in splits.items()
        }
        facts = {**describe(corpus), "labels": LABELS, "inputs": inputs, "splits": written}
        return write_manifest(folder, facts)


Cleaned = tuple[list[EntailmentExample], Counter[str]]


def _clean(
    examples: Iterable[EntailmentExample],
    held_out: Iterable[tuple[str, ...]] | None = None,
    max_length: int = 0,
) -> Cleaned:
    """The examples that stay, and how many go per reason; only ``train`` gives ``held_out``."""
    kept: list[EntailmentExample] = []
    dropped: Counter[str] = Counter()
    seen = set(held_out or ())
    for premise, hypothesis, label in examples:
        example = EntailmentExample(" ".join(premise.split()), " ".join(hypothesis.split()), label)
        if not (example.premise and example.hypothesis):
            dropped["empty"] += 1
        elif label not in LABELS:
            dropped["unlabelled"] += 1
        elif held_out is not None and example[:2] in seen:
            dropped["seen"] += 1
        elif held_out is not None and max(len(text.split()) for text in example[:2]) > max_length:
            dropped["too_long"] += 1
        else:
            kept.append(example)
            if held_out is not None:
                seen.add(example[:2])
    return kept, dropped


def _write_split(
    directory: Path, name: str, examples: list[EntailmentExample], dropped: Counter[str]
) -> dict[str, Any]:
    for side in EntailmentExample._fields:
        with (directory / f"{name}.{side}").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{getattr(example, side)}\n" for example in examples)
    return {
        "examples": len(examples),
        "labels": dict(Counter(example.label for example in examples)),
        "dropped": dict(dropped),
    }
