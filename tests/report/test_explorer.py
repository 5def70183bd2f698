"""How sentences are packed for the page."""

import base64
import json
import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from regattn_fairseq.metrics import AttentionRecord, save_attention
from regattn_fairseq.report.explorer import build_explorer
from regattn_fairseq.report.systems import System


class Lines:
    """A run of which only the lines are known."""

    def __init__(self, metrics=(), lowercase=True, paths=(), **lines):
        self.paths = dict(paths)
        self.metrics = dict.fromkeys(metrics, 0.0)
        self.signatures = {}
        self.lowercase = lowercase
        self._lines = lines

    def path(self, kind):
        if kind not in self.paths:
            raise FileNotFoundError(kind)
        return self.paths[kind]

    def lines(self, kind):
        if kind not in self._lines:
            raise FileNotFoundError(kind)
        return self._lines[kind]


def system(label, records, **run):
    return System(SimpleNamespace(label=label), Lines(**run), records)


def unpacked(explorer):
    return json.loads(zlib.decompress(base64.b64decode(explorer.data)))


def record(weights, prefix="s"):
    weights = np.asarray(weights)
    sources = [f"{prefix}{i}" for i in range(weights.shape[1])]
    return AttentionRecord(sources, [f"t{i}" for i in range(weights.shape[0])], weights)


def test_weights_keep_their_zeros_and_their_groups():
    tiny = float(np.finfo(np.float32).tiny)
    one = system("a", [record([[0.0, tiny, 1.0], [0.25, 0.5, 0.25]])])
    (sentence,) = unpacked(build_explorer([one], sentences=9, limit=10**6))["sentences"]
    (output,) = sentence["outputs"]
    assert output["rows"] == [[1, 1, 2, 255], [0, 64, 1, 128, 2, 64]]
    assert output["groups"] == [[], [[0, 2]]]
    assert output["dropped"] == []
    assert output["support"] == 2.5
    assert output["score"] is None
    assert sentence["source"] == "s0 s1 s2", "where the text is not at hand"


def test_codes_are_within_half_a_step():
    weights = np.random.default_rng(0).dirichlet(np.ones(30), 20)
    content = unpacked(build_explorer([system("a", [record(weights)])], sentences=1, limit=10**6))
    packed = np.zeros_like(weights)
    for row, flat in enumerate(content["sentences"][0]["outputs"][0]["rows"]):
        packed[row, flat[::2]] = np.array(flat[1::2]) / 255
    assert np.abs(packed - weights).max() <= 1 / 255


def test_texts_and_scores():
    files = {"sources": ["x"], "references": ["a b c d e"], "hypotheses": ["a b c d e"]}
    runs = [
        system("good", [record([[1.0]])], metrics=["bleu", "chrf"], **files),
        system("bad", [record([[1.0]])], metrics=["bleu"], **files | {"hypotheses": ["q"]}),
        system("other", [record([[1.0]], prefix="u")], metrics=["bleu"], **files),
    ]
    explorer = build_explorer(runs, sentences=1, limit=10**6)
    assert explorer.metric == "BLEU"
    assert explorer.systems == ["good", "bad", "other"]
    (sentence,) = unpacked(explorer)["sentences"]
    assert [output["score"] for output in sentence["outputs"]] == [100, 0, 100]
    assert sentence["outputs"][2]["rows"] == [], "its source tokens are others"


def test_what_does_not_fit_is_left_out():
    many = [record(np.random.default_rng(n).dirichlet(np.ones(20), 15)) for n in range(40)]
    whole = build_explorer([system("a", many)], sentences=100, limit=10**7)
    assert (whole.shown, whole.total) == (40, 40)
    assert build_explorer([system("a", many)], sentences=7, limit=10**7).shown == 7
    small = build_explorer([system("a", many)], sentences=100, limit=len(whole.data) // 3)
    assert 5 < small.shown < 15
    assert small.total == 40
    assert len(small.data) <= len(whole.data) // 3
    assert len(unpacked(small)["sentences"]) == small.shown


@pytest.mark.parametrize("systems", [[], [system("a", [])]])
def test_nothing_to_show(systems):
    assert build_explorer(systems, sentences=9, limit=10**6) is None


def test_heads_are_offered_by_kind_layer_and_head():
    across = np.array([[[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0]]]])
    heads = {"encoder_decoder_attn": across, "encoder_self_attn": across[:, :1]}
    words = ["s0", "s1"], ["t0", "t1"]
    runs = [
        system("a", [AttentionRecord(*words, across[0].mean(0), heads)]),
        system("b", [AttentionRecord(*words, across[0, 0])]),
    ]
    explorer = build_explorer(runs, sentences=1, limit=10**6)
    assert explorer.heads == [
        ("encoder_decoder_attn 0 0", "output to source, layer 1, head 1"),
        ("encoder_decoder_attn 0 1", "output to source, layer 1, head 2"),
        ("encoder_self_attn 0 0", "source to source, layer 1, head 1"),
    ]
    (sentence,) = unpacked(explorer)["sentences"]
    with_heads, without = sentence["outputs"]
    assert with_heads["heads"]["encoder_decoder_attn"] == [
        [[[0, 255], [0, 128, 1, 128]], [[1, 255], [1, 255]]]
    ]
    assert "heads" not in without


def test_heads_beyond_the_room_for_them_are_left_out(monkeypatch):
    weights = np.random.default_rng(0).dirichlet(np.ones(9), (2, 2, 9))
    heads = {"encoder_self_attn": weights}
    words = [f"s{i}" for i in range(9)]
    many = [AttentionRecord(words, words, weights[0, 0], heads) for _ in range(5)]
    monkeypatch.setattr("regattn_fairseq.report.explorer._HEAD_CHARACTERS", 5000)
    explorer = build_explorer([system("a", many)], sentences=5, limit=10**7)
    having = ["heads" in each["outputs"][0] for each in unpacked(explorer)["sentences"]]
    assert having == sorted(having, reverse=True)
    assert 0 < sum(having) < 5


def test_attention_to_the_reference_comes_with_its_word_alignment(tmp_path):
    forced = AttentionRecord(
        ["s0", "s1"], ["r0", "r1", "r2"], np.array([[1, 0], [0.5, 0.5], [1, 0]])
    )
    other = AttentionRecord(["u0", "u1"], ["r0"], np.array([[1.0, 0]]))
    save_attention(tmp_path / "forced.npz", [forced, other])
    paths = {"reference_attention": tmp_path / "forced.npz"}
    two = [record([[1.0, 0.0]]), record([[1.0, 0.0]])]
    runs = [
        system("a", two, paths=paths, links=["0-0 1?2", ""]),
        system("b", two),
    ]
    explorer = build_explorer(runs, sentences=2, limit=10**6)
    assert [value for value, _ in explorer.choices] == ["reference"]
    assert explorer.linked
    first, second = unpacked(explorer)["sentences"]
    assert first["links"] == [[0, 0, 1], [1, 2, 0]]
    reference = first["outputs"][0]["reference"]
    assert reference["tokens"] == ["r0", "r1", "r2"]
    assert reference["rows"] == [[0, 255], [0, 128, 1, 128], [0, 255]]
    assert reference["dropped"] == []
    assert "reference" not in first["outputs"][1], "this run has none"
    assert "reference" not in second["outputs"][0], "its source tokens are others"

    unreadable = system("a", two, paths=paths, links=["0-0 one-two", ""])
    explorer = build_explorer([unreadable], sentences=2, limit=10**6)
    assert explorer.choices
    assert not explorer.linked, "the attention is shown without it"
    assert build_explorer([system("b", two)], sentences=2, limit=10**6).choices == []


def test_source_tokens_that_get_little_in_all_are_dropped():
    weights = [[0.96, 0.04, 0.0], [0.93, 0.07, 0.0]]
    (sentence,) = unpacked(
        build_explorer([system("a", [record(weights)])], sentences=1, limit=10**6)
    )["sentences"]
    assert sentence["outputs"][0]["dropped"] == [2]
