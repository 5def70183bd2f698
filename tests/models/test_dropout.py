"""Dropout: its rate, its scale, and when it acts."""

import pytest
import torch

from regattn_fairseq.models.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_rate_and_scale(p):
    torch.manual_seed(0)
    x = torch.ones(301, 333, requires_grad=True)

    y = Dropout(p).train()(x)
    y.sum().backward()

    kept = y.ne(0)
    # Within five standard deviations of a mean of 100,233 coin tosses.
    assert abs(kept.float().mean() - (1 - p)) < 5 * (p * (1 - p) / x.numel()) ** 0.5
    torch.testing.assert_close(
        y[kept], torch.full((int(kept.sum()),), 1 / (1 - p)), rtol=1e-4, atol=0
    )
    assert torch.equal(x.grad, y)
    # Neighbours share a draw of bits, not a fate.
    pairs = (kept[:, :-1] & kept[:, 1:]).float().mean()
    assert abs(pairs - (1 - p) ** 2) < 0.01


def test_follows_the_seed():
    x, dropout = torch.ones(7, 5), Dropout(0.5).train()
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_evaluation_changes_nothing(p):
    x = torch.randn(4, 3)
    assert torch.equal(Dropout(p).eval()(x), x)


def test_all_or_nothing():
    x = torch.randn(4, 3)
    assert torch.equal(Dropout(0.0).train()(x), x)
    assert not Dropout(1.0).train()(x).any()
