"""Which pairs stay, and on which side of the train/valid/test border."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regattn_fairseq.corpora.protocol import GivenSplits, PairStream, SentencePair


@dataclass(frozen=True)
class LengthFilter:
    """Bounds on the number of whitespace-separated words, the same for both sides.

    ``max_ratio`` bounds the longer side's length divided by the shorter one's; ``None`` lifts it.
    """

    min_length: int
    max_length: int
    max_ratio: float | None

    def rejects(self, pair: SentencePair) -> str | None:
        """Why the pair must go, as a key of the manifest's ``dropped``, or ``None`` if it stays."""
        shorter, longer = sorted((len(pair.source.split()), len(pair.target.split())))
        if shorter == 0:
            return "empty"
        if shorter < self.min_length:
            return "too_short"
        if longer > self.max_length:
            return "too_long"
        if self.max_ratio is not None and longer > self.max_ratio * shorter:
            return "ratio"
        return None


@dataclass
class CleanedSplit:
    """The pairs of one split, how many were read for it, and why how many of them went."""

    pairs: list[SentencePair]
    read: int
    dropped: Counter[str] = field(default_factory=Counter)


def one_line(pair: SentencePair) -> SentencePair:
    """The pair with every run of whitespace, exotic line separators included, made one space.

    Words and therefore alignments stay what they were.
    """
    source, target = " ".join(pair.source.split()), " ".join(pair.target.split())
    return SentencePair(source, target, pair.alignment)


def clean(
    pairs: Iterable[SentencePair],
    lengths: LengthFilter,
    sentence_key: Callable[[str], str] = str.casefold,
) -> CleanedSplit:
    """Drop repeated pairs and pairs of unfit length; the order of the rest is kept."""
    kept: list[SentencePair] = []
    dropped: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    read = 0
    for pair in map(one_line, pairs):
        read += 1
        reason = lengths.rejects(pair)
        if reason is None:
            key = (sentence_key(pair.source), sentence_key(pair.target))
            if key in seen:
                reason = "duplicate"
            seen.add(key)
        if reason is None:
            kept.append(pair)
        else:
            dropped[reason] += 1
    return CleanedSplit(kept, read, dropped)


def clean_given_splits(splits: GivenSplits, lengths: LengthFilter) -> dict[str, CleanedSplit]:
    """Clean ``train`` and keep the held-out splits as they were published.

    Scores are comparable only on the whole test set, so held-out splits lose nothing but pairs with
    an empty side. Whatever shares its source or its target sentence (up to case) with a test set
    leaves ``valid``, and whatever shares one with a test set or ``valid`` leaves ``train``.
    """
    cleaned: dict[str, CleanedSplit] = {}
    for name, pairs in splits.items():
        if name == "train":
            cleaned[name] = clean(pairs, lengths)
        else:
            given = [one_line(pair) for pair in pairs]
            kept = [pair for pair in given if pair.source and pair.target]
            dropped = Counter({"empty": len(given) - len(kept)})
            cleaned[name] = CleanedSplit(kept, len(given), +dropped)
    tests = [name for name in cleaned if name not in ("train", "valid")]
    for test in tests:
        drop_overlap(cleaned["valid"], cleaned[test], test)
    for held_out in [*tests, "valid"]:
        drop_overlap(cleaned["train"], cleaned[held_out], held_out)
    return cleaned


def drop_overlap(split: CleanedSplit, important: CleanedSplit, name: str) -> None:
    """Drop from ``split`` all pairs that share a sentence with ``important``, called ``name``."""
    sources = {pair.source.casefold() for pair in important.pairs}
    targets = {pair.target.casefold() for pair in important.pairs}
    kept = [
        pair
        for pair in split.pairs
        if pair.source.casefold() not in sources and pair.target.casefold() not in targets
    ]
    if len(kept) < len(split.pairs):
        split.dropped[f"also_in_{name}"] += len(split.pairs) - len(kept)
    split.pairs = kept


def split_stream(
    stream: PairStream, lengths: LengthFilter
) -> tuple[dict[str, CleanedSplit], CleanedSplit]:
    """Clean a stream, then hold out ``test`` and ``valid`` pairs of it.

    Pairs connected through equal source or target sentences, directly or through others, form a
    component, and a component stays on one side. Components are ranked by a keyed hash of their
    content: the split depends on the seed and the text, neither on the order of the pairs nor on
    the process. Those that would overfill a held-out split remain in ``train``.

    Returns:
        The splits, and the whole cleaned stream that says what was dropped before splitting.
    """
    cleaned = clean(stream.pairs, lengths, stream.sentence_key)
    components: dict[int, list[int]] = {}
    for index, label in enumerate(_component_labels(cleaned.pairs, stream.sentence_key)):
        components.setdefault(label, []).append(index)
    key = stream.seed.to_bytes(8, "little", signed=True)

    def rank(members: list[int]) -> bytes:
        first = min(f"{cleaned.pairs[i].source}\n{cleaned.pairs[i].target}" for i in members)
        return hashlib.blake2b(first.encode(), key=key).digest()

    side = np.zeros(len(cleaned.pairs), dtype=np.int8)
    wanted = [stream.test, stream.valid]
    for members in sorted(components.values(), key=rank):
        for number, room in enumerate(wanted):
            if len(members) <= room:
                side[members] = number + 1
                wanted[number] -= len(members)
                break
    splits = {}
    for number, name in ((0, "train"), (2, "valid"), (1, "test")):
        chosen = [cleaned.pairs[i] for i in np.flatnonzero(side == number)]
        splits[name] = CleanedSplit(chosen, len(chosen))
    return splits, cleaned


def _component_labels(pairs: list[SentencePair], sentence_key: Callable[[str], str]) -> list[int]:
    """For each pair, the number of its component: sentences are nodes, pairs are edges."""
    source_ids: dict[str, int] = {}
    target_ids: dict[str, int] = {}
    rows = [source_ids.setdefault(sentence_key(p.source), len(source_ids)) for p in pairs]
    columns = [target_ids.setdefault(sentence_key(p.target), len(target_ids)) for p in pairs]
    nodes = len(source_ids) + len(target_ids)
    shifted = np.asarray(columns, dtype=np.int64) + len(source_ids)
    edges = coo_array((np.ones(len(pairs), dtype=np.int8), (rows, shifted)), shape=(nodes, nodes))
    _, labels = connected_components(edges, directed=False)
    return [int(label) for label in labels[rows]]
