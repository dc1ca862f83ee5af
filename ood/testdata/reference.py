"""Records reference.json: out-of-distribution scores of random features by pytorch-ood, scikit-learn and the
authors' formulas in numpy, for package ood's tests.

    python ood/testdata/reference.py

pytorch-ood computes in float32 and gives larger scores to foreign samples: they are negated. It has no NECO;
that is the authors' StandardScaler and PCA of scikit-learn. Its Mahalanobis distance is half the square for
the sum of squares in place of the covariance: it is multiplied by 2N, and RMD by N. Versions used are printed.
"""

import json
import pathlib

import numpy as np
import pytorch_ood
import scipy
import scipy.special
import sklearn
import torch
from pytorch_ood.detector import KNN, NCI, RMD, EnergyBased, Mahalanobis, MaxLogit, MaxSoftmax, ViM, fDBD
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from sklearn.preprocessing import StandardScaler

print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__, "torch", torch.__version__,
      "pytorch-ood", pytorch_ood.__version__)

T, NEIGHBOURS, VIM, NECO, ALPHA = 2.0, 7, 5, 4, 0.05


def formulas(x, train, y, w, b):
    """The scores of the authors' formulas in float64."""
    k = len(w)
    z = x @ w.T + b
    mu = train.mean(0)
    means = np.stack([train[y == c].mean(0) for c in range(k)])
    within = np.cov((train - means[y]).T, bias=True)
    total = EmpiricalCovariance().fit(train)
    wi, ti = np.linalg.pinv(within, hermitian=True), total.precision_
    md = np.stack([np.einsum("ij,jk,ik->i", x - m, wi, x - m) for m in means], 1)
    md0 = np.einsum("ij,jk,ik->i", x - mu, ti, x - mu)
    unit = lambda v: v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
    distance = np.sort(np.linalg.norm(unit(x)[:, None] - unit(train)[None], axis=2), 1)[:, NEIGHBOURS - 1]
    u = -np.linalg.pinv(w) @ b
    _, vectors = np.linalg.eigh(EmpiricalCovariance(assume_centered=True).fit(train - u).covariance_)
    null = vectors[:, :-VIM]
    alpha = (train @ w.T + b).max(1).mean() / np.linalg.norm((train - u) @ null, axis=1).mean()
    scaler = StandardScaler().fit(train)
    pca = PCA(NECO).fit(scaler.transform(train))
    g = scaler.transform(x)
    best = z.argmax(1)
    boundary = np.stack([np.where(best == c, 0, (z.max(1) - z[:, c]) / np.maximum(np.linalg.norm(w[best] - w[c], axis=1), 1e-300))
                         for c in range(k)], 1)
    return {
        "msp": scipy.special.softmax(z, 1).max(1), "max_logit": z.max(1), "energy": T * scipy.special.logsumexp(z / T, 1),
        "mahalanobis": -md.min(1), "relative_mahalanobis": md0 - md.min(1), "knn": -distance,
        "vim": scipy.special.logsumexp(z, 1) - alpha * np.linalg.norm((x - u) @ null, axis=1),
        "neco": np.linalg.norm(pca.transform(g), axis=1) / np.linalg.norm(g, axis=1),
        "nci": ((x - mu) * w[best]).sum(1) / np.linalg.norm(x - mu, axis=1) + ALPHA * np.abs(x).sum(1),
        "fdbd": boundary.sum(1) / (k - 1) / np.linalg.norm(x - mu, axis=1),
    }


def peer(x, train, y, w, b):
    """The scores of pytorch-ood."""
    f = lambda v: torch.tensor(v, dtype=torch.float32)
    head = torch.nn.Linear(w.shape[1], len(w))
    head.weight.data, head.bias.data = f(w), f(b)
    z, n = f(x) @ f(w).T + f(b), len(train)
    fitted = lambda detector: detector.fit_features(f(train), torch.tensor(y)).predict_features(f(x))
    return {name: (-v.double().detach().numpy()).tolist() for name, v in {
        "msp": MaxSoftmax.score(z), "max_logit": MaxLogit.score(z), "energy": EnergyBased.score(z, t=T),
        "mahalanobis": 2 * n * fitted(Mahalanobis(None)), "relative_mahalanobis": n * fitted(RMD(None)),
        "knn": fitted(KNN(None, k=NEIGHBOURS)), "vim": fitted(ViM(None, VIM, f(w), f(b))),
        "nci": fitted(NCI(None, head, alpha=ALPHA)), "fdbd": fitted(fDBD(None, head)),
    }.items()}


def detection(inside, outside):
    score, label = np.concatenate([inside, outside]), np.repeat([1, 0], [len(inside), len(outside)])
    fpr, tpr, _ = roc_curve(label, score, drop_intermediate=False)
    return {"auroc": roc_auc_score(label, score), "aupr_in": average_precision_score(label, score),
            "aupr_out": average_precision_score(1 - label, -score), "fpr95": fpr[np.argmax(tpr >= 0.95)]}


def case(name, rng, n, d, k, rank):
    # Features after a ReLU whose directions beyond rank do not vary.
    basis = np.eye(d)[:rank]
    means = 3 * rng.normal(size=(k, rank))
    y = np.arange(n) % k
    draw = lambda y: (np.maximum(means[y] + rng.normal(size=(len(y), rank)) @ mix, 0) @ basis).round(4)
    mix = rng.normal(size=(rank, rank)) / np.sqrt(rank) + np.eye(rank)
    train, inside = draw(y), draw(rng.integers(0, k, 50))
    outside = (np.maximum(2.5 * rng.normal(size=(40, d)), 0) + (0 if rank == d else 0.2)).round(4)
    w, b = (means @ basis / 3 + 0.3 * rng.normal(size=(k, d))).round(4), rng.normal(size=k).round(4)
    of = lambda f, x: f(x, train, y, w, b)
    a, o = of(formulas, inside), of(formulas, outside)
    out = {"name": name, "n": n, "d": d, "k": k, "train": train, "labels": y, "weight": w, "bias": b, "test": inside,
           "other": outside, "scores": {s: {"test": a[s], "other": o[s]} for s in a},
           "detection": {s: detection(a[s], o[s]) for s in a}}
    if rank == d:
        out["pytorch_ood"] = {s: {"test": v, "other": w} for (s, v), w in zip(of(peer, inside).items(), of(peer, outside).values())}
    return out


rng = np.random.default_rng(2021)
cases = [case("full rank", rng, 240, 10, 4, 10), case("singular", rng, 200, 12, 3, 9)]
path = pathlib.Path(__file__).with_name("reference.json")
text = json.dumps(cases, separators=(",", ":"), default=lambda v: v.ravel().tolist() if v.ndim else v.item())
path.write_text(text + "\n")
