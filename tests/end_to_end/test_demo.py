"""The demo: the command itself, its page in a real browser, and many users at once."""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import BIN, call
from omegaconf import OmegaConf

from regattn_fairseq.normalizers import rule
from regattn_fairseq.pipeline.evaluation.translator import Translator
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData

pytest.importorskip("gradio", reason="the extra demo is not installed")
import httpx
from gradio_client import Client

from regattn_fairseq.demo.systems import load_desks

LAM = rule("fusedmax").options["lam"].default
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def translator(run_folder: Path) -> Translator:
    saved = OmegaConf.load(run_folder / "config.yaml")
    return Translator(
        run_folder / "checkpoints" / "checkpoint_best.pt",
        PreparedData(Path(saved.task.data).parent),
        saved,
        OmegaConf.load(run_folder / "config.yaml").generation,
    )


def test_a_line_is_translated_as_the_evaluation_did(run_folder, translator):
    sources = (run_folder / "test.src").read_text().splitlines()
    hypotheses = (run_folder / "test.hyp").read_text().splitlines()
    for source, hypothesis in zip(sources[:10], hypotheses, strict=False):
        assert translator.decode(translator.translate(f"  {source} ")) == hypothesis


def test_other_options_for_a_while(translator):
    line = "kada lofo migi nusu"
    before = translator.translate(line).attention.weights
    with translator.normalizer_options(lam=100.0, alpha=3.0) as used:
        assert used == {"gamma": 1.0, "lam": 100.0}
        fused = translator.translate(line).attention.weights
    torch.testing.assert_close(torch.tensor(fused), torch.full(fused.shape, 1 / fused.shape[1]))
    after = translator.translate(line).attention.weights
    assert (before == after).all()
    assert (before == 0).any()
    with pytest.raises(ValueError, match="gamma"), translator.normalizer_options(gamma=0.0):
        pass


def test_what_cannot_be_shown_is_left_out(runs, caplog):
    (desk,) = load_desks(runs, max_models=5)
    assert [system.label for system in desk.systems] == ["softmax", f"fusedmax (λ={LAM})"]
    assert len(desk.examples) == 5
    assert all(5 <= len(example.split()) <= 15 for example in desk.examples)
    assert {*desk.examples} <= {*(runs / "softmax" / "test.src").read_text().splitlines()}
    assert "lost: left out" in caplog.text
    (desk,) = load_desks(runs, max_models=1)
    assert len(desk.systems) == 1
    assert "max_models=1" in caplog.text


def test_nothing_to_show(runs, tmp_path):
    shutil.copytree(runs / "lost", tmp_path / "lost")
    with pytest.raises(PipelineError, match="can be shown"):
        load_desks(tmp_path, max_models=5)


@pytest.mark.parametrize(
    ("options", "word"),
    [("port=-1", "port="), ("max_characters=0", "max_characters"), ("runs_dir=none", "runs_dir")],
)
def test_bad_options_are_named_in_one_line(tmp_path, options, word):
    done = call("regattn-demo", f"runs_dir={tmp_path}", "port=0", options, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert word in done.stderr or "result.json" in done.stderr


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    """Where the command serves the runs."""
    process = subprocess.Popen(
        [str(BIN / "regattn-demo"), f"runs_dir={runs}", "port=0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    lines: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        lines.extend(iter(process.stderr.readline, ""))

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + 240
    while not (found := re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))):
        assert process.poll() is None, "".join(lines)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield found[0]
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert lines[-1] == "ended\n", "".join(lines)


def test_ten_users_at_once(address):
    sentences = ["kada lofo migi nusu", "pesu mida nufo", "loda kagi"]

    def use(number: int) -> list[str]:
        client = Client(address, verbose=False, analytics_enabled=False)
        line = sentences[number % 3]
        return [
            client.predict(line, "toy", True, 1.0, 0.1, api_name="/translate"),
            client.predict(line, "toy", False, 1.0, 2.0, api_name="/translate"),
            client.predict(line, "toy", True, 1.0, 0.1, api_name="/translate"),
        ]

    with ThreadPoolExecutor(10) as users:
        answers = list(users.map(use, range(10)))
    for number, (trained, changed, again) in enumerate(answers):
        # Nobody sees another's sentence, nor λ.
        for word in sentences[number % 3].split():
            assert f"{word}</span></th>" in trained
        assert f"trained with {LAM}" in changed
        assert trained == again == answers[number % 3][0]
        assert "trained with" not in trained


def test_a_very_long_input(address):
    client = Client(address, verbose=False, analytics_enabled=False)
    with pytest.raises(Exception, match="100,000 characters; at most 500"):
        client.predict("a" * 100_000, "toy", True, 1.0, 0.1, api_name="/translate")
    assert "softmax" in client.predict("kada", "toy", True, 1.0, 0.1, api_name="/translate")
    with pytest.raises(Exception, match="klingon"):
        client.predict("kada", "klingon", True, 1.0, 0.1, api_name="/translate")


def test_another_host_is_refused(address):
    assert httpx.get(address).status_code == 200
    assert httpx.get(address, headers={"Host": "evil.example"}).status_code == 400
    port = address.rpartition(":")[2]
    named = httpx.get(f"{address}/config", headers={"Host": f"localhost:{port}"})
    assert named.status_code == 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, which is to ask no other server, and not to complain."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.locator("#translate").wait_for()
    yield page
    page.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert not problems


def translate(page: Any, text: str, second: str = "") -> Any:
    """Ask for these sentences; returns fusedmax's answer to the first."""
    page.locator("#source textarea").fill(text)
    page.locator("#second textarea").fill(second)
    page.locator("#translate").click()
    fused = page.locator('#attention [data-normalizer="fusedmax"]').first
    last = fused.locator("thead th").nth(len(text.split()))
    last.and_(fused.locator("thead th:last-child")).get_by_text("</s>").wait_for()
    return fused


def expect(locator: Any) -> Any:
    """Playwright's assertions, which wait for what they say."""
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    return expect(locator)


def titles(cells: Any) -> list[str]:
    found: list[str] = cells.evaluate_all("cells => cells.map(cell => cell.title)")
    return found


def test_a_sentence_in_a_browser(page):
    fused = translate(page, "kada lofo <img> nusu")
    assert page.locator("#attention figure").count() == 2
    assert page.locator("#attention img").count() == 0
    assert fused.locator("thead").inner_text().split() == [
        *("kada", "lofo", "<unk>", "nusu", "</s>")
    ]
    assert "exactly 0" in fused.inner_text()
    assert "<unk> in a column: a word that the model does not know" in fused.inner_text()
    cells = fused.locator("tbody td")
    assert 0 < fused.locator("tbody td[style]").count() < cells.count()
    for cell, title in zip(cells.all(), titles(cells), strict=True):
        assert title.endswith(": 0") == (cell.get_attribute("style") is None)
        assert not title.endswith(": 0.000")
    assert "<unk> in a column" not in translate(page, "kada lofo").inner_text()


def test_options_have_a_logarithmic_scale_in_a_browser(page):
    weights = translate(page, "kada lofo nusu").locator("tbody td")
    before = titles(weights)
    slider = page.locator("#lam input[type=range]")
    number = page.locator("#lam input[type=number]")
    assert float(number.input_value()) == LAM
    assert slider.get_attribute("aria-valuetext") == f"{LAM:g}"
    trained = page.get_by_label("γ and λ as trained")
    assert trained.is_checked()

    number.fill("2")
    number.press("Enter")
    page.get_by_text(f"λ = 2 (trained with {LAM})").wait_for()
    assert slider.get_attribute("aria-valuetext") == "2"
    expect(trained).not_to_be_checked()
    assert titles(weights) != before

    # The first position is 0, and the others lie as far apart in logarithms.
    slider.fill("0")
    page.get_by_text(f"λ = 0 (trained with {LAM})").wait_for()
    positions = int(slider.get_attribute("max"))
    found = []
    for position in (1, positions // 2, positions):
        slider.fill(str(position))
        found.append(float(number.input_value()))
    assert found[1] ** 2 == pytest.approx(found[0] * found[2], rel=0.2)
    assert found[2] > 100 * found[0]
    # What the last move started has ended: nobody checks the box sooner.
    page.get_by_text(f"λ = {found[2]:g} (trained with {LAM})").wait_for()

    # A value that is none leaves all as it is.
    number.fill("-1")
    number.press("Enter")
    assert float(number.input_value()) == found[2]

    trained.check()
    page.locator("#attention").get_by_text("trained with").wait_for(state="detached")
    assert titles(weights) == before
    expect(number).to_have_value(f"{LAM:g}")
    assert trained.is_checked()


def test_an_example_is_translated_by_a_click_in_a_browser(page):
    example = page.locator("#examples button").nth(2)
    line = example.inner_text()
    example.click()
    fused = page.locator('#attention [data-normalizer="fusedmax"]')
    fused.wait_for()
    assert page.locator("#source textarea").input_value() == line
    assert fused.locator("thead").inner_text().split() == [*line.split(), "</s>"]


def test_two_sentences_side_by_side_in_a_browser(page):
    page.set_viewport_size({"width": 1440, "height": 900})
    translate(page, "kada lofo nusu", "pesu mida")
    figures = page.locator("#attention figure")
    assert figures.count() == 4
    names = figures.evaluate_all("figures => figures.map(each => each.dataset.normalizer)")
    assert names == ["softmax", "softmax", "fusedmax", "fusedmax"]
    left, right = (figures.nth(number).bounding_box() for number in (2, 3))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert figures.nth(3).locator("thead").inner_text().split() == ["pesu", "mida", "</s>"]
    translate(page, "kada")
    assert figures.count() == 2


def test_an_error_takes_the_old_answer_away_in_a_browser(page):
    translate(page, "kada lofo nusu")
    page.locator("#source textarea").fill("a" * 501)
    page.locator("#translate").click()
    page.get_by_text("The text has 501 characters").wait_for()
    page.locator("#attention figure").first.wait_for(state="detached")
    translate(page, "kada lofo")
    assert page.locator("#attention figure").count() == 2


def test_scores_in_a_browser(page):
    page.get_by_role("tab", name="Scores").click()

    def fused(normalizer: str) -> list[int]:
        rows = page.locator(f'#weights [data-normalizer="{normalizer}"] li').all()
        return [number for number, row in enumerate(rows) if row.locator("abbr").count()]

    page.locator("#weights figure").first.wait_for()
    assert fused("fusedmax") == [0, 1]
    assert fused("oscarmax") == [0, 1, 3]
    page.locator("#score-lam input[type=range]").fill("0")
    page.locator("#weights abbr").first.wait_for(state="detached")

    value = page.locator('#weights [data-normalizer="sparsemax"] .regattn-value')
    largest = float(value.inner_text())
    knob = page.locator("#x4 input[type=range]")
    box = knob.bounding_box()
    page.mouse.move(box["x"] + 0.68 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    shares = page.locator('#weights [data-normalizer="sparsemax"] output')
    expect(shares.nth(3)).to_have_text("1.000")
    assert float(value.inner_text()) > largest


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("light", 390), ("dark", 1440)])
def test_everybody_can_read_it(browser, address, theme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python"
    )
    # axe is a script that the page's policy would keep out.
    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/?__theme={theme}")
    translate(page, "kada klingon nusu", "pesu mida")
    for tab in ("Sentences", "Scores"):
        page.get_by_role("tab", name=tab).click()
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
