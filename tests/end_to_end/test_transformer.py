"""A transformer with fairseq's own commands, and with ours."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from commands import BIN, call
from filelock import FileLock
from in_process import composed

import regattn_fairseq
from regattn_fairseq.metrics import load_attention
from regattn_fairseq.pipeline.run import run
from regattn_fairseq.report import build_report
from regattn_fairseq.runs.files import read_json

PLUGIN = Path(regattn_fairseq.__file__).parent
TINY = ["model=regattn_transformer_tiny", "training.max_tokens=300", "training.lr=0.01"]


@pytest.fixture(scope="session")
def trained(shared: Path, data_bin: Path) -> Path:
    """A transformer trained by fairseq-train, with a map of its own for each kind of attention."""
    folder = shared / "fairseq-train-transformer"
    with FileLock(f"{folder}.lock"):
        if not (folder / "checkpoint_best.pt").exists():
            done = call(
                *("fairseq-train", data_bin, "--user-dir", PLUGIN, "--save-dir", folder),
                *("--arch", "regattn_transformer_tiny", "--attn-normalizer", "entmax"),
                *("--attn-learn-alpha", "--decoder-self-attn-normalizer", "fusedmax"),
                *("--decoder-self-attn-lambda", "0.2", "--encoder-self-attn-normalizer", "softmax"),
                *("--optimizer", "adam", "--lr", "0.01", "--lr-scheduler", "inverse_sqrt"),
                *("--warmup-updates", "10", "--max-tokens", "300", "--max-epoch", "1", "--cpu"),
                *("--criterion", "regattn_label_smoothed_cross_entropy"),
                *("--label-smoothing", "0.1", "--no-epoch-checkpoints"),
            )
            assert done.returncode == 0, done.stderr
    return folder / "checkpoint_best.pt"


def test_fairseq_generates_and_validates(trained, data_bin):
    common = (data_bin, "--user-dir", PLUGIN, "--path", trained, "--cpu")
    done = call("fairseq-validate", *common, "--task", "translation", "--max-tokens", "1000")
    assert done.returncode == 0, done.stderr
    assert re.search(r"valid on 'valid' subset \| loss \d", done.stdout + done.stderr)
    done = call(
        *("fairseq-generate", *common, "--beam", "3", "--max-len-b", "20"),
        *("--required-batch-size-multiple", "1", "--print-alignment", "soft"),
    )
    assert done.returncode == 0, done.stderr
    alignments = [line for line in done.stdout.splitlines() if line.startswith("A-")]
    assert len(alignments) == 50
    for target in re.split(r"\s+", alignments[0].partition("\t")[2].strip()):
        assert sum(map(float, target.split(","))) == pytest.approx(1, abs=1e-4)


def test_fairseq_interacts(trained, data_bin):
    done = subprocess.run(
        [
            *(str(BIN / "fairseq-interactive"), str(data_bin), "--user-dir", str(PLUGIN)),
            *("--path", str(trained), "--cpu", "--beam", "2"),
        ],
        input="kada migi\nlofo\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("H-")]) == 2


@pytest.fixture(scope="session")
def runs_of_transformers(shared: Path, toy: list[str]) -> Path:
    """Finished runs of two transformers."""
    root = shared / "transformers"
    with FileLock(f"{root}.lock"):
        if not (root / "finished").exists():
            for name, options in (
                ("softmax", []),
                ("entmax", ["normalizer.learn_alpha=true", "model.encoder_self_attn_alpha=1.2"]),
            ):
                given = [*TINY, "training=inverse_sqrt", "training.max_update=20"]
                given += ["training.warmup_updates=5", f"normalizer={name}", *options]
                run(composed(toy, *given, f"output_dir={root / name}", root="run"))
            (root / "finished").touch()
    return root


def test_a_run_keeps_every_head(runs_of_transformers):
    folder = runs_of_transformers / "entmax"
    result = read_json(folder / "result.json")
    assert result["model"] == "regattn_transformer"
    for kind in ("encoder_self_attn", "decoder_self_attn", "encoder_decoder_attn"):
        figures = result["heads"][kind]
        assert set(figures) == {"zero_share", "support", "alpha"}
        assert {np.shape(values) for values in figures.values()} == {(2, 2)}
    records = load_attention(folder / "test.attention.npz")
    assert len(records) == 50
    for record in records:
        # What the search attended to is the mean over the last layer's heads.
        heads = record.heads["encoder_decoder_attn"]
        np.testing.assert_allclose(heads[-1].mean(0), record.weights, atol=2e-3)


def test_a_report_shows_every_head(runs_of_transformers, tmp_path):
    report = build_report(runs_of_transformers, tmp_path)
    (section,) = report.sections
    assert len(section.explorer.heads) == 3 * 2 * 2
    assert (tmp_path / "heads_toy.png").is_file()
    page = (tmp_path / "index.html").read_text()
    assert "output to source, layer 2, head 1" in page


def test_fairseq_replays_a_run(runs_of_transformers, tmp_path):
    done = call(
        *("fairseq-hydra-train", "--config-dir", runs_of_transformers / "entmax"),
        *("--config-name", "fairseq", f"checkpoint.save_dir={tmp_path / 'again'}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "checkpoint_last.pt").is_file()


def test_an_option_that_a_kinds_map_lacks_is_refused(toy):
    done = call(
        *("regattn-train", *toy, *TINY, "normalizer=fusedmax"),
        *("model.encoder_self_attn_normalizer=softmax", "model.encoder_self_attn_lambda=0.3"),
    )
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert "encoder_self_attn_lambda is an option of fusedmax" in line
    assert "model.encoder_self_attn_gamma" in line


def test_the_demo_shows_any_head_and_moves_the_options_of_all(runs_of_transformers, shared):
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    from regattn_fairseq.demo.panels import attention_html, head_choices
    from regattn_fairseq.demo.systems import load_desks

    (desk,) = load_desks(runs_of_transformers, 9, shared / "cache")
    assert len(head_choices(desk.heads)) == 1 + 3 * 2 * 2
    before = desk.write("kada migi lofo")
    moved = desk.write("kada migi lofo", gamma=0.01)
    again = desk.write("kada migi lofo")
    for one, other, third in zip(before, moved, again, strict=True):
        assert one.attention.weights.tobytes() == third.attention.weights.tobytes()
        heads, sharper = (each.attention.heads["encoder_self_attn"] for each in (one, other))
        assert (sharper.max(-1) >= heads.max(-1)).all()
        assert sharper.max(-1).mean() > heads.max(-1).mean()
        for _name, choice in head_choices(desk.heads):
            assert "<table>" in attention_html([one.of_head(choice)])
        causal = one.of_head("decoder_self_attn 1 0")
        assert not np.triu(causal.attention.weights, 1).any()
    assert before[0].normalizer == "softmax"
    assert before[0].of_head("decoder_self_attn 1 0").zero_share == 0


def test_a_reader_chooses_a_head_in_the_page(runs_of_transformers, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if chromium is None:
        pytest.skip("needs Debian's package chromium")
    build_report(runs_of_transformers, tmp_path)
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.set_default_timeout(120_000)  # other programs may want the processor
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "index.html").as_uri())
        page.wait_for_selector(".explorer[data-ready]")
        source = page.locator(".explorer .source .token").count()
        assert source
        # What attends stands in the card, and what it attends to above it, unless that is the
        # source, which stands above all cards.
        for choice, expected in (
            ("encoder_self_attn 1 0", ["Source"]),
            ("decoder_self_attn 0 1", ["Output", "Output"]),
        ):
            page.select_option(".explorer .head", choice)
            sides = page.locator(".card").first.locator(".side:not(:has(b))")
            assert sides.all_text_contents() == expected
        page.select_option(".explorer .head", "encoder_self_attn 0 0")
        assert page.locator(".card").first.locator(".target .token").count() == source
        browser.close()
    assert complaints == []
