"""Calibration with torchmetrics and scipy, for the benchmark of collapse calibrate: the
three errors in 15 bins, NLL, Brier score, and the temperature of the least NLL on half
of the samples, with the errors before and after it on the other half.

    python bench/calib/torch_calibrate.py FILE.npz

Prints one JSON object; seconds runs from before the file is opened, without the
interpreter's start and the imports.
"""

import json
import sys
import time

import numpy as np
import scipy.optimize
import torch
from torch.nn.functional import cross_entropy, one_hot
from torchmetrics.functional.classification import multiclass_calibration_error


@torch.no_grad()
def errors(z, y):
    p, k = torch.softmax(z, 1), z.shape[1]
    out = {norm: multiclass_calibration_error(p, y, num_classes=k, n_bins=15, norm=norm).item() for norm in ("l1", "l2", "max")}
    return out | {"nll": cross_entropy(z, y).item(), "brier": ((p - one_hot(y, k)) ** 2).sum(1).mean().item()}


@torch.no_grad()
def measure(path):
    arrays = np.load(path)
    z, y = torch.from_numpy(arrays["logits"]), torch.from_numpy(arrays["labels"])
    fit = torch.arange(len(y)) % 2 == 0
    best = scipy.optimize.minimize_scalar(lambda b: cross_entropy(z[fit] * b, y[fit]).item(), bounds=(0.05, 20), method="bounded")
    t = 1 / best.x
    return errors(z, y) | {"temperature": t, "scaled": errors(z[~fit] / t, y[~fit]), "unscaled_same": errors(z[~fit], y[~fit])}


start = time.perf_counter()
figures = measure(sys.argv[1])
print(json.dumps(figures | {"seconds": time.perf_counter() - start}))
