"""What the page shows."""

import numpy as np
import pytest
import torch
from lxml import html

from regattn_fairseq.demo.panels import (
    NORMALIZERS,
    AttentionPanel,
    attention_html,
    score_panels,
    scores_html,
    share_text,
)
from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.normalizers import fusedmax, smoothed_max


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


def test_no_rounded_figure_is_taken_for_an_exact_one():
    weights = np.full((2, 200), 1e-6, np.float32)
    weights[0, 0] = 0
    record = AttentionRecord(["w"] * 200, ["x", "y"], weights)
    page = html.fragment_fromstring(attention_html([AttentionPanel("softmax", {}, {}, "", record)]))
    titles = [cell.get("title") for cell in page.xpath(".//tbody/tr[1]/td[position() < 3]")]
    assert titles == ["x ← w: 0", "x ← w: < 0.001"]
    assert page.xpath(".//tbody/tr[1]/td[2]/@style") == ["--w: 12.0%"]
    assert "< 1 % of the weights are exactly 0" in page.text_content()
    assert [share_text(share) for share in (0, 0.996, 1)] == ["0 %", "> 99 %", "100 %"]
    assert "&lt; 0.001" in scores_html([9.0, 0.0])  # softmax
    assert "0.000" not in scores_html([9.0, 0.0]).replace("max<sub>Ω</sub> = 0.000", "")


def test_a_word_that_the_model_lacks_is_explained_where_it_is():
    def notes(source: str, target: str) -> list[str]:
        page = html.fragment_fromstring(attention_html([panel([source], [target])]))
        return [note.text for note in page.find_class("regattn-unknown")]

    assert notes("a", "x") == []
    (read,) = notes("<unk>", "x")
    (written,) = notes("a", "<unk>")
    assert read.startswith("<unk> in a column")
    assert written.startswith("<unk> in a row")
    assert notes("<unk>", "<unk>") == [read, written]


def test_two_sentences_stand_side_by_side_by_model():
    answers = [[panel([word], ["x"], f"{word} {n}") for n in (1, 2)] for word in ("a", "b")]
    page = html.fragment_fromstring(attention_html(*answers))
    assert page.get("class").split() == ["regattn-panels", "regattn-pairs"]
    texts = [output.text for output in page.find_class("regattn-output")]
    assert texts == ["a 1", "b 1", "a 2", "b 2"]
    names = page.xpath(".//*[@role='region']/@aria-label")
    assert len({*names}) == 4
    assert "regattn-pairs" not in attention_html(answers[0])


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
