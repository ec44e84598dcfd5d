"""Makes reference.json: values that others' programs compute, for the tests of package measure.

    python3 -m venv v && v/bin/pip install numpy scipy mpmath statsmodels rbo
    v/bin/python reference.py > reference.json

Made with scipy 1.17.1, statsmodels 0.15.0, mpmath 1.4.1, rbo 0.1.3 (Chang, of Webber et al. 2010).
"""
import itertools, json, random
from fractions import Fraction

import mpmath
import numpy as np
import rbo
from scipy import stats
from scipy.stats.contingency import association, expected_freq
from statsmodels.stats.multitest import multipletests

mpmath.mp.dps = 40
rng = np.random.default_rng(20130502)


def log_tail(x, dof):
    return float(mpmath.log(mpmath.gammainc(mpmath.mpf(dof) / 2, mpmath.mpf(x) / 2, regularized=True)))


def corrected(t):
    """Bergsma (2013), section 2, with exact fractions until the root."""
    t = np.array(t)
    n = int(t.sum())
    r, c = t.shape
    rows, cols = t.sum(1), t.sum(0)
    phi = sum(Fraction(int(t[i, j]) ** 2, int(rows[i]) * int(cols[j])) for i in range(r) for j in range(c)) - 1
    phi = max(Fraction(0), phi - Fraction((r - 1) * (c - 1), n - 1))
    k = min(r - Fraction((r - 1) ** 2, n - 1), c - Fraction((c - 1) ** 2, n - 1)) - 1
    if k == 0:
        return 0.
    return float(mpmath.sqrt(mpmath.mpf(phi.numerator) / phi.denominator / (mpmath.mpf(k.numerator) / k.denominator)))


def table(t):
    t = np.array(t)
    chi, p, dof, e = stats.chi2_contingency(t, correction=False)
    g, gp, _, _ = stats.chi2_contingency(t, correction=False, lambda_="log-likelihood")
    return {"table": t.tolist(), "chi2": chi, "dof": int(dof), "p": p, "log_p": log_tail(chi, dof), "g": g, "gp": gp,
            "v": association(t, method="cramer"), "corrected": corrected(t), "expected": e.ravel().tolist()}


tables = [table(t) for t in (
    [[120, 80, 40, 10], [60, 85, 70, 35]], [[12, 8, 4, 1], [6, 8, 7, 4]], [[10, 20], [30, 40]], [[3, 1], [1, 3]],
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[50, 50], [50, 50]], [[100000, 90000, 1], [80000, 120000, 3]],
    rng.integers(0, 50, (5, 7)), rng.integers(1, 5, (6, 4)), rng.integers(1, 100000, (9, 10)), rng.poisson(3, (30, 30)) + 1)]

tails = [{"x": x, "dof": d, "log": log_tail(x, d)} for x, d in (
    (.001, 1), (1, 1), (3.841458820694124, 1), (9.487729036781154, 4), (100, 4), (42.2, 3), (2000, 3), (105445.105679, 72),
    (71.3, 72), (72.7, 72), (900, 841), (700, 841), (10, 841), (1e6, 1000), (99000, 100000), (101500, 100000))]

p = [.001, .01, .02, .03, .04, .05, .2, .2, .9, 1, .0004, .04]
adjusted = {"p": p} | {name: multipletests(p, method=m)[1].tolist()
                       for name, m in (("bonferroni", "bonferroni"), ("holm", "holm"), ("bh", "fdr_bh"))}


def finite(x):
    return None if not np.isfinite(x) else float(x)


fisher = []
for t in ([[3, 1], [1, 3]], [[8, 2], [1, 5]], [[0, 10], [5, 3]], [[100, 2], [1000, 25]], [[10, 0], [0, 10]], [[5, 5], [5, 5]],
          [[1, 24], [5, 47]], [[20000, 10], [30000, 40]]):
    odds, q = stats.fisher_exact(t)
    fisher.append({"table": t, "p": float(q), "odds": finite(odds)})


def exact_permutation(t):
    """The share of all tables with the same totals, by their probability, whose chi-squared is at least as large."""
    t = np.array(t)
    rows, cols = t.sum(1).tolist(), t.sum(0).tolist()
    f = mpmath.factorial
    top = mpmath.fprod([f(x) for x in rows + cols])
    stat = lambda m: sum(Fraction(m[i][j] ** 2, rows[i] * cols[j]) for i in range(len(rows)) for j in range(len(cols)))
    seen, sum_p = stat(t.tolist()), mpmath.mpf(0)

    def compositions(n, caps):
        if len(caps) == 1:
            if n <= caps[0]:
                yield (n,)
            return
        for x in range(min(n, caps[0]) + 1):
            for rest in compositions(n - x, caps[1:]):
                yield (x,) + rest

    def go(i, left, made):
        nonlocal sum_p
        if i == len(rows) - 1:
            m = made + [tuple(left)]
            if stat(m) >= seen:
                sum_p += top / f(sum(rows)) / mpmath.fprod([f(x) for row in m for x in row])
            return
        for row in compositions(rows[i], left):
            go(i + 1, [a - b for a, b in zip(left, row)], made + [row])

    go(0, cols, [])
    return float(sum_p)


permutation = [{"table": t, "p": exact_permutation(t)} for t in (
    [[3, 1], [1, 3]], [[4, 1, 0], [1, 3, 2], [0, 1, 5]], [[2, 2, 1], [3, 1, 4], [1, 2, 2]], [[0, 3, 1, 2], [5, 1, 0, 3]])]


def v_of(x, y):
    t = np.zeros((3, 4))
    np.add.at(t, (x.astype(int), y.astype(int)), 1)
    return corrected_float(t)


def corrected_float(t):
    t = t[t.sum(1) > 0][:, t.sum(0) > 0]
    n, (r, c) = t.sum(), t.shape
    if r < 2 or c < 2:
        return 0.
    e = np.outer(t.sum(1), t.sum(0)) / n
    phi = max(0, ((t - e) ** 2 / e).sum() / n - (r - 1) * (c - 1) / (n - 1))
    return np.sqrt(phi / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))


t = np.array([[40, 10, 5, 5], [10, 40, 10, 10], [5, 10, 30, 25]])
x, y = zip(*[(i, j) for i in range(3) for j in range(4) for _ in range(t[i, j])])
boot = {"table": t.tolist()}
for name, method in (("percentile", "percentile"), ("bca", "BCa")):
    b = stats.bootstrap((np.array(x, float), np.array(y, float)), v_of, paired=True, vectorized=False, n_resamples=20000,
                        method=method, random_state=np.random.default_rng(7))
    boot[name] = [float(b.confidence_interval.low), float(b.confidence_interval.high)]


def occupancy(weights, n):
    """The distribution of the number of regions, by a dynamic programme over sets of regions, with exact fractions."""
    w = [Fraction(x, sum(weights)) for x in weights]
    at = {0: Fraction(1)}
    for _ in range(n):
        then = {}
        for s, q in at.items():
            for r, x in enumerate(w):
                then[s | 1 << r] = then.get(s | 1 << r, 0) + q * x
        at = then
    out = [Fraction(0)] * (len(w) + 1)
    for s, q in at.items():
        out[bin(s).count("1")] += q
    return [float(q) for q in out]


reach = [{"weights": w, "n": n, "distribution": occupancy(w, n)} for w, n in (
    ([1] * 5, 1), ([1] * 5, 3), ([1] * 5, 6), ([1] * 5, 10), ([1, 2, 3, 4, 10], 5), ([1, 2, 3, 4, 10], 40), ([1, 1000, 1000], 300),
    (list(range(1, 9)), 25))]

rarefied = []
for counts, m in (([40, 42, 38, 41, 39], 20), ([2, 0, 36, 1, 1], 20), ([1, 1, 1], 2), ([100, 1, 1], 50)):
    n = sum(counts)
    rarefied.append({"counts": counts, "m": m, "reach": sum(1 - float(stats.hypergeom.pmf(0, n, c, m)) for c in counts)})

locality = []
for counts, w in (([40, 42, 38, 41, 39], [1] * 5), ([2, 0, 36, 1, 1], [1] * 5), ([0, 0, 2, 0, 0], [1] * 5), ([10, 10, 20, 10, 10], [1, 1, 2, 1, 1])):
    share = np.array(w) / sum(w)
    kl = float(stats.entropy(np.array(counts) / sum(counts), share))
    g, gp = stats.power_divergence(counts, share * sum(counts), lambda_="log-likelihood")
    locality.append({"counts": counts, "exposure": w, "kl": kl, "g": float(g), "p": float(gp)})

ranks = []
for a, b in (("ABCDE", "CEABX"), ("abcdefg", "zcavwxy"), ("abc", "abc"), ("abc", "xyz"), ("ab", "bacdefgh"), ("abcdefghij", "jihgfedcba"), ("a", "bcda")):
    for q in (.5, .7, .9, .98):
        ranks.append({"a": list(a), "b": list(b), "p": q, "rbo": float(rbo.RankingSimilarity(list(a), list(b)).rbo_ext(p=q))})

print(json.dumps({"tables": tables, "tails": tails, "adjusted": adjusted, "fisher": fisher, "permutation": permutation,
                  "bootstrap": boot, "reach": reach, "rarefied": rarefied, "locality": locality, "ranks": ranks}, indent=1, default=float))
