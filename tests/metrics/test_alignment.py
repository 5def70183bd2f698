"""From tokens' attention to words' links, and the alignment error rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.metrics import alignment_error_rate

from regattn_fairseq.metrics import (
    ALIGNMENT_FIGURES,
    Alignment,
    alignment_counts,
    parse_alignment,
    ratios,
    stack_counts,
    word_attention,
    words_of_tokens,
)
from regattn_fairseq.metrics.alignment import attention_links


def sure(*links):
    return Alignment(frozenset(links), frozenset(links))


def figures(*counts):
    return ratios(stack_counts(counts), ALIGNMENT_FIGURES)


def test_sure_and_possible_links_are_read():
    alignment = parse_alignment("0-0 1-2 2?2 3p1\n")
    assert alignment.sure == {(0, 0), (1, 2)}
    assert alignment.possible == {(0, 0), (1, 2), (2, 2), (3, 1)}
    assert parse_alignment("") == sure()
    assert parse_alignment("1-1 2-3 3?3 4p2", first=1) == alignment


def test_a_link_that_counts_from_0_is_no_link_of_a_file_that_counts_from_1():
    with pytest.raises(ValueError, match="'1-0' counts words from 0"):
        parse_alignment("1-1 1-0", first=1)


@pytest.mark.parametrize("line", ["0-", "a-b", "1-2,3", "-1-2", "0—1"])
def test_what_is_no_link_is_named(line):
    with pytest.raises(ValueError, match="is no link"):
        parse_alignment(f"0-0 {line}")


@pytest.mark.parametrize(
    ("tokens", "line", "words"),
    [
        (["▁ein", "▁Last", "wagen", "."], "ein Lastwagen.", [0, 1, 1, None]),
        (["▁", "ein", "▁–", "▁ja"], "ein – ja", [None, 0, 1, 2]),
        (["zwei", "@-@", "drei", ","], "zwei-drei,", [0, None, 0, None]),
        (["a", "b"], "  a \t b ", [0, 1]),
        (["▁日", "本", "。"], "日本。", [0, 0, None]),
        ([], "", []),
    ],
)
def test_tokens_speak_for_words(tokens, line, words):
    assert words_of_tokens(tokens, line) == words


@pytest.mark.parametrize("tokens", [["▁ein"], ["▁ein", "<unk>"], ["▁ein", "▁Lastwagen", "s"]])
def test_tokens_of_another_line_are_refused(tokens):
    with pytest.raises(ValueError, match="token"):
        words_of_tokens(tokens, "ein Lastwagen")


def test_word_attention_sums_over_source_and_averages_over_target():
    weights = np.array([[0.2, 0.3, 0.5, 0.0], [0.4, 0.0, 0.4, 0.2], [0.0, 0.0, 0.0, 1.0]])
    # Source words are tokens 0 and 1, and 2; the target word is rows 0 and 1; the rest is the end.
    attention = word_attention(weights, [0, 0], [0, 0, 1])
    np.testing.assert_allclose(attention, [[(0.5 + 0.4) / 2, (0.5 + 0.4) / 2]])
    assert word_attention(weights, [0, None], [0, 0, None]) == pytest.approx(np.array([[0.5]]))


def test_tied_words_are_all_linked_and_words_without_weight_are_not():
    assert attention_links(np.array([[0.5, 0.5], [0.0, 0.0], [0.2, 0.8]])) == {
        (0, 0),
        (1, 0),
        (1, 2),
    }
    assert attention_links(np.zeros((0, 3))) == frozenset()


def test_error_rate_by_hand():
    attention = np.array([[0.9, 0.1], [0.7, 0.3]])  # links 0-0 and 0-1
    counts = alignment_counts(attention, sure((0, 0), (1, 1)))
    assert figures(counts) == pytest.approx(
        {"aer": 0.5, "alignment_precision": 0.5, "alignment_recall": 0.5, "aligned_mass": 0.6}
    )
    possible = Alignment(frozenset({(0, 0)}), frozenset({(0, 0), (0, 1)}))
    assert figures(alignment_counts(attention, possible))["aer"] == 0
    assert figures(None, counts) == figures(counts)


def test_links_beyond_the_sentence_are_missed_not_fatal():
    counts = alignment_counts(np.array([[1.0]]), sure((0, 0), (7, 9)))
    assert figures(counts)["alignment_recall"] == 0.5
    assert figures(counts)["aligned_mass"] == 1


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_error_rate_is_nltks(data):
    links = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1)
    wanted, more = data.draw(links), data.draw(links)
    rows = data.draw(st.lists(st.permutations([1, 2, 3, 4]), min_size=4, max_size=4))
    attention = np.array(rows) / 10
    reference = Alignment(frozenset(wanted), frozenset(wanted | more))
    expected = alignment_error_rate(wanted, attention_links(attention), wanted | more)
    assert figures(alignment_counts(attention, reference))["aer"] == pytest.approx(expected)
