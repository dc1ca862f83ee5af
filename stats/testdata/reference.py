#!/usr/bin/env python3
"""Writes reference.json, which the tests of stats compare with.

    pip install scipy==1.17.1 statsmodels==0.15.0 mpmath==1.4.1
    cd stats/testdata && python3 reference.py

"versions" in the file names what made it.
"""
import bisect
import json
import math
import platform

import mpmath
import numpy as np
import scipy
import scipy.stats as st
import statsmodels
from scipy.optimize import brentq
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

rng = np.random.default_rng(7)
mpmath.mp.dps = 40


def noncentral(t, df, shift):
    """P(T <= t) by 40-digit quadrature of the definition, given the chi variable."""
    t, df, shift = mpmath.mpf(t), mpmath.mpf(df), mpmath.mpf(shift)
    log_c = mpmath.log(2) + df / 2 * mpmath.log(df / 2) - mpmath.loggamma(df / 2)
    f = lambda s: mpmath.ncdf(t * s - shift) * mpmath.exp(log_c + (df - 1) * mpmath.log(s) - df * s * s / 2)
    mode, scale = mpmath.sqrt((df - 1) / df), 1 / mpmath.sqrt(df)
    points = {mpmath.mpf(0) if mode < 14 * scale else mode - 14 * scale, mode + 14 * scale}
    low, high = min(points), max(points)
    points |= {mode + k * scale for k in range(-13, 14)}
    if t != 0:
        points |= {shift / t + k / abs(t) for k in range(-14, 15)}
    points = sorted(p for p in points if low <= p <= high)
    return mpmath.quad(f, points)


def shift_at(t, df, p):
    """The noncentrality at which P(T <= t) is p."""
    width = math.sqrt(1 + t * t / (2 * df))
    f = lambda shift: st.nct.cdf(t, df, shift) - p
    low, high = t - width, t + width
    while f(low) < 0:
        low -= width / 2
    while f(high) > 0:
        high += width / 2
    return brentq(f, low, high, xtol=1e-13, rtol=1e-14)


def paired(d, level):
    n, mean, sd = len(d), np.mean(d), np.std(d, ddof=1)
    two = st.ttest_1samp(d, 0)
    low, high = DescrStatsW(d).tconfint_mean(alpha=1 - level)
    t = float(two.statistic)
    return {
        "d": list(d), "level": level, "mean": mean, "sd": sd, "t": t, "p": two.pvalue,
        "p_less": st.ttest_1samp(d, 0, alternative="less").pvalue,
        "p_greater": st.ttest_1samp(d, 0, alternative="greater").pvalue,
        "low": low, "high": high, "effect": mean / sd,
        "effect_low": shift_at(t, n - 1, (1 + level) / 2) / math.sqrt(n),
        "effect_high": shift_at(t, n - 1, (1 - level) / 2) / math.sqrt(n),
    }


def power(effect, n, alpha):
    """By statsmodels, or by mpmath where scipy's noncentral t gives NaN."""
    value, by = float(TTestPower().power(effect, n, alpha)), "statsmodels"
    if math.isnan(value):
        critical, shift = float(st.t.isf(alpha / 2, n - 1)), abs(effect) * math.sqrt(n)
        value = float(1 - noncentral(critical, n - 1, shift) + noncentral(-critical, n - 1, shift))
        by = "mpmath"
    return {"effect": effect, "n": n, "alpha": alpha, "power": value, "by": by}


def tost(a, b, lower, upper):
    p, first, second = ttost_paired(a, b, lower, upper)
    low, high = DescrStatsW(a - b).tconfint_mean(alpha=0.1)
    return {"a": list(a), "b": list(b), "lower": lower, "upper": upper, "p": p,
            "p_lower": first[1], "p_upper": second[1], "low": low, "high": high}


def spearman(x, y):
    r = st.spearmanr(x, y)
    return {"x": list(x), "y": list(y), "rho": r.statistic, "p": r.pvalue,
            "p_less": st.spearmanr(x, y, alternative="less").pvalue,
            "p_greater": st.spearmanr(x, y, alternative="greater").pvalue, "ranks": list(st.rankdata(x))}


def exact(x, y):
    """Spearman's exact p by scipy's permutation test."""
    statistic = lambda y: st.spearmanr(x, y).statistic
    out = {"x": list(x), "y": list(y)}
    for key, alternative in [("p_less", "less"), ("p_greater", "greater")]:
        out[key] = st.permutation_test((y,), statistic, permutation_type="pairings", n_resamples=np.inf,
                                       alternative=alternative).pvalue
    return out


samples = [rng.normal(m, 1, n) for n, m in [(3, 0.5), (5, -1.5), (8, 0), (20, 0.7), (60, -0.2), (5, 40)]]
samples.append(np.array([0.5, 1.25]))
grid = [(t, df, s) for df in [1, 2, 3, 4, 9, 30, 99, 1000, 100000] for s in [0, 0.5, -2, 4, 30]
        for t in [s - 3, s - 0.5, s, s + 1, s + 5, 0.01, -0.01]] + [(1e4, 4, 30), (-60.0, 2, -100), (120.0, 9, 100)]
powers = [(d, n, a) for d in [0.1, 0.5, 0.8, 1.5, 4, -0.8] for n in [2, 3, 5, 10, 40, 500] for a in [0.05, 0.01, 0.05 / 47]]
seeds = [(d, a, p) for d in [0.2, 0.5, 0.8, 1.5, 3] for a in [0.05, 0.05 / 20] for p in [0.8, 0.9]]
ps = [rng.uniform(0, 1, 12) ** 3, np.array([0.01, 0.04, 0.03, 0.005]), np.array([0.02, 0.02, 0.5, 0.9, 0.02]), np.array([0.3])]
x, y = rng.normal(size=30), rng.normal(size=30)
ties = rng.integers(0, 5, 25).astype(float), rng.integers(0, 4, 25).astype(float)
e = np.array([1, 3, 2, 2, 5, 4.0]), np.array([2, 3, 1, 4, 5, 5.0])

out = {
    "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
                 "statsmodels": statsmodels.__version__, "mpmath": mpmath.__version__},
    "quantile": [{"df": df, "p": p, "t": st.t.ppf(p, df)} for df in [1, 2, 4, 9, 100, 10000, 1000000]
                 for p in [0.6, 0.8, 0.95, 0.975, 0.995, 1 - 0.025 / 47, 1 - 2.0**-34]],
    "paired": [paired(d, level) for d in samples for level in [0.95, 0.8]],
    "tost": [tost(a, b, lo, hi) for a, b in [(x[:5], x[:5] + 0.1 * y[:5]), (x, y), (x[:3], x[:3] + 0.05 * y[:3] + 0.3)]
             for lo, hi in [(-0.405, 0.405), (-0.1, 1)]],
    "holm": [{"p": list(p), "adjusted": list(multipletests(p, method="holm")[1])} for p in ps],
    "noncentral": [{"t": t, "df": df, "shift": s, "below": float(v), "above": float(1 - v)}
                   for t, df, s in grid for v in [noncentral(t, df, s)]],
    "power": [power(d, n, a) for d, n, a in powers],
    "needed": [{"effect": d, "alpha": a, "power": p,  # solve_power fails where scipy gives NaN
                "n": 2 + bisect.bisect_left(range(2, 2000), p, key=lambda n: power(d, n, a)["power"])} for d, a, p in seeds],
    "spearman": [spearman(x, y), spearman(x, x + 0.5 * y), spearman(x[:11], y[:11]), spearman(*ties)],
    "exact": [exact(*e), exact(np.array([0, 0.02, 0.05, 0.08, 0.1]), np.array([5, 4, 3, 2, 1.0])), exact(x[:7], y[:7])],
    "line": [{"x": list(x), "y": list(y), "slope": r.slope, "intercept": r.intercept,
              "around": r.stderr * math.sqrt(np.sum((x - x.mean()) ** 2))} for r in [st.linregress(x, y)]],
}
print(json.dumps(out["versions"]))
with open("reference.json", "w") as f:
    f.write("{\n" + ",\n".join(f'  {json.dumps(k)}: ' + (json.dumps(v) if isinstance(v, dict) else
            "[\n    " + ",\n    ".join(json.dumps(row, allow_nan=False) for row in v) + "\n  ]") for k, v in out.items()) + "\n}\n")
