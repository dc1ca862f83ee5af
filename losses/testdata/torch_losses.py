"""Makes torch_losses.json: losses and gradients as PyTorch computes them.

    python losses/testdata/torch_losses.py losses/testdata/torch_losses.json

Logits of 7 samples and 5 classes in float32, from ordinary to confidently right
and wrong. Cross entropy, label smoothing and MSE are torch.nn.functional's; the focal
loss is the formula of torchvision's sigmoid_focal_loss written for a softmax, and the
rescaled square loss that of Hui and Belkin (2021), both in float64. Gradients
are of the sum of the samples' losses. Written with torch 2.15.0.
"""

import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(2021)
K = 5
z = torch.randn(7, K) * torch.tensor([0.5, 1, 2, 4, 8, 16, 0])[:, None]
y = torch.tensor([0, 1, 2, 3, 4, 0, 1])
one_hot = F.one_hot(y, K).double()


def smoothing(delta):
    return lambda z: F.cross_entropy(z, y, label_smoothing=delta, reduction="none")


def focal(gamma):
    def loss(z):
        logp = F.log_softmax(z.double(), -1).gather(1, y[:, None])[:, 0]
        return (1 - logp.exp()) ** gamma * -logp

    return loss


def mse(z):
    return F.mse_loss(z, one_hot.to(z.dtype), reduction="none").mean(-1)


def rescaled(k, m):
    def loss(z):
        z = z.double()
        return (one_hot * k * (z - m) ** 2 + (1 - one_hot) * z**2).sum(-1) / K

    return loss


cases = []
for name, parameters, loss in [
    ("ce", {}, smoothing(0.0)),
    ("ls", {"delta": 0.05}, smoothing(0.05)),
    ("ls", {"delta": 0.9}, smoothing(0.9)),
    ("focal", {"focal_gamma": 0.5}, focal(0.5)),
    ("focal", {"focal_gamma": 2}, focal(2)),
    ("focal", {"focal_gamma": 3}, focal(3)),
    ("mse", {}, mse),
    ("mse-resc", {"mse_weight": 15, "mse_target": 30}, rescaled(15, 30)),
]:
    x = z.clone().requires_grad_()
    each = loss(x)
    each.sum().backward()
    cases.append({"loss": {"loss": name, **parameters}, "each": each.tolist(), "gradient": x.grad.tolist()})
with open(sys.argv[1], "w") as f:
    json.dump({"torch": torch.__version__, "logits": z.tolist(), "labels": y.tolist(), "cases": cases}, f, indent=1)
    f.write("\n")
