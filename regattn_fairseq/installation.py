"""What to type to install what is missing."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """The command that installs one of this project's extras, such as ``demo``.

    The package is on no index yet; this is the one place to change when it is.
    """
    return f"pip install -e '.[{extra}]' in the checkout of regattn_fairseq"
