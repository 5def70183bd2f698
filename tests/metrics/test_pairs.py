"""What the metrics of text share."""

import pytest

from regattn_fairseq.metrics.pairs import check_pairs, remember_scores


def test_scores_of_the_same_texts_and_options_are_computed_once():
    computed = []

    @remember_scores
    def overlap(hypotheses, references, *, lowercase=False):
        check_pairs(hypotheses, references)
        computed.append(lowercase)
        pairs = zip(hypotheses, references, strict=True)
        return [h == r or (lowercase and h.lower() == r.lower()) for h, r in pairs]

    assert overlap(["A", "b"], ["a", "b"]) == [False, True]
    assert overlap(("A", "b"), references=["a", "b"]) == [False, True]
    assert overlap(["A", "b"], ["a", "b"], lowercase=True) == [True, True]
    assert overlap(["A", "b"], ["b", "b"]) == [False, True]
    assert computed == [False, True, False]
    with pytest.raises(ValueError, match="1 hypotheses but 2 references"):
        overlap(["A"], ["a", "b"])
