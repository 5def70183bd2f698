"""The maps that every general test runs over."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from regattn_fairseq import normalizers


class Map(NamedTuple):
    """A map, and what may be expected of it.

    Attributes:
        name: of the map.
        options: at which it is tested.
        exact: it solves its problem for every input, and so has a symmetric Jacobian.
        convex: its regularizer is convex, and treats all positions alike where it knows no order.
        linear: its weights are linear in the scores as long as support and groups stay the same.
    """

    name: str
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    exact: bool = True
    convex: bool = True
    linear: bool = True

    @property
    def function(self) -> Callable[..., Any]:
        return getattr(normalizers, self.name)


MAPS = [
    Map("softmax", linear=False),
    Map("sparsemax"),
    Map("fusedmax", {"lam": 0.15}),
    Map("oscarmax", {"lam": 0.07}),
    Map("oscarmax_published", {"lam": 0.07}, exact=False),
    Map("pnormmax", {"p": 1.5}, linear=False),
    Map("topk", {"k": 3}, convex=False, linear=False),
    Map("evsoftmax", exact=False, convex=False, linear=False),
    Map("entmax15", linear=False),
    Map("entmax", {"alpha": 1.3}, linear=False),
]


def each(maps: list[Map] = MAPS) -> pytest.MarkDecorator:
    """Run a test that takes ``f`` and ``options`` for each of the maps."""
    return pytest.mark.parametrize(
        ("f", "options"), [pytest.param(m.function, m.options, id=m.name) for m in maps]
    )
