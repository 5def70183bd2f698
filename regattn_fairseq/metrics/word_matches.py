"""Which of the wanted words an output has, by how often the training text had them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from regattn_fairseq.metrics.ratios import Counts, Ratio

_WORD = re.compile(r"\w+|[^\w\s]")

FREQUENCIES = (0, 1, 10, 100, 1000)
"""Each bucket of words begins at one of these numbers of occurrences in the training text."""

WORD_FIGURES: dict[str, Ratio] = {
    "exact_share": Ratio("exact", "outputs"),
    **{
        f"word_f1_{least}": Ratio(f"doubled_hits_{least}", f"words_{least}")
        for least in FREQUENCIES
    },
}
"""Figures of an output as a bag of words, each a ratio of two sums of `match_counts`."""


def word_frequencies(lines: Iterable[str], *, lowercase: bool) -> Counter[str]:
    """How often each word is in a text. Words are letters and digits in a row; so is each sign."""
    return Counter(word for line in lines for word in _words(line, lowercase))


def match_counts(
    outputs: Sequence[str],
    references: Sequence[str],
    frequencies: Counter[str],
    *,
    lowercase: bool,
) -> Counts:
    """The counts that `WORD_FIGURES` are computed from, for each sentence.

    The F1 of a bucket's words is 2h/(o + r): the outputs have o of them, the references r, and h of
    these are matched one to one, wherever in the sentence they stand.

    Args:
        outputs: lines [sentence].
        references: as many lines.
        frequencies: of the words of the training text, from `word_frequencies`.
        lowercase: whether case counts for nothing, in ``frequencies`` too.

    Returns:
        Arrays [sentence]: ``outputs``, 1 each; ``exact``, 1 where output and reference have the
        same words in the same order; and for each bucket ``doubled_hits_…``, 2h, and ``words_…``,
        o + r.

    Source: Neubig et al. 2019, "compare-mt".
    """
    names = {part for figure in WORD_FIGURES.values() for part in figure}
    counts = {name: np.zeros(len(outputs)) for name in sorted(names)}
    counts["outputs"] += 1
    for index, pair in enumerate(zip(outputs, references, strict=True)):
        wrote, wanted = (_words(line, lowercase) for line in pair)
        counts["exact"][index] = wrote == wanted
        output, reference = Counter(wrote), Counter(wanted)
        for word in output | reference:
            least = max(bound for bound in FREQUENCIES if bound <= frequencies[word])
            counts[f"doubled_hits_{least}"][index] += 2 * min(output[word], reference[word])
            counts[f"words_{least}"][index] += output[word] + reference[word]
    return counts


def _words(line: str, lowercase: bool) -> list[str]:
    return _WORD.findall(line.lower() if lowercase else line)
