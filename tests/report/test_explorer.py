"""How sentences are packed for the page."""

import base64
import json
import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.report.explorer import build_explorer
from regattn_fairseq.report.systems import System


class Lines:
    """A run of which only the lines are known."""

    def __init__(self, metrics=(), lowercase=True, **lines):
        self.metrics = dict.fromkeys(metrics, 0.0)
        self.signatures = {}
        self.lowercase = lowercase
        self._lines = lines

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
