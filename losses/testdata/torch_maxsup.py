"""Makes torch_maxsup.json: MaxSup and its gradient as PyTorch computes them.

    python losses/testdata/torch_maxsup.py losses/testdata/torch_maxsup.json

Logits of 7 samples and 5 classes in float32, of which the label's is the largest in some, from
ordinary to confidently right and wrong. The loss is cross entropy plus delta times the largest
logit less their mean (arXiv 2502.15798), in float64. Gradients are of the sum of the samples'
losses. Written with torch 2.15.0.
"""

import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(2021)
K = 5
z = torch.randn(7, K) * torch.tensor([0.5, 1, 2, 4, 8, 16, 0.01])[:, None]
y = torch.tensor([0, 1, 2, 3, 4, 0, 1])
y[::2] = z[::2].argmax(-1)

cases = []
for delta in [0.05, 0.2, 0.9]:
    x = z.double().requires_grad_()
    each = F.cross_entropy(x, y, reduction="none") + delta * (x.max(dim=1).values - x.mean(dim=1))
    each.sum().backward()
    cases.append({"loss": {"loss": "maxsup", "delta": delta}, "each": each.tolist(), "gradient": x.grad.tolist()})
with open(sys.argv[1], "w") as f:
    json.dump({"torch": torch.__version__, "logits": z.tolist(), "labels": y.tolist(), "cases": cases}, f, indent=1)
    f.write("\n")
