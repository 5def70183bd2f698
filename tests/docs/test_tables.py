"""Tables of the pages name options, columns and pictures that there are."""

import re
from pathlib import Path

import pytest
from blocks import PAGES, ROOT

from regattn_fairseq.options.command_line import check
from regattn_fairseq.report import tables

DOCS = ROOT / "docs"


def rows(page: Path) -> list[list[str]]:
    lines = page.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines
        if line.startswith("|")
    ]


def test_every_option_that_one_may_move_to_is_there():
    index = (DOCS / "options.md").read_text(encoding="utf-8")
    known = {*re.findall(r'<a id="([^"]+)"', index)}
    named = {
        name
        for cells in rows(DOCS / "moving.md")
        for name in re.findall(r"`([\w.=]+)`", cells[-1])
        if "." in name or "=" in name or name in known
    }
    assert len(named) >= 50
    for name in named:
        if "=" in name:
            check("run", [name])
        else:
            assert name in known, name


def test_names_of_the_others_begin_as_theirs_do():
    for opennmt, joey, _ours in [cells for cells in rows(DOCS / "moving.md") if len(cells) == 3]:
        for name in re.findall(r"`([^`]+)`", opennmt):
            assert name.startswith("-"), name
        for name in re.findall(r"`([^`]+)`", joey):
            assert re.match(r"[a-z_]+(: |$)", name), name


def test_every_column_of_a_report_is_explained():
    columns = [column for _, _, column, *_ in (*tables._FIGURES, *tables._ATTENTION_FIGURES)]
    names = {column.label for column in columns} | {*tables.METRIC_LABELS.values()}
    names = {name.lower() for name in names} | {"n", "p", "δ", "from"}
    explained = {
        name.strip().lower() for cells in rows(DOCS / "report.md") for name in cells[0].split(",")
    }
    assert names <= explained, names - explained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_are_there_and_described(page):
    for text, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target
        assert len(text) > 10, target
