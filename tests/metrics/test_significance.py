"""Paired bootstrap tests: known answers, calibration, agreement with sacrebleu."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from regattn_fairseq.metrics import (
    PairedResult,
    Ratio,
    bootstrap_ratios,
    correct,
    paired_bootstrap,
    paired_bootstrap_bleu,
    paired_bootstrap_ratios,
)
from regattn_fairseq.metrics import significance as module
from regattn_fairseq.metrics.bleu import DEFAULT_TOKENIZER, count_matches
from regattn_fairseq.metrics.rouge import sentence_rouge

WORDS = np.array(["the", "a", "man", "woman", "dog", "red", "car", "runs", "sits", "near", "and"])


def corpus(sentences, error_rate, seed):
    """References and two systems' output, the second of which gets `error_rate` words wrong."""
    rng = np.random.default_rng(seed)
    references, good, bad = [], [], []
    for _ in range(sentences):
        words = rng.choice(WORDS, size=rng.integers(5, 12))

        def garble(rate, words=words):
            wrong = rng.random(len(words)) < rate
            return " ".join(np.where(wrong, rng.choice(WORDS, size=len(words)), words))

        references.append(" ".join(words))
        good.append(garble(0.1))
        bad.append(garble(error_rate))
    return references, good, bad


def rouge_results(system, baseline, references):
    theirs = sentence_rouge(baseline, references)
    ours = sentence_rouge(system, references)
    return {key: paired_bootstrap(ours[key], theirs[key]) for key in ours}


def test_a_clear_difference_is_significant_and_has_its_sign():
    references, good, bad = corpus(200, 0.5, seed=0)
    bleu = paired_bootstrap_bleu(bad, good, references, lowercase=True, resamples=300)
    assert bleu.difference < bleu.high < 0
    assert bleu.low < bleu.difference
    assert bleu.p_value < 0.01
    assert bleu.sentences == 200
    for result in rouge_results(good, bad, references).values():
        assert 0 < result.low < result.difference < result.high
        assert result.p_value < 0.01


def test_equal_quality_is_not_significant():
    references, good, bad = corpus(200, 0.1, seed=3)
    assert paired_bootstrap_bleu(bad, good, references, lowercase=True).p_value > 0.05
    assert rouge_results(bad, good, references)["rouge1"].p_value > 0.05


def test_a_system_against_itself_is_never_significant():
    references, good, _ = corpus(30, 0.1, seed=1)
    bleu = paired_bootstrap_bleu(good, good, references, lowercase=False, resamples=100)
    assert (bleu.p_value, bleu.difference, bleu.low, bleu.high) == (1, 0, 0, 0)
    assert rouge_results(good, good, references)["rougeL"].p_value == 1


def test_bleu_p_value_is_sacrebleus_own_and_the_resamples_are_the_same():
    references, good, bad = corpus(60, 0.15, seed=2)
    ours = paired_bootstrap_bleu(bad, good, references, lowercase=False, resamples=200)
    _, scores = PairedTest(
        [("good", good), ("bad", bad)],
        {"BLEU": BLEU()},
        [references],
        test_type="bs",
        n_samples=200,
    )()
    baseline, system = scores["BLEU"]
    assert ours.p_value == system.p_value
    assert ours.difference == pytest.approx(system.score - baseline.score)
    scores = count_matches(bad, references, lowercase=False, tokenizer=DEFAULT_TOKENIZER)
    sums = module._resample_sums(module._bleu_statistics(scores), 200, module.BOOTSTRAP_SEED)
    assert module._bleu_of_sums(sums, BLEU()).mean() == pytest.approx(system.mean, rel=1e-6)


def test_resamples_do_not_depend_on_the_slice_size(monkeypatch):
    values = np.random.default_rng(0).normal(size=(40, 2))
    whole = module._resample_sums(values, 50, seed=1)
    monkeypatch.setattr(module, "_DRAWS_AT_ONCE", 7 * 40)
    np.testing.assert_allclose(module._resample_sums(values, 50, seed=1), whole)


def test_interval_agrees_with_the_normal_one():
    rng = np.random.default_rng(5)
    system, baseline = rng.normal(1, 1, 500), rng.normal(0.9, 1, 500)
    result = paired_bootstrap(system, baseline, resamples=4000)
    differences = system - baseline
    half = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    assert result.low == pytest.approx(differences.mean() - half, abs=0.01)
    assert result.high == pytest.approx(differences.mean() + half, abs=0.01)


def test_p_values_are_calibrated_under_the_null_hypothesis():
    rng = np.random.default_rng(6)
    p_values = [
        paired_bootstrap(rng.normal(size=60), rng.normal(size=60), resamples=200).p_value
        for _ in range(400)
    ]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.06)


def test_result_is_deterministic():
    rng = np.random.default_rng(7)
    system, baseline = rng.normal(size=50), rng.normal(size=50)
    assert paired_bootstrap(system, baseline) == paired_bootstrap(system, baseline)


def test_constant_difference():
    result = paired_bootstrap(np.full(50, 0.3), np.full(50, 0.1))
    assert result.difference == pytest.approx(0.2)
    assert result.p_value == pytest.approx(1 / 1001)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="3 hypotheses but 2 references"):
        paired_bootstrap_bleu(["a"] * 3, ["a"] * 2, ["a"] * 2, lowercase=True)
    with pytest.raises(ValueError, match="no sentences"):
        paired_bootstrap([], [])


def test_ratios_of_sums_are_tested_as_such():
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 20, 300).astype(float)
    sparse = {"nonzeros": rows * 2, "rows": rows}
    dense = {"nonzeros": rows * rng.integers(2, 5, 300), "rows": rows}
    figures = {"support": Ratio("nonzeros", "rows")}
    result = paired_bootstrap_ratios(sparse, dense, figures)["support"]
    expected = 2 - dense["nonzeros"].sum() / rows.sum()
    assert result.difference == pytest.approx(expected)
    assert result.low < result.difference < result.high < 0
    assert result.p_value < 0.01
    assert paired_bootstrap_ratios(dense, dense, figures)["support"].p_value == 1


def test_a_mean_is_a_ratio_too():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(2, 80))
    ones = np.ones(80)
    counts = [{"score": row, "one": ones} for row in scores]
    ratio = paired_bootstrap_ratios(*counts, {"mean": Ratio("score", "one")})["mean"]
    plain = paired_bootstrap(*scores)
    assert ratio.p_value == plain.p_value
    assert (ratio.low, ratio.high) == pytest.approx((plain.low, plain.high))


def test_nothing_to_divide_by_is_no_difference():
    nothing = {"a": np.zeros(5), "b": np.zeros(5)}
    result = paired_bootstrap_ratios(nothing, nothing, {"x": Ratio("a", "b")})["x"]
    assert (result.difference, result.p_value) == (0, 1)
    empty = {"a": np.zeros(0), "b": np.zeros(0)}
    with pytest.raises(ValueError, match="no sentences"):
        paired_bootstrap_ratios(empty, empty, {"x": Ratio("a", "b")})


def test_the_interval_of_one_systems_ratio_is_the_normal_one():
    draw = np.random.default_rng(5)
    scores, inside = draw.random(2000), draw.random(2000) < 0.4
    counts = {"score": np.where(inside, scores, 0), "n": inside.astype(float), "none": 0 * scores}
    figures = {"mean": Ratio("score", "n"), "empty": Ratio("score", "none")}
    intervals = bootstrap_ratios(counts, figures)
    mean, error = scores[inside].mean(), scores[inside].std() / np.sqrt(inside.sum())
    assert intervals["mean"] == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=2e-3)
    assert np.isnan(intervals["empty"]).all()


def test_holms_method_by_hand():
    raw = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": 0.9}
    tests = [{"bleu": PairedResult(1.0, p, 0.5, 1.5, 10)} for p in raw.values()]
    tests[0]["chrf"] = PairedResult(1.0, 0.02, 0.5, 1.5, 10)
    corrected = correct(tests)
    found = [by_metric["bleu"].p_holm for by_metric in corrected]
    assert found == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.9])
    assert [by_metric["bleu"].p_value for by_metric in corrected] == list(raw.values())
    # Each metric is a family of its own, and one comparison is not corrected.
    assert corrected[0]["chrf"].p_holm == tests[0]["chrf"].p_holm == 0.02
    assert correct([{}, {"bleu": PairedResult(0, 1.0, 0, 0, 1)}])[1]["bleu"].p_holm == 1


def test_holms_method_keeps_false_rejections_rare():
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(400):
        tests = [{"m": PairedResult(0.0, p, -1.0, 1.0, 1)} for p in rng.random(12)]
        rejected += any(by_metric["m"].p_holm < 0.05 for by_metric in correct(tests))
    assert rejected / 400 < 0.075
