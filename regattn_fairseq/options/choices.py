"""What ``configs/`` and the code offer for each group of the configuration."""

from pathlib import Path

import regattn_fairseq
from regattn_fairseq.declared import normalizer_names
from regattn_fairseq.options.generated import ARCHITECTURES, GROUPS

# In an installed wheel the configs lie inside the package; in a checkout, beside it.
PACKAGE = Path(regattn_fairseq.__file__).parent
CONFIGS = next(path for path in (PACKAGE / "configs", PACKAGE.parent / "configs") if path.is_dir())

# Folders in configs/ that other configurations build on, or that other programs read.
_NO_GROUPS = ("defaults",)


def offered(group: str) -> tuple[str, ...]:
    """The choices of a group, in alphabetical order; empty if there is no such group.

    >>> offered("generation")
    ('beam5', 'greedy')
    """
    if group not in groups():
        return ()
    own = {path.stem for path in (CONFIGS / group).glob("*.yaml")}
    return tuple(sorted(own | {*_without_files().get(group, ())}))


def groups() -> tuple[str, ...]:
    """The groups that the commands offer, in alphabetical order."""
    own = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    return tuple(sorted((own | {*_without_files()}).difference(_NO_GROUPS)))


def _without_files() -> dict[str, tuple[str, ...]]:
    """The choices that have no file in configs/, by group."""
    return {
        # configs/task has files that build on fairseq's tasks.
        **{group: tuple(choices) for group, choices in GROUPS.items() if group != "task"},
        "model": (*GROUPS["model"], *ARCHITECTURES),
        "normalizer": normalizer_names(),
    }
