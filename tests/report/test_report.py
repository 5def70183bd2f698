"""The report, from run folders that the tests write."""

import base64
import csv
import hashlib
import json
import logging
import os
import re
import statistics
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from regattn_fairseq.metrics import (
    AttentionRecord,
    attention_statistics,
    save_attention,
    score_translation,
)
from regattn_fairseq.metrics.rouge import score_summaries
from regattn_fairseq.metrics.token_labels import token_labels
from regattn_fairseq.report import (
    ReportError,
    build_report,
    fonts,
    pictures,
    render_terminal,
)
from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.heatmaps import choose_sentence, draw_heatmaps
from regattn_fairseq.report.pictures import file_name
from regattn_fairseq.report.plots import (
    draw_attention_curves,
    draw_learning_curves,
    draw_quality_by_sparsity,
)

SENTENCES = 40
WORDS = ["zwei", "junge", "Männer", "Größe", "кот", "<script>alert(1)</script>", "$5", "a|b", "*x*"]


def write_run(
    folder,
    name,
    *,
    seed=1,
    errors=0.3,
    data="toy_de_en",
    task="translation",
    options=None,
    attention=True,
    **overrides,
):
    """One run folder as the evaluation leaves it; `errors` is the share of wrong words."""
    folder.mkdir(parents=True)
    same = np.random.default_rng(0)
    own = np.random.default_rng([seed, len(name), int(100 * errors)])
    sources, references, hypotheses, records = [], [], [], []
    for _ in range(SENTENCES):
        source, reference = (same.choice(WORDS, same.integers(5, 10)) for _ in range(2))
        wrong = own.random(len(reference)) < errors
        output = np.where(wrong, own.choice(WORDS, len(reference)), reference)
        weights = own.dirichlet(np.ones(len(source)), len(output))
        if name != "softmax":
            weights = np.where(weights > 0.2, weights, 0)
        records.append(AttentionRecord(source.tolist(), output.tolist(), weights))
        sources.append(" ".join(source))
        references.append(" ".join(reference))
        hypotheses.append(" ".join(output))
    files = {"sources": sources, "references": references, "hypotheses": hypotheses}
    for kind, lines in files.items():
        (folder / f"test.{kind}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if attention:
        save_attention(folder / "attention.npz", records)
    metrics, signatures = (
        score_translation(hypotheses, references, lowercase=True)
        if task == "translation"
        else score_summaries(hypotheses, references)
    )
    result = {
        "format": 1,
        "task": task,
        "data": data,
        "model": "regattn_lstm",
        "normalizer": {"name": name, "gamma": 1.0, **(options or {})},
        "seed": seed,
        "split": "test",
        "metrics": metrics,
        "signatures": signatures,
        "attention": attention_statistics(records),
        "training": {"wall_s": 700.0 + seed, "target_tokens_per_s": 6000.0},
        "evaluation": {"wall_s": 20.1, "target_tokens_per_s": 4000.0},
        "lowercase": True,
        "git_revision": "abc",
        "created": f"2026-11-22T12:00:0{seed}+00:00",
        "machine": "a machine",
        "versions": {"torch": "2.13.0"},
        "config": {"nested": {"deep": [1, 2]}},
        "something": "new",
        "files": {kind: f"test.{kind}" for kind in files} | {"attention": "attention.npz"},
    }
    result |= overrides
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return result


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class PageReader(HTMLParser):
    """Every element of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    """Softmax and two other normalizers with seeds 1 and 2, the last without softmax's quality."""
    root = tmp_path_factory.mktemp("runs")
    results = {}
    for seed in (1, 2):
        results["softmax", seed] = write_run(
            root / f"softmax{seed}", "softmax", seed=seed, errors=0.2, options={"lam": 0.1}
        )
        results["sparsemax", seed] = write_run(
            root / "deep" / f"sparsemax{seed}", "sparsemax", seed=seed, errors=0.2
        )
        results["fusedmax", seed] = write_run(
            root / f"fusedmax{seed}", "fusedmax", seed=seed, errors=0.6, options={"lam": 0.1}
        )
    output = tmp_path_factory.mktemp("report") / "new" / "folder"
    return results, build_report(root, output, header="made by `regattn-report`")


def test_rows_have_mean_and_sample_deviation_over_seeds(two_seeds):
    results, report = two_seeds
    assert [row.label for row in report.rows] == ["softmax", "sparsemax", "fusedmax (λ=0.1)"]
    for row in report.rows:
        values = [results[row.normalizer["name"], seed]["metrics"]["bleu"] for seed in (1, 2)]
        assert row.metrics["bleu"].mean == pytest.approx(sum(values) / 2)
        assert row.metrics["bleu"].deviation == pytest.approx(statistics.stdev(values))
        assert row.training["wall_s"].mean == 701.5
        assert len(row.runs) == 2


def test_significance_is_against_softmax_over_both_seeds(two_seeds):
    _, report = two_seeds
    softmax, sparsemax, fusedmax = report.rows
    assert softmax.significance == {}
    assert softmax.baseline is None
    assert fusedmax.baseline == "softmax"
    assert fusedmax.significance["bleu"].sentences == 2 * SENTENCES
    assert fusedmax.significance["bleu"].p_value < 0.01
    assert fusedmax.significance["bleu"].high < 0
    assert sparsemax.significance["bleu"].p_value > 0.05


def test_significance_against_another_normalizer(two_seeds, tmp_path):
    report = build_report(two_seeds[1].root, tmp_path, sentences=0, baseline="sparsemax")
    softmax, sparsemax, _ = report.rows
    assert (softmax.baseline, sparsemax.baseline) == ("sparsemax", None)
    assert softmax.attention_significance["support"].difference > 0
    assert sparsemax.attention_significance == {}
    notes = [note for table in report.tables for note in table.notes if note.startswith("†")]
    assert len(notes) == 3
    assert all("against sparsemax" in note for note in notes)
    with pytest.raises(ReportError, match="choose fusedmax, softmax, sparsemax"):
        build_report(two_seeds[1].root, tmp_path, baseline="oscarmax")


def test_every_file_is_there_and_nothing_half_written(two_seeds):
    _, report = two_seeds
    maps = ("softmax", "sparsemax", "fusedmax")
    figures = {f"attention_toy_de_en_{name}.png" for name in maps}
    figures |= {f"{kind}_toy_de_en.png" for kind in ("sparsity", "quality")}
    tables = {"table.md", "table.tex", "table.csv", "runs.csv", "index.html"}
    assert {path.name for path in report.output_dir.iterdir()} == figures | tables
    assert report.warnings == []


def test_csv_has_a_row_for_each_normalizer_and_for_each_run(two_seeds):
    results, report = two_seeds
    rows = read_csv(report.output_dir / "table.csv")
    assert [row["normalizer"] for row in rows] == ["softmax", "sparsemax", "fusedmax"]
    assert rows[2]["normalizer_lam"] == "0.1"
    assert rows[0]["normalizer_lam"] == "", "λ is no option of softmax"
    assert float(rows[2]["bleu_p"]) < 0.01
    assert rows[0]["bleu_p"] == ""
    assert rows[0]["seeds"] == "1 2"
    assert float(rows[1]["attention_zero_share_mean"]) > 0
    runs = read_csv(report.output_dir / "runs.csv")
    assert len(runs) == 6
    by_name = {run["run"]: run for run in runs}
    assert float(by_name["deep/sparsemax2"]["metrics_bleu"]) == pytest.approx(
        results["sparsemax", 2]["metrics"]["bleu"]
    )
    assert by_name["softmax1"]["versions_torch"] == "2.13.0"


def test_markdown_table(two_seeds):
    _, report = two_seeds
    text = (report.output_dir / "table.md").read_text(encoding="utf-8")
    assert text.startswith("# Attention normalizers compared\n\nmade by `regattn-report`\n")
    conclusions, quality, attention, lengths, by_attention = text.split("## ")[1:]
    assert "differences by length" in lengths
    assert "quality by attention" in by_attention
    assert " fewest zeros |" in by_attention
    assert " is best: BLEU " in conclusions
    assert " zeros |" in attention
    assert attention.count("‡") > 1
    table = [line for line in quality.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert {len(line) for line in cells} == {len(cells[0])}
    assert cells[0][:5] == ["Normalizer", "n", "BLEU", "chrF", "p"]
    assert [line[0] for line in cells[2:]] == ["softmax", "sparsemax", "fusedmax (λ=0.1)"]
    best = max(report.rows, key=lambda row: row.metrics["bleu"].mean).metrics["bleu"]
    assert f"**{best.mean:.2f} ± {best.deviation:.2f}**" in text
    assert cells[4][2].endswith("‡")
    assert text.count("(attention_toy_de_en_") == 3


def test_latex_table_uses_booktabs_and_escapes(two_seeds):
    _, report = two_seeds
    text = (report.output_dir / "table.tex").read_text(encoding="utf-8")
    for needed in (r"\toprule", r"\bottomrule", r"fusedmax ($\lambda$=0.1)", r"toy\_de\_en"):
        assert needed in text
    assert r"$\pm$" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4
    assert not re.search(r"(?<!\\)%", re.sub(r"(?m)^%.*$", "", text))
    assert text.isascii()


def test_page_is_self_contained_and_escapes_corpus_text(two_seeds):
    _, report = two_seeds
    source = (report.output_dir / "index.html").read_text(encoding="utf-8")
    page = PageReader(source)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"iframe", "object", "link"}
    assert source.lower().count("<script") == 3, "the page's own two, and its packed sentences"
    (policy,) = [a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a]
    digests = [
        base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        for own in re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    ]
    named = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(digests) == 2
    assert policy.endswith(f"script-src {named}")
    assert "default-src 'none'" in policy
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 5
    assert all(image["src"].startswith("data:image/png;base64,iVBOR") for image in images)
    assert all(image["alt"] for image in images)
    for tag, attributes in page.elements:
        assert not {"onclick", "onerror"} & attributes.keys(), tag
        assert attributes.get("href", "#").startswith("#"), "nothing else is needed"
    assert "fusedmax (λ=0.1)" in page.text
    assert "made by `regattn-report`" in page.text
    assert "Männer" in page.text or "Größe" in page.text
    assert "prefers-color-scheme: dark" in source
    assert 'name="viewport"' in source


def test_markup_in_names_is_text_everywhere(tmp_path):
    evil = "<img src=x onerror=alert(1)>|$_&%"
    write_run(tmp_path / "r" / "a", "softmax", data=evil, attention=False, machine="<b>&</b>")
    report = build_report(tmp_path / "r", tmp_path / "out", header="<i>", title="<h1>")
    page = PageReader((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert not {"img", "b", "i"} & {tag for tag, _ in page.elements}
    assert evil in page.text
    assert "<img" not in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert r"\$\_\&\%" in (tmp_path / "out" / "table.tex").read_text(encoding="utf-8")
    assert len(report.warnings) == 1, "the missing attention file"
    assert "a: no heat map" in report.warnings[0]


def test_names_stay_in_the_output_folder_and_the_report_is_reproducible(tmp_path):
    write_run(tmp_path / "r" / "a", "../../x/y", data="../../../etc/pass wd", options={"lam": 0.1})
    report = build_report(tmp_path / "r", tmp_path / "a" / "b" / "out", pdf=True)
    figures = {path.name for path in (tmp_path / "a" / "b" / "out").glob("*.p[nd]*")}
    names = ("attention_etc-pass-wd_x-y", "sparsity_etc-pass-wd")
    assert figures == {f"{name}.{ending}" for name in names for ending in ("png", "pdf")}
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["out"]

    # The same runs give the same files, byte by byte.
    again = build_report(tmp_path / "r", tmp_path / "again", pdf=True)
    for path in report.output_dir.iterdir():
        assert (again.output_dir / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("attention", "a/b", "c"), "attention_a-b_c"),
        (("..", "λ"), "unnamed_unnamed"),
        (("x" * 300,), "x" * 80),
    ],
)
def test_file_names(parts, name):
    assert file_name(*parts) == name


def test_broken_results_are_named_and_the_rest_goes_on(tmp_path, caplog):
    root = tmp_path / "runs"
    write_run(root / "good", "softmax", attention=False, attention_unused=1)
    broken = {
        "cut": b'{"format": 1,',
        "binary": b"\xff\xfe\x00",
        "list": b"[]",
        "empty": b"{}",
        "later": b'{"format": 99}',
        "words": json.dumps(
            {"task": "t", "data": "d", "model": "m", "normalizer": "softmax", "metrics": {"a": "b"}}
        ).encode(),
        "nameless": json.dumps(
            {"task": "t", "data": "d", "model": "m", "normalizer": {"lam": 1}, "metrics": {"a": 1}}
        ).encode(),
        "deep": b"[" * 100_000,
    }
    for name, content in broken.items():
        (root / name).mkdir()
        (root / name / "result.json").write_bytes(content)
    (root / "folder" / "result.json").mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        report = build_report(root, tmp_path / "out")
    assert [row.label for row in report.rows] == ["softmax"]
    for name in (*broken, "folder"):
        assert any(w.startswith(f"{name}/result.json: ") for w in report.warnings), name
        assert f"{name}/result.json" in caplog.text
    assert all("\n" not in warning for warning in report.warnings)
    page = PageReader((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert "cut/result.json" in page.text
    assert str(tmp_path) not in page.text


def test_nothing_to_report_is_one_line_that_says_what_to_run(tmp_path):
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ReportError, match=r"no result\.json under .*`regattn-run`") as caught:
            build_report(root, tmp_path / "out")
        assert "\n" not in str(caught.value)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "result.json").write_text("{")
    with pytest.raises(ReportError, match=r"1 unreadable: a/result\.json"):
        build_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_softmax_there_is_a_table_but_no_test(tmp_path):
    write_run(tmp_path / "r" / "a", "sparsemax", attention=False)
    write_run(tmp_path / "r" / "b", "fusedmax", options={"lam": 0.1}, attention=False)
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert all(row.baseline is None and not row.significance for row in report.rows)
    assert "p" not in [column.label for column in report.tables[0].columns]


def test_seeds_are_paired_and_unpaired_seeds_still_count_for_the_mean(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path / "r" / f"s{seed}", "softmax", seed=seed, attention=False)
    for seed in (2, 3):
        write_run(tmp_path / "r" / f"p{seed}", "sparsemax", seed=seed, attention=False)
    write_run(tmp_path / "r" / "f", "fusedmax", seed=9, attention=False)
    rows = {row.label: row for row in build_report(tmp_path / "r", tmp_path / "out").rows}
    assert rows["sparsemax"].metrics["bleu"].runs == 2
    assert rows["sparsemax"].significance["bleu"].sentences == SENTENCES
    assert rows["fusedmax"].significance == {}


def test_missing_or_foreign_files_of_a_run_only_cost_the_test(tmp_path):
    root = tmp_path / "r"
    write_run(root / "softmax", "softmax", attention=False)
    write_run(root / "gone", "sparsemax", attention=False)
    (root / "gone" / "test.hypotheses").unlink()
    write_run(root / "other", "fusedmax", options={"lam": 0.1}, attention=False)
    (root / "other" / "test.references").write_text("something else\n" * SENTENCES)
    outside = {"attention": "../softmax/attention.npz"}
    write_run(root / "outside", "oscarmax", files=outside, attention=False)
    write_run(root / "damaged", "pnormmax", attention=False)
    (root / "damaged" / "attention.npz").write_text("not an archive")
    report = build_report(root, tmp_path / "out")
    assert len(report.rows) == 5
    assert [row.label for row in report.rows if row.significance] == ["pnormmax"]
    warnings = "\n".join(report.warnings)
    assert "gone: no significance test for seed 1 (No such file or directory)" in warnings
    assert "other: no significance test for seed 1 (not evaluated on the same" in warnings
    assert "outside: no heat map, its attention is missing (" in warnings
    assert "outside its folder" in warnings
    assert "damaged: no heat map, attention.npz is damaged (" in warnings
    assert str(tmp_path) not in warnings


def test_different_options_are_different_rows_with_labels(tmp_path, monkeypatch):
    def touch(_figure, stem, _formats):
        path = stem.with_name(f"{stem.name}.png")
        path.write_bytes(b"")
        return [path], []

    monkeypatch.setattr(pictures, "save_figure", touch)
    for index, (name, options) in enumerate(
        [
            ("fusedmax", {"lam": 0.1}),
            ("fusedmax", {"lam": 0.5}),
            ("fusedmax", {"lam": 0.1, "gamma": 0.5}),
            ("pnormmax", {"p": 1.5, "lam": None}),
            ("mine", {"alpha": 2}),
        ]
    ):
        write_run(tmp_path / "r" / str(index), name, options=options, attention=index < 2)
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert [row.label for row in report.rows] == [
        "fusedmax (γ=0.5, λ=0.1)",
        "fusedmax (λ=0.1)",
        "fusedmax (λ=0.5)",
        "pnormmax (p=1.5)",
        "mine (alpha=2)",
    ]
    assert (tmp_path / "out" / "attention_toy_de_en_fusedmax_lam0.5.png").exists()


def test_what_tells_a_run_from_the_others_stands_beside_its_name(tmp_path):
    for name, normalizer, unfed, lr in (
        ("a", "softmax", False, 0.1),
        ("b", "softmax", True, 0.1),
        ("c", "sparsemax", False, 0.1),
        ("d", "sparsemax", False, 0.2),
    ):
        model = {"attn_normalizer": normalizer, "no_input_feeding": unfed}
        config = {"model": model, "training": {"lr": lr, "distributed": {"backend": None}}}
        write_run(tmp_path / "r" / name, normalizer, attention=False, config=config)
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert sorted(row.label for row in report.rows) == [
        "softmax",
        "softmax (no_input_feeding=True)",
        "sparsemax",
        "sparsemax (lr=0.2)",
    ]
    assert not any("left out" in warning for warning in report.warnings)


def test_learned_options_and_schedules_tell_runs_apart(tmp_path):
    for name, learned, anneal, warmup in (
        ("a", False, 1000, 1000),
        ("b", True, 1000, 1000),
        ("c", False, 20, 1000),
        ("d", False, 1000, 1),  # λ's, which softmax does not have
    ):
        model = {
            "attn_normalizer": "softmax",
            "attn_gamma": 1.0,
            "attn_learn_gamma": learned,
            "attn_gamma_anneal": anneal,
            "attn_lambda_warmup": warmup,
        }
        options = {"learn_gamma": True} if learned else {}
        config = {"model": model}
        write_run(tmp_path / "r" / name, "softmax", attention=False, options=options, config=config)
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert sorted(row.label for row in report.rows) == [
        "softmax",
        "softmax (attn_gamma_anneal=20)",
        "softmax (γ=1 learned)",
    ]


def test_a_repeated_run_counts_once_and_the_later_one_wins(tmp_path):
    write_run(tmp_path / "r" / "b", "softmax", attention=False, metrics={"bleu": 1.0}, created="1")
    write_run(tmp_path / "r" / "a", "softmax", attention=False, metrics={"bleu": 2.0}, created="2")
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert report.rows[0].metrics["bleu"].mean == 2
    assert len(report.rows[0].runs) == 1
    assert any("b: the same run (seed 1) as a" in warning for warning in report.warnings)


def test_scores_of_different_kinds_raise_a_warning(tmp_path):
    write_run(tmp_path / "r" / "a", "softmax", attention=False)
    write_run(tmp_path / "r" / "b", "sparsemax", attention=False, signatures={"bleu": "other"})
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert any("bleu was computed in different ways" in warning for warning in report.warnings)


def test_tasks_get_their_own_tables(tmp_path):
    for name in ("softmax", "sparsemax"):
        write_run(tmp_path / "r" / f"t{name}", name, attention=False)
        write_run(
            tmp_path / "r" / f"s{name}",
            name,
            errors=0.2 if name == "softmax" else 0.7,
            task="summarization",
            data="headlines",
            attention=False,
        )
    report = build_report(tmp_path / "r", tmp_path / "out")
    assert [table.title for table in report.tables] == [
        "translation: toy_de_en, regattn_lstm",
        "translation: toy_de_en, regattn_lstm: attention",
        "summarization: headlines, regattn_lstm",
        "summarization: headlines, regattn_lstm: attention",
    ]
    assert [column.label for column in report.tables[2].columns][2:6] == [
        "ROUGE-1",
        "ROUGE-2",
        "ROUGE-L",
        "p",
    ]
    assert set(report.rows[3].significance) == {"rouge1", "rouge2", "rougeL"}
    assert report.rows[3].significance["rouge1"].p_value < 0.01


@pytest.mark.parametrize("width", [60, 200])
def test_terminal_table_fits_and_is_not_cut(two_seeds, width):
    _, report = two_seeds
    console = Console(record=True, width=width, file=Path(os.devnull).open("w"))  # noqa: SIM115
    render_terminal(report, console)
    text = console.export_text()
    assert "fusedmax (λ=0.1)" in text
    assert "…" not in text
    assert ("tokens/s" in text) == (width == 200)
    assert "index.html" in text


def test_figure_shows_exact_zeros_white_and_nothing_else(tmp_path):
    # One cell is 0, the other the smallest weight that float32 holds.
    weights = np.array([[0.0, np.finfo(np.float32).tiny]])
    figure = draw_heatmaps([("x", AttentionRecord(["a", "b"], ["c"], weights))])
    mesh = figure.axes[0].collections[0]
    figure.savefig(tmp_path / "x.png")
    zero, tiny = mesh.cmap(mesh.norm(np.float32([0.0, np.finfo(np.float32).tiny])))
    assert zero.tolist() == [1, 1, 1, 1]
    assert tiny[:3].min() < 0.75
    assert imread(tmp_path / "x.png").shape[2] == 4


@pytest.mark.parametrize(("sources", "targets"), [(3, 1), (9, 9), (35, 8), (60, 60)])
def test_panels_fit_a_page_and_nothing_is_cut_off(sources, targets):
    weights = np.full((targets, sources), 1 / sources)
    record = AttentionRecord(["word"] * sources, ["word"] * targets, weights)
    figure = draw_heatmaps([("a", record), ("b", record), ("c", record)])
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert width < 15
    box = figure.get_tightbbox()
    assert box.x0 > -0.05
    assert box.y0 > -0.05
    assert box.x1 < width + 0.05
    assert box.y1 < height + 0.05


def test_tick_labels():
    assert token_labels(["▁wei", "ße", ".", "▁", "</s>"]) == ["wei", "·ße", ".", "▁", "</s>"]
    assert token_labels(["wei", "ße", "$5$", "a\nb"]) == ["wei", "ße", "$5$", "a�b"]
    assert token_labels(["x" * 40]) == ["x" * 17 + "…"]


def test_formula_signs_in_tokens_do_not_break_figures(tmp_path):
    record = AttentionRecord(["$", r"$\frac", "^_{"], ["$x", "кот", "العربية"], np.eye(3))
    figure = draw_heatmaps([("a $ title", record)])
    figure.savefig(tmp_path / "x.png")
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["$", r"$\frac", "^_{"]


def test_the_sentence_has_a_readable_length_for_every_normalizer():
    def record(targets, sources=8, prefix="s"):
        tokens = [f"{prefix}{i}" for i in range(sources)]
        return AttentionRecord(tokens, ["t"] * targets, np.full((targets, sources), 1 / sources))

    first = [record(3), record(10), record(9), record(10, prefix="u"), record(30)]
    second = [record(3), record(40), record(11), record(10), record(30)]
    assert choose_sentence([first, second]) == 2
    assert choose_sentence([first]) == 1
    assert choose_sentence([[record(3)], [record(30)]]) == 0
    assert choose_sentence([[record(9)], [record(9, prefix="u")]]) is None
    assert choose_sentence([[record(9)], []]) is None


def test_unwritable_output_is_an_os_error(tmp_path):
    write_run(tmp_path / "r" / "a", "softmax", attention=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        build_report(tmp_path / "r", tmp_path / "file")


def write_sentences(folder, *, right):
    """The table of sentences that an evaluation leaves, with an alignment."""
    ones = [1] * SENTENCES
    columns = {
        "sentence": range(1, SENTENCES + 1),
        "zeros": [5] * SENTENCES,
        "weights": [10] * SENTENCES,
        "link_errors": [10 - right] * (SENTENCES - 1) + [0],
        "link_chances": [10] * SENTENCES,
        "unknown": ones,
    }
    with (folder / "test.sentences.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def test_alignment_has_a_table_with_significance_where_there_is_one(tmp_path):
    for name, right, aer in (("softmax", 4, 0.6), ("sparsemax", 7, 0.3)):
        folder = tmp_path / "r" / name
        alignment = {"aer": aer, "aligned_mass": 0.5, "reference": "gold", "sentences": SENTENCES}
        result = write_run(folder, name, alignment=alignment)
        write_sentences(folder, right=right)
        result["files"]["sentences"] = "test.sentences.csv"
        (folder / "result.json").write_text(json.dumps(result))
    write_run(tmp_path / "r" / "old", "oscarmax", options={"lam": 0.1})
    report = build_report(tmp_path / "r", tmp_path / "out")
    _, sparsemax, oscarmax = report.rows
    assert sparsemax.alignment["aer"].mean == 0.3
    assert sparsemax.attention_significance["aer"].difference == pytest.approx(-0.3 * 39 / 40)
    assert sparsemax.attention_significance["aer"].p_value < 0.01
    assert sparsemax.attention_significance["zero_share"].p_value == 1
    assert oscarmax.alignment == {}
    assert "aer" not in oscarmax.attention_significance
    table = report.tables[2]
    assert table.title.endswith("attention as word alignment")
    assert [column.label for column in table.columns] == ["Normalizer", "n", "AER", "aligned mass"]
    assert [row[2].text for row in table.cells] == ["60.0%", "30.0% ‡", "–"]
    assert [row[2].best for row in table.cells] == [False, True, False]
    assert any("the word alignment of: gold." in note for note in table.notes)
    (row, _, _) = read_csv(tmp_path / "out" / "table.csv")
    assert float(row["alignment_aer_mean"]) == 0.6


def test_another_reference_alignment_is_not_compared(tmp_path):
    for name, origin in (("softmax", "gold"), ("sparsemax", "eflomal 2.0.0")):
        folder = tmp_path / "r" / name
        result = write_run(folder, name, alignment={"aer": 0.5, "reference": origin})
        write_sentences(folder, right=5 if name == "softmax" else 9)
        result["files"]["sentences"] = "test.sentences.csv"
        (folder / "result.json").write_text(json.dumps(result))
    tested = build_report(tmp_path / "r", tmp_path / "out").rows[1].attention_significance
    assert "zero_share" in tested
    assert "aer" not in tested


def test_equal_weights_are_framed_together():
    weights = np.array([[0.2, 0.2, 0.2, 0.4, 0.0], [0.25, 0.5, 0.25, 0.0, 0.0]])
    record = AttentionRecord([*"abcde"], [*"xy"], weights)
    axes = draw_heatmaps([("fusedmax", record)]).axes[0]
    frames = [(patch.get_x(), patch.get_y(), patch.get_width()) for patch in axes.patches]
    assert np.round(frames).tolist() == [[0, 0, 3], [0, 1, 1], [2, 1, 1]]
    (joint,) = axes.lines
    assert np.round(joint.get_xdata()).tolist() == [1, 2], "the parts of a group are joined"


def test_characters_without_a_font_are_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    figure = draw_heatmaps([("x", AttentionRecord(["𓀀"], ["кот"], np.ones((1, 1))))])
    _, missing = save_figure(figure, tmp_path / "x")
    (line,) = missing
    assert "𓀀" in line
    assert "fonts-noto" in line


def test_fonts_that_are_installed_fill_the_gaps(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda: ("/a/Other.ttf", "/a/Han.ttf"))
    has = {"/a/Other.ttf": frozenset("अ"), "/a/Han.ttf": frozenset("中文")}
    monkeypatch.setattr(fonts, "_characters", lambda path: has.get(path, frozenset("abc ")))
    added = []
    monkeypatch.setattr(fonts.font_manager.fontManager, "addfont", added.append)
    monkeypatch.setattr(
        fonts.font_manager, "FontProperties", lambda fname: SimpleNamespace(get_name=lambda: fname)
    )
    assert fonts.font_families(["abc", "中 文"]) == ["DejaVu Sans", "/a/Han.ttf"]
    assert added == ["/a/Han.ttf"]
    assert fonts.font_families(["abc\n"]) == ["DejaVu Sans"]


def test_learning_curves_and_sweeps_are_drawn(tmp_path):
    for lam in (0.01, 0.1):
        folder = tmp_path / "r" / f"f{lam}"
        write_run(folder, "fusedmax", options={"lam": lam})
        records = [{"split": "valid", "epoch": e, "loss": 4 - e} for e in (1.0, 2.0)]
        attention = {"attn_spread": 2.0, "attn_support": 3.5, "attn_dead": lam}
        records += [{"split": "train", "epoch": e, "loss": 3, **attention} for e in (1.0, 2.0)]
        log = "".join(json.dumps(record) + "\n" for record in records)
        (folder / "train_log.jsonl").write_text(log)
    report = build_report(tmp_path / "r", tmp_path / "out", sentences=0)
    (section,) = report.sections
    assert [plot.png.name for plot in section.plots] == [
        "sparsity_toy_de_en.png",
        "quality_toy_de_en.png",
        "learning_toy_de_en.png",
        "training_toy_de_en.png",
    ]
    assert section.explorer is None
    curves = draw_learning_curves(report.rows)
    assert curves is not None
    assert [line.get_ydata().tolist() for line in curves.axes[0].lines] == 2 * [[3, 2]]
    dead = draw_attention_curves(report.rows).axes[2].lines
    assert [line.get_ydata().tolist() for line in dead] == [[0.01, 0.01], [0.1, 0.1]]
    joined = draw_quality_by_sparsity(report.rows, "bleu").axes[0].lines[0]
    assert len(joined.get_xdata()) == 2
