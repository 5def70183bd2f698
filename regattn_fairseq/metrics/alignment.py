"""Attention as word alignment: links between words, and how they agree with a reference.

Words are separated by white space, as in the corpora's alignment files. Attention is over tokens,
which are words or parts of them; `word_attention` turns it into attention between words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regattn_fairseq.metrics.ratios import Counts, Ratio

Links = frozenset[tuple[int, int]]
"""Pairs ``(i, j)``: source word i and target word j, from 0."""

ALIGNMENT_FIGURES: dict[str, Ratio] = {
    "aer": Ratio("link_errors", "link_chances"),
    "alignment_precision": Ratio("possible_hits", "links"),
    "alignment_recall": Ratio("sure_hits", "sure_links"),
    "aligned_mass": Ratio("mass_on_links", "linked_words"),
}
"""Figures of `alignment_counts`, each a ratio of two of its sums.

``aer`` is the alignment error rate 1 − (|A∩S| + |A∩P|) / (|A| + |S|) of links A against sure links
S and possible links P ⊇ S; precision is |A∩P| / |A| and recall |A∩S| / |S|. ``aligned_mass`` needs
no links A: it is the share of a target word's attention that goes to the source words that the
reference links it to. All are from 0 to 1.

Source: Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models".
"""

# Words tie for the largest weight if their weights differ only by rounding, as fused words' do.
_TIE_RTOL = 1e-5

_LINK = re.compile(r"(\d+)([-?p])(\d+)")
_MOSES_MARKS = {"@-@": "-", "@,@": ",", "@.@": "."}


@dataclass(frozen=True)
class Alignment:
    """The reference links of one sentence pair.

    Attributes:
        sure: links that should be found.
        possible: links that may be found; the sure ones are among them.
    """

    sure: Links
    possible: Links


def parse_alignment(line: str, *, first: int = 0) -> Alignment:
    """One line of Pharaoh's and Moses' format: ``0-0 1-2 2?2``, source before target.

    ``i-j`` is a sure link, ``i?j`` (or ``ipj``) a possible one.

    Args:
        line: a line of the file.
        first: the number of the first word: 0, or 1 as in NAACL's and Hansards' files.

    Raises:
        ValueError: something is no link; the message names it.
    """
    sure, possible = set(), set()
    for text in line.split():
        match = _LINK.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no link: write 0-0 for a sure one, 0?0 for a possible")
        link = int(match[1]) - first, int(match[3]) - first
        if min(link) < 0:
            raise ValueError(f"{text!r} counts words from 0, not from {first}")
        possible.add(link)
        if match[2] == "-":
            sure.add(link)
    return Alignment(frozenset(sure), frozenset(possible))


def words_of_tokens(tokens: Sequence[str], line: str) -> list[int | None]:
    """For each token of a line, the word that it belongs to, counted from 0.

    It is None for a token without a letter or digit if its word has some: the full stop of
    ``truck.`` is aligned by its own rules and says nothing about trucks. SentencePiece's word mark
    and Moses' joiners do not count as part of a token.

    Args:
        tokens: the tokens of the line, in order, as they are spelled (unknown ones too).
        line: the text before tokenization.

    Raises:
        ValueError: the tokens do not spell the line.
    """
    words = line.split()
    owners = [index for index, word in enumerate(words) for _ in word]
    text = "".join(words)
    at = 0
    owned: list[int | None] = []
    for token in tokens:
        spelling = _MOSES_MARKS.get(token, token).replace("▁", "").strip()
        if not text.startswith(spelling, at):
            raise ValueError(f"token {token!r} is not where the line has {text[at : at + 20]!r}")
        word = owners[at] if spelling else None
        if word is not None and _is_mark(spelling) and not _is_mark(words[word]):
            word = None
        owned.append(word)
        at += len(spelling)
    if at != len(text):
        raise ValueError(f"no token spells {text[at : at + 20]!r}")
    return owned


def _is_mark(text: str) -> bool:
    return not any(character.isalnum() for character in text)


def word_attention(
    weights: np.ndarray, targets: Sequence[int | None], sources: Sequence[int | None]
) -> np.ndarray:
    """Attention between words: summed over a source word's tokens, mean over a target word's.

    Args:
        weights: [target token, source token]; further rows and columns (the end of the sentence)
            are ignored.
        targets: from `words_of_tokens`, one a row.
        sources: likewise, one a column.

    Returns:
        float64 [target word, source word].

    Source: Clark et al. 2019, "What Does BERT Look At?", section 4.1.
    """
    by_target, by_source = _membership(targets), _membership(sources)
    tokens = weights[: len(targets), : len(sources)].astype(np.float64)
    return by_target @ tokens @ by_source.T / np.maximum(by_target.sum(axis=1, keepdims=True), 1)


def _membership(words: Sequence[int | None]) -> np.ndarray:
    """Which token belongs to which word: 0 or 1 [word, token]."""
    count = max((word for word in words if word is not None), default=-1) + 1
    members = np.zeros((count, len(words)))
    for token, word in enumerate(words):
        if word is not None:
            members[word, token] = 1
    return members


def attention_links(attention: np.ndarray) -> Links:
    """Link each target word to the source word of its largest weight, or to all that tie.

    Args:
        attention: [target word, source word]. A word without any weight gets no link.
    """
    if not attention.size:
        return frozenset()
    largest = attention.max(axis=1, keepdims=True)
    linked = (attention > 0) & (attention >= largest * (1 - _TIE_RTOL))
    return frozenset((int(source), int(target)) for target, source in np.argwhere(linked))


def alignment_counts(attention: np.ndarray, reference: Alignment) -> dict[str, float]:
    """The counts that `ALIGNMENT_FIGURES` are computed from, for one sentence.

    Args:
        attention: [target word, source word].
        reference: the links to compare it with; links outside its rows or columns count as missed.
    """
    links = attention_links(attention)
    sure_hits, possible_hits = len(links & reference.sure), len(links & reference.possible)
    targets, sources = attention.shape
    inside = [(i, j) for i, j in reference.possible if i < sources and j < targets]
    chances = len(links) + len(reference.sure)
    return {
        "links": len(links),
        "sure_links": len(reference.sure),
        "sure_hits": sure_hits,
        "possible_hits": possible_hits,
        "link_errors": chances - sure_hits - possible_hits,
        "link_chances": chances,
        "mass_on_links": float(sum(attention[j, i] for i, j in inside)),
        "linked_words": len({j for _, j in inside}),
    }


def stack_counts(sentences: Sequence[dict[str, float] | None]) -> Counts:
    """Counts of single sentences as arrays [sentence]; zeros for those that have none."""
    names = sorted({part for figure in ALIGNMENT_FIGURES.values() for part in figure})
    return {
        name: np.array([0.0 if counts is None else counts[name] for counts in sentences])
        for name in names
    }
