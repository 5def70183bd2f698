"""Moses' tokenization (Koehn et al. 2007) as its ``tokenizer.perl`` writes it."""

from __future__ import annotations

import re

import sacremoses


class MosesTokenizer(sacremoses.MosesTokenizer):
    """sacremoses' port of the script, corrected where it differs from the script.

    The script never treats the last word of a line as an abbreviation, whatever it looks like, and
    splits its period off (``10 .``, ``U.S .``). sacremoses 0.2 leaves such words whole.
    """

    # Python counts four control characters as white space, Perl does not; they are removed.
    DEDUPLICATE_SPACE = re.compile(r"[^\S\x1c-\x1f]+"), " "

    def handles_nonbreaking_prefixes(self, text: str) -> str:
        """Split periods off the words of a line, but not off abbreviations within it."""
        text = super().handles_nonbreaking_prefixes(text)
        *before, last = text.split(" ")
        if len(last) > 1 and last.endswith("."):
            before += [last[:-1]]
            last = "."
        return " ".join([*before, last])
