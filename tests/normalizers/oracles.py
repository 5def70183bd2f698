"""Independent solutions of each map's problem, in float64, one row at a time."""

import cvxpy as cp
import mpmath
import numpy as np
from scipy.optimize import isotonic_regression


def quadratic_program(x, gamma, penalty=None, lam=0.0):
    """Solve argmax <y, x> - gamma (||y||^2 / 2 + lam * penalty(y)) by an interior-point method."""
    x = np.asarray(x, dtype=np.float64)
    d = len(x)
    y = cp.Variable(d)
    cost = 0.5 * cp.sum_squares(y) - (x / gamma) @ y
    if penalty == "fusedmax" and d > 1:
        cost = cost + lam * cp.norm1(y[1:] - y[:-1])
    if penalty == "oscarmax":
        # The pairwise maxima are sum_k (d - k) y_(k): by Abel's summation a sum of sums of
        # the k largest entries.
        cost = cost + lam * sum(cp.sum_largest(y, k) for k in range(1, d))
    # Scaled, since what bounds the solution's error is the gap's absolute size.
    problem = cp.Problem(cp.Minimize(1e3 * cost), [y >= 0, cp.sum(y) == 1])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-13, tol_feas=1e-12)
    return y.value


def project(z):
    """Project onto the simplex by trying every support size."""
    ordered = np.sort(z)[::-1]
    sizes = np.arange(1, len(z) + 1)
    taus = (np.cumsum(ordered) - 1.0) / sizes
    tau = taus[np.nonzero(ordered > taus)[0][-1]]
    return np.maximum(z - tau, 0.0)


def oscarmax(x, gamma, lam):
    """The exact map, by scipy's isotonic regression."""
    z = np.asarray(x, dtype=np.float64) / gamma
    order = np.argsort(-z, kind="stable")
    shifted = z[order] - lam * np.arange(len(z) - 1, -1, -1)
    prox = np.empty_like(z)
    prox[order] = isotonic_regression(shifted, increasing=False).x
    return project(prox)


def oscarmax_published(x, gamma, lam):
    """The published composition, by scipy's isotonic regression of absolute values."""
    z = np.asarray(x, dtype=np.float64) / gamma
    order = np.argsort(-np.abs(z), kind="stable")
    shifted = np.abs(z)[order] - lam * np.arange(len(z) - 1, -1, -1)
    prox = np.empty_like(z)
    prox[order] = np.maximum(isotonic_regression(shifted, increasing=False).x, 0.0)
    return project(np.sign(z) * prox)


def entmax(x, gamma, alpha):
    """Alpha-entmax by bisection with 60 digits, so that no rounding matters."""
    with mpmath.workdps(60):
        z = [mpmath.mpf(float(v)) / mpmath.mpf(gamma) for v in x]
        beta = mpmath.mpf(alpha) - 1
        if beta == 0:
            y = [mpmath.exp(v - max(z)) for v in z]
            return np.array([float(weight / sum(y)) for weight in y])
        z = [1 + beta * (v - max(z)) for v in z]
        z = [max(v, 0) for v in z]

        def weights(threshold):
            return [(v - threshold) ** (1 / beta) if v > threshold else mpmath.mpf(0) for v in z]

        low, high = mpmath.mpf(0), mpmath.mpf(1)
        for _ in range(190):
            middle = (low + high) / 2
            enough = sum(weights(middle)) >= 1
            low, high = (middle, high) if enough else (low, middle)
        return np.array([float(weight) for weight in weights(low)])


def pnormmax_violation(x, y, gamma, p):
    """How far y is from optimal: the largest violation of the optimality conditions.

    On the support x - gamma * grad Omega(y) is one constant, elsewhere x is no larger than that.
    """
    norm = np.sum(y**p) ** (1.0 / p)
    slack = x - gamma * y ** (p - 1.0) * norm ** (2.0 - p)
    support = y > 0
    tau = slack[support].mean()
    inside = np.abs(slack[support] - tau).max()
    outside = np.maximum(x[~support] - tau, 0.0).max(initial=0.0)
    return max(inside, outside, abs(y.sum() - 1.0))
