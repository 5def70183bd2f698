"""Figures of attention that are logged while a model trains."""

import pytest
import torch
from fairseq.logging import metrics

from regattn_fairseq.models.schedules import ScheduledNormalizer
from regattn_fairseq.models.watching import EVERY


def watched(normalizer, scores, mask=None, updates=0):
    normalizer.train()
    with metrics.aggregate() as logged:
        normalizer.set_num_updates(updates)
        normalizer(scores, mask=mask)
        normalizer.set_num_updates(updates + 1)
        return logged.get_smoothed_values()


def test_rows_that_nothing_is_learned_from_are_counted():
    scores = torch.tensor(
        [
            [9.0, 0.0, 0.0],  # one word has all
            [0.2, 0.1, 0.0],  # three words have some
            [0.3, 0.2, 7.0],  # two words, and one that is masked
            [0.0, 0.0, 0.0],  # padding, which does not count
        ]
    )
    mask = torch.zeros(4, 3, dtype=torch.bool)
    mask[2, 2] = True
    seen = watched(ScheduledNormalizer("sparsemax"), scores, mask)
    assert seen == {
        "attn_support": 2.0,
        "attn_one_word": pytest.approx(1 / 3, abs=1e-3),
        "attn_dead": pytest.approx(1 / 3, abs=1e-3),
        "attn_spread": pytest.approx((18**0.5 + (2 / 300) ** 0.5 + 0.05) / 3, abs=1e-3),
        "attn_gamma": 1.0,
    }


@pytest.mark.parametrize("name", ["fusedmax", "oscarmax"])
def test_rows_whose_words_are_all_fused_are_dead(name):
    scores = torch.tensor([[0.3, 0.1, 0.2]])
    seen = watched(ScheduledNormalizer(name, lam=10.0), scores)
    assert (seen["attn_support"], seen["attn_one_word"], seen["attn_dead"]) == (3, 0, 1)
    assert seen["attn_lambda"] == 10
    seen = watched(ScheduledNormalizer(name, lam=0.001), scores)
    assert (seen["attn_support"], seen["attn_dead"]) == (3, 0)


def test_softmax_is_dead_where_it_is_saturated():
    scores = torch.tensor([[40.0, 0.0], [4.0, 0.0]])
    assert watched(ScheduledNormalizer("softmax"), scores)["attn_dead"] == 0.5


def test_gamma_divides_the_spread_and_is_no_part_of_what_is_dead():
    scores = torch.randn(2000, 9, generator=torch.Generator().manual_seed(0))
    seen = watched(ScheduledNormalizer("sparsemax", gamma=1e4), 1e4 * scores)
    same = watched(ScheduledNormalizer("sparsemax"), scores)
    for name in ("attn_support", "attn_one_word", "attn_dead", "attn_spread"):
        assert seen[name] == pytest.approx(same[name], abs=2e-3)


def test_watching_changes_neither_the_weights_nor_their_gradient():
    scores = torch.randn(4, 5)
    results = []
    for updates in (0, 1):
        assert (updates % EVERY == 0) == (updates == 0)
        leaf = scores.clone().requires_grad_()
        normalizer = ScheduledNormalizer("fusedmax", learned=("gamma",)).train()
        normalizer.set_num_updates(updates)
        state = torch.get_rng_state()
        weights = normalizer(leaf)
        weights.square().sum().backward()
        assert torch.equal(torch.get_rng_state(), state)
        results.append((weights.detach(), leaf.grad, normalizer.raw_gamma.grad))
    for of_watched, of_other in zip(*results, strict=True):
        assert torch.equal(of_watched, of_other)


def test_nothing_is_logged_of_other_updates():
    assert watched(ScheduledNormalizer("sparsemax"), torch.randn(2, 3), updates=1) == {}
