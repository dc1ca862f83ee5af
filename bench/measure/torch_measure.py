"""Neural collapse the way the field computes it, from the textbook formulas, in
PyTorch: class means, the d×d within-class covariance, its product with the
pseudo-inverse of the between-class covariance, the nearest class mean by
distances, all in float32, in batches of 1,024 and on all cores.

    python bench/measure/torch_measure.py FILE.npz

Prints one JSON object; seconds runs from before the file is opened to the last
figure, without the interpreter's start and the imports.
"""

import json
import sys
import time

import numpy as np
import torch

BATCH = 1024


def etf(m, k):
    j = (torch.eye(k) - torch.ones(k, k) / k) / (k - 1) ** 0.5
    return torch.linalg.norm(m / torch.linalg.norm(m) - j).item()


@torch.no_grad()
def measure(path):
    arrays = np.load(path)
    x, y = torch.from_numpy(arrays["features"]), torch.from_numpy(arrays["labels"])
    w = torch.from_numpy(arrays["weight"]) if "weight" in arrays else None
    b = torch.from_numpy(arrays["bias"]) if "bias" in arrays else None
    n, d = x.shape
    k = int(y.max()) + 1

    sums, counts = torch.zeros(k, d), torch.bincount(y, minlength=k)
    for xb, yb in zip(x.split(BATCH), y.split(BATCH)):
        sums.index_add_(0, yb, xb)
    means = sums / counts[:, None]
    mean = sums.sum(0) / n
    h = means - mean

    within, wrong, misled, apart = torch.zeros(d, d), 0, 0, 0
    for xb, yb in zip(x.split(BATCH), y.split(BATCH)):
        c = xb - means[yb]
        within.addmm_(c.T, c)
        near = torch.cdist(xb, means).argmin(1)
        wrong += (near != yb).sum().item()
        if w is not None:
            given = torch.nn.functional.linear(xb, w, b).argmax(1)
            misled += (given != yb).sum().item()
            apart += (given != near).sum().item()
    within /= n
    between = h.T @ h / k
    out = {
        "n": n, "d": d, "k": k,
        "nc1": (torch.trace(within @ torch.linalg.pinv(between)) / k).item(),
        "nc1_quotient": (torch.trace(within) / torch.trace(between)).item(),
        "nc2_h": etf(h @ h.T, k),
        "h_norm": h.norm(dim=1).mean().item(),
        "ncc_error": wrong / n,
    }
    if w is not None:
        out |= {
            "nc2": etf(w @ h.T, k), "nc2_w": etf(w @ w.T, k),
            "nc3": torch.linalg.norm(w / w.norm() - h / h.norm()).item(),
            "w_norm": w.norm(dim=1).mean().item(), "nc4": apart / n, "error": misled / n,
        }
    return out


start = time.perf_counter()
figures = measure(sys.argv[1])
print(json.dumps(figures | {"seconds": time.perf_counter() - start}))
