"""Prints how far adaptive_ece is from public code that interpolates the edges of its bins, at small N.

    python calib/testdata/adaptive.py

Public code sorts the confidences, interpolates 15 quantiles between neighbours, and puts each sample into the bin
between its edges (FocalLoss's AdaptiveECELoss; np.interp, then [lo, hi] by comparison). Ours fills bins with exactly
N/15 samples and shares a sample, or equal confidences, out between two bins. Confidences are those of a model of ten
classes with T = 1.5; "rounded" has two decimals.
"""

import numpy as np

BINS = 15


def interpolated(c, r):
    n = len(c)
    edges = np.interp(np.linspace(0, n, BINS + 1), np.arange(n), np.sort(c))
    total = 0
    for lo, hi in zip(edges[:-1], edges[1:]):
        at = (c > lo) & (c <= hi)
        if at.any():
            total += abs(r[at].sum() - c[at].sum()) / n
    return total


def shared(c, r):
    n = len(c)
    order = np.argsort(c, kind="stable")
    c, r = c[order], r[order].astype(float)
    for v in np.unique(c):
        r[c == v] = r[c == v].mean()
    # Each sample in BINS parts, of which every bin takes n.
    parts = np.repeat(r - c, BINS).reshape(BINS, n)
    return np.abs(parts.sum(1)).sum() / BINS / n


g = np.random.default_rng(3)
print("     N  shared   interpolated: mean difference, largest of 200;  rounded: mean difference, largest")
for n in (50, 100, 300, 1000, 10000):
    d = {False: [], True: []}
    level = []
    for _ in range(200):
        z = g.normal(size=(n, 10)) * 2
        y = (z + g.gumbel(size=z.shape)).argmax(1)
        p = np.exp(1.5 * z)
        p /= p.sum(1, keepdims=True)
        c, r = p.max(1), p.argmax(1) == y
        for rounded in d:
            x = c.round(2) if rounded else c
            d[rounded].append(abs(interpolated(x, r) - shared(x, r)))
        level.append(shared(c, r))
    print(f"{n:6d} {np.mean(level):.4f}  {np.mean(d[False]):.5f} {np.max(d[False]):.5f}  {np.mean(d[True]):.5f} {np.max(d[True]):.5f}")
