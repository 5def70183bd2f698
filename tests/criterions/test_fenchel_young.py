"""Sparse losses at the output: against the plain formula, cross-entropy and finite differences."""

from types import SimpleNamespace

import pytest
import torch
from criterion_cases import criterions, sample_of
from fairseq import metrics
from torch.autograd import gradcheck, gradgradcheck

from regattn_fairseq.criterions import output_layer
from regattn_fairseq.criterions.fenchel_young import (
    RegattnFenchelYoung,
    fenchel_young,
    linear_fenchel_young,
)
from regattn_fairseq.criterions.label_smoothed_cross_entropy import (
    linear_label_smoothed_cross_entropy,
)
from regattn_fairseq.normalizers import Normalizer, fenchel_young_loss

ROWS, DIM, WORDS = 11, 5, 9
MAPS = [("entmax15", {}), ("sparsemax", {"gamma": 0.7}), ("entmax", {"alpha": 1.3})]
each_map = pytest.mark.parametrize(
    "output_map", [Normalizer(name, **options) for name, options in MAPS], ids=lambda m: m.name
)


@pytest.fixture(params=[1, 3, 50], ids="{} rows at once".format)
def rows_at_once(request, monkeypatch):
    monkeypatch.setattr(output_layer, "CHUNK_BYTES", 1)
    monkeypatch.setattr(output_layer, "MIN_CHUNK_ROWS", request.param)


def some():
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(ROWS, DIM, generator=draw, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(WORDS, DIM, generator=draw, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(WORDS, generator=draw, dtype=torch.float64, requires_grad=True)
    return features, weight, bias, torch.randint(WORDS, (ROWS,), generator=draw)


@pytest.mark.usefixtures("rows_at_once")
@each_map
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_the_fused_loss_is_the_plain_one(output_map, epsilon):
    *layer, target = some()
    features, weight, bias = layer
    fused, counts = linear_fenchel_young(*layer, target, output_map, epsilon)
    plain, same = fenchel_young(features @ weight.T + bias, target, output_map, epsilon)
    torch.testing.assert_close(fused, plain)
    torch.testing.assert_close(counts, same)
    for ours, theirs in zip(
        torch.autograd.grad(fused, layer), torch.autograd.grad(plain, layer), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@each_map
def test_what_is_counted(output_map):
    features, weight, bias, target = some()
    scores = features @ weight.T + bias
    _, (support, missed) = fenchel_young(scores, target, output_map, 0.0)
    p = output_map(scores)
    assert support == torch.count_nonzero(p)
    assert missed == torch.count_nonzero(p[torch.arange(ROWS), target] == 0)
    assert 0 < missed < ROWS
    assert support < ROWS * WORDS


def test_derivatives_against_finite_differences():
    *layer, target = some()

    def loss(*layer):
        return linear_fenchel_young(*layer, target, Normalizer("entmax15"), 0.1)[0]

    assert gradcheck(loss, layer)
    assert gradgradcheck(loss, layer)


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_with_softmax_it_is_cross_entropy(epsilon):
    *layer, target = some()
    fused, counts = linear_fenchel_young(*layer, target, Normalizer("softmax"), epsilon)
    expected, _ = linear_label_smoothed_cross_entropy(*layer, target, epsilon)
    torch.testing.assert_close(fused, expected)
    assert counts.tolist() == [ROWS * WORDS, 0]


@each_map
def test_smoothing_adds_a_constant_to_the_loss_against_the_smoothed_target(output_map):
    features, weight, bias, target = some()
    scores = (features @ weight.T + bias).detach()
    epsilon = 0.1
    q = torch.full_like(scores, epsilon / (WORDS - 1)).scatter(1, target[:, None], 1 - epsilon)
    options = output_map.current_options()
    against = fenchel_young_loss(scores, q, normalizer=output_map.name, **options).sum()
    loss, _ = fenchel_young(scores, target, output_map, epsilon)
    shifted, _ = fenchel_young(2 * scores, target, output_map, epsilon)
    again = fenchel_young_loss(2 * scores, q, normalizer=output_map.name, **options).sum()
    assert loss >= against
    torch.testing.assert_close(loss - against, shifted - again)


def criterion(dictionary, **options):
    task = SimpleNamespace(target_dictionary=dictionary)
    settings = {"sentence_avg": False, "label_smoothing": 0.1, **options}
    return RegattnFenchelYoung(task, **settings)


def test_without_a_map_it_is_regattns_cross_entropy(build, dictionary, batch):
    ours = criterion(dictionary)(build(), sample_of(batch))
    expected = criterions(dictionary)[0](build(), sample_of(batch))
    assert ours[0].item() == expected[0].item()
    assert ours[2].keys() == expected[2].keys()


@pytest.mark.parametrize("options", [{}, {"report_accuracy": True}], ids=["fused", "plain"])
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_it_trains_a_model_to_sparse_probabilities(
    build, transformer, dictionary, batch, options, kind
):
    built = {"lstm": build, "transformer": transformer}[kind]
    model = built(loss_normalizer="entmax15", dropout=0.0).train()
    loss_of = criterion(dictionary, label_smoothing=0.0, **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        loss, size, logged = loss_of(model, sample_of(batch))
        (loss / size).backward()
        optimizer.step()
    assert 0 <= float(loss) < 0.1 * size
    assert logged["support"] < 2 * size, "of many words in the dictionary"
    assert logged["missed"] == 0
    probabilities = model.get_normalized_probs(
        model(**sample_of(batch)["net_input"]), log_probs=False
    )
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:2]))
    assert (probabilities == 0).float().mean() > 0.5


def test_the_means_are_logged(dictionary):
    logs = [
        {"loss": 1.0, "nll_loss": 1.0, "ntokens": 4, "sample_size": 4, "support": 8, "missed": 1},
        {"loss": 1.0, "nll_loss": 1.0, "ntokens": 6, "sample_size": 6, "support": 2, "missed": 0},
    ]
    with metrics.aggregate() as found:
        RegattnFenchelYoung.reduce_metrics(logs)
    assert found.get_smoothed_value("support") == 1.0
    assert found.get_smoothed_value("missed") == 0.1
