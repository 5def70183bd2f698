"""The coverage penalty of beam search."""

import math

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

from regattn_fairseq.tasks.coverage import LEAST_COVERAGE, CoverageGenerator, coverage_reward


def test_the_reward_is_the_formula_without_padding_and_without_infinity():
    attention = torch.tensor([[0.0, 0.0], [0.5, 0.75], [0.25, 0.0], [0.0, 0.0]])
    is_word = torch.tensor([False, True, True, True])
    reward = coverage_reward(attention, is_word)
    assert reward.item() == pytest.approx(math.log(0.25) + math.log(LEAST_COVERAGE))


@pytest.mark.parametrize("normalizer", ["softmax", "sparsemax"])
def test_finished_hypotheses_are_ranked_with_their_coverage(build, dictionary, batch, normalizer):
    model = build(attn_normalizer=normalizer, attn_gamma=0.05)
    net_input = {"src_tokens": batch.source, "src_lengths": batch.lengths}
    plain, covering = (
        kind([model], dictionary, beam_size=4, max_len_b=8, **options)
        for kind, options in ((SequenceGenerator, {}), (CoverageGenerator, {"coverage_penalty": 3}))
    )
    found = [each.generate([model], {"net_input": net_input}) for each in (plain, covering)]
    for source, before, after in zip(batch.source, *found, strict=True):
        expected = {
            tuple(each["tokens"].tolist()): each["score"]
            + 3 * coverage_reward(each["attention"], source.ne(batch.pad))
            for each in before
        }
        got = {tuple(each["tokens"].tolist()): each["score"] for each in after}
        assert got.keys() == expected.keys()
        for tokens, score in got.items():
            torch.testing.assert_close(score, expected[tokens])
            assert score.isfinite()
        scores = [each["score"].item() for each in after]
        assert scores == sorted(scores, reverse=True)
