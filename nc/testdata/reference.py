#!/usr/bin/env python3
"""Writes reference.json: collapse figures computed apart from Go.

    pip install numpy mpmath
    python3 reference.py > reference.json

The plain cases are computed by numpy in float64 with the d×d covariances and a
pseudo-inverse of Σ_B. The cases named "spectrum" have singular values of H̄ from
1 to 1e-6, where float64 loses digits: they are computed by mpmath with 50 digits
from the very doubles that are written to the file.
"""
import json
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def plain(x, y, w, b):
    n, d = x.shape
    k = w.shape[0]
    g = x.mean(0)
    m = np.stack([x[y == c].mean(0) for c in range(k)])
    h = m - g
    e = x - m[y]
    sw = e.T @ e / n
    sb = h.T @ h / k
    j = np.eye(k) - 1 / k
    etf = j / np.sqrt(k - 1)
    fro = np.linalg.norm
    wh = w @ h.T
    dist = ((x[:, None, :] - m[None]) ** 2).sum(-1)
    pred = dist.argmin(1)
    inv = np.linalg.pinv(sb, rcond=1e-12)
    wn, hn = fro(w, axis=1), fro(h, axis=1)
    pairs = [(i, q) for i in range(k) for q in range(i + 1, k)]

    def cosines(a):
        u = a / fro(a, axis=1, keepdims=True)
        return np.array([u[i] @ u[q] for i, q in pairs])

    var = np.array([(e[y == c] ** 2).sum(1).mean() for c in range(k)])
    cw, ch = cosines(w), cosines(h)
    return {
        "nc1": np.trace(sw @ inv) / k,
        "nc1_quotient": np.trace(sw) / np.trace(sb),
        "nc1_per_class": [np.trace(e[y == c].T @ e[y == c] @ inv) / (y == c).sum() / k for c in range(k)],
        "cdnv": np.mean([(var[i] + var[q]) / (2 * ((m[i] - m[q]) ** 2).sum()) for i, q in pairs]),
        "nc2": fro(wh / fro(wh) - etf),
        "nc2_w": fro(w @ w.T / fro(w @ w.T) - etf),
        "nc2_h": fro(h @ h.T / fro(h @ h.T) - etf),
        "nc3": fro(w / fro(w) - h / fro(h)),
        "w_norm": wn.mean(),
        "h_norm": hn.mean(),
        "equinorm_w": wn.std(ddof=1) / wn.mean(),
        "equinorm_h": hn.std(ddof=1) / hn.mean(),
        "max_angle_w": np.abs(cw + 1 / (k - 1)).mean(),
        "max_angle_h": np.abs(ch + 1 / (k - 1)).mean(),
        "equiangle_w": cw.std(ddof=1) if k > 2 else None,
        "equiangle_h": ch.std(ddof=1) if k > 2 else None,
        "ncc_error": (pred != y).mean(),
        "nc4": (pred != (x @ w.T + b).argmax(1)).mean(),
        "bias_alignment": fro(w @ g + b),
        "stable_rank": fro(h) ** 2 / np.linalg.norm(h, 2) ** 2,
    }


def precise_nc1(x, y, k, rank):
    """NC1 with 50 digits: tr(Σ_W Σ_B†)/K through the eigenvectors of H̄ᵀH̄."""
    n, d = x.shape
    rows = [[mp.mpf(float(v)) for v in r] for r in x]
    count = [int((y == c).sum()) for c in range(k)]
    mean = [[mp.fsum(rows[i][j] for i in range(n) if y[i] == c) / count[c] for j in range(d)] for c in range(k)]
    g = [mp.fsum(rows[i][j] for i in range(n)) / n for j in range(d)]
    h = mp.matrix(k, d)
    for c in range(k):
        for j in range(d):
            h[c, j] = mean[c][j] - g[j]
    val, vec = mp.eigsy(h * h.T)
    order = sorted(range(k), key=lambda r: -val[r])[:rank]
    total = mp.mpf(0)
    for r in order:
        u = [mp.fsum(h[c, j] * vec[c, r] for c in range(k)) for j in range(d)]  # length √val
        for i in range(n):
            p = mp.fsum((rows[i][j] - mean[y[i]][j]) * u[j] for j in range(d))
            total += p * p / val[r] ** 2
    return float(total / n)


def case(name, rng, k, d, counts, offset=0.0, spectrum=False):
    m = rng.standard_normal((k, d))
    if spectrum:
        u, _ = np.linalg.qr(rng.standard_normal((d, k - 1)))
        c = rng.standard_normal((k, k - 1))
        v, _ = np.linalg.qr(c - c.mean(0))
        m = (v * np.logspace(0, -6, k - 1)) @ u.T
    y = np.repeat(np.arange(k), counts)
    rng.shuffle(y)
    x = m[y] + 0.4 * rng.standard_normal((len(y), d)) + offset
    if spectrum:  # take the noise's class means away, so that H̄ keeps its spectrum
        e = x - m[y]
        for q in range(k):
            e[y == q] -= e[y == q].mean(0)
        x = m[y] + e + offset
    w = m * 0.5 + 0.3 * rng.standard_normal((k, d))
    b = rng.standard_normal(k)
    want = {"nc1": precise_nc1(x, y, k, k - 1)} if spectrum else plain(x, y, w, b)
    return {"name": name, "k": k, "d": d, "features": x.ravel().tolist(), "labels": y.tolist(),
            "weight": w.ravel().tolist(), "bias": b.tolist(),
            "want": {q: (np.asarray(v).tolist() if v is not None else None) for q, v in want.items()}}


rng = np.random.default_rng(2021)
json.dump([
    case("balanced", rng, 4, 6, [12] * 4),
    case("unbalanced", rng, 5, 7, [20, 3, 9, 1, 6]),
    case("two classes", rng, 2, 5, [10, 10]),
    case("d below K-1", rng, 6, 3, [9] * 6),
    case("spectrum", rng, 6, 10, [8] * 6, spectrum=True),
    case("spectrum with offset", rng, 6, 10, [8] * 6, offset=1.0, spectrum=True),
], sys.stdout)
sys.stdout.write("\n")
