"""Which revision of the package made a run, and on which machine: footnotes of tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from string import ascii_lowercase
from typing import NamedTuple

from regattn_fairseq.runs.result import Result


class Origin(NamedTuple):
    """Where a run comes from.

    Attributes:
        revision: the short git commit, or the version of an installed package.
        machine: in a few words.
    """

    revision: str
    machine: str

    def __str__(self) -> str:
        return f"revision {self.revision} on {self.machine}"


def origins(runs: Iterable[Result]) -> list[Origin]:
    """The distinct origins of some runs, in the order of the runs."""
    return list(dict.fromkeys(_origin(run) for run in runs))


def listed(runs: Iterable[Result]) -> dict[str, str]:
    """The distinct revisions and machines of some runs, as columns of a CSV file."""
    made = origins(runs)
    return {
        "revisions": "; ".join(dict.fromkeys(origin.revision for origin in made)),
        "machines": "; ".join(dict.fromkeys(origin.machine for origin in made)),
    }


def _origin(run: Result) -> Origin:
    revision = re.sub(r"^([0-9a-f]{7})[0-9a-f]+", r"\1", run.git_revision or "")
    version = run.versions.get("regattn-fairseq")
    return Origin(revision or (f"of version {version}" if version else "unknown"), run.machine)


class Marks:
    """Letters for the origins of a table's runs.

    Args:
        runs: all runs of the table.
    """

    def __init__(self, runs: Iterable[Result]) -> None:
        self._letters = {origin: _letter(place) for place, origin in enumerate(origins(runs))}

    @property
    def needed(self) -> bool:
        """Whether the runs differ in their origin, so that one footnote cannot stand for all."""
        return len(self._letters) > 1

    def of(self, runs: Sequence[Result]) -> str:
        """The letters of some of the runs, such as ``a b``."""
        return " ".join(sorted(self._letters[origin] for origin in origins(runs)))

    @property
    def notes(self) -> list[str]:
        """The footnotes, one for each origin."""
        if not self.needed:
            return [f"All runs: {origin}." for origin in self._letters]
        return [f"From {letter}: {origin}." for origin, letter in self._letters.items()]


def _letter(place: int) -> str:
    """The letters a … z, aa … az, ba …

    >>> [_letter(place) for place in (0, 25, 26, 52)]
    ['a', 'z', 'aa', 'ba']
    """
    earlier, last = divmod(place, len(ascii_lowercase))
    return (_letter(earlier - 1) if earlier else "") + ascii_lowercase[last]
