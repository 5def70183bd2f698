"""What is said about a claim of the paper follows from the tests of the table."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from regattn_fairseq.metrics import PairedResult
from regattn_fairseq.report.rows import Row, Summary
from regattn_fairseq.reproduce.claims import judge
from regattn_fairseq.runs.result import Result

ABOVE = {"says": "x is above softmax", "above": ["x", "y"], "over": ["softmax"]}
WITHIN = {"says": "none is far behind", "within": 1.0}


def row(name, mean, test=None, *, seeds=(1, 2)):
    """A row of normalizer ``name``, tested against softmax: difference, p, low and high."""
    runs = tuple(
        Result.from_content(
            {
                "task": "translation",
                "data": "d",
                "model": "m",
                "normalizer": {"name": name},
                "metrics": {"bleu": mean},
                "seed": seed,
            },
            Path("nowhere"),
            name,
        )
        for seed in seeds
    )
    significance = {} if test is None else {"bleu": PairedResult(*test, 100)}
    return Row(
        *("translation", "d", "m", "test", name, {"name": name}, runs),
        *({"bleu": Summary(mean, None, 1)}, {}, {}, {}, {}),
        *(None if test is None else "softmax", significance),
    )


def judged(claim, *rows, normalizers=("softmax", "x", "y")):
    cfg = OmegaConf.create({"claim": claim, "metrics": ["bleu"], "normalizers": list(normalizers)})
    parts = judge({("d", made.label): made for made in rows}, ["d"], cfg)
    return " ".join(parts).replace("\\", "").replace("\n", "")


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ((2.0, 0.001, 1.0, 3.0), (1.0, 0.03, 0.1, 2.0), "confirms it: of 2 comparisons, 2 confirm"),
        ((2.0, 0.001, 1.0, 3.0), (1.0, 0.06, -0.1, 2.0), "leaves it open: of 2 comparisons, 1 con"),
        ((2.0, 0.001, 1.0, 3.0), (-1.0, 0.02, -2, -0.1), "refutes it: of 2 comparisons, 1 confirm"),
        # Holm: 0.03 is one of two comparisons, and the smaller one.
        ((2.0, 0.03, 1.0, 3.0), (1.0, 0.04, 0.1, 2.0), "leaves it open: of 2 comparisons, 0 confi"),
    ],
)
def test_above_is_decided_by_the_corrected_p_value(x, y, said):
    text = judged(ABOVE, row("softmax", 30), row("x", 32, x), row("y", 31, y))
    assert f"The paper: x is above softmax. This table {said}" in text


def test_each_comparison_is_shown_with_its_interval():
    text = judged(
        ABOVE,
        row("softmax", 30),
        row("x", 32, (2.0, 0.001, 1.0, 3.0)),
        row("y", 29, (-1, 0.5, -2, 1)),
    )
    assert "- Confirm: x over softmax in BLEU on d +2.00 [+1.00, +3.00], p 0.002." in text
    assert "- Open: y over softmax in BLEU on d −1.00 [−2.00, +1.00], p 0.500." in text
    assert "By the figures alone, 1 of 2 are as the paper says." in text


def test_one_seed_and_missing_runs_leave_a_claim_open():
    text = judged(ABOVE, row("softmax", 30), row("x", 32, (2.0, 0.001, 1.0, 3.0), seeds=[2]))
    assert "leaves it open" in text
    assert "2 leave it open (1 for one seed only, 1 for want of runs)" in text
    assert "1 of 1 are as the paper says" in text
    assert judged(ABOVE) == ""


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ((-0.5, 0.001, -0.9, -0.1), "confirms it"),
        ((-0.5, 0.3, -1.1, 0.1), "leaves it open"),
        ((-2.0, 0.001, -3.0, -1.1), "refutes it"),
    ],
)
def test_within_is_decided_by_the_interval(test, said):
    text = judged(
        WITHIN, row("softmax", 30), row("x", 30 + test[0], test), normalizers=("softmax", "x")
    )
    assert f"This table {said}: of 1 comparison," in text
    assert "x over softmax in BLEU" in text


def test_the_best_is_compared_with_whatever_its_normalizer():
    text = judged(
        WITHIN,
        row("softmax", 30),
        row("x", 32, (2.0, 0.001, 1.2, 2.5)),
        normalizers=("softmax", "x"),
    )
    assert "refutes it" in text
    assert "softmax over x in BLEU on d −2.00 [−2.50, −1.20]" in text
