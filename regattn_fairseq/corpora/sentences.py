"""Split paragraphs into sentences."""

from __future__ import annotations

import re

# Without their last full stop; English ones occur in every language's texts.
_ABBREVIATIONS = {
    "en": r"e\.g|i\.e|etc|vs|cf|ca|resp|incl|approx|no|Dr|Mr|Mrs|St|Inc|Ltd|Co",
    "cs": r"např|tj|tzn|atd|apod|mj|popř|resp",
    "da": r"f\.eks|dvs|bl\.a|osv|mv|inkl|pga|mht|vha",
    "de": r"z\.\s?B|d\.\s?h|u\.\s?a|bzw|usw|evtl|ggf|inkl|Nr|o\.\s?ä",
    "es": r"p\.\s?ej|Ud|Uds|aprox",
    "fr": r"p\.\s?ex|c\.-à-d|env|n°",
    "it": r"ecc|ad es|\(es|cfr",
    "pl": r"np|tzn|tj|itd|itp|m\.in|tzw|ang",
    "pt": r"p\.\s?ex|ex|aprox",
    "ru": r"напр|т\.\s?е|т\.\s?д|т\.\s?п|т\.\s?к|др|см",
    "sk": r"napr|t\.\s?j|tzn|atď|apod|resp|tzv|pozn|a pod",
    "uk": r"напр|т\.\s?д|т\.\s?п|тощо",
}
_CLOSING, _OPENING = r"""["'»«“”’)]""", r"""["'»«„“(]"""
_BOUNDARY = re.compile(
    rf"(?<=[.!?]){_CLOSING}?\s+(?={_OPENING}?([^\W_]))"
    # Chinese and Japanese have no spaces, and full stops of their own.
    r"|(?<=[。！？])[」』）)]?\s*(?=([^\s」』）)。！？]))"
)


def split_sentences(paragraph: str, language: str = "en") -> list[str]:
    """Split at final marks, unless a lower-case letter follows or an abbreviation ends there.

    Args:
        paragraph: the text.
        language: a code such as ``de`` or ``pt_BR``, which decides on abbreviations.
    """
    abbreviation = _abbreviation(language)
    sentences: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(paragraph):
        sentence = paragraph[start : boundary.end()].rstrip()
        following = boundary[1] or boundary[2]
        if not following.islower() and not abbreviation.search(sentence):
            sentences.append(sentence)
            start = boundary.end()
    if paragraph[start:].strip():
        sentences.append(paragraph[start:].strip())
    return sentences


def _abbreviation(language: str) -> re.Pattern[str]:
    own = _ABBREVIATIONS.get(language.split("_")[0])
    return re.compile(rf"(?:\b|(?=\())(?:{_ABBREVIATIONS['en']}|{own or '(?!)'}|[^\W\d_])\.$")
