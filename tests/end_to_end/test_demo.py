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
    assert 5 <= len(desk.example.split()) <= 15
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


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
def test_in_a_browser(address, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)

        # Translate.
        page.locator("#source textarea").fill("kada lofo <img> nusu")
        page.locator("#translate").click()
        fused = page.locator('#attention [data-normalizer="fusedmax"]')
        fused.wait_for()
        assert page.locator("#attention figure").count() == 2
        assert page.locator("#attention img").count() == 0
        assert fused.locator("thead").inner_text().split() == [
            *("kada", "lofo", "<unk>", "nusu", "</s>")
        ]
        assert "exactly 0" in fused.inner_text()
        weights = fused.locator("tbody td[style]")
        before = weights.evaluate_all("cells => cells.map(cell => cell.title)")
        assert 0 < len(before) < fused.locator("tbody td").count()

        # Change λ, and see the change.
        slider = page.locator("#lam input[type=range]")
        slider.fill("2")
        page.get_by_text(f"λ = 2 (trained with {LAM})").wait_for()
        assert not page.get_by_label("γ and λ as trained").is_checked()
        assert weights.evaluate_all("cells => cells.map(cell => cell.title)") != before

        # Drag a score.
        page.get_by_role("tab", name="Scores").click()
        value = page.locator('#weights [data-normalizer="sparsemax"] .regattn-value')
        largest = float(value.inner_text())
        knob = page.locator("#x4 input[type=range]")
        box = knob.bounding_box()
        page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        shares = page.locator('#weights [data-normalizer="sparsemax"] output')
        playwright.expect(shares.nth(3)).to_have_text("1.000")
        assert float(value.inner_text()) > largest

        browser.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert not problems
