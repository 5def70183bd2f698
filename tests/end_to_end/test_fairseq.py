"""fairseq's own commands with the plugin, in subprocesses."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import torch
from commands import BIN, call, call_anew
from fairseq.checkpoint_utils import load_model_ensemble_and_task
from fairseq.models import BaseFairseqModel
from filelock import FileLock
from omegaconf import OmegaConf

import regattn_fairseq
from regattn_fairseq.models import RegattnLSTMModel

PLUGIN = Path(regattn_fairseq.__file__).parent


@pytest.fixture(scope="session")
def trained(shared: Path, data_bin: Path) -> Path:
    """A model trained by fairseq-train."""
    folder = shared / "fairseq-train"
    with FileLock(f"{folder}.lock"):
        if not (folder / "checkpoint_best.pt").exists():
            done = call_anew(
                *("fairseq-train", data_bin, "--user-dir", PLUGIN, "--save-dir", folder),
                *("--arch", "regattn_lstm_tiny", "--attn-normalizer", "sparsemax"),
                *("--optimizer", "adam", "--lr", "0.01", "--max-tokens", "300"),
                *("--max-epoch", "2", "--cpu", "--no-epoch-checkpoints"),
                *("--eval-bleu", "--eval-bleu-print-samples"),
            )
            assert done.returncode == 0, done.stderr
    return folder / "checkpoint_best.pt"


def test_train_and_validate(trained, data_bin):
    done = call(
        *("fairseq-validate", data_bin, "--user-dir", PLUGIN, "--path", trained, "--cpu"),
        *("--task", "translation", "--max-tokens", "1000"),
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"valid on 'valid' subset \| loss \d", done.stdout + done.stderr)


@pytest.mark.parametrize(
    "options",
    [
        ["--beam", "5", "--print-alignment", "hard"],
        ["--beam", "1", "--print-alignment", "soft"],
        ["--sampling", "--sampling-topk", "3", "--beam", "2", "--nbest", "2"],
    ],
)
def test_generate(trained, data_bin, options):
    done = call(
        *("fairseq-generate", data_bin, "--user-dir", PLUGIN, "--path", trained, "--cpu"),
        # With fairseq's default, a multiple of 8, its batches leave out the last 2 of 50 sentences.
        *("--max-len-b", "20", "--required-batch-size-multiple", "1", *options),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    hypotheses = [line for line in lines if line.startswith("H-")]
    assert len(hypotheses) == 50 * (2 if "--nbest" in options else 1)
    assert any(line.startswith("Generate test with beam=") for line in lines)
    if "--print-alignment" in options:
        sources = {line.split("\t")[0][2:]: line for line in lines if line.startswith("S-")}
        alignments = [line for line in lines if line.startswith("A-")]
        assert len(alignments) == 50
        for line in alignments:
            number, alignment = line.split("\t")
            if "hard" in options:
                words = len(sources[number[2:]].split("\t")[1].split())
                # Only words of the sentence itself are aligned, though batches are padded.
                assert all(0 <= int(pair.split("-")[0]) < words for pair in alignment.split())
            else:
                for target in re.split(r"\s+", alignment.strip()):
                    weights = [float(weight) for weight in target.split(",")]
                    assert sum(weights) == pytest.approx(1, abs=1e-4)
                    assert 0.0 in weights  # sparsemax


def test_interactive(trained, data_bin):
    done = subprocess.run(
        [
            *(str(BIN / "fairseq-interactive"), str(data_bin), "--user-dir", str(PLUGIN)),
            *("--path", str(trained), "--cpu", "--beam", "2", "--print-alignment", "hard"),
        ],
        input="kada migi\nlofo\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("H-")]) == 2


def test_what_fairseqs_lstm_learned_goes_on_here(data_bin, tmp_path):
    training = [
        *("fairseq-train", data_bin, "--optimizer", "adam", "--max-tokens", "300", "--cpu"),
        *("--max-epoch", "1", "--no-epoch-checkpoints", "--encoder-layers", "2"),
        *("--decoder-layers", "2", "--encoder-bidirectional", "--encoder-embed-dim", "16"),
        *("--decoder-embed-dim", "16", "--decoder-out-embed-dim", "12"),
    ]
    done = call(*training, "--arch", "lstm", "--save-dir", tmp_path / "theirs")
    assert done.returncode == 0, done.stderr
    checkpoint = tmp_path / "theirs" / "checkpoint_last.pt"
    done = call(
        *(*training, "--user-dir", PLUGIN, "--arch", "regattn_lstm", "--lr", "0"),
        *("--save-dir", tmp_path / "ours", "--finetune-from-model", checkpoint),
    )
    assert done.returncode == 0, done.stderr

    loaded = [
        load_model_ensemble_and_task([str(tmp_path / side / "checkpoint_last.pt")])
        for side in ("theirs", "ours")
    ]
    dictionary = loaded[0][2].source_dictionary
    source = torch.tensor([[4, 5, 6, 7, dictionary.eos()], [dictionary.pad(), 8, 4, 9, 2]])
    previous = torch.tensor([[2, 4, 5], [2, 6, 7]])
    with torch.no_grad():
        theirs, ours = (
            model.double().eval()(source, source.ne(dictionary.pad()).sum(1), previous)[0]
            for (model,), _, _ in loaded
        )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)  # of its attention in 32 bits


def test_a_runs_saved_config_replays_with_fairseq_hydra_train(run_folder, tmp_path):
    done = call(
        *("fairseq-hydra-train", "--config-dir", run_folder, "--config-name", "fairseq"),
        f"checkpoint.save_dir={tmp_path / 'checkpoints'}",
        "optimization.max_epoch=1",
        "common.log_format=simple",
        f"hydra.run.dir={tmp_path / 'hydra'}",
        "hydra.output_subdir=null",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "checkpoints" / "checkpoint_last.pt").exists()
    # The first epoch of the replay is the first epoch of the run.
    log = (run_folder / "train_log.jsonl").read_text().splitlines()
    first = next(record for record in map(json.loads, log) if record["split"] == "valid")
    logs = done.stdout + "".join(path.read_text() for path in tmp_path.rglob("*.log"))
    replayed = re.search(r"valid on 'valid' subset .*\| loss ([\d.]+)", logs)
    assert replayed
    assert first["loss"] == float(replayed[1])


@pytest.mark.parametrize("model", [BaseFairseqModel, RegattnLSTMModel])
def test_a_finished_run_opens_in_python_from_anywhere(
    run_folder, data_bin, model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    hub = model.from_pretrained(
        str(run_folder / "checkpoints"), "checkpoint_best.pt", data_name_or_path=str(data_bin)
    )
    sources, written = (
        (run_folder / f"test.{kind}").read_text().splitlines()[:8] for kind in ("src", "hyp")
    )
    assert hub.translate(sources, beam=5) == written


def test_preprocess_then_train_on_words(shared, toy, tmp_path):
    text = shared / "toy"
    done = call(
        *("fairseq-preprocess", "--source-lang", "src", "--target-lang", "tgt"),
        *(
            "--trainpref",
            text / "train",
            "--validpref",
            text / "valid",
            "--testpref",
            text / "test",
        ),
        *("--destdir", tmp_path / "bin"),
    )
    assert done.returncode == 0, done.stderr
    done = call(
        *("fairseq-train", tmp_path / "bin", "--user-dir", PLUGIN, "--save-dir", tmp_path / "out"),
        *("--arch", "regattn_lstm", "--encoder-embed-dim", "16", "--decoder-embed-dim", "16"),
        *("--decoder-out-embed-dim", "16", "--encoder-bidirectional", "--attn-score", "concat"),
        *("--attn-normalizer", "fusedmax", "--attn-lambda", "0.2", "--no-input-feeding"),
        *("--optimizer", "adam", "--max-tokens", "300", "--max-epoch", "1", "--cpu"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "checkpoint_last.pt").exists()


def test_train_refuses_a_bad_option_in_one_line(data_bin):
    done = call(
        *("fairseq-train", data_bin, "--user-dir", PLUGIN, "--arch", "regattn_lstm"),
        *("--attn-normalizer", "fusedmaks", "--optimizer", "adam", "--max-tokens", "100"),
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "fusedmax" in done.stderr.splitlines()[-1]


def test_a_normalizer_from_a_users_own_folder(toy, tmp_path):
    plugin = tmp_path / "my_attention"
    plugin.mkdir()
    (plugin / "__init__.py").write_text(
        "import regattn_fairseq.models\n"
        "from regattn_fairseq.normalizers import register_normalizer, sparsemax\n"
        '@register_normalizer("sharpened")\n'
        "def sharpened(scores, *, gamma=1.0, mask=None, dim=-1):\n"
        "    return sparsemax(1000 * scores, gamma=gamma, mask=mask, dim=dim)\n"
    )
    done = call(
        *("regattn-run", *toy, "model=regattn_lstm_tiny", "training.max_epoch=1"),
        *(f"common.user_dir={plugin}", "normalizer.name=sharpened", "normalizer.learn_gamma=true"),
        f"output_dir={tmp_path / 'run'}",
    )
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    result = json.loads((run / "result.json").read_text())
    assert result["normalizer"] == {"name": "sharpened", "gamma": 1.0, "learn_gamma": True}
    assert result["attention"]["zero_share"] > 0

    bin_folder = OmegaConf.load(run / "config.yaml").task.data
    done = call(
        *("fairseq-generate", bin_folder, "--user-dir", plugin, "--cpu", "--max-len-b", "5"),
        *("--path", run / "checkpoints" / "checkpoint_best.pt"),
    )
    assert done.returncode == 0, done.stderr
    assert "H-0" in done.stdout
