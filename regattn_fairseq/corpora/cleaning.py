"""Decide which pairs stay, and which of train, valid and test they belong to."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress, islice

import numpy as np

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
        """The reason to drop a pair, a key of the manifest's ``dropped``; ``None`` if it stays."""
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
    """The pairs of one split, how many were read for it, and how many were dropped per reason.

    ``shared`` has the names of held-out splits as keys. It counts the pairs that stayed although
    they share a sentence with that split. If ``pairs`` is an iterator, the counts are complete when
    it is exhausted.
    """

    pairs: Iterable[SentencePair]
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)


class DigestSet:
    """A set of texts that keeps eight bytes of each.

    It consists of sorted arrays ("runs") of doubling lengths: 30 MB for four million texts, and as
    much again while two runs are merged. The chance that any two different texts of four million
    are taken for equal is 4e-7.
    """

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def contains(self, digests: np.ndarray) -> np.ndarray:
        """Which of the digests [n] are in the set, as booleans [n]."""
        found = np.zeros(len(digests), dtype=bool)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            found |= run[places] == digests
        return found

    def add(self, digests: np.ndarray) -> np.ndarray:
        """Put the digests [n] in; return which of them were neither in it nor earlier in [n]."""
        distinct, first = np.unique(digests, return_index=True)
        new = np.zeros(len(digests), dtype=bool)
        new[first] = True
        new &= ~self.contains(digests)
        run = distinct
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.union1d(self._runs.pop(), run)
        if len(run):
            self._runs.append(run)
        return new


def digests(texts: Iterable[str]) -> np.ndarray:
    """Eight bytes of each text's BLAKE2b hash, as uint64 [n]."""
    hashes = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(hashes), dtype=np.uint64)


def one_line(pair: SentencePair) -> SentencePair:
    """The pair with one space for every run of whitespace, including exotic line separators.

    The words stay the same, and so do the alignments.
    """
    source, target = " ".join(pair.source.split()), " ".join(pair.target.split())
    more = tuple(" ".join(text.split()) for text in pair.more_targets)
    return SentencePair(source, target, pair.alignment, more)


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


class _LettersOnly(dict[int, str]):
    """For ``str.translate``: letters, their marks and numbers stay, the rest becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in "LMN" else " "
        return self[code]


_LETTERS_ONLY = _LettersOnly()


def folded(sentence: str) -> str:
    """The sentence without case and punctuation, and with every number as 0.

    A :class:`PairStream` that compares sentences by it keeps "Wait!" from being trained on where
    "Wait ..." is tested, and version 11 of a package where version 12 is.
    """
    words = unicodedata.normalize("NFKC", sentence).casefold().translate(_LETTERS_ONLY).split()
    return re.sub(r"\d+", "0", " ".join(words))


BATCH = 8192


@dataclass(frozen=True)
class _HeldOut:
    sources: DigestSet = field(default_factory=DigestSet)
    targets: DigestSet = field(default_factory=DigestSet)


def clean_given_splits(
    splits: GivenSplits, lengths: LengthFilter, *, as_published: bool = False
) -> Iterator[tuple[str, CleanedSplit]]:
    """Clean ``train`` and keep the held-out splits as they were published.

    Scores are comparable only on the whole test set, so test sets lose only pairs with an empty
    side. ``valid`` also loses pairs whose source or target sentence (up to case) is in a test set.
    ``train`` loses pairs with a sentence that is in a test set or in ``valid``, and repeated pairs.
    With ``as_published``, all these pairs stay; those that share a sentence are counted.

    A split is read while its pairs are iterated over, so exhaust it before asking for the next.
    Test sets come first, ``train`` last. Memory holds eight bytes for each sentence of a held-out
    split, and for each pair of ``train`` unless ``as_published``.
    """
    tests = [name for name in splits if name not in ("train", "valid")]
    held_out: dict[str, _HeldOut] = {}
    for name in (*tests, "valid", "train"):
        split, own = CleanedSplit(()), _HeldOut()
        training = name == "train"
        split.pairs = _cleaned(
            splits[name],
            split,
            rejects=lengths.rejects if training else _rejects_empty,
            seen=DigestSet() if training and not as_published else None,
            others={} if name in tests else dict(held_out),
            own=None if training else own,
            keep_shared=as_published,
        )
        yield name, split
        held_out[name] = own


def _rejects_empty(pair: SentencePair) -> str | None:
    return None if pair.source and pair.target else "empty"


def _cleaned(
    pairs: Iterable[SentencePair],
    split: CleanedSplit,
    *,
    rejects: Callable[[SentencePair], str | None],
    seen: DigestSet | None,
    others: dict[str, _HeldOut],
    own: _HeldOut | None,
    keep_shared: bool,
) -> Iterator[SentencePair]:
    """The pairs that stay; ``split`` counts those dropped and those that are in ``others`` too."""
    lines = map(one_line, pairs)
    while batch := list(islice(lines, BATCH)):
        split.read += len(batch)
        fit = []
        for pair in batch:
            reason = rejects(pair)
            if reason is None:
                fit.append(pair)
            else:
                split.dropped[reason] += 1
        stays = np.ones(len(fit), dtype=bool)
        keys = [(pair.source.casefold(), pair.target.casefold()) for pair in fit]
        if seen is not None:
            stays = seen.add(digests("\n".join(key) for key in keys))
            split.dropped["duplicate"] += len(fit) - int(stays.sum())
        if others or own is not None:
            sources = digests(source for source, _ in keys)
            targets = digests(target for _, target in keys)
        for name, other in others.items():
            shared = stays & (other.sources.contains(sources) | other.targets.contains(targets))
            if keep_shared:
                split.shared[name] += int(shared.sum())
            else:
                split.dropped[f"also_in_{name}"] += int(shared.sum())
                stays = stays & ~shared
        if own is not None:
            own.sources.add(sources[stays])
            own.targets.add(targets[stays])
        yield from compress(fit, stays)
    split.dropped = +split.dropped


def split_stream(
    stream: PairStream, lengths: LengthFilter
) -> tuple[dict[str, CleanedSplit], CleanedSplit]:
    """Clean a stream, then hold out ``test`` and ``valid`` pairs of it.

    Pairs connected through equal source or target sentences, directly or through others, form a
    component, and all pairs of a component go into the same split. Components are ranked by a keyed
    hash of their content, so that the splits depend on the seed and the text, but not on the order
    of the pairs or on the process. Components that would overfill a held-out split remain in
    ``train``. If the stream asks for distinct pairs, a held-out split takes one of each component,
    also chosen by hash, and drops the others. The whole stream is held in memory.

    Returns:
        The splits, and the whole cleaned stream, which counts what was dropped before splitting.
    """
    cleaned = clean(stream.pairs, lengths, stream.sentence_key)
    pairs = list(cleaned.pairs)
    components: dict[int, list[int]] = {}
    for index, label in enumerate(_component_labels(pairs, stream.sentence_key)):
        components.setdefault(label, []).append(index)
    key = stream.seed.to_bytes(8, "little", signed=True)

    def rank(text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=key).digest()

    texts = [f"{pair.source}\n{pair.target}" for pair in pairs]
    side = np.zeros(len(pairs), dtype=np.int8)
    repeats = np.zeros(len(pairs), dtype=bool)
    wanted = [stream.test, stream.valid]
    for members in sorted(components.values(), key=lambda m: rank(min(texts[i] for i in m))):
        for number, most in enumerate((stream.test, stream.valid)):
            size = 1 if stream.distinct else len(members)
            if size <= wanted[number] and len(members) <= most:
                side[members] = number + 1
                wanted[number] -= size
                if stream.distinct:
                    repeats[sorted(members, key=lambda i: rank(texts[i]))[1:]] = True
                break
    splits = {}
    for number, name in ((0, "train"), (2, "valid"), (1, "test")):
        chosen = [pairs[i] for i in np.flatnonzero((side == number) & ~repeats)]
        repeated = int(np.count_nonzero((side == number) & repeats))
        splits[name] = CleanedSplit(chosen, len(chosen) + repeated)
        if repeated:
            splits[name].dropped["repeats_a_sentence"] = repeated
    return splits, cleaned


def _component_labels(pairs: list[SentencePair], sentence_key: Callable[[str], str]) -> list[int]:
    """For each pair, the number of its component: sentences are nodes, pairs are edges."""
    from scipy.sparse import coo_array  # not needed where the text is there already
    from scipy.sparse.csgraph import connected_components

    source_ids: dict[str, int] = {}
    target_ids: dict[str, int] = {}
    rows = [source_ids.setdefault(sentence_key(p.source), len(source_ids)) for p in pairs]
    columns = [target_ids.setdefault(sentence_key(p.target), len(target_ids)) for p in pairs]
    nodes = len(source_ids) + len(target_ids)
    shifted = np.asarray(columns, dtype=np.int64) + len(source_ids)
    edges = coo_array((np.ones(len(pairs), dtype=np.int8), (rows, shifted)), shape=(nodes, nodes))
    _, labels = connected_components(edges, directed=False)
    return [int(label) for label in labels[rows]]
