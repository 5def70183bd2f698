"""The report's page of trained models, in a real browser, against what is packed in it.

    REGATTN_PAGES=results/mine/index.html pytest tests/end_to_end/test_report_page.py

drives the pages of other reports too (several are separated as in PATH).
"""

import base64
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from regattn_fairseq.metrics import stretches
from regattn_fairseq.report import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

GIVEN = [path for path in os.environ.get("REGATTN_PAGES", "").split(os.pathsep) if path]


@pytest.fixture(scope="module", params=["of the tests", *GIVEN])
def page_file(request: pytest.FixtureRequest) -> Path:
    """A report's page."""
    if request.param in GIVEN:
        return Path(request.param).resolve()
    runs: Path = request.getfixturevalue("runs")
    report = build_report(runs, request.getfixturevalue("tmp_path_factory").mktemp("report"))
    return report.output_dir / "index.html"


@pytest.fixture(scope="module")
def contents(page_file: Path) -> list[dict[str, Any]]:
    """What the page's explorers hold."""
    text = page_file.read_text(encoding="utf-8")
    packed = re.findall(r'<script type="text/plain" class="packed">([^<]+)</script>', text)
    assert packed
    return [json.loads(zlib.decompress(base64.b64decode(data))) for data in packed]


@pytest.fixture(scope="module")
def page(page_file: Path, contents: list[dict[str, Any]]) -> Iterator[Any]:
    """The page, opened offline, with all explorers unpacked; it is not to complain."""
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(120_000)  # other programs may want the processor
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri())
        for number in range(len(contents)):
            explorer = page.locator(".explorer").nth(number)
            explorer.scroll_into_view_if_needed()
            explorer.and_(page.locator("[data-ready]")).wait_for()
        yield page
        browser.close()
    assert not complaints


def explorers(page: Any, contents: list[dict[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for number, content in enumerate(contents):
        yield page.locator(".explorer").nth(number), content


def keys(explorer: Any) -> list[int]:
    """Numbers of the sentences that are listed, from 0."""
    texts = explorer.locator(".list .key").all_text_contents()
    return [int(text.split("·")[0]) - 1 for text in texts]


def test_it_is_small_and_every_sentence_is_listed(page_file, page, contents):
    assert page_file.stat().st_size < 15_000_000
    for explorer, content in explorers(page, contents):
        assert keys(explorer) == list(range(len(content["sentences"])))
        titles = explorer.locator(".card").evaluate_all("all => all.map(card => card.ariaLabel)")
        assert titles == content["systems"]


def test_search_finds_what_has_the_word(page, contents):
    for explorer, content in explorers(page, contents):
        texts = [
            "\n".join(
                [sentence["source"], sentence["reference"], sentence["question"]]
                + [output["text"] for output in sentence["outputs"]]
            ).lower()
            for sentence in content["sentences"]
        ]
        word = max(content["sentences"][len(texts) // 2]["source"].lower().split(), key=len)
        explorer.locator(".search").fill(word.upper())
        found = keys(explorer)
        assert found == [number for number, text in enumerate(texts) if word in text]
        explorer.locator(".search").fill("")
        assert len(keys(explorer)) == len(texts)


def measures(of: int, metric: str) -> dict[str, Callable[[dict[str, Any]], float]]:
    """What each order of one system's sentences is ascending in."""

    def gain(sentence: dict[str, Any]) -> float:
        return sentence["outputs"][of]["score"] - sentence["outputs"][0]["score"]

    found: dict[str, Callable[[dict[str, Any]], float]] = {
        "long": lambda sentence: -len(sentence["tokens"]),
        "short": lambda sentence: len(sentence["tokens"]),
        "sparse": lambda sentence: sentence["outputs"][of]["support"],
        "dense": lambda sentence: -sentence["outputs"][of]["support"],
        "dropped": lambda sentence: -len(sentence["outputs"][of]["dropped"]),
    }
    return found | ({"gain": lambda sentence: -gain(sentence), "loss": gain} if metric else {})


def test_sorting(page, contents):
    for explorer, content in explorers(page, contents):
        of = len(content["systems"]) - 1
        explorer.locator(".system").select_option(str(of))
        for order, measure in measures(of, content["metric"]).items():
            explorer.locator(".order").select_option(order)
            shown = [content["sentences"][number] for number in keys(explorer)]
            assert len(shown) == len(content["sentences"])
            values = [measure(sentence) for sentence in shown]
            assert values == sorted(values), order
        explorer.locator(".order").select_option("position")


def test_pointing_at_any_output_token_lights_up_its_source_tokens(page, contents):
    for explorer, content in explorers(page, contents):
        number = min(3, len(content["sentences"]) - 1)
        explorer.locator(".list button").nth(number).click()
        for at, output in enumerate(content["sentences"][number]["outputs"]):
            card = explorer.locator(".card").nth(at)
            for target, row in enumerate(output["rows"]):
                card.locator("button.token").nth(target).hover()
                strip = explorer.locator(".strip .source")
                lit = strip.locator(".token").evaluate_all(
                    "all => all.flatMap((span, at) => span.classList.contains('lit') ? at : [])"
                )
                assert lit == row[::2]
                framed = strip.locator(".token.begins").count()
                assert framed == sum(len(stretches(group)) for group in output["groups"][target])
            drawn = card.locator(".matrix rect.weight").count()
            assert drawn == sum(len(row) // 2 for row in output["rows"])


def test_by_keyboard(page, contents):
    for explorer, content in explorers(page, contents):
        last = len(content["sentences"])
        explorer.locator(".search").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        assert explorer.locator(".view dd").first.inner_text() == str(last)
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert explorer.locator(".strip .lit").count() > 0


def test_it_fits_a_phone_and_paper(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".controls").first.is_hidden()
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="screen", color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
