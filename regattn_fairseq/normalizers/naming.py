"""What a configuration calls a normalizer's options: ``lam``, ``attn_lambda``, ``learn_gamma``."""

from __future__ import annotations

import re

from .rules import normalizer_options, rules

# Python keeps the word "lambda" for itself; command lines do not.
_SPELLINGS = {"lam": "lambda"}


def option_named(name: str) -> str | None:
    """The option that a name in a configuration is about; None if it is about none.

    >>> [option_named(name) for name in ("attn_lambda_warmup", "learn_gamma", "p", "dropout")]
    ['lam', 'gamma', 'p', None]
    """
    found = re.fullmatch(r"(?:attn_)?(?:learn_)?([a-z]+)(?:_\w+)?", name)
    options = {option for rule in rules() for option in rule.options}
    spelled = {_SPELLINGS.get(option, option): option for option in options}
    if found is None:
        return None
    return spelled.get(found[1], found[1] if found[1] in options else None)


def is_idle(name: str, normalizer: str) -> bool:
    """Whether a name in a configuration is about an option that the normalizer does not take.

    >>> is_idle("attn_lambda_warmup", "softmax"), is_idle("attn_gamma", "softmax")
    (True, False)
    """
    option = option_named(name)
    return option is not None and option not in normalizer_options(normalizer)
