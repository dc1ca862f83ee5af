"""Records selective.json: risk and coverage of random logits by numpy, scipy and scikit-learn, for package
calib's tests.

    python calib/testdata/selective.py

AURC is that of Geifman, Uziel and El-Yaniv (2019) over sorted samples; no two scores of these logits are equal,
but for the p-norm. AUGRC is scikit-learn's trapezoid over the samples accepted and wrong (Traub et al. 2024), and
its roc_auc_score in the identity of that paper. The p-norm is MaxLogit-pNorm of Cattelan and Silva (2024),
numpy.linalg.norm of logits less their mean. Versions used are printed.
"""

import json
import pathlib

import numpy as np
import scipy
import scipy.special
import sklearn
import sklearn.metrics

print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__)


def risk_coverage(score, right):
    assert len(np.unique(score)) == len(score)
    order = np.argsort(-score)
    risks = list(np.cumsum(~right[order]) / np.arange(1, len(score) + 1))
    n, error = len(score), 1 - right.mean()
    best = sum(max(0, i - right.sum()) / i for i in range(1, n + 1)) / n
    accepted = np.concatenate([[0], np.cumsum(~right[order])]) / n
    augrc = sklearn.metrics.auc(np.arange(n + 1) / n, accepted)
    auroc = sklearn.metrics.roc_auc_score(right, score)
    assert abs(augrc - ((1 - auroc) * error * (1 - error) + error**2 / 2)) < 1e-12
    return {"aurc": np.mean(risks), "eaurc": np.mean(risks) - best, "augrc": augrc, "risk_at_80": risks[int(0.8 * n) - 1],
            "risk_at_90": risks[int(0.9 * n) - 1], "coverage_at_1": max([i + 1 for i in range(n) if risks[i] <= 0.01], default=0) / n,
            "coverage_at_5": max([i + 1 for i in range(n) if risks[i] <= 0.05], default=0) / n}


def expected_aurc(score, right):
    """AURC where scores may be equal: each counts with the share of wrong ones among those that equal it."""
    values, group, count = np.unique(score, return_inverse=True, return_counts=True)
    share = np.bincount(group, ~right) / count
    order = np.argsort(-score)
    return np.mean(np.cumsum(share[group][order]) / np.arange(1, len(score) + 1))


def case(name, rng, n, k, scale):
    z = (rng.normal(size=(n, k)) * rng.uniform(0.5, 3, size=(n, 1)) + 0.3).round(6)
    y = np.argmax(z + scale * rng.normal(size=(n, k)), 1)
    right = z.argmax(1) == y
    p = scipy.special.softmax(z, 1)
    ps, zs = np.sort(p, 1), np.sort(z, 1)
    centred = z - z.mean(1, keepdims=True)
    scores = {"msp": ps[:, -1], "margin": ps[:, -1] - ps[:, -2], "logit_margin": zs[:, -1] - zs[:, -2],
              "entropy": -scipy.stats.entropy(p, axis=1)}
    if len(np.unique(zs[:, -1])) == n:
        scores["max_logit"] = zs[:, -1]
    pnorm = {}
    for v, key in ((centred, "centred"), (z, "plain")):
        norms = [np.ones(n)] + [np.linalg.norm(v, ord=q, axis=1) for q in range(1, 11)]
        pnorm[key] = [expected_aurc(v.max(1) / norm, right) for norm in norms]
    return {"name": name, "k": k, "logits": z.ravel().tolist(), "labels": y.tolist(), "pnorm": pnorm,
            "want": {s: risk_coverage(v, right) for s, v in scores.items()}}


rng = np.random.default_rng(2021)
cases = [case("accurate", rng, 400, 4, 0.5), case("poor", rng, 300, 10, 3.0)]
path = pathlib.Path(__file__).with_name("selective.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
