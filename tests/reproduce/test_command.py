"""What a user writes for a table or a figure."""

import sys

import pytest
from composing import composed

from regattn_fairseq import cli
from regattn_fairseq.reproduce.plan import check_target
from regattn_fairseq.runs.errors import PipelineError


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("table=1", "reproduce=table1"),
        ("table=bleu", "reproduce=bleu"),
        ("figure=5", "reproduce=figure5"),
        ("figure=nine", "reproduce=figurenine"),
        ("corpora=real", "corpora=real"),
        ("reproduce=table2", "reproduce=table2"),
    ],
)
def test_table_and_figure_stand_for_the_choice_of_a_target(written, option):
    assert cli._target(written) == option


def test_two_targets_are_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["regattn-reproduce", "table=1", "figure=2"])
    with pytest.raises(SystemExit, match="error: name one table or figure at a time"):
        cli.reproduce()


def test_no_target_says_what_there_is():
    with pytest.raises(
        PipelineError, match=r"table=1, table=2, table=bleu, table=family, figure=1 … figure=5"
    ):
        check_target(composed("reproduce"))
