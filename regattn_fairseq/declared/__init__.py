"""The normalizers and their options as data, which is read without torch.

A map's rule declares its options. The rules need torch, whose import takes longer than most of
what a command line asks for; so :mod:`.generated` is a copy of what they declare. A map that is
registered later, such as a user's own, is added here when it is.
"""

from regattn_fairseq.declared.normalizers import (
    declare,
    declared,
    normalizer_names,
    normalizer_options,
)
from regattn_fairseq.declared.option import Option

__all__ = ["Option", "declare", "declared", "normalizer_names", "normalizer_options"]
