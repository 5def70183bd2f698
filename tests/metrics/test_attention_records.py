"""The attention file and the figures drawn from it."""

import math
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from regattn_fairseq.metrics import (
    AttentionFileError,
    AttentionRecord,
    attention_statistics,
    equal_groups,
    head_statistics,
    load_attention,
    save_attention,
    segment_lengths,
    stretches,
    support_sizes,
)


def record(rows):
    weights = np.array(rows, dtype=np.float32)
    sources = [f"s{i}" for i in range(weights.shape[1])]
    return AttentionRecord(sources, [f"t{i}" for i in range(weights.shape[0])], weights)


@st.composite
def records(draw):
    sources = draw(st.lists(st.text(max_size=6), max_size=5))
    targets = draw(st.lists(st.text(max_size=6), max_size=5))
    weights = draw(
        npst.arrays(np.float32, (len(targets), len(sources)), elements=st.floats(0, 1, width=32))
    )
    return AttentionRecord(sources, targets, weights)


@settings(max_examples=60, deadline=None)
@given(written=st.lists(records(), max_size=5))
def test_records_survive_the_file_bit_by_bit(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("attention") / "attention.npz"
    save_attention(path, written)
    read = load_attention(path)
    assert [p.name for p in path.parent.iterdir()] == ["attention.npz"]
    assert len(read) == len(written)
    for before, after in zip(written, read, strict=True):
        assert after.source_tokens == before.source_tokens
        assert after.target_tokens == before.target_tokens
        assert after.weights.dtype == np.float32
        assert after.weights.tobytes() == before.weights.tobytes()


def test_odd_tokens_survive(tmp_path):
    tokens = ["", "a\nb", "▁größe", "日本", "\0", "<script>", "\udcff", "👩‍👩‍👧"]
    save_attention(
        tmp_path / "a.npz", [AttentionRecord(tokens, ["x"], np.full((1, len(tokens)), 0.125))]
    )
    assert load_attention(tmp_path / "a.npz")[0].source_tokens == tokens


def test_the_file_holds_no_pickle(tmp_path):
    save_attention(tmp_path / "a.npz", [record([[0.5, 0.5]])])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save_attention(path, [record([[1.0]])])

    def fail(*_args, **_kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="No space"):
        save_attention(path, [record([[0.5, 0.5]])])
    assert list(tmp_path.iterdir()) == [path]
    assert load_attention(path)[0].weights.shape == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "text", "member", "empty", "lengths", "format"])
def test_a_damaged_file_is_one_clear_error(tmp_path, damage):
    path = tmp_path / "a.npz"
    save_attention(path, [record([[0.5, 0.5]])])
    with np.load(path) as archive:
        arrays = dict(archive)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "text":
        path.write_text("not an archive")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "member":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("format.npy", b"")
    elif damage == "lengths":
        np.savez(path, **{**arrays, "shapes": arrays["shapes"] + 1})
    else:
        np.savez(path, **{**arrays, "format": np.array(3)})
    with pytest.raises(AttentionFileError, match=r"a\.npz"):
        load_attention(path)


def test_a_missing_file_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_attention(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.ones((2, 1)), "shape"), ([[math.nan, 1]], "finite"), ([[-0.5, 1.5]], "negative")],
)
def test_impossible_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        AttentionRecord(["a", "b"], ["x"], np.asarray(weights))


def test_statistics_by_hand():
    statistics = attention_statistics(
        [
            record(
                [
                    # 2 segments, 2 fused runs (2, 2), 1 group
                    [0.25, 0.25, 0, 0.25, 0.25],
                    # 1 segment, 2 fused runs (1, 3), 2 groups
                    [0.4, 0.2, 0.2, 0.2, 0],
                ]
            ),
            # 1 segment, 1 fused run, 1 group
            record([[1.0, 0.0]]),
        ]
    )
    assert statistics["zero_share"] == pytest.approx(3 / 12)
    assert statistics["support"] == pytest.approx((4 + 4 + 1) / 3)
    assert statistics["segments"] == pytest.approx((2 + 1 + 1) / 3)
    assert statistics["segment_length"] == pytest.approx(9 / 4)
    assert statistics["fused_run_length"] == pytest.approx(9 / 5)
    assert statistics["groups"] == pytest.approx((1 + 2 + 1) / 3)
    assert statistics["group_size"] == pytest.approx(9 / 4)
    entropy = [math.log(4), -0.4 * math.log(0.4) - 0.6 * math.log(0.2), 0]
    assert statistics["entropy"] == pytest.approx(sum(entropy) / 3, abs=1e-6)
    covered = [0.65, 0.45, 0.2, 0.45, 0.25, 1, 0]
    assert statistics["coverage"] == pytest.approx(sum(covered) / 7, abs=1e-6)


def test_equal_nonzero_weights_apart_are_one_group_but_two_runs():
    statistics = attention_statistics([record([[0.3, 0.4, 0.3]])])
    assert statistics["groups"] == 2
    assert statistics["fused_run_length"] == 1
    assert statistics["segments"] == 1


def test_equality_allows_float32_rounding_and_no_more():
    third = np.float32(1 / 3)
    rounded = np.nextafter(np.nextafter(third, np.float32(1)), np.float32(1))
    assert attention_statistics([record([[third, rounded]])])["groups"] == 1
    assert attention_statistics([record([[third, third * np.float32(1.00001)]])])["groups"] == 2
    tiny = np.float32(1e-9)
    assert attention_statistics([record([[tiny, 2 * tiny]])])["groups"] == 2


def test_zeros_are_no_run():
    statistics = attention_statistics([record([[0, 0, 0]])])
    assert statistics == dict.fromkeys(statistics, 0.0) | {"zero_share": 1.0}


@settings(max_examples=60, deadline=None)
@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 8)),
        elements=st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0]),
    )
)
def test_statistics_agree_with_counting_one_by_one(weights):
    segments = runs = groups = 0
    for row in weights.tolist():
        previous = 0.0
        for weight in row:
            segments += weight != 0 and previous == 0
            runs += weight not in (0, previous)
            previous = weight
        groups += len(set(row) - {0.0})
    support = int((weights != 0).sum())
    statistics = attention_statistics([record(weights)])
    assert statistics["segments"] == pytest.approx(segments / len(weights))
    assert statistics["groups"] == pytest.approx(groups / len(weights))
    assert statistics["fused_run_length"] == pytest.approx(support / runs if runs else 0)
    lengths = segment_lengths([record(weights), record(weights)])
    assert len(lengths) == 2 * segments
    assert lengths.sum() == 2 * support
    assert support_sizes([record(weights)]).tolist() == (weights != 0).sum(axis=1).tolist()
    for row, found in zip(weights, equal_groups(weights), strict=True):
        shared = {w: np.flatnonzero(row == w).tolist() for w in set(row.tolist()) - {0.0}}
        assert found == sorted(group for group in shared.values() if len(group) > 1)


def test_segments_do_not_run_on_into_the_next_row():
    assert segment_lengths([record([[0, 0.5, 0.5], [0.5, 0.5, 0]])]).tolist() == [2, 2]
    assert segment_lengths([]).tolist() == support_sizes([]).tolist() == []


def test_stretches():
    assert stretches([2, 3, 7, 9, 10]) == [(2, 4), (7, 8), (9, 11)]
    assert stretches([]) == []


@pytest.mark.parametrize("nothing", [[], [AttentionRecord(["a"], [], np.zeros((0, 1)))]])
def test_no_weights_at_all_is_an_error(nothing):
    with pytest.raises(ValueError, match="no attention weights"):
        attention_statistics(nothing)


def with_heads(sources, targets, seed=0):
    rng = np.random.default_rng(seed)

    def sparse(*shape):
        weights = rng.random((2, 3, *shape)) * rng.integers(0, 2, (2, 3, *shape))
        return (weights / np.maximum(weights.sum(-1, keepdims=True), 1)).astype(np.float32)

    heads = {
        "encoder_self_attn": sparse(sources, sources),
        "decoder_self_attn": np.tril(sparse(targets, targets)),
        "encoder_decoder_attn": sparse(targets, sources),
    }
    words = [f"s{i}" for i in range(sources)], [f"t{i}" for i in range(targets)]
    return AttentionRecord(*words, heads["encoder_decoder_attn"][-1].mean(0), heads)


def test_heads_survive_the_file_beside_records_without(tmp_path):
    written = [with_heads(4, 3), record([[1.0, 0.0]]), with_heads(2, 5, seed=1)]
    save_attention(tmp_path / "a.npz", written)
    for before, after in zip(written, load_attention(tmp_path / "a.npz"), strict=True):
        assert after.weights.tobytes() == before.weights.tobytes()
        assert after.heads.keys() == before.heads.keys()
        for kind, weights in before.heads.items():
            assert after.heads[kind].dtype == np.float16
            np.testing.assert_array_equal(after.heads[kind], weights)


def test_a_file_without_heads_is_as_it_always_was(tmp_path):
    save_attention(tmp_path / "a.npz", [record([[0.5, 0.5]])])
    with np.load(tmp_path / "a.npz") as archive:
        assert int(archive["format"]) == 1
        assert sorted(archive) == ["format", "shapes", "text", "token_bytes", "weights"]


def test_a_small_weight_of_a_head_is_not_rounded_to_zero():
    weights = np.array([[[[1.0, 1e-12, 0.0]]]], dtype=np.float32)
    kept = AttentionRecord(["a", "b", "c"], ["x"], weights[0, 0], {"encoder_decoder_attn": weights})
    assert (kept.heads["encoder_decoder_attn"] > 0).tolist() == [[[[True, True, False]]]]


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"encoder_decoder_attn": np.zeros((1, 1, 2, 2))}, "expected .layers, heads, 1, 2."),
        ({"encoder_self_attn": np.full((1, 1, 2, 2), np.nan)}, "finite"),
        ({"other": np.zeros((1, 1, 1, 2))}, "encoder_self_attn"),
    ],
)
def test_heads_that_do_not_fit_the_tokens_are_refused(heads, message):
    with pytest.raises(ValueError, match=message):
        AttentionRecord(["a", "b"], ["x"], np.zeros((1, 2)), heads)


def test_a_file_whose_heads_are_cut_is_damaged(tmp_path):
    save_attention(tmp_path / "a.npz", [with_heads(4, 3)])
    with np.load(tmp_path / "a.npz") as archive:
        arrays = dict(archive)
    arrays["decoder_self_attn_weights"] = arrays["decoder_self_attn_weights"][:-1]
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(AttentionFileError, match=r"b\.npz"):
        load_attention(tmp_path / "b.npz")


def test_statistics_of_heads_count_by_hand():
    causal = np.array([[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.0, 0.8]]]])
    across = np.array([[[[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]]])
    heads = {"decoder_self_attn": causal, "encoder_decoder_attn": across}
    found = head_statistics(
        [AttentionRecord(["a", "b"], ["x", "y", "z"], across[0, 0], heads), record([[1.0]])]
    )
    # Of the six positions that are not in the future, four have weight.
    assert found["decoder_self_attn"]["zero_share"] == [[pytest.approx(2 / 6)]]
    assert found["decoder_self_attn"]["support"] == [[pytest.approx(4 / 3)]]
    assert found["encoder_decoder_attn"]["zero_share"] == [[pytest.approx(2 / 6)]]
    assert "encoder_self_attn" not in found
    assert head_statistics([record([[1.0]])]) == {}
