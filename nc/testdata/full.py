#!/usr/bin/env python3
"""Writes full.json: figures of the d×d covariance and of regression, apart from Go.

    pip install numpy
    python3 full.py > full.json

Everything is from the definitions, in float64: the pseudo-inverse of the total
covariance, least squares on features with a 1 appended, projections by QR, and a
golden-section search for the gamma of NRC3.
"""
import json
import sys

import numpy as np


def covariance(rng, k, d, counts, offset, lam):
    m = rng.standard_normal((k, d)) + offset
    y = np.repeat(np.arange(k), counts)
    rng.shuffle(y)
    x = m[y] + 0.5 * rng.standard_normal((len(y), d))
    w, b = 0.5 * rng.standard_normal((k, d)), rng.standard_normal(k)

    n = len(y)
    means = np.stack([x[y == c].mean(0) for c in range(k)])
    sw = (x - means[y]).T @ (x - means[y]) / n
    sb = (means[y] - x.mean(0)).T @ (means[y] - x.mean(0)) / n
    values = np.linalg.eigvalsh(sw)[::-1]
    s = np.sqrt(values)
    p = s / s.sum()
    vci = 1 - np.trace(np.linalg.pinv(sw + sb, rcond=1e-13) @ sb) / min(k - 1, d)

    h, hot = np.c_[x, np.ones(n)], np.eye(k)[y]
    # ½/n‖HWᵀ−Y‖² + λ/2‖W‖² as least squares without squaring H.
    tall = np.r_[h / np.sqrt(n), np.sqrt(lam) * np.eye(d + 1)]
    ls = np.linalg.lstsq(tall, np.r_[hot / np.sqrt(n), np.zeros((d + 1, k))], rcond=None)[0].T
    given = np.c_[w, b]

    def loss(a):
        return 0.5 * ((h @ a.T - hot) ** 2).sum() / n + lam / 2 * (a**2).sum()

    at = np.stack([h[y == c].mean(0) for c in range(k)]) @ ls.T
    nc23 = 0.5 * (((at - np.eye(k)) ** 2).sum(1) * np.bincount(y)).sum() / n
    nc1 = 0.5 * ((h @ ls.T - at[y]) ** 2).sum() / n + lam / 2 * (ls**2).sum()
    perp = 0.5 * (((given - ls) @ tall.T) ** 2).sum()
    return {"k": k, "d": d, "features": x.ravel().tolist(), "labels": y.tolist(), "weight": w.ravel().tolist(),
            "bias": b.tolist(), "lambda": lam, "spectrum_w": values.tolist(),
            "want": {"vci": vci, "stable_rank_w": values.sum() / values[0], "effective_rank_w": np.exp(-(p * np.log(p)).sum()),
                     "loss": loss(given), "ls": loss(ls), "nc1": nc1, "nc23": nc23, "perp": perp}}


def regression(rng, n, d, t, noise, offset, shift=None):
    w = rng.standard_normal((t, d))
    z = rng.standard_normal((n, t)) * np.arange(1, t + 1)
    x = z @ w + noise * rng.standard_normal((n, d)) + offset
    y = z @ rng.standard_normal((t, t)) + 3
    values, vectors = np.linalg.eigh((y - y.mean(0)).T @ (y - y.mean(0)) / n)
    root = vectors * np.sqrt(values) @ vectors.T
    if shift is not None:  # WWᵀ near Σ^{1/2} − shift·√λ_min I, so that gamma is inside
        half = vectors * np.sqrt(np.sqrt(values) - shift * np.sqrt(values[0]))
        w = half @ np.linalg.qr(w.T)[0].T
    w = w + noise * rng.standard_normal((t, d))

    centred = x - x.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    span = np.linalg.qr(w.T)[0]

    def outside(rows, basis):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return ((rows - rows @ basis @ basis.T) ** 2).sum(1).mean()

    gram = w @ w.T / np.linalg.norm(w @ w.T)

    def nrc3(g):
        m = root - g * np.eye(t)
        return ((gram - m / np.linalg.norm(m)) ** 2).sum()

    lo, hi = 0.0, np.sqrt(values[0])
    grid = np.linspace(lo, hi, 2001)[:-1]
    best = grid[np.argmin([nrc3(g) for g in grid])]
    lo, hi = max(best - hi / 2000, 0), min(best + hi / 2000, hi)
    for _ in range(200):
        a, b = hi - (hi - lo) * 0.6180339887498949, lo + (hi - lo) * 0.6180339887498949
        lo, hi = (lo, b) if nrc3(a) < nrc3(b) else (a, hi)
    return {"d": d, "t": t, "features": x.ravel().tolist(), "targets": y.ravel().tolist(), "weight": w.ravel().tolist(),
            "gamma": ((lo + hi) / 2) ** 2,
            "want": {"nrc1": outside(x, vt[:t].T), "nrc2": outside(x, span), "nrc3": nrc3((lo + hi) / 2),
                     "nrc1_centred": outside(centred, vt[:t].T), "nrc2_centred": outside(centred, span),
                     "explained_variance": (s[:t] ** 2).sum() / (s**2).sum()}}


rng = np.random.default_rng(2022)
json.dump({
    "numpy": np.__version__,
    "covariance": [
        covariance(rng, 4, 6, [9] * 4, 0, 0),
        covariance(rng, 4, 6, [14, 3, 8, 5], 0, 0.05),
        covariance(rng, 3, 8, [6, 9, 4], 20, 1e-3),
    ],
    "regression": [
        regression(rng, 30, 6, 2, 0.3, 0),
        regression(rng, 40, 5, 3, 0.02, 1, shift=0.6),
        regression(rng, 25, 4, 1, 0.5, -2),
    ],
}, sys.stdout)
sys.stdout.write("\n")
