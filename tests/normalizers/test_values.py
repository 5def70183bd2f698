"""Values against independent solvers."""

import itertools

import numpy as np
import pytest
import torch
from entmax import entmax15 as package_entmax15
from entmax import entmax_bisect
from entmax import sparsemax as entmax_sparsemax

from regattn_fairseq.normalizers import (
    build_normalizer,
    entmax,
    entmax15,
    evsoftmax,
    fusedmax,
    oscarmax,
    oscarmax_published,
    pnormmax,
    smoothed_max,
    softmax,
    sparsemax,
    topk,
)
from regattn_fairseq.normalizers.autograd import backend

from . import oracles


def draws(number, longest=40):
    rng = np.random.default_rng(7)
    for i in range(number):
        d = int(rng.integers(2, longest + 1))
        x = rng.standard_normal(d) * float(rng.choice([0.3, 1.0, 3.0]))
        if i % 3 == 0:
            x = np.round(x * 2) / 2
        yield x, float(rng.choice([0.5, 1.0, 2.0])), float(rng.choice([0.01, 0.1, 0.5]))


@pytest.mark.parametrize("normalizer", [fusedmax, oscarmax])
def test_structured_maps_match_a_quadratic_programming_solver(normalizer):
    for x, gamma, lam in draws(40):
        expected = oracles.quadratic_program(x, gamma, normalizer.__name__, lam)
        got = normalizer(torch.tensor(x), gamma=gamma, lam=lam).numpy()
        np.testing.assert_allclose(got, expected, atol=1e-6, rtol=0)


def test_sparsemax_matches_a_quadratic_programming_solver():
    for x, gamma, _ in draws(20):
        got = sparsemax(torch.tensor(x), gamma=gamma).numpy()
        np.testing.assert_allclose(got, oracles.quadratic_program(x, gamma), atol=1e-6)


def test_sparsemax_matches_the_entmax_package():
    x = torch.randn(200, 30, dtype=torch.float64) * 2
    torch.testing.assert_close(sparsemax(x), entmax_sparsemax(x, -1), atol=1e-13, rtol=0)


@pytest.mark.parametrize("normalizer", [oscarmax, oscarmax_published])
def test_oscarmax_matches_isotonic_regression(normalizer):
    for x, gamma, lam in draws(200):
        expected = getattr(oracles, normalizer.__name__)(x, gamma, lam)
        got = normalizer(torch.tensor(x), gamma=gamma, lam=lam).numpy()
        np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("p", [1.05, 1.2, 1.5, 1.8, 2.0])
def test_pnormmax_satisfies_its_optimality_conditions(p):
    for x, gamma, _ in draws(100):
        y = pnormmax(torch.tensor(x), gamma=gamma, p=p).numpy()
        # y^(p-1) magnifies a rounding of y where p is near 1.
        assert oracles.pnormmax_violation(x, y, gamma, p) < 1e-9


def test_pnormmax_with_p_2_is_sparsemax():
    x = torch.randn(100, 20, dtype=torch.float64)
    torch.testing.assert_close(pnormmax(x, p=2.0, gamma=0.7), sparsemax(x, gamma=0.7))


@pytest.mark.parametrize("alpha", [1.0, 1 + 1e-9, 1.01, 1.3, 1.5, 1.97, 2.0, 2.03, 3.0, 8.0, 40.0])
def test_entmax_matches_a_bisection_with_many_digits(alpha):
    rows = list(draws(12, longest=25))
    width = max(len(x) for x, _, _ in rows)
    padded = torch.full((len(rows), width), -torch.inf, dtype=torch.float64)
    for row, (x, _, _) in zip(padded, rows, strict=True):
        row[: len(x)] = torch.tensor(x).float()
    gamma = torch.tensor([[g] for _, g, _ in rows], dtype=torch.float64)
    expected = torch.zeros_like(padded)
    for row, (x, g, _), y in zip(padded, rows, expected, strict=True):
        y[: len(x)] = torch.tensor(oracles.entmax(row[: len(x)].numpy(), g, alpha))
    for dtype, tolerance in ((torch.float64, 1e-14), (torch.float32, 3e-7)):
        for chosen in ("numba", "torch"):
            with backend(chosen):
                y = entmax(padded.to(dtype), alpha=alpha, gamma=gamma)
            torch.testing.assert_close(y.double(), expected, atol=tolerance, rtol=0)


def test_entmax_matches_the_entmax_package():
    x = torch.randn(50, 30, dtype=torch.float64).mul(2).requires_grad_()
    g = torch.randn_like(x)
    for ours, theirs in (
        (entmax15(x), package_entmax15(x, -1)),
        (entmax(x, alpha=1.5), package_entmax15(x, -1)),
        (entmax(x, alpha=1.25), entmax_bisect(x, 1.25, -1, 70)),
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-13, rtol=0)
        gradients = [torch.autograd.grad(y, x, g)[0] for y in (ours, theirs)]
        torch.testing.assert_close(*gradients, atol=1e-7, rtol=0)


def test_the_derivative_by_alpha_matches_the_entmax_package():
    x = torch.randn(50, 30, dtype=torch.float64) * 2
    alpha = torch.linspace(1.2, 1.9, 50, dtype=torch.float64).unsqueeze(1).requires_grad_()
    g = torch.randn_like(x)
    ours, theirs = entmax(x, alpha=alpha), entmax_bisect(x, alpha, -1, 70)
    gradients = [torch.autograd.grad(y, alpha, g)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients, atol=1e-9, rtol=0)


def test_entmax_with_alpha_1_is_softmax_and_with_2_sparsemax():
    x = torch.randn(100, 20, dtype=torch.float64) * 3
    torch.testing.assert_close(entmax(x, alpha=1, gamma=0.7), softmax(x, gamma=0.7))
    torch.testing.assert_close(entmax(x, alpha=2.0, gamma=0.7), sparsemax(x, gamma=0.7))
    apart = torch.tensor([0.0, -800.0, -1e4], dtype=torch.float64)
    assert entmax(apart, alpha=1.0).tolist() == [1.0, 0.0, 0.0]


def test_the_more_alpha_the_fewer_words_and_the_limit_is_the_argmax():
    x = torch.randn(200, 20, dtype=torch.float64)
    alphas = (1.0, 1.2, 1.5, 2.0, 3.0, 8.0)
    supports = [(entmax(x, alpha=alpha) > 0).sum(-1) for alpha in alphas]
    for more, fewer in itertools.pairwise(supports):
        assert (more >= fewer).all()
    torch.testing.assert_close(entmax(x, alpha=1e6), torch.eye(20, dtype=x.dtype)[x.argmax(-1)])
    equal = torch.zeros(3, 4)
    for alpha in (1.0, 1.3, 2.5, 1e6):
        torch.testing.assert_close(entmax(equal, alpha=alpha), torch.full((3, 4), 0.25))


@pytest.mark.parametrize("weight", [1e-3, 1e-2, 0.1])
def test_a_small_weight_that_no_threshold_could_resolve(weight):
    """With alpha = 8 its distance from the threshold is its seventh power."""
    gap = ((1 - weight) ** 7 - weight**7) / 7
    x = torch.tensor([gap, 0.0], dtype=torch.float64, requires_grad=True)
    for chosen in ("numba", "torch"):
        with backend(chosen):
            y = entmax(x, alpha=8.0)
            (gradient,) = torch.autograd.grad(y[1], x)
        torch.testing.assert_close(y.tolist(), [1 - weight, weight], atol=1e-15, rtol=0)
        steep = (1 - weight) ** -6.0, weight**-6.0
        slope = steep[0] * steep[1] / sum(steep)
        torch.testing.assert_close(gradient.tolist(), [-slope, slope], rtol=1e-9, atol=0)


@pytest.mark.parametrize("alpha", [1.5, 1.9, 1.99])
def test_entmax_where_each_newton_step_drops_one_entry(alpha):
    x = -torch.tensor([0.99 * 0.5**k for k in range(50)], dtype=torch.float64) / (alpha - 1)
    expected = oracles.entmax(x.numpy(), 1.0, alpha)
    np.testing.assert_allclose(entmax(x, alpha=alpha), expected, atol=1e-13)


@pytest.mark.parametrize("alpha", [1.0, 1.1, 1.5, 2.0, 2.5])
def test_entmax_of_long_rows(alpha):
    x = torch.randn(2, 100_000, dtype=torch.float64)
    y = entmax(x, alpha=alpha)
    torch.testing.assert_close(y.sum(-1), torch.ones(2, dtype=torch.float64))
    # The optimality condition: (y^(alpha - 1) - 1) / (alpha - 1) is x less a constant.
    for row, weights in zip(x, y, strict=True):
        inside = weights > 0
        log = weights[inside].log()
        tsallis = log if alpha == 1.0 else ((alpha - 1.0) * log).expm1() / (alpha - 1.0)
        torch.testing.assert_close(*(row[inside] - tsallis).aminmax(), atol=1e-9, rtol=0)
        if not inside.all():
            assert row[~inside].max() <= row[inside].min()


@pytest.mark.parametrize("offset", [3e5, 1e6, -7e6, 1e7])
@pytest.mark.parametrize(
    "normalizer",
    [
        *(sparsemax, fusedmax, oscarmax, pnormmax, entmax15),
        lambda x: sparsemax(x, gamma=30.0),
        lambda x: entmax(x, alpha=1.2),
    ],
)
def test_float32_scores_whose_differences_are_a_few_units_in_the_last_place(normalizer, offset):
    x = (offset + torch.randn(500, 30) * 0.7).requires_grad_()
    exact = x.detach().double().requires_grad_()
    g = torch.randn(500, 30)
    y, expected = normalizer(x), normalizer(exact)
    torch.testing.assert_close(y.double(), expected, atol=1e-6, rtol=0)
    y.backward(g)
    expected.backward(g.double())
    torch.testing.assert_close(x.grad.double(), exact.grad, atol=1e-5, rtol=0)


def test_softmax_is_torch_softmax_of_scaled_scores():
    x = torch.randn(5, 6, dtype=torch.float64)
    torch.testing.assert_close(softmax(x, gamma=0.5), torch.softmax(2 * x, -1))


@pytest.mark.parametrize("d", [1, 5, 40, 100])
def test_topk_is_softmax_over_the_first_of_the_largest_scores(d):
    x = (torch.randn(50, d, dtype=torch.float64) * 3).round() / 3
    mask = torch.rand(50, d) < 0.2
    y = topk(x, k=4, gamma=0.7, mask=mask)
    for row, hidden, weights in zip(x.tolist(), mask.tolist(), y, strict=True):
        # Python's sort keeps equals in order.
        order = sorted((-s, i) for i, s in enumerate(row) if not hidden[i])[:4]
        expected = torch.zeros(d, dtype=torch.float64)
        if order:
            chosen = torch.tensor([i for _, i in order])
            expected[chosen] = torch.softmax(torch.tensor(row).double()[chosen] / 0.7, 0)
        torch.testing.assert_close(weights, expected)


def test_topk_and_its_smoothed_max_are_the_best_over_all_supports():
    x = torch.randn(7, dtype=torch.float64)
    best = {
        support: 0.5 * torch.logsumexp(x[list(support)] / 0.5, 0)
        for size in (1, 2, 3)
        for support in itertools.combinations(range(7), size)
    }
    value = smoothed_max(x, normalizer="topk", k=3, gamma=0.5)
    torch.testing.assert_close(value, max(best.values()))
    support = topk(x, k=3, gamma=0.5).nonzero().flatten().tolist()
    assert tuple(support) == max(best, key=lambda each: best[each])


def test_topk_of_one_is_the_argmax_and_of_all_softmax():
    x = torch.randn(20, 9, dtype=torch.float64)
    torch.testing.assert_close(topk(x, k=1), torch.eye(9, dtype=torch.float64)[x.argmax(-1)])
    torch.testing.assert_close(topk(x, k=9), softmax(x))
    torch.testing.assert_close(build_normalizer("topk", k=50, gamma=0.5)(x), softmax(x, gamma=0.5))


def test_evsoftmax_is_softmax_over_the_scores_that_are_not_below_the_mean():
    # The first figure of Chen et al. 2021.
    example = evsoftmax(torch.tensor([0.4, 1.4, -0.8]))
    torch.testing.assert_close(example, torch.tensor([0.27, 0.73, 0.0]), atol=5e-3, rtol=0)
    x = torch.randn(50, 9, dtype=torch.float64) * 3
    mask = torch.rand(50, 9) < 0.3
    y = evsoftmax(x, gamma=0.7, mask=mask)
    for row, hidden, weights in zip(x, mask, y, strict=True):
        shown = ~hidden
        chosen = shown & (row >= row[shown].mean())
        expected = torch.softmax(row.masked_fill(~chosen, -torch.inf) / 0.7, 0)
        torch.testing.assert_close(weights, expected)
    for equal in (0.1, 1e7 + 0.3, -1e-30):
        row = torch.full((7,), equal)
        torch.testing.assert_close(evsoftmax(row), torch.full((7,), 1 / 7))


def test_the_two_oscarmaxes_on_a_worked_example():
    x = torch.tensor([0.4, 0.1, -0.5], dtype=torch.float64)
    exact = torch.tensor([0.5 + 1 / 30, 0.4 + 1 / 30, 1 / 30], dtype=torch.float64)
    published = torch.tensor([0.45, 0.40, 0.15], dtype=torch.float64)
    torch.testing.assert_close(oscarmax(x, lam=0.2), exact)
    torch.testing.assert_close(oscarmax_published(x, lam=0.2), published)


def test_the_published_oscarmax_is_exact_where_no_score_is_negative():
    x = torch.rand(100, 12, dtype=torch.float64) + 1.0
    torch.testing.assert_close(oscarmax_published(x, lam=0.02), oscarmax(x, lam=0.02))


@pytest.mark.parametrize("normalizer", [fusedmax, oscarmax])
def test_long_rows(normalizer):
    x = torch.randn(2, 100_000, dtype=torch.float64)
    y = normalizer(x, lam=1e-5)
    torch.testing.assert_close(y.sum(-1), torch.ones(2, dtype=torch.float64))
    if normalizer is oscarmax:
        np.testing.assert_allclose(y[0], oracles.oscarmax(x[0], 1.0, 1e-5), atol=1e-10)


def test_fusedmax_scan_and_dynamic_program_agree():
    from regattn_fairseq.normalizers._numba.total_variation import dynamic_program, taut_string

    rng = np.random.default_rng(0)
    for _ in range(2000):
        n = int(rng.integers(2, 40))
        z = np.cumsum(rng.standard_normal(n))
        lam = float(rng.uniform(0.01, 2.0))
        scan, program = np.empty(n), np.empty(n)
        scan_label, program_label = np.empty(n, np.int32), np.empty(n, np.int32)
        assert taut_string(z, 0, n, lam, scan, scan_label, 0)
        dynamic_program(z, n, lam, program, program_label)
        np.testing.assert_allclose(scan, program, atol=1e-10)
        np.testing.assert_array_equal(scan_label, program_label)


def test_a_part_of_a_row_is_fused_as_if_it_stood_alone():
    from regattn_fairseq.normalizers._numba.total_variation import prox_total_variation

    rng = np.random.default_rng(0)
    # Short, long enough for the scan to give up, and none to be fused.
    for z, lam in (
        (rng.standard_normal(9), 0.3),
        (np.arange(4000) ** 1.5, 40.0),
        (np.ones(5), 0.0),
    ):
        n = len(z)
        alone, part = np.empty(n), np.zeros(n + 7)
        alone_label, part_label = np.empty(n, np.int32), np.zeros(n + 9, np.int32)
        prox_total_variation(z, 0, n, lam, alone, alone_label, 0)
        longer = np.concatenate([rng.standard_normal(3), z, rng.standard_normal(4)])
        prox_total_variation(longer, 3, 3 + n, lam, part, part_label, 2)
        np.testing.assert_array_equal(part[3 : 3 + n], alone)
        np.testing.assert_array_equal(part_label[5 : 5 + n], alone_label)
        assert not part[:3].any()
        assert not part[3 + n :].any()
        assert not part_label[:5].any()
        assert not part_label[5 + n :].any()


def test_sparsemax_where_each_newton_step_drops_one_entry():
    # Distances that grow geometrically: the active set shrinks by one entry a step.
    x = -torch.tensor([0.9 * 0.72**k for k in range(60)], dtype=torch.float64)
    x = torch.cat([x, torch.linspace(-0.9, 0.0, 40, dtype=torch.float64)])
    np.testing.assert_allclose(sparsemax(x), oracles.project(x.numpy()), atol=1e-14)


@pytest.mark.parametrize("pressure", [0.2, 2.5, 8.0, 30.0])
@pytest.mark.parametrize("d", [3, 30, 64, 65, 300])
def test_oscarmax_whether_few_scores_or_all_must_be_sorted(d, pressure):
    x = torch.randn(30, d, dtype=torch.float64)
    x[::3] = (x[::3] * 2).round() / 2
    got = oscarmax(x, gamma=0.5, lam=pressure / d)
    for row, weights in zip(x.numpy(), got.numpy(), strict=True):
        np.testing.assert_allclose(weights, oracles.oscarmax(row, 0.5, pressure / d), atol=1e-12)


@pytest.mark.parametrize("n", [1, 64, 65, 1000])
def test_both_sorts(n):
    from regattn_fairseq.normalizers._numba.sorting import Sorted, sort_descending

    rng = np.random.default_rng(0)
    z = rng.standard_normal(n) * 10.0 ** rng.integers(-300, 300, n)
    z[rng.random(n) < 0.3] = 0.0
    z[rng.random(n) < 0.2] *= -0.0
    key, spare = np.empty(n), np.empty(n)
    index, spare_index = np.empty(n, np.int32), np.empty(n, np.int32)
    sort_descending(z, n, Sorted(key, index, spare, spare_index))
    np.testing.assert_array_equal(key, np.sort(z)[::-1])
    np.testing.assert_array_equal(z[index], key)
    assert sorted(index) == list(range(n))
