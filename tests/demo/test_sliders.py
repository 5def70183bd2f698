"""Which sliders there are, and what they reach."""

import itertools
import math

import pytest

from regattn_fairseq.declared.naming import declared_options
from regattn_fairseq.demo.sliders import option_sliders
from regattn_fairseq.normalizers import rule


def test_sliders_cover_the_range_of_each_option_that_a_normalizer_takes():
    sliders = option_sliders(["softmax", "fusedmax", "pnormmax", "topk", "entmax", "fusedmax"])
    ranges = {slider.option: (slider.low, slider.high, slider.step) for slider in sliders}
    lam = rule("fusedmax").options["lam"].default
    gamma_range, lam_range = ranges.pop("gamma"), ranges.pop("lam")
    assert gamma_range == (0.05, 20, 0)
    assert lam_range == (0, pytest.approx(20 * lam, rel=0.1), 0)
    assert ranges == {"p": (1.025, 2, 0.025), "alpha": (1, 11, 0.025), "k": (1, 15, 1)}
    assert [slider.start for slider in sliders] == [1, lam, 1.5, 1.5, 8]
    labels = [slider.label for slider in sliders]
    assert labels[0].startswith("γ: strength")
    assert labels[1:] == ["λ of fusedmax", "p of pnormmax", "α of entmax", "k of topk"]


def test_a_whole_number_stays_within_the_scores():
    (k,) = [each for each in option_sliders(["topk"], length=5) if each.option == "k"]
    assert (k.low, k.high, k.start) == (1, 5, 3)


def test_gamma_and_lambda_have_logarithmic_scales():
    gamma, lam = option_sliders(["fusedmax"], [{"gamma": 1.234, "lam": 0.07}])
    for slider, trained in ((gamma, 1.234), (lam, 0.07)):
        assert slider.start == trained
        assert slider.start in slider.stops
        assert list(slider.stops) == sorted(set(slider.stops))
        above = [stop for stop in slider.stops if stop]
        ratios = [math.log10(b / a) for a, b in itertools.pairwise(above)]
        assert max(ratios) < 0.08  # twenty a decade, rounded to two digits
    # λ = 0 is allowed, and γ = 0 is not.
    assert lam.stops[0] == 0
    assert gamma.stops[0] > 0
    options = declared_options()
    for slider in (gamma, lam):
        assert [options[slider.option].check(stop) for stop in slider.stops] == [*slider.stops]


def test_sliders_start_at_the_first_trained_value_and_reach_all():
    normalizers = ["softmax", "oscarmax", "fusedmax"]
    trained = [{"gamma": 0.01}, {"gamma": 0.01, "lam": 30.0}, {"gamma": 0.01, "lam": 0.5}]
    gamma, lam = option_sliders(normalizers, trained)
    assert (gamma.low < 0.01, gamma.start) == (True, 0.01)
    assert lam.start == 30
    assert {0.0, 0.5, 30.0} <= {*lam.stops}
    assert lam.label == "λ of oscarmax and fusedmax"
    assert lam.start_of([{"gamma": 1.0}, {"gamma": 1.0, "lam": 0.5}]) == 0.5
    assert lam.start_of([{"gamma": 1.0}]) == 30
