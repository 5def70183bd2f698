"""The page of a report in a real browser: Debian's chromium, driven by Playwright."""

import csv
import json
import os
import re
import shutil

import numpy as np
import pytest
from matplotlib.image import imread

from regattn_fairseq.metrics import (
    AttentionRecord,
    PairedResult,
    attention_statistics,
    save_attention,
)
from regattn_fairseq.report import build_report, rows

SENTENCES = 1000
NORMALIZERS = ["softmax", "sparsemax", "fusedmax", "oscarmax", "pnormmax"]
EVIL = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt=1'>&amp;"
WORDS = ["zwei", "junge", "Männer", "stehen", "Größe", "кот", "中文", "im", "Freien", "."]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed (Debian's package chromium)"
)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


def weights_of(name, number, targets, sources):
    draw = np.random.default_rng([number, NORMALIZERS.index(name)])
    weights = draw.dirichlet(np.full(sources, 0.3), targets)
    if name == "softmax":
        return weights
    weights = np.where(weights > 0.1, weights, 0)
    if name == "fusedmax":
        weights[:, :2] = 0.25
    if name == "oscarmax":
        weights[:, [0, 3]] = 0.25
    return weights


def write_run(folder, name):
    folder.mkdir(parents=True)
    same = np.random.default_rng(0)
    own = np.random.default_rng(len(name))
    files = {"sources": [], "references": [], "hypotheses": [], "links": []}
    records, forced = [], []
    for number in range(SENTENCES):
        source, reference = ([*same.choice(WORDS, same.integers(6, 18))] for _ in range(2))
        wrong = own.random(len(reference)) < 0.3
        output = np.where(wrong, own.choice(WORDS, len(reference)), reference).tolist()
        if number == 7:
            source[0] = output[0] = reference[0] = EVIL
        if number == 8:
            source[0] = "einzigartig"
        weights = weights_of(name, number, len(output), len(source))
        records.append(AttentionRecord([f"▁{word}" for word in source], output, weights))
        to_reference = weights_of(name, number, len(reference), len(source))
        forced.append(AttentionRecord(records[-1].source_tokens, reference, to_reference))
        for kind, words in zip(files, (source, reference, output, ["0-0", "1?2"]), strict=True):
            files[kind].append(" ".join(words))
    for kind, lines in files.items():
        (folder / kind).write_text("\n".join(lines) + "\n", encoding="utf-8")
    save_attention(folder / "attention.npz", records)
    attention = {"attention": "attention.npz"}
    if name == "fusedmax":
        save_attention(folder / "forced.npz", forced)
        attention["reference_attention"] = "forced.npz"
    result = {
        "task": "translation",
        "data": "toy",
        "model": "regattn_lstm",
        "normalizer": {"name": name},
        "seed": 1,
        "metrics": {"bleu": 40.0},
        "attention": attention_statistics(records),
        "files": {kind: kind for kind in files} | attention,
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name in NORMALIZERS:
        write_run(root / name, name)
    with pytest.MonkeyPatch.context() as patch:
        # Tested elsewhere, and most of the time that it would take here.
        same = PairedResult(0.0, 1.0, 0.0, 0.0, sentences=SENTENCES)
        patch.setattr(rows, "paired_bootstrap_bleu", lambda *_, **__: same)
        return build_report(root, tmp_path_factory.mktemp("report"), header=EVIL)


@pytest.fixture(scope="module")
def browser():
    # Chromium's own sandbox cannot be set up by root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(report, browser):
    """The page, opened offline; any complaint of the browser's fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    complaints = page.complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((report.output_dir / "index.html").as_uri())
    page.wait_for_selector(".explorer[data-ready]")
    yield page
    context.close()
    assert complaints == []


def keys(page):
    return [text.strip() for text in page.locator(".list .key").all_text_contents()]


def chosen(page):
    """Number of the sentence that is shown, from 1."""
    return int(page.locator(".view dd").first.inner_text())


def card(page, name):
    return page.locator(".card").nth(NORMALIZERS.index(name))


def test_it_begins_with_conclusions_that_lead_to_their_parts(page):
    conclusions = page.locator("#conclusions")
    assert "is best" in conclusions.locator("li").first.inner_text()
    conclusions.get_by_role("link", name="every sentence").click()
    assert page.evaluate("location.hash") == "#part-1-sentences"
    navigation = page.get_by_role("navigation")
    assert navigation.bounding_box()["y"] == 0, "it stays in view"
    for link in page.locator("a[href^='#']").all():
        assert page.locator(link.get_attribute("href").split("?")[0]).count() == 1
    navigation.get_by_role("link", name="Runs").click()
    assert page.locator("#runs table").is_visible(), "the part unfolds"


def test_tables_are_sorted_by_their_headings(page):
    table = page.locator("table").nth(1)
    zeros = table.get_by_role("columnheader", name="zeros")
    button = zeros.get_by_role("button")
    shares = table.locator("tbody td:nth-child(3)")

    def numbers():
        return [float(text.rstrip("% ‡†")) for text in shares.all_inner_texts()]

    before = numbers()
    button.focus()
    page.keyboard.press("Enter")
    assert numbers() == sorted(before, reverse=True) != before
    assert zeros.get_attribute("aria-sort") == "descending"
    button.click()
    assert numbers() == sorted(before)
    assert zeros.get_attribute("aria-sort") == "ascending"
    table.get_by_role("columnheader", name="Normalizer").get_by_role("button").click()
    assert table.locator("tbody th").all_inner_texts() == sorted(NORMALIZERS)
    assert zeros.get_attribute("aria-sort") is None


def test_every_column_is_explained_by_touch_and_keyboard(page):
    meanings = page.locator(".meanings").nth(1)
    meanings.locator("summary").focus()
    page.keyboard.press("Enter")
    explained = meanings.locator("dt").all_inner_texts()
    shown = page.locator("table").nth(1).get_by_role("columnheader").all_inner_texts()
    assert set(explained) == {*shown} - {"Normalizer", "sparsity", "segments", "equal weights"} - {
        "whole source"
    } | {"segments"}


def test_intervals_are_drawn_around_zero(page):
    plot = page.locator(".intervals").first
    names = plot.locator(".name").all_inner_texts()
    assert names == NORMALIZERS[1:]
    zero, dot = (plot.locator(part).first.bounding_box() for part in (".zero", ".dot"))
    assert abs(zero["x"] - dot["x"] - dot["width"] / 2) < 2, "all differences are 0 here"
    page.get_by_text("other figures, with their intervals").click()
    more = page.locator(".many .intervals")
    assert more.first.is_visible()
    captions = more.locator("figcaption").all_inner_texts()
    assert captions[0].startswith("Difference from softmax in zeros, in points")


def test_it_is_small_and_opens_fast(report, browser):
    path = report.output_dir / "index.html"
    assert path.stat().st_size < 15_000_000
    context = browser.new_context(offline=True)
    seconds = []
    for _ in range(3):  # the best of three: other programs want the processor too
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector(".explorer[data-ready]")
        seconds.append(page.evaluate("performance.now()") / 1000)
        page.close()
    context.close()
    assert min(seconds) < 2, seconds


def test_every_sentence_and_normalizer_is_there(page):
    said = page.locator(".count").inner_text()
    assert said == f"{SENTENCES} sentences; sorted by place in the test set"
    assert page.locator(".list button").count() == SENTENCES
    titles = page.locator(".card h4").all_inner_texts()
    assert [title.split("\n")[0] for title in titles] == NORMALIZERS


def test_corpus_text_is_text(page):
    page.locator(".search").fill("window.hurt")
    assert page.locator(".list button").count() == 1
    page.locator(".list button").click()
    assert chosen(page) == 8
    assert EVIL in page.locator(".strip .source").inner_text()
    assert EVIL in page.locator(".view dd").nth(1).inner_text()
    assert EVIL in page.locator(".header").inner_text()
    assert page.evaluate("window.hurt") is None
    assert page.locator(".explorer img").count() == 0


def test_a_script_that_got_in_would_not_run(page):
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI));
            const script = document.createElement("script");
            script.textContent = "window.hurt = 1";
            document.body.append(script);
        })"""
    )
    assert refused == "inline"
    assert page.evaluate("window.hurt") is None
    assert "Content Security Policy" in page.complaints.pop()


def test_search(page):
    page.locator(".search").fill("EINZIGARTIG zwei")
    assert re.match(r"[01] of 1000 sentences", page.locator(".count").inner_text())
    page.locator(".search").fill("einzigartig")
    assert keys(page) == ["9"]
    assert chosen(page) == 9, "what is found is shown"
    page.locator(".search").fill("nowhere to be found")
    assert keys(page) == []
    assert "0 of 1000 sentences with “nowhere” and" in page.locator(".count").inner_text()
    assert "No sentence has all of these words" in page.locator(".view").inner_text()
    page.locator(".search").fill("")
    assert len(keys(page)) == SENTENCES
    assert page.locator(".card").count() == len(NORMALIZERS)


def test_words_in_quotes_must_stand_together(page):
    page.locator(".search").fill("zwei junge")
    apart = len(keys(page))
    page.locator(".search").fill('"zwei junge"')
    assert 0 < len(keys(page)) < apart
    page.locator(".against").select_option(label="nothing")
    assert "zwei junge" in " ".join(page.locator(".view").inner_text().split())


def test_sorting(page):
    assert keys(page)[:3] == ["1", "2", "3"]
    for order, better in (("gain", -1), ("loss", 1)):
        page.locator(".order").select_option(order)
        gains = [float(key.split("· ")[1].replace("−", "-")) for key in keys(page)]
        assert gains == sorted(gains, reverse=better < 0)
        assert gains[0] * better < 0
        assert f"{chosen(page)} ·" in keys(page)[0], "the first one is shown"
    said = page.locator(".count").inner_text()
    assert said.endswith("sorted by BLEU lost to softmax, of sparsemax")
    page.locator(".system").select_option(label="softmax")
    assert {key.split("· ")[1] for key in keys(page)} == {"+0.0"}
    page.locator(".system").select_option(label="oscarmax")
    orders = ("long", "short", "sparse", "dense", "repeated", "dropped")
    for order, first in zip(orders, (max, min, min, max, max, max), strict=True):
        page.locator(".order").select_option(order)
        values = [float(key.split("· ")[1].split(" ")[0]) for key in keys(page)]
        assert values[0] == first(values)
        assert values == sorted(values, reverse=first is max)


def test_pointing_at_a_word_lights_up_what_it_attends_to(page):
    fusedmax = card(page, "fusedmax")
    weights = weights_of("fusedmax", 0, *lengths(page, fusedmax))
    fusedmax.locator("button.token").nth(2).hover()
    spans = page.locator(".strip .source .token")
    lit = [i for i in range(spans.count()) if "lit" in spans.nth(i).get_attribute("class")]
    assert lit == np.flatnonzero(weights[2]).tolist()
    assert "begins" in spans.nth(0).get_attribute("class")
    assert "ends" in spans.nth(1).get_attribute("class")
    readout = page.locator(".strip .readout")
    assert readout.inner_text().startswith("fusedmax, ")
    assert "25 % each" in readout.inner_text()
    page.mouse.move(0, 0)
    assert page.locator(".lit").count() == 0


def test_the_readout_pushes_nothing_and_stays_in_view(page):
    fusedmax = card(page, "fusedmax")

    def places():
        script = "all => all.map(each => each.getBoundingClientRect().top + scrollY)"
        return page.locator(".matrix").evaluate_all(script)

    fusedmax.locator("button.token").first.scroll_into_view_if_needed()
    before = places()
    for number in range(3):
        fusedmax.locator("button.token").nth(number).hover()
        assert places() == before
    box = page.locator(".strip .readout").bounding_box()
    assert 0 <= box["y"] < 900
    assert page.locator(".source").count() == 1, "the source stands once"


def lengths(page, in_card):
    return (
        in_card.locator("button.token").count(),
        page.locator(".strip .source .token").count(),
    )


def test_groups_that_lie_apart_are_joined_in_the_heat_map(page):
    assert card(page, "oscarmax").locator("line.outline").count() > 0
    assert card(page, "softmax").locator(".outline").count() == 0
    nonzero = np.count_nonzero(weights_of("oscarmax", 0, *lengths(page, card(page, "oscarmax"))))
    assert card(page, "oscarmax").locator("rect.weight").count() == nonzero


def test_by_keyboard_alone(page):
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.className") == "search"
    page.keyboard.press("ArrowDown")
    assert chosen(page) == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    assert chosen(page) == 12
    page.keyboard.press("End")
    assert chosen(page) == SENTENCES
    page.keyboard.press("ArrowDown")
    assert chosen(page) == SENTENCES
    # One tab stop for the list, one for each output.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.card:first-child button.token')")
    page.keyboard.press("ArrowRight")
    assert page.locator("button.token.chosen").count() == 1
    softmax = card(page, "softmax")
    assert page.locator(".lit").count() == lengths(page, softmax)[1]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.ariaPressed") == "true"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")  # to its heat map, which may scroll
    page.keyboard.press("Tab")  # to its picture
    assert page.locator(".strip .readout").inner_text().startswith("softmax"), (
        "what was chosen stays"
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.card:nth-child(2) button.token')")
    assert page.locator(".strip .readout").inner_text().startswith("sparsemax")


def test_names_and_roles(page):
    assert page.get_by_role("searchbox", name="Search").count() == 1
    assert page.get_by_role("combobox", name="Sort by").count() == 1
    assert page.locator(".list button[aria-current=true]").count() == 1
    assert page.get_by_role("img", name="Attention of fusedmax").count() == 2, "drawn and live"
    assert page.get_by_role("article", name="softmax").count() == 1


def luminance(colour):
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_readable(page, scheme):
    page.emulate_media(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(ground) < 0.2) == (scheme == "dark")
    for selector in ("body", ".count", ".card .output", ".card h4 span", ".side", ".list .key"):
        ink = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).color")
        lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 4.5, selector


def test_on_a_phone_nothing_runs_over_the_edge(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for selector in (".list", ".card", ".controls"):
        box = page.locator(selector).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    intervals = page.locator(".intervals").first
    for name, number in zip(
        intervals.locator(".name").all(), intervals.locator(".number").all(), strict=True
    ):
        assert name.bounding_box()["y"] == number.bounding_box()["y"], "side by side"
    above, below = (page.locator(name).first.bounding_box() for name in (".list", ".view"))
    assert below["y"] >= above["y"] + above["height"]
    word = card(page, "sparsemax").locator("button.token").nth(1)
    word.click()
    assert page.locator(".lit").count() > 0
    for svg in page.locator(".matrix svg").all():
        natural = float(svg.get_attribute("width"))
        shown = svg.bounding_box()["width"]
        assert 0.7 * natural - 1 <= shown <= natural + 1, "it shrinks before it scrolls"
    page.set_viewport_size({"width": 230, "height": 844})
    matrix = card(page, "sparsemax").locator(".matrix")
    assert matrix.evaluate("matrix => matrix.scrollWidth > matrix.clientWidth")
    shadows = matrix.evaluate("matrix => getComputedStyle(matrix).backgroundAttachment")
    assert shadows.split(", ") == ["local", "local", "scroll", "scroll"]


def test_in_print_there_is_paper_and_no_controls(page):
    page.set_viewport_size({"width": 703, "height": 1030})  # A4 without its margins
    page.emulate_media(media="print", color_scheme="dark")
    for table in page.locator(".scroll").all():
        assert table.evaluate("place => place.scrollWidth <= place.clientWidth"), (
            "no column is cut off"
        )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for selector in ("nav", ".controls", ".pair", ".list", ".count", ".act"):
        assert page.locator(selector).first.is_hidden()
    assert card(page, "fusedmax").is_visible()
    for matrix in page.locator(".matrix").all():
        fits = "matrix => matrix.scrollWidth <= matrix.clientWidth"
        assert matrix.evaluate(fits), "paper does not scroll"
    assert page.pdf().startswith(b"%PDF")


def test_words_that_differ_are_marked_by_more_than_colour(page):
    marks = page.locator(".output :is(ins, del)")
    assert marks.count() > 0
    lines = page.locator(".output ins").first.evaluate(
        "e => getComputedStyle(e).textDecorationLine"
    )
    assert lines == "underline"
    reference = page.locator(".view dd").nth(1).inner_text()
    sparsemax = card(page, "sparsemax").locator(".output")
    kept = sparsemax.evaluate(
        """output => {
            const copy = output.cloneNode(true);
            for (const added of copy.querySelectorAll("ins")) added.remove();
            return copy.textContent;
        }"""
    )
    assert kept.split() == reference.split(), "what is not added is the reference"
    page.locator(".against").select_option(label="softmax")
    assert card(page, "softmax").locator("ins, del").count() == 0
    assert sparsemax.locator("ins, del").count() > 0
    page.locator(".against").select_option(label="nothing")
    assert marks.count() == 0


def test_repetitions_and_unattended_words_are_flagged(page):
    page.locator(".order").select_option("repeated")
    again = card(page, "sparsemax").locator("mark")
    number = int(re.search(r"(\d+) repeated", keys(page)[0])[1])
    assert again.count() == number > 0
    assert "↻" in again.first.evaluate("mark => getComputedStyle(mark, '::after').content")
    page.locator(".order").select_option("dropped")
    number = int(re.search(r"(\d+) unattended", keys(page)[0])[1])
    dropped = card(page, "sparsemax").locator(".matrix .dropped")
    assert dropped.count() == number > 0
    named = card(page, "sparsemax").locator(".side", has_text="Unattended:").inner_text()
    assert len(named.split()) == number + 1
    struck = dropped.first.evaluate("text => getComputedStyle(text).textDecorationLine")
    assert struck == "line-through"


def test_an_address_leads_to_a_sentence_and_an_order(page, report):
    page.locator(".order").select_option("gain")
    page.locator(".system").select_option(label="oscarmax")
    page.locator(".list button").nth(4).click()
    number, listed = chosen(page), keys(page)
    address = page.evaluate("location.href")
    assert f"sentence={number}&order=gain&system=oscarmax" in address
    assert page.get_by_role("link", name="Link to this view").evaluate("a => a.href") == address
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(".explorer[data-ready]")
    assert chosen(page) == number
    assert keys(page) == listed
    assert page.locator(".system").evaluate("s => s.selectedOptions[0].text") == "oscarmax"
    assert page.locator(".explorer").bounding_box()["y"] < 900, "it is scrolled to"
    page.evaluate("location.hash = '#part-1-sentences?sentence=3&search=zwei'")
    page.wait_for_function("document.querySelector('.search').value === 'zwei'")
    assert chosen(page) == 3


def downloaded(page, press):
    with page.expect_download() as waiting:
        press()
    return waiting.value


def test_downloads(page):
    page.locator(".search").fill("einzigartig")
    saved = downloaded(page, page.locator(".controls").get_by_role("button", name="CSV").click)
    assert saved.suggested_filename == "part-1-sentences.csv"
    rows = list(csv.reader(saved.path().read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 2
    assert rows[1][0] == "9"
    assert "einzigartig" in rows[1][1]
    assert rows[0].count("oscarmax: output") == 1

    page.locator(".search").fill("")
    page.locator(".list button").first.click()
    saved = downloaded(page, page.get_by_role("button", name="JSON").click)
    content = json.loads(saved.path().read_text(encoding="utf-8"))
    output = content["outputs"][NORMALIZERS.index("sparsemax")]
    expected = weights_of("sparsemax", 0, len(output["tokens"]), len(content["tokens"]))
    assert np.abs(np.array(output["weights"]) - expected).max() < 1 / 255

    svg = card(page, "fusedmax").locator(".matrix svg")
    saved = downloaded(page, card(page, "fusedmax").get_by_role("button", name="PNG").click)
    picture = imread(saved.path())
    assert abs(picture.shape[1] - 3 * float(svg.get_attribute("width"))) <= 1
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 5, "it is drawn on"

    saved = downloaded(page, page.locator("main .acts button").first.click)
    rows = list(csv.reader(saved.path().read_text(encoding="utf-8-sig").splitlines()))
    assert [row[0] for row in rows] == ["Normalizer", *NORMALIZERS]
    assert rows[0][2] == "BLEU"


def test_the_word_alignment_is_drawn_over_the_attention_to_the_reference(page):
    assert page.locator(".matrix .link").count() == 0
    page.locator(".head").select_option("reference")
    rings = card(page, "fusedmax").locator(".matrix .link")
    assert rings.count() == 2
    assert [ring.get_attribute("stroke-dasharray") for ring in rings.all()] == [None, "2 2"]
    cell, ring = (
        card(page, "fusedmax").locator(f".matrix {part}").first.bounding_box()
        for part in (".frame", ".link")
    )
    assert 0 < ring["x"] - cell["x"] < 17, "on the first row and column"
    assert 0 < ring["y"] - cell["y"] < 17
    shown = card(page, "fusedmax").locator("button.token").all_inner_texts()
    assert shown == page.locator(".view dd").nth(1).inner_text().split()
    assert "head=reference" in page.evaluate("location.hash")
    assert "not kept" in card(page, "softmax").inner_text()


def test_two_systems_are_set_against_each_other(page):
    page.wait_for_selector(".point")
    points = page.locator(".point")
    assert points.count() == SENTENCES
    said = page.locator(".scatter .readout").inner_text()
    better, worse, same = map(int, re.findall(r"(?<!-)\b(\d+)\b", said))
    assert better + worse + same == SENTENCES
    page.locator(".pair .one").select_option(label="softmax")
    assert f"softmax in 0 sentences, for softmax in 0, and the same in {SENTENCES}" in (
        page.locator(".scatter .readout").inner_text()
    )
    assert page.locator(".ngrams tbody").first.inner_text() == "none"
    page.locator(".pair .one").select_option(label="oscarmax")

    # By keyboard: the first is the largest gain.
    points.first.focus()
    name = points.first.get_attribute("aria-label")
    number, mine, theirs = re.search(
        r"Sentence (\d+): oscarmax ([\d.]+), softmax ([\d.]+)", name
    ).groups()
    assert float(mine) > float(theirs)
    page.keyboard.press("Enter")
    assert chosen(page) == int(number)
    assert f"BLEU {mine}" in card(page, "oscarmax").locator("h4").inner_text()
    assert f"BLEU {theirs}" in card(page, "softmax").locator("h4").inner_text()
    points.nth(4).dispatch_event("click")
    assert f"Sentence {chosen(page)}:" in points.nth(4).get_attribute("aria-label")


def test_words_that_one_gets_right_are_searched_for(page):
    page.wait_for_selector(".ngrams button")
    row = page.locator(".ngrams table").first.locator("tbody tr").first
    right, missed = (int(text) for text in row.locator("td").all_inner_texts())
    assert right > missed >= 0
    words = row.get_by_role("button").inner_text()
    row.get_by_role("button").click()
    assert page.locator(".search").input_value() == f'"{words}"'
    assert right <= len(keys(page)) < SENTENCES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python"
    )
    page.emulate_media(color_scheme=scheme)
    page.wait_for_selector(".point")
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    card(page, "fusedmax").locator("button.token").nth(2).hover()
    found = axe.Axe().run(page).response
    assert found["passes"], "it looked"
    assert [
        (each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"])
        for each in found["violations"]
    ] == []
