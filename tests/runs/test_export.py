"""An exported run says what the run said, in few bytes and without a word of the machine."""

import base64
import copy
import gzip
import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from composing import composed
from omegaconf import open_dict

from regattn_fairseq.metrics import (
    AttentionRecord,
    attention_counts,
    attention_statistics,
    load_attention,
    save_attention,
    score_translation,
)
from regattn_fairseq.report import build_report
from regattn_fairseq.report.rows import build_rows
from regattn_fairseq.report.sentences import compare_attention, read_counts
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.export import export_runs
from regattn_fairseq.runs.finding import find_runs, read_run
from regattn_fairseq.runs.identity import portable, resolved, run_directory, run_label
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.result import ReportError

SENTENCES = 60
WORDS = ["ein", "großer", "Hund", "läuft", "durch", "das", "Gras"]


@pytest.fixture(scope="session")
def configurations(tmp_path_factory):
    """What the runs of two normalizers keep as their configuration, as somebody's machine has it.

    Each with the name of its folder.
    """
    home = tmp_path_factory.mktemp("home") / "alice"
    home.mkdir()
    (home / "vectors.txt").write_text("1 1\na 0\n")
    found = {}
    for name in ("softmax", "sparsemax"):
        cfg = composed(
            "run",
            "data=multi30k_de_en",
            f"normalizer={name}",
            f"data.raw_dir={home}/multi30k",
            f"runs_dir={home}/runs",
            f"cache_dir={home}/cache",
            f"model.encoder_embed_path={home}/vectors.txt",
            f"alignment.file={home}/gold.align",
            "distributed_training.distributed_init_method=tcp://alice-pc:1234",
            f"common.user_dir={home}/plugin",
        )
        with open_dict(cfg):
            del cfg["hydra"]
        data = PreparedData(home / "cache" / "multi30k_de_en-0123456789ab")
        found[name] = resolved(cfg, data, home / "runs"), run_directory(cfg, data).parent.name
    return found


@pytest.fixture
def write_run(tmp_path, configurations):
    """Write a run of multi30k_de_en into a folder below ``tmp_path/runs``."""

    def write(
        name: str, seed: int = 1, *, split: str = "test", created: int = 1, errors: float = 0.3
    ) -> Path:
        folder = tmp_path / "runs" / f"{name}{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        same, own = np.random.default_rng(0), np.random.default_rng([seed, len(name), created])
        texts: dict[str, list[str]] = {"src": [], "ref": [], "hyp": []}
        records = []
        for _ in range(SENTENCES):
            source, reference = (same.choice(WORDS, same.integers(4, 20)) for _ in range(2))
            wrong = own.random(len(reference)) < errors
            output = np.where(wrong, own.choice(WORDS, len(reference)), reference)
            weights = own.dirichlet(np.ones(len(source)), len(output))
            records.append(AttentionRecord(source.tolist(), output.tolist(), weights))
            for kind, words in zip(texts, (source, reference, output), strict=True):
                texts[kind].append(" ".join(words))
        for kind, lines in texts.items():
            (folder / f"{split}.{kind}").write_text("".join(f"{line}\n" for line in lines))
        save_attention(folder / f"{split}.attention.npz", records)
        counts = pd.DataFrame(attention_counts(records))
        counts.insert(0, "bleu", 1.0)
        counts.to_csv(folder / f"{split}.sentences.csv", index=False)
        config = copy.deepcopy(configurations[name][0])
        config["seed"] = config["common"]["seed"] = seed
        metrics, signatures = score_translation(texts["hyp"], texts["ref"], lowercase=True)
        result = {
            "task": "translation",
            "data": "multi30k_de_en",
            "model": "regattn_lstm",
            "normalizer": {"name": name, "gamma": 1.0},
            "seed": seed,
            "split": split,
            "metrics": metrics,
            "signatures": signatures,
            "lowercase": True,
            "git_revision": "8e4b049ceddf",
            "created": f"2026-11-22T12:00:{created:02}+00:00",
            "attention": attention_statistics(records),
            "files": {
                "sources": f"{split}.src",
                "references": f"{split}.ref",
                "hypotheses": f"{split}.hyp",
                "attention": f"{split}.attention.npz",
                "sentences": f"{split}.sentences.csv",
                "reference_attention": f"{split}.reference_attention.npz",
            },
            "config": config,
            "seen_in": "/home/alice",
        }
        for path in (folder / "result.json", folder / f"{split}.result.json"):
            path.write_text(json.dumps(result))
        (folder / "train_log.jsonl").write_text('{"split": "train", "epoch": 1.0}\n')
        return folder

    return write


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def only_run(folder: Path):
    ((run,), warnings) = find_runs(folder)
    assert warnings == []
    return run


def test_what_the_runs_say_is_what_their_exports_say(tmp_path, write_run):
    for seed in (1, 2):
        write_run("softmax", seed, errors=0.2)
        write_run("sparsemax", seed, errors=0.4)
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    rows, _ = build_rows(find_runs(tmp_path / "runs")[0])
    kept, warnings = build_rows(find_runs(tmp_path / "kept")[0])
    assert warnings == []
    for row, again in zip(rows, kept, strict=True):
        assert (again.label, again.metrics, again.attention, again.significance) == (
            *(row.label, row.metrics, row.attention, row.significance),
        )
        for run, other in zip(row.runs, again.runs, strict=True):
            for kind in ("references", "hypotheses"):
                assert other.lines(kind) == run.lines(kind)
            for name, counts in read_counts(run).items():
                np.testing.assert_allclose(read_counts(other)[name], counts, rtol=1e-4)
    assert compare_attention(kept[1].runs, kept[0].runs, []).keys() == (
        compare_attention(rows[1].runs, rows[0].runs, []).keys()
    )


def test_the_layout_and_texts_that_are_there_once(tmp_path, write_run, configurations):
    for seed in (1, 2):
        write_run("softmax", seed)
    done = export_runs([tmp_path / "runs"], tmp_path / "kept")
    label = configurations["softmax"][1]
    assert str(done).endswith("2 runs are new, 0 are replaced, 0 were there")
    names = [Path(name) for name in everything(tmp_path / "kept")]
    assert {name.parent.as_posix() for name in names} == {
        "multi30k_de_en/texts",
        f"multi30k_de_en/{label}/seed1",
        f"multi30k_de_en/{label}/seed2",
    }
    assert [name.name.partition("-")[0] for name in names if name.parent.name == "texts"] == [
        "test.references",
    ]
    assert [name.name for name in names if name.parent.name == "seed2"] == [
        *("result.json", "test.attention.npz", "test.hypotheses.gz", "test.sentences.csv.gz"),
        "train_log.jsonl",
    ]


def test_no_word_of_the_machine_is_exported(tmp_path, write_run):
    write_run("softmax")
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    for name, content in everything(tmp_path / "kept").items():
        told = gzip.decompress(content) if name.endswith(".gz") else content
        for word in (b"alice", str(tmp_path).encode(), b"/home", b"plasma"):
            assert word not in told, (name, word)


def test_again_or_elsewhere_the_same_bytes_and_nothing_is_written_twice(tmp_path, write_run):
    write_run("softmax")
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    before = everything(tmp_path / "kept")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*")}
    again = export_runs([tmp_path / "runs"], tmp_path / "kept")
    assert (again.written, again.replaced, again.unchanged) == ([], [], 1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*")} == times
    export_runs([tmp_path / "kept"], tmp_path / "elsewhere")
    assert everything(tmp_path / "elsewhere") == before


def test_a_later_evaluation_replaces_an_earlier_one_and_says_so(tmp_path, write_run, caplog):
    caplog.set_level("INFO")
    write_run("softmax", created=5)
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    write_run("softmax", created=9, errors=0.1)
    done = export_runs([tmp_path / "runs"], tmp_path / "kept")
    assert len(done.replaced) == 1
    assert sum("replaces the run of 2026-11-22T12:00:05" in line for line in caplog.messages) == 1
    later = only_run(tmp_path / "kept")
    write_run("softmax", created=7)
    done = export_runs([tmp_path / "runs"], tmp_path / "kept")
    assert (done.written, done.replaced, done.unchanged) == ([], [], 0)
    assert "later evaluation" in done.warnings[0]
    assert only_run(tmp_path / "kept") == later


def test_each_split_is_kept(tmp_path, write_run):
    for split, created in (("test", 3), ("valid", 5), ("other", 1)):
        write_run("softmax", split=split, created=created)
        export_runs([tmp_path / "runs"], tmp_path / "kept")
        shutil.rmtree(tmp_path / "runs")
    (last,) = (tmp_path / "kept").rglob("result.json")
    found = {path.name: read_run(path, path.parent) for path in last.parent.glob("*result.json")}
    assert {name: run.split for name, run in found.items()} == {
        "result.json": "valid",
        "test.result.json": "test",
        "other.result.json": "other",
    }
    for run in found.values():
        assert len(run.lines("hypotheses")) == len(run.lines("references")) == SENTENCES


def test_the_attention_of_the_same_few_sentences_in_their_places(tmp_path, write_run):
    whole = [load_attention(write_run(n) / "test.attention.npz") for n in ("softmax", "sparsemax")]
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    few = [load_attention(run.path("attention")) for run in find_runs(tmp_path / "kept")[0]]
    shown = [[i for i, record in enumerate(records) if record.source_tokens] for records in few]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 16
    assert {len(few[0][i].source_tokens) for i in shown[0]} <= set(range(7, 14))
    for records, kept in zip(whole, few, strict=True):
        assert len(kept) == len(records)
        for index in shown[0]:
            assert kept[index].target_tokens == records[index].target_tokens
            np.testing.assert_array_equal(kept[index].weights, records[index].weights)


def test_a_run_and_its_export_count_once(tmp_path, write_run):
    write_run("softmax")
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    runs, warnings = find_runs(tmp_path / "runs", tmp_path / "kept")
    assert (len(runs), warnings) == (1, [])
    write_run("softmax", 2)
    runs, warnings = find_runs(tmp_path / "kept", tmp_path / "runs")
    assert ([run.odd for run in runs], warnings) == ([{}, {}], [])


def test_a_shared_text_with_another_content_is_not_read(tmp_path, write_run):
    write_run("softmax")
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    run = only_run(tmp_path / "kept")
    run.path("references").write_bytes(gzip.compress(b"other\n"))
    with pytest.raises(OSError, match="another content than its name says"):
        run.lines("references")
    run.path("references").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(OSError, match="is damaged"):
        run.lines("references")
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    assert len(run.lines("references")) == SENTENCES


@pytest.mark.parametrize(
    "name", ["../secret", "../../texts/../../x-0123456789ab.gz", "../../texts/x.gz", "/etc/passwd"]
)
def test_no_other_file_outside_the_folder_is_read(tmp_path, write_run, name):
    folder = write_run("softmax")
    run = read_run(folder / "result.json", folder)
    run.files["references"] = name
    with pytest.raises(FileNotFoundError, match="outside its folder"):
        run.lines("references")


def test_a_portable_configuration_is_its_own_and_has_the_same_digits(configurations):
    for config, label in configurations.values():
        kept = portable(config)
        assert portable(kept) == kept
        assert run_label(kept) == run_label(config) == label


def test_runs_that_cannot_be_exported_are_named(tmp_path, write_run):
    with pytest.raises(ReportError, match=r"no result\.json under .*runs: run `regattn-run` first"):
        export_runs([tmp_path / "runs"], tmp_path / "kept")
    folder = write_run("softmax")
    content = json.loads((folder / "result.json").read_text())
    for path in folder.glob("*result.json"):
        path.write_text(json.dumps({**content, "config": {}}))
    (write_run("sparsemax") / "test.hyp").unlink()
    done = export_runs([tmp_path / "runs"], tmp_path / "kept")
    assert sorted(done.warnings) == [
        "softmax1: its result.json has no configuration; left out",
        "sparsemax1: No such file or directory; left out",
    ]
    assert not (tmp_path / "kept").exists()
    write_run("softmax", 2)
    (tmp_path / "kept").touch()
    with pytest.raises(PipelineError, match=r"cannot write to .*kept: Not a .* export=…"):
        export_runs([tmp_path / "runs"], tmp_path / "kept")


def test_a_report_of_exported_runs_shows_what_is_there(tmp_path, write_run):
    for name in ("softmax", "sparsemax"):
        write_run(name)
    export_runs([tmp_path / "runs"], tmp_path / "kept")
    report = build_report(tmp_path / "kept", tmp_path / "report", sentences=20)
    assert report.warnings == []
    (section,) = report.sections
    assert section.example is not None
    assert section.example.reference
    # It needs the attention of every sentence.
    assert not [plot.png.name for plot in section.plots if plot.png.name.startswith("sparsity")]
    content = json.loads(zlib.decompress(base64.b64decode(section.explorer.data)))
    shown = [bool(sentence["outputs"][1]["rows"]) for sentence in content["sentences"]]
    assert True in shown
    assert False in shown
    for sentence, drawn in zip(content["sentences"], shown, strict=True):
        assert bool(sentence["tokens"]) == drawn
        assert all(output["text"] and output["support"] > 1 for output in sentence["outputs"])
