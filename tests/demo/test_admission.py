"""What a request may ask for."""

import pytest

pytest.importorskip("limits", reason="the extra demo is not installed")

from regattn_fairseq.demo.admission import Admission, RefusedError


def test_text_becomes_one_line_of_valid_characters():
    admission = Admission(max_characters=20, requests_per_minute=10)
    assert admission.admit("here", " ein\n zwei\t\ud800 ") == "ein zwei ?"
    assert admission.admit("here", "") == ""


def test_long_text_is_refused_and_counted():
    admission = Admission(max_characters=500, requests_per_minute=10)
    with pytest.raises(RefusedError, match="100,000 characters; at most 500"):
        admission.admit("here", "a" * 100_000)
    assert admission.admit("here", "a" * 500) == "a" * 500


def test_each_address_has_its_own_rate():
    admission = Admission(max_characters=5, requests_per_minute=3)
    for _ in range(3):
        admission.admit("here", "a")
    with pytest.raises(RefusedError, match="More than 3 requests in a minute"):
        admission.admit("here", "a")
    assert admission.admit("there", "a") == "a"
