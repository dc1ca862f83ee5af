"""Records intervals.json for package calib's tests: 95 % intervals of T, ECE, accuracy and of the difference of
two ECEs, by numpy and scipy from the formulas of docs/calibrate.md.

    python calib/testdata/intervals.py
"""

import json
import pathlib

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

BINS, TAIL = 15, 0.025


def bounds(x, unit):
    """Fay and Feuer's bounds of the mean of the sum of x ≥ 0."""
    low, (y, v) = 0, (x.sum(), (x**2).sum())
    if y > 0:
        low = v / (2 * y) * scipy.stats.chi2.ppf(TAIL, 2 * y * y / v)
    y, v = y + unit, v + unit**2
    return low, v / (2 * y) * scipy.stats.chi2.ppf(1 - TAIL, 2 * y * y / v) if y > 0 else 0


def difference(d, unit):
    """The interval of the mean of the sum of d."""
    plus, minus = np.maximum(d, 0), np.maximum(-d, 0)
    (pl, ph), m = bounds(plus, unit), minus.sum()
    ml, mh = bounds(minus, (minus**2).sum() / m if m > 0 else 0)
    s = d.sum()
    return s - np.hypot(plus.sum() - pl, mh - m), s + np.hypot(ph - plus.sum(), m - ml)


def temperature(z, y):
    """The T at which the mean derivative of the loss may be 0; null is no end."""
    u = z - z.max(1, keepdims=True)
    finite = np.where(np.isinf(u), 0, u)

    def test(log_beta, end):
        p = scipy.special.softmax(np.exp(log_beta) * u, axis=1)
        mean = (p * finite).sum(1, keepdims=True)
        over = np.maximum(mean - finite, 0) * (p > 0)
        unit = (p * over**2).sum() / (p * over).sum()
        return difference(mean[:, 0] - u[np.arange(len(y)), y], unit)[end]

    ends = []
    for end, (a, b) in ((0, (-6, 3)), (1, (-6, 3))):
        if test(a, end) * test(b, end) > 0:
            ends.append(None)
        else:
            ends.append(float(np.exp(-scipy.optimize.brentq(test, a, b, args=(end,), xtol=1e-13))))
    return ends


def cells(z, y):
    p = scipy.special.softmax(z, axis=1)
    c, right = p.max(1), p.argmax(1) == y
    return c, right.astype(float) - c, right, np.clip(np.ceil(c * BINS).astype(int) - 1, 0, BINS - 1)


def ece(z, y):
    c, e, right, at = cells(z, y)
    total, noise, spread, skew, terms = 0, 0, 0, 0, np.zeros(len(y))
    for b in range(BINS):
        i = at == b
        gap, variance = e[i].sum(), max((e[i] ** 2).sum(), (c[i] * (1 - c[i])).sum())
        total += abs(gap)
        known = abs(gap) > 3 * np.sqrt(variance)
        if known:
            spread += variance - gap**2 / i.sum()
        else:
            half = scipy.stats.halfnorm(scale=np.sqrt(variance)) if variance > 0 else None
            noise += half.mean() if half else 0
            spread += half.var() if half else 0
            skew += half.stats("s") * half.std() ** 3 if half else 0
        terms[i] = e[i] if known and gap > 0 else -e[i]
    q = scipy.stats.norm.ppf(1 - TAIL)
    added = noise + q * np.sqrt(spread) + (q * q - 1) / 6 * skew / spread
    upper = total + difference(terms, 1)[1] - terms.sum()
    return [max(0, total - added) / len(y), min(1, upper / len(y))], noise


def compare(a, b, y):
    signed = []
    for z in (a, b):
        c, e, right, at = cells(z, y)
        gap = np.bincount(at, e, BINS)
        signed.append(np.where(gap[at] < 0, -e, e))
    low = -difference(signed[1] - signed[0], 1)[1]
    high = difference(signed[0] - signed[1], 1)[1]
    return [(low - ece(a, y)[1]) / len(y), (high + ece(b, y)[1]) / len(y)]


cases = []
g = np.random.default_rng(17)
for name, n, size, change in (("plain", 80, 1.5, 0), ("masked", 60, 2, 1), ("one error", 60, 1, 2),
                              ("no error", 60, 1, 3), ("extreme gap", 80, 1.5, 4), ("under-confident", 120, 0.2, 5)):
    k = 3
    true = g.normal(size=(n, k)) * (6 if change == 5 else 2)
    y = (true + g.gumbel(size=true.shape)).argmax(1)
    z = np.round(true * size, 3)
    if change in (2, 3):
        z[np.arange(n), y] = z.max(1) + np.round(g.uniform(1, 6, n), 3)
        if change == 2:
            z[5, (y[5] + 1) % k] = z[5].max() + 1.5
    if change == 1:
        z[np.arange(0, n, 3), (y[::3] + 1) % k] = -np.inf
    if change == 4:
        z[7] = -40
        z[7, (y[7] + 1) % k] = 0
    right = int((z.argmax(1) == y).sum())
    ci = scipy.stats.binomtest(right, n).proportion_ci(method="exact")
    cases.append({
        "name": name, "k": k, "labels": y.tolist(),
        "logits": [None if np.isinf(v) else v for v in z.ravel().tolist()],
        "temperature": temperature(z, y), "ece": ece(z, y)[0], "accuracy": [ci.low, ci.high],
        "less_at_half": compare(z, z / 2, y),
    })
path = pathlib.Path(__file__).with_name("intervals.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
