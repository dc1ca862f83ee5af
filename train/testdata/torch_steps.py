"""Makes torch_steps.safetensors: steps of PyTorch's optimisers.

    python train/testdata/torch_steps.py models/testdata/torch_parity.safetensors train/testdata/torch_steps.safetensors

For each optimiser ten steps of the network "cnn" of width 2 on images 16x16 in batches of 12,
of 5 classes under cross entropy: the final state and the optimiser's buffers. And four steps of SGD on
the ResNet-18 of models/testdata/torch_parity.py, from its initial state, on images 8x8, each
batch of 12 (the last one of 11) in three parts whose gradients are added up. In
float32 on one thread; arrays are flat, in the order of the state dictionary
without num_batches_tracked. Written with torch 2.15.0, torchvision 0.29.2.
"""

import importlib.util
import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.mkldnn.enabled = False  # its kernels overrun the heap with so few channels

CLASSES, BATCH = 5, 12
out = {}


class CNN(nn.Module):
    """Package models' cnn."""

    def __init__(self, width):
        super().__init__()
        channels = [3] + [width << i for i in range(4)]
        for i in range(4):
            setattr(self, f"conv{i + 1}", nn.Conv2d(channels[i], channels[i + 1], 3, 1, 1, bias=False))
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(channels[i + 1]))
        self.fc = nn.Linear(channels[-1], CLASSES)

    def forward(self, x):
        for i in range(4):
            if i > 0:
                x = F.max_pool2d(x, 2)
            x = F.relu(getattr(self, f"bn{i + 1}")(getattr(self, f"conv{i + 1}")(x)))
        return self.fc(x.mean((2, 3)))


def images(n, size):
    """n images of noise that a line of any language makes again, (x/255 - 1/2)/(1/4)."""
    i = np.arange(n * size * size * 3, dtype=np.uint64)
    v = (i * 2654435761 % 2**32 >> 12) * 40503 % 2**16 >> 8
    x = torch.from_numpy(v.astype(np.float32).reshape(n, size, size, 3)).permute(0, 3, 1, 2)
    return ((x / 255 - 0.5) / 0.25).contiguous()


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def state(net):
    return [v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]


def groups(net, decay):
    """Decay on weights only: neither biases nor batch normalisation."""
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0}]


def steps(name, make, buffers, schedule=None):
    torch.manual_seed(2021)
    net = CNN(2)
    with torch.no_grad():  # values that tell apart what initial ones and zeros do not
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.weight.uniform_(0.5, 1.5)
                m.bias.uniform_(-0.3, 0.3)
    out["initial"] = flat(state(net))
    optimiser = make(net)
    scheduler = schedule(optimiser) if schedule else None
    x, y = images(4 * BATCH, 16), torch.arange(4 * BATCH) % CLASSES
    losses = []
    for i in range(10):
        b = slice(i % 4 * BATCH, (i % 4 + 1) * BATCH)
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x[b]), y[b])
        loss.backward()
        optimiser.step()
        if scheduler:
            scheduler.step()
        losses.append(loss)
    out[name + ".losses"], out[name + ".final"] = flat(losses), flat(state(net))
    for key in buffers:
        out[name + "." + key] = flat([optimiser.state[p][key] for p in net.parameters()])


optim, momentum = torch.optim, ["momentum_buffer"]
moments = ["exp_avg", "exp_avg_sq"]
steps("nesterov", lambda n: optim.SGD(n.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=True), momentum)
steps("weights", lambda n: optim.SGD(groups(n, 0.05), 0.01, 0.9), momentum)
steps("adam", lambda n: optim.Adam(n.parameters(), 1e-3, weight_decay=1e-2), moments)
steps("adamw", lambda n: optim.AdamW(groups(n, 0.1), 1e-3, betas=(0.8, 0.999)), moments)
steps("cosine", lambda n: optim.SGD(n.parameters(), 0.02, 0.9, weight_decay=5e-4), momentum,
      lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=10))

# Narrow of torch_parity.py, without running it.
source = (pathlib.Path(__file__).parents[2] / "models/testdata/torch_parity.py").read_text()
spec = importlib.util.spec_from_loader("parity", None)
parity = importlib.util.module_from_spec(spec)
exec(source[: source.index("out = {}")], parity.__dict__)
net = parity.Narrow()
raw = pathlib.Path(sys.argv[1]).read_bytes()
length = struct.unpack("<Q", raw[:8])[0]
index = json.loads(raw[8 : 8 + length])
with torch.no_grad():
    for k, v in net.state_dict().items():
        if not k.endswith("num_batches_tracked"):
            first, last = index["initial." + k]["data_offsets"]
            v.copy_(torch.frombuffer(bytearray(raw[8 + length + first : 8 + length + last]), dtype=torch.float32).view(v.shape))
optimiser = optim.SGD(net.parameters(), 0.01, 0.9, weight_decay=5e-4)
x, y = images(4 * BATCH, 8), torch.arange(4 * BATCH) % CLASSES
losses = []
for i in range(4):
    b = slice(i * BATCH, (i + 1) * BATCH - (i == 3))
    optimiser.zero_grad()
    total = 0
    for part, labels in zip(x[b].chunk(3), y[b].chunk(3)):
        loss = F.cross_entropy(net(part), labels) * len(labels) / len(y[b])
        loss.backward()
        total += loss.detach()
    optimiser.step()
    losses.append(total)
out["accumulate.losses"], out["accumulate.final"] = flat(losses), flat(state(net))

header, values = {"__metadata__": {"torch": torch.__version__}}, b""
for name in sorted(out):
    a = out[name]
    assert a.dtype == np.float32
    header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(values), len(values) + a.nbytes]}
    values += a.tobytes()
head = json.dumps(header).encode()
head += b" " * (-len(head) % 8)
pathlib.Path(sys.argv[2]).write_bytes(struct.pack("<Q", len(head)) + head + values)
