"""What the documentation says is what happens: its commands run, its error messages exist."""

import ast
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ELSEWHERE, PAGES, ROOT, blocks, commands, run_blocks

from regattn_fairseq.normalizers import normalizer_names, rule

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LANGUAGES = {"bash", "bibtex", "python", "text", "yaml", ""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_its_language(page):
    for block in blocks(page):
        assert block.language in LANGUAGES - {""}, block.place


SLOW = ("clusters.md", "tutorial.md")  # the tutorial's commands are mostly the README's


def with_code(slow: bool) -> list[Path]:
    """The pages with something to run; those that train a good deal are slow."""
    found = [page for page in PAGES if any(b.language in ("bash", "python") for b in blocks(page))]
    return [page for page in found if (page.name in SLOW) == slow]


@pytest.mark.parametrize(
    "page",
    [*with_code(slow=False), *(pytest.param(p, marks=pytest.mark.slow) for p in with_code(True))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_block_runs(page, tmp_path):
    failures = run_blocks(page, tmp_path)
    assert not failures, "\n\n".join(failures)


def test_blocks_are_found_and_split_into_commands():
    words = commands("# why\nA=1 regattn-run -m \\\n    seed=1,2 …  # what\n\nmake test\n")
    assert words == [["A=1", "regattn-run", "-m", "seed=1,2"], ["make", "test"]]
    found = [block for page in PAGES for block in blocks(page) if block.language == "bash"]
    programs = {words[0] for block in found for words in commands(block.text)}
    assert {"regattn-run", "regattn-report", "regattn-demo", "fairseq-train", "make"} <= programs
    assert len(programs - ELSEWHERE) >= 8


def raised_messages() -> list[str]:
    """The messages in the package's code, with … for what is put into them."""
    found = []
    for path in (ROOT / "regattn_fairseq").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def option_messages() -> list[str]:
    """What each option of a normalizer says of a value out of its range, with … for the value."""
    found = []
    for name in normalizer_names():
        for option in rule(name).options.values():
            with pytest.raises(ValueError, match=option.name) as error:
                option.check(math.nan)
            found.append(str(error.value).replace("got nan", "got …"))
    return found


def test_the_errors_in_the_faq_are_those_of_the_code():
    page = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^(`+)(.+)\1\n\n:", page, re.MULTILINE)
    assert len(quoted) >= 20
    known = {re.sub("…+", "…", message) for message in raised_messages() + option_messages()}
    for _, message in quoted:
        assert message in known, message


def test_the_pages_are_all_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").as_posix() in navigation


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_site_needs_no_network(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 14
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(
            r'(?:<script[^>]*\ssrc|<link[^>]*\shref|<img[^>]*\ssrc)="([^"]+)"', text
        )
        assert not [url for url in loaded if url.startswith(("http", "//"))], page
        assert 'class="arithmatex"' not in text, page
        for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
            assert "\\" not in formula, formula  # a command that the converter does not know
    normalizers = (site / "reference" / "normalizers.html").read_text(encoding="utf-8")
    assert normalizers.count("<math") >= 15
    for name in ("softmax", "sparsemax", "fusedmax", "oscarmax", "pnormmax", "smoothed_max"):
        assert f'id="regattn_fairseq.normalizers.{name}.{name}"' in normalizers


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_search_finds_in_a_site_that_is_opened_from_its_folder(site: Path):
    sync_api = pytest.importorskip("playwright.sync_api")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_context(offline=True).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((site / "index.html").as_uri())
        for words, found in (
            ("fertility", "copying.html"),
            ("warmup_updates", "options.html"),
            ("training.save_minutes", "options.html"),
        ):
            page.fill("input.md-search__input", words)
            page.press("input.md-search__input", "End")  # the theme listens to keys
            page.wait_for_selector(f".md-search-result__item a[href*='{found}']", timeout=60000)
        page.click(".md-search-result__item a[href*='options.html']")
        page.wait_for_url("**/options.html*")
        browser.close()
    assert not complaints
