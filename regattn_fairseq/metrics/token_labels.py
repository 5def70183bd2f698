"""Tokens as plots and pages show them to readers."""

import unicodedata
from collections.abc import Sequence

_LONGEST_LABEL = 18


def token_labels(tokens: Sequence[str]) -> list[str]:
    """Tokens as tick labels.

    SentencePiece's word mark ▁ is dropped. If any token has it, a piece that continues a word gets
    a middle dot in front. Control characters become visible, and long tokens are cut.
    """
    marked = any(token.startswith("▁") for token in tokens)
    labels = []
    for token in tokens:
        label = token
        if marked:
            label = token.removeprefix("▁")
            if label == token and token[:1].isalnum():
                label = f"·{token}"
        label = "".join("�" if unicodedata.category(c)[0] == "C" else c for c in label)
        if len(label) > _LONGEST_LABEL:
            label = f"{label[: _LONGEST_LABEL - 1]}…"
        labels.append(label or "▁")
    return labels
