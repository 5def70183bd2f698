"""What the page shows."""

import numpy as np
import pytest
import torch
from lxml import html

from regattn_fairseq.demo.panels import (
    NORMALIZERS,
    AttentionPanel,
    attention_html,
    option_sliders,
    score_panels,
    scores_html,
)
from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.normalizers import fusedmax, rule, smoothed_max


def panel(source: list[str], target: list[str], text: str = "out") -> AttentionPanel:
    weights = np.zeros((len(target), len(source)), np.float32)
    weights[:, 0] = 1
    record = AttentionRecord(source, target, weights)
    return AttentionPanel(
        "fusedmax", {"gamma": 1.0, "lam": 0.5}, {"gamma": 1.0, "lam": 0.1}, text, record
    )


def test_a_cell_for_each_weight_and_colour_only_above_zero():
    page = html.fragment_fromstring(attention_html([panel(["a", "b", "c"], ["x", "y"])]))
    rows = page.xpath(".//tbody/tr")
    assert [row.findtext("th") for row in rows] == ["x", "y"]
    for row in rows:
        assert ["style" in cell.attrib for cell in row.findall("td")] == [True, False, False]
        assert row.find("td").get("style") == "--w: 100.0%"
    assert "67 % of the weights are exactly 0" in page.text_content()


def test_equal_weights_of_a_row_are_marked_by_group():
    weights = np.array([[0.3, 0.2, 0.3, 0.2, 0], [0.5, 0.25, 0.15, 0.1, 0]], np.float32)
    record = AttentionRecord([*"abcde"], [*"xy"], weights)
    shown = attention_html([AttentionPanel("oscarmax", {}, {}, "out", record)])
    rows = html.fragment_fromstring(shown).xpath(".//tbody/tr")
    marks = [[cell.get("data-group") for cell in row.findall("td")] for row in rows]
    assert marks == [["0", "1", "0", "1", None], [None] * 5]
    assert "framed in one colour: equal" in shown
    assert "framed" not in attention_html([panel(["a", "b"], ["x"])])


def test_changed_options_are_told_from_the_trained_ones():
    shown = attention_html([panel(["a"], ["x"])])
    assert "γ = 1, λ = 0.5 (trained with 0.1)" in shown


def test_no_text_becomes_markup():
    evil = "<script>alert(1)</script>"
    page = html.fragment_fromstring(attention_html([panel([evil], [f'"{evil}'], evil)]))
    assert not page.xpath(".//script")
    assert evil in page.text_content()


def test_scores_are_those_of_the_normalizers():
    scores = [1.2, 0.9, 0.8, -0.3]
    panels = {panel.normalizer: panel for panel in score_panels(scores, gamma=2.0, lam=0.05, p=1.2)}
    assert tuple(panels) == NORMALIZERS
    for found in panels.values():
        assert sum(found.weights) == pytest.approx(1)
    x = torch.tensor(scores, dtype=torch.float64)
    expected = fusedmax(x, gamma=2.0, lam=0.05)
    assert panels["fusedmax"].weights == pytest.approx(expected.tolist())
    value = smoothed_max(x, normalizer="fusedmax", gamma=2.0, lam=0.05)
    assert panels["fusedmax"].value == pytest.approx(value.item())


def test_letters_mark_what_was_pooled():
    panels = {panel.normalizer: panel for panel in score_panels([1.0, 1.0, -5.0, 0.9], lam=0.3)}
    assert panels["fusedmax"].groups[:2] == ["A", "A"]
    assert panels["fusedmax"].groups[2] == ""
    assert panels["oscarmax"].groups == ["A", "A", "", "A"]
    assert panels["sparsemax"].groups == []
    assert "pooled with the others of group A" in scores_html([1.0, 1.0, -5.0, 0.9], lam=0.3)


def test_options_out_of_range_are_named():
    with pytest.raises(ValueError, match="gamma"):
        score_panels([1.0, 2.0], gamma=0.0)


def test_sliders_cover_the_range_of_each_option_that_a_normalizer_takes():
    sliders = option_sliders(["softmax", "fusedmax", "pnormmax", "topk", "entmax", "fusedmax"])
    ranges = {slider.option: (slider.low, slider.high, slider.step) for slider in sliders}
    lam = rule("fusedmax").options["lam"].default
    assert ranges == {
        "gamma": (0.05, 20, 0.05),
        "lam": (0, 20 * lam, lam / 20),
        "p": (1.025, 2, 0.025),
        "alpha": (1, 11, 0.025),
        "k": (1, 15, 1),
    }
    assert [slider.start for slider in sliders] == [1, lam, 1.5, 1.5, 8]
    labels = [slider.label for slider in sliders]
    assert labels[0].startswith("γ: strength")
    assert labels[1:] == ["λ of fusedmax", "p of pnormmax", "α of entmax", "k of topk"]


def test_sliders_start_where_the_models_were_trained():
    normalizers = ["softmax", "oscarmax", "fusedmax"]
    trained = [{"gamma": 0.01}, {"gamma": 0.01, "lam": 30.0}, {"gamma": 0.01, "lam": 0.5}]
    gamma, lam = option_sliders(normalizers, trained)
    assert (gamma.low, gamma.start) == (0.01, 0.01)
    # Two models disagree: it stands at the default, and reaches both.
    assert (lam.high, lam.start) == (30.0, rule("oscarmax").options["lam"].default)
    assert lam.label == "λ of oscarmax and fusedmax"
