"""Exponentials and logarithms in kernels, against numpy with more digits."""

import numba
import numpy as np
import pytest

from regattn_fairseq.kernels import exponentials
from regattn_fairseq.kernels.exponentials import constants_of


def over(function):
    # As in kernels, where sums may be reordered.
    @numba.njit(error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
    def loop(x, out):
        c = constants_of(x[0])
        for i in range(x.size):
            out[i] = function(x[i], c)

    return loop


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "exact", "low", "high"),
    [
        ("exponential", np.exp, -10, 10),
        ("expm1", np.expm1, -10, 1),
        ("logarithm", np.log, 1e-37, 1e37),
        ("log1p", np.log1p, -0.999, 1e3),
    ],
)
def test_functions_are_exact_to_a_few_units_in_the_last_place(name, exact, low, high, dtype):
    rng = np.random.default_rng(0)
    tiny = 10.0 ** rng.uniform(-30, 0, 5000)
    x = np.concatenate([rng.uniform(low, high, 20000), 1.0 + tiny, tiny, -0.9 * tiny])
    if name == "logarithm":
        x = np.concatenate([np.abs(x), np.geomspace(low, high, 20000)])
    x = x[(x >= low) & (x <= high)].astype(dtype)
    out = np.empty_like(x)
    over(getattr(exponentials, name))(x, out)
    expected = exact(x.astype(np.longdouble))
    error = np.abs(out - expected)
    assert (error <= 4 * np.finfo(dtype).eps * np.abs(expected)).all()


def test_logarithms_of_what_has_none_are_the_least():
    for name in ("logarithm", "log1p"):
        x = np.array([0.0, -1.0, -3.0, 1e-320][name == "log1p" :]) - (name == "log1p")
        out = np.empty_like(x)
        over(getattr(exponentials, name))(x, out)
        np.testing.assert_allclose(out, np.log(np.finfo(float).smallest_normal))
