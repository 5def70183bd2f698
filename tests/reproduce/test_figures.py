"""Figures 2 and 3: what the pictures claim holds in the numbers beside them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from reproducing import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    for target in ("figure2", "figure3"):
        made(target, [f"results_dir={results}", "points=41"], command="as tested")
    return results / "paper_figures"


@pytest.mark.parametrize("name", ["figure2", "figure3"])
def test_written_and_not_blank(folder, name):
    assert imread(folder / f"{name}.png")[..., :3].std() > 0.01
    assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    text = (folder / f"{name}.md").read_text()
    assert f"]({name}.png)" in text
    assert "`as tested`" in text


def test_one_page_shows_both_with_what_to_see_in_them(folder):
    page = (folder / "README.md").read_text()
    for picture, seen in (("figure2.png", "a smooth ReLU"), ("figure3.png", "y₁ = y₂ and y₂ = y₃")):
        assert f"]({picture})" in page
        assert seen in page
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert [heading.split(":")[0] for heading in headings[1:]] == ["## Figure 2", "## Figure 3"]


def test_two_scores(folder):
    frame = pd.read_csv(folder / "figure2.csv")
    t = frame["t"].to_numpy()
    for column in frame.columns[1:]:
        values = frame[column].to_numpy()
        if column.startswith("weight"):
            assert values[t == 0] == pytest.approx(0.5)
            assert (np.diff(values) >= 0).all()
            np.testing.assert_allclose(values + values[::-1], 1, atol=1e-5)
        else:
            assert (values >= np.maximum(t, 0) - 1e-5).all()
            assert values[-1] == pytest.approx(3, abs=0.06)
    assert frame["weight softmax"].iloc[-1] < 1
    assert frame["weight sparsemax"].iloc[-1] == 1
    assert frame["weight fusedmax (λ=0.1)"].iloc[-1] == 1


def test_three_scores(folder):
    frame = pd.read_csv(folder / "figure3.csv")
    weights = frame[["y1", "y2", "y3"]].to_numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    kinds = frame["normalizer"].str.split().str[0]

    def share(normalizer, condition):
        return condition[kinds == normalizer].mean()

    inside = (weights > 0).all(axis=1)
    assert share("softmax", inside) == 1
    assert share("sparsemax", inside) < 0.5
    neighbours = (np.abs(np.diff(weights, axis=1)) < 1e-5) & (weights[:, 1:] > 0)
    assert share("fusedmax", neighbours.any(axis=1)) > share("sparsemax", neighbours.any(axis=1))
    ends = (np.abs(weights[:, 0] - weights[:, 2]) < 1e-5) & (weights[:, 0] > 0)
    differ = frame["t1"].abs() > 1e-9  # the third score is 0
    apart = ends & differ & (np.abs(weights[:, 1] - weights[:, 0]) > 1e-5)
    assert share("oscarmax", apart) > share("sparsemax", apart)
