"""Our beam search step against fairseq's."""

import math

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.search import BeamSearch

from regattn_fairseq.tasks import search
from regattn_fairseq.tasks.search import QuickBeamSearch, RepeatBlock


@pytest.fixture(params=["compiled", "torch"])
def searches(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(search, "works_on", lambda like: False)
    dictionary = Dictionary()
    return QuickBeamSearch(dictionary), BeamSearch(dictionary)


@pytest.mark.parametrize(("sentences", "beam", "words"), [(3, 5, 1000), (1, 1, 7), (20, 2, 65)])
@pytest.mark.parametrize("step", [0, 1, 4])
def test_candidates_are_fairseqs(searches, sentences, beam, words, step):
    torch.manual_seed(step)
    lprobs = torch.randn(sentences, beam, words).log_softmax(2)
    lprobs[:, :, 1] = -math.inf
    scores = torch.randn(sentences, beam, 9).cumsum(2)

    ours, theirs = (s.step(step, lprobs.clone(), scores[:, :, :step]) for s in searches)

    for found, wanted in zip(ours, theirs, strict=True):
        assert found.dtype is wanted.dtype
        assert torch.equal(found, wanted)


def test_where_the_end_alone_is_possible_nothing_else_counts(searches):
    lprobs = torch.full((2, 3, 40), -math.inf)
    lprobs[:, :, 2] = torch.tensor([[-1.0, -2.0, -3.0], [-3.0, -1.0, -2.0]])
    ours, _ = searches

    scores, words, beams = ours.step(4, lprobs, torch.zeros(2, 3, 4))

    assert scores.tolist() == [[-1, -2, -3, *[-math.inf] * 3]] * 2
    assert words[:, :3].eq(2).all()
    assert beams[:, :3].tolist() == [[0, 1, 2], [1, 2, 0]]
    assert ((words >= 0) & (words < 40) & (beams >= 0) & (beams < 3)).all()


def test_split_over_threads_gives_the_same(searches):
    lprobs, scores = torch.randn(30, 5, 3000), torch.randn(30, 5, 2)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(searches[0].step(2, lprobs, scores))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("size", "banned"),
    [
        (1, [{4, 5}, {6}]),
        (2, [{4, 5}, {6}]),
        (3, [{4}, {6}]),
        (4, [set(), {6}]),
        (5, [set(), set()]),
    ],
)
def test_no_words_in_a_row_come_twice(size, banned):
    padding = [1, 1]
    tokens = torch.tensor([[2, 4, 5, 4, 4, *padding], [2, 6, 6, 6, 6, *padding]])
    if size == 3:
        tokens[0, 1:5] = torch.tensor([5, 4, 5, 4])  # 5 4 5, 4 5 4: next would be 5 4 5 again
        banned = [{5}, {6}]
    scores = RepeatBlock(size)(tokens, torch.zeros(2, 9), 1, 2, 4)
    for row, wanted in zip(scores, banned, strict=True):
        assert set(row.isneginf().nonzero().flatten().tolist()) == wanted
