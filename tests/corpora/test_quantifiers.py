"""What follows from what, held against integer programs over all situations."""

from random import Random

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from regattn_fairseq.corpora.quantifiers import (
    ACTIONS,
    EVERYTHING,
    KINDS,
    NUMBERS,
    PLACES,
    Statement,
    judge,
    species,
)
from regattn_fairseq.corpora.synthetic_entailment import _Author

ALL_SPECIES = sorted(set().union(*(species(family) for family in KINDS)))
# A situation: how many individuals of each species do what where.
CELLS = [(name, deed) for name in ALL_SPECIES for deed in sorted(EVERYTHING)]
MANY = 50


def counts(kind: str, statement: Statement) -> np.ndarray:
    """Which cells a statement of the paraphrased form counts, from its words alone."""
    sort = ACTIONS.get(statement.action, (statement.action,))

    def does(deed: tuple[str, str]) -> bool:
        action, place = deed
        right = action in sort or action.endswith(f" {statement.action}")
        return right and statement.place in ("", place)

    negative = statement.quantifier in ("all", "not all")
    members = species(kind)
    return np.array([name in members and does(deed) != negative for name, deed in CELLS], float)


def limits(statement: Statement) -> tuple[float, float]:
    return {
        "no": (0, 0),
        "all": (0, 0),
        "some": (1, np.inf),
        "not all": (1, np.inf),
        "at least": (statement.number, np.inf),
        "at most": (0, statement.number),
        "exactly": (statement.number, statement.number),
    }[statement.quantifier]


def possible(premise: Statement, hypothesis: Statement, low: float, high: float) -> bool:
    """Whether a situation satisfies the premise, with low to high individuals counted."""
    kinds = [
        np.array([name in species(statement.kind) for name, _ in CELLS], float)
        for statement in (premise, hypothesis)
    ]
    # Cells that all four sums count alike are one variable.
    rows = np.unique(
        [counts(premise.kind, premise), counts(hypothesis.kind, hypothesis), *kinds], axis=1
    )
    least = [limits(premise)[0], low, 1, 1]
    most = [limits(premise)[1], high, np.inf, np.inf]
    found = milp(
        np.zeros(rows.shape[1]),
        integrality=np.ones(rows.shape[1]),
        bounds=Bounds(0, MANY),
        constraints=LinearConstraint(rows, least, most),
    )
    assert found.status in (0, 2), found.message
    return found.status == 0


def judge_by_search(premise: Statement, hypothesis: Statement) -> str:
    low, high = limits(hypothesis)
    true = possible(premise, hypothesis, low, high)
    false = (low > 0 and possible(premise, hypothesis, 0, low - 1)) or (
        high < np.inf and possible(premise, hypothesis, high + 1, np.inf)
    )
    assert true or false
    return "neutral" if true and false else "entailment" if true else "contradiction"


def test_judgements_agree_with_a_search_over_situations():
    author = _Author(Random(3))
    seen = dict.fromkeys(("entailment", "neutral", "contradiction"), 0)
    while min(seen.values()) < 30:
        hypothesis = author.statement()
        family = author._families[hypothesis.kind]
        premise = author._near(hypothesis, family)
        label = judge(premise, hypothesis)
        assert label == judge_by_search(premise, hypothesis), (str(premise), str(hypothesis))
        seen[label] += 1


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        (("all", 0, "dogs", "run"), ("some", 0, "dogs", "move"), "entailment"),
        (("all", 0, "dogs", "run"), ("no", 0, "poodles", "sleep"), "entailment"),
        (("no", 0, "dogs", "move"), ("not all", 0, "animals", "run"), "entailment"),
        (("at least", 4, "poodles", "run"), ("at least", 3, "dogs", "move"), "entailment"),
        (("at most", 3, "dogs", "move"), ("at most", 4, "poodles", "run"), "entailment"),
        (("exactly", 3, "owls", "sing"), ("at most", 2, "birds", "sing"), "contradiction"),
        (("some", 0, "owls", "sing"), ("no", 0, "animals", "make noise"), "contradiction"),
        (("all", 0, "bakers", "sit"), ("at least", 3, "bakers", "sit"), "neutral"),
        (("some", 0, "dogs", "run"), ("not all", 0, "dogs", "run"), "neutral"),
        (("all", 0, "dogs", "run"), ("all", 0, "animals", "run"), "neutral"),
        (("no", 0, "trolls", "walk"), ("some", 0, "ghosts", "walk"), "neutral"),
    ],
)
def test_examples(premise, hypothesis, label):
    assert judge(Statement(*premise), Statement(*hypothesis)) == label


def test_places_restrict():
    here, anywhere = (Statement("some", 0, "dogs", "run", place) for place in (PLACES[0], ""))
    assert judge(here, anywhere) == "entailment"
    assert judge(anywhere, here) == "neutral"
    all_here = Statement("all", 0, "dogs", "run", PLACES[0])
    assert judge(all_here, Statement("some", 0, "dogs", "run", PLACES[1])) == "contradiction"


def test_every_statement_reads_as_one():
    assert str(Statement("at most", 2, "dogs", "make noise", "at the lake")) == (
        "at most two dogs make noise at the lake"
    )
    assert str(Statement("not all", 0, "ghosts", "sit")) == "not all ghosts sit"
    assert min(NUMBERS) == 2  # "one dogs" would be wrong


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="horses"):
        species("horses")
