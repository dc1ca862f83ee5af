"""Records reference.json: calibration figures of torchmetrics, scipy, scikit-learn and
relplot on random logits, for package calib's tests.

    python calib/testdata/reference.py

torchmetrics' bins are [lo, hi), ours (lo, hi]: no confidence lies within 1e-6 of an
edge or of 1, so both agree. Versions used are printed.
"""

import json
import pathlib

import numpy as np
import relplot
import scipy
import scipy.optimize
import torch
import torchmetrics
from torchmetrics.functional.classification import multiclass_calibration_error

# Its 200 points count the two at the ends as whole ones; with more that is nothing.
relplot.config.smECE_mesh_pts = 20001

print("numpy", np.__version__, "scipy", scipy.__version__, "torch", torch.__version__, "torchmetrics", torchmetrics.__version__)


def figures(z, y):
    z64 = torch.tensor(z, dtype=torch.float64)
    p = torch.softmax(z64, 1)
    t = torch.tensor(y)
    out = {}
    for bins in (15, 20):
        for norm in ("l1", "l2", "max"):
            out[f"{norm}_{bins}"] = multiclass_calibration_error(p, t, num_classes=z.shape[1], n_bins=bins, norm=norm).item()
    out["nll"] = torch.nn.functional.cross_entropy(z64, t).item()
    out["brier"] = ((p - torch.nn.functional.one_hot(t, z.shape[1])) ** 2).sum(1).mean().item()
    out["entropy"] = scipy.stats.entropy(p.numpy(), axis=1).mean()
    fit = scipy.optimize.minimize_scalar(
        lambda b: torch.nn.functional.cross_entropy(z64 * b, t).item(), bounds=(0.05, 20), method="bounded", options={"xatol": 1e-12})
    out["temperature"] = 1 / fit.x
    out["nll_scaled"] = fit.fun
    confidence, right = p.max(1).values.numpy(), (p.argmax(1) == t).double().numpy()
    # relplot's reflection counts what lies in the last cell of its grid once instead of
    # twice, so that with many confidences of almost 1 its weights do not sum to 1.
    if (confidence > 0.999).mean() > 0.01:
        return out
    out["smece"] = float(relplot.smECE(confidence, right))
    out["smece_sigma_0.1"] = float(relplot.metrics.smECE_sigma(confidence, right, sigma=0.1))
    return out


def clear(z, margin=1e-6):
    """Takes rows out whose confidence lies on an edge of 15 or 20 bins."""
    c = torch.softmax(torch.tensor(z, dtype=torch.float64), 1).max(1).values.numpy()
    ok = c < 1 - margin
    for bins in (15, 20):
        ok &= np.abs(c * bins - np.round(c * bins)) > margin * bins
    return ok


cases = []
rng = np.random.default_rng(7)
for name, n, k, scale in (("over-confident", 400, 5, 3.0), ("under-confident", 300, 3, 0.4), ("two classes", 250, 2, 1.5), ("many", 300, 20, 2.0)):
    y = rng.integers(0, k, n)
    z = rng.standard_normal((n, k))
    z[np.arange(n), y] += 1.2
    z = np.round(scale * z, 4)
    ok = clear(z)
    z, y = z[ok], y[ok]
    cases.append({"name": name, "k": k, "logits": z.ravel().tolist(), "labels": y.tolist(), "want": figures(z, y)})
path = pathlib.Path(__file__).with_name("reference.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
