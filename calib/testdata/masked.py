"""Records masked.json: NLL, Brier score, entropy, ECE, T and vector scaling by numpy and scipy of logits with
masked classes (−inf, written as null) and with extreme gaps, for package calib's tests.

    python calib/testdata/masked.py
"""

import json
import pathlib

import numpy as np
import scipy.optimize
import scipy.special


def nll(z, y):
    return -scipy.special.log_softmax(z, axis=1)[np.arange(len(y)), y].mean()


def values(z, y, bins=15):
    p = scipy.special.softmax(z, axis=1)
    one = np.eye(z.shape[1])[y]
    confidence, right = p.max(1), p.argmax(1) == y
    at = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    ece = sum(abs((right[at == b].astype(float) - confidence[at == b]).sum()) for b in range(bins)) / len(y)
    fit = scipy.optimize.minimize_scalar(lambda s: nll(np.exp(s) * z, y), bounds=(-9, 4), method="bounded",
                                         options={"xatol": 1e-12})
    return {"nll": nll(z, y), "brier": ((p - one) ** 2).sum(1).mean(), "ece": ece,
            "entropy": scipy.special.entr(p).sum(1).mean(), "temperature": np.exp(-fit.x), "nll_scaled": fit.fun}


def vector(z, y):
    k = z.shape[1]
    finite = np.where(np.isinf(z), 0, z)

    def loss(x):
        return nll(np.where(np.isinf(z), -np.inf, x[:k] * finite + x[k:]), y)

    return scipy.optimize.minimize(loss, np.r_[np.ones(k), np.zeros(k)], method="BFGS", options={"gtol": 1e-9}).fun


cases = []
g = np.random.default_rng(11)
for name, mask, gap in (("masked", -np.inf, None), ("mask −1e9", -1e9, None), ("gap", None, 300.0)):
    n, k = 200, 4
    z = np.round(g.normal(size=(n, k)) * 2, 3)
    y = (z + g.gumbel(size=z.shape)).argmax(1)
    if mask is not None:
        for i in range(0, n, 2):
            z[i, (y[i] + 1 + i // 2 % 3) % k] = mask
    if gap is not None:
        z[7] = -gap
        z[7, (y[7] + 1) % k] = 0
    want = values(z, y)
    if gap is None:
        want["nll_vector"] = vector(np.where(z == -1e9, -np.inf, z), y)
    cases.append({"name": name, "k": k, "labels": y.tolist(), "want": want,
                  "logits": [None if np.isinf(v) else v for v in z.ravel().tolist()]})
path = pathlib.Path(__file__).with_name("masked.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
