"""Makes torch_parity.safetensors: what PyTorch computes for a small network.

    python models/testdata/torch_parity.py models/testdata/torch_parity.safetensors

A ResNet-18 of torchvision with the paper's stem and width 2 (d = 16), on images
8x8 in batches of 6. Recorded: the initial state; features and logits in both
modes; both losses and every gradient; ten steps of torch.optim.SGD (rate 0.01,
which keeps rounding from growing) with the
running statistics, in float32 on one thread. Tensors are PyTorch's layouts,
images are byte values in NHWC order. Written with torch 2.15.0, torchvision 0.29.2.
"""

import json
import struct
import sys

import numpy as np
import torch
import torchvision
from torchvision.models.resnet import BasicBlock, ResNet

torch.manual_seed(2021)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.mkldnn.enabled = False  # its kernels overrun the heap with so few channels

WIDTH, CLASSES, BATCH, BATCHES, STEPS, DELTA = 2, 5, 6, 4, 10, 0.05
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]


class Narrow(ResNet):
    """torchvision's ResNet-18 of another width, with the paper's stem."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=CLASSES)
        self.inplanes = WIDTH
        self.conv1 = torch.nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(WIDTH)
        self.maxpool = torch.nn.Identity()
        for i in range(4):
            layer = self._make_layer(BasicBlock, WIDTH << i, 2, stride=1 if i == 0 else 2)
            setattr(self, f"layer{i + 1}", layer)
        self.fc = torch.nn.Linear(8 * WIDTH, CLASSES)
        for m in self.modules():
            if isinstance(m, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.flatten(self.avgpool(x), 1)


out = {}


def keep(name, t):
    out[name] = np.ascontiguousarray(t.detach().numpy())


def keep_state(prefix, net):
    for name, t in net.state_dict().items():
        keep(prefix + name, t.clone())


net = Narrow()
with torch.no_grad():  # values that tell apart what initial ones and zeros do not
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.uniform_(0.5, 1.5)
            m.bias.uniform_(-0.3, 0.3)
            m.running_mean.uniform_(-0.3, 0.3)
            m.running_var.uniform_(0.5, 1.5)
keep_state("initial.", net)

pixels = torch.randint(0, 256, (BATCH * BATCHES, 8, 8, 3), dtype=torch.uint8)
labels = torch.randint(0, CLASSES, (BATCH * BATCHES,))
keep("images", pixels.float())
keep("labels", labels)
x = (pixels.permute(0, 3, 1, 2).float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]

net.eval()
keep("eval.features", net.features(x[:BATCH]))
keep("eval.logits", net(x[:BATCH]))
state = {k: v.clone() for k, v in net.state_dict().items()}
for loss, delta in (("ce", 0.0), ("ls", DELTA)):
    net.load_state_dict(state)
    net.train()
    net.zero_grad()
    h = net.features(x[:BATCH])
    z = net.fc(h)
    each = torch.nn.functional.cross_entropy(z, labels[:BATCH], label_smoothing=delta, reduction="none")
    each.mean().backward()
    keep(loss + ".losses", each)
    for name, p in net.named_parameters():
        keep(f"{loss}.grad.{name}", p.grad)
keep("train.features", h)
keep("train.logits", z)

net.load_state_dict(state)
net.train()
optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
step_losses = []
for i in range(STEPS):
    batch = slice(i % BATCHES * BATCH, (i % BATCHES + 1) * BATCH)
    optimiser.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x[batch]), labels[batch], label_smoothing=DELTA)
    loss.backward()
    optimiser.step()
    step_losses.append(loss.detach())
keep("step_losses", torch.stack(step_losses))
keep_state("final.", net)
for name, p in net.named_parameters():
    keep("momentum." + name, optimiser.state[p]["momentum_buffer"])

header, values = {"__metadata__": {"torch": torch.__version__, "torchvision": torchvision.__version__}}, b""
for name in sorted(out):
    a = out[name]
    kind = {"float32": "F32", "int64": "I64"}[a.dtype.name]
    header[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [len(values), len(values) + a.nbytes]}
    values += a.tobytes()
head = json.dumps(header).encode()
head += b" " * (-len(head) % 8)
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<Q", len(head)) + head + values)
