"""Makes torch_resnet50.safetensors and torch_resnet18.safetensors: what PyTorch
computes for small networks.

    python models/testdata/torch_variants.py models/testdata

torchvision's ResNet-50 with the paper's stem on images 16x16, and its ResNet-18
with its own stem (7x7, max-pooling) and BatchNorm1d on the features on images
32x32; both of width 2, in batches of 8. Recorded in float32 on one thread: the
initial state; features and logits in both modes; every stage's average over the
image; losses (label smoothing 0.05) and every gradient; ten steps of
torch.optim.SGD. The last normalisation of each block is small, which keeps
rounding from growing over the steps. State and gradients are flat, in the order
of the state dictionary without num_batches_tracked.
Written with torch 2.15.0, torchvision 0.29.2.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torchvision
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.mkldnn.enabled = False  # its kernels overrun the heap with so few channels

WIDTH, CLASSES, BATCH, BATCHES, STEPS, DELTA, RATE = 2, 5, 8, 4, 10, 0.05, 0.01


class Narrow(ResNet):
    """torchvision's ResNet of another width."""

    def __init__(self, block, depths, paper):
        super().__init__(block, depths, num_classes=CLASSES)
        self.inplanes = WIDTH
        if paper:
            self.conv1 = torch.nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False)
            self.maxpool = torch.nn.Identity()
        else:
            self.conv1 = torch.nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(WIDTH)
        for i, depth in enumerate(depths):
            setattr(self, f"layer{i + 1}", self._make_layer(block, WIDTH << i, depth, stride=1 if i == 0 else 2))
        features = 8 * WIDTH * block.expansion
        del self.fc
        self.feature_norm = torch.nn.Identity() if paper else torch.nn.BatchNorm1d(features)
        self.fc = torch.nn.Linear(features, CLASSES)
        for m in self.modules():
            if isinstance(m, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        out = [x]
        for layer in self.layer1, self.layer2, self.layer3, self.layer4:
            x = layer(x)
            out.append(x)
        return [t.mean((2, 3)) for t in out]

    def features(self, x):
        return self.feature_norm(self.stages(x)[-1])


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def state(net):
    return [v.clone() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]


def images(size):
    """Batches of noise that a line of any language makes again."""
    i = np.arange(BATCHES * BATCH * size * size * 3, dtype=np.uint64)
    v = (i * 2654435761 % 2**32 >> 12) * 40503 % 2**16 >> 8
    x = v.astype(np.float32) / 64 - 2
    return torch.from_numpy(x.reshape(BATCHES, BATCH, size, size, 3)).permute(0, 1, 4, 2, 3).contiguous()


def record(path, block, depths, paper, size):
    torch.manual_seed(2021)
    net = Narrow(block, depths, paper)
    with torch.no_grad():  # values that tell apart what initial ones and zeros do not
        for m in net.modules():
            if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                m.weight.uniform_(0.5, 1.5)
                m.bias.uniform_(-0.3, 0.3)
                m.running_mean.uniform_(-0.3, 0.3)
                m.running_var.uniform_(0.5, 1.5)
        for m in net.modules():
            if isinstance(m, (BasicBlock, Bottleneck)):
                (m.bn3 if isinstance(m, Bottleneck) else m.bn2).weight.uniform_(0.05, 0.15)
    x = images(size)
    y = torch.arange(BATCH) % CLASSES
    out = {"initial": flat(state(net))}

    net.eval()
    out["eval.features"] = flat([net.features(x[0])])
    out["eval.logits"] = flat([net.fc(net.features(x[0]))])
    out["eval.stages"] = flat(net.stages(x[0]))

    optimiser = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)
    net.train()
    steps = []
    for i in range(STEPS):
        optimiser.zero_grad()
        h = net.features(x[i % BATCHES])
        z = net.fc(h)
        each = torch.nn.functional.cross_entropy(z, y, label_smoothing=DELTA, reduction="none")
        each.mean().backward()
        if i == 0:
            out["train.features"], out["train.logits"], out["losses"] = flat([h]), flat([z]), flat([each])
            out["gradient"] = flat([p.grad for p in net.parameters()])
        optimiser.step()
        steps.append(each.mean())
    out["step_losses"] = flat(steps)
    out["final"] = flat(state(net))

    header, values = {"__metadata__": {"torch": torch.__version__, "torchvision": torchvision.__version__}}, b""
    for name in sorted(out):
        a = out[name]
        assert a.dtype == np.float32
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(values), len(values) + a.nbytes]}
        values += a.tobytes()
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + values)
    print(path.name, steps[0].item(), steps[-1].item(), np.abs(out["gradient"]).max())


folder = pathlib.Path(sys.argv[1])
record(folder / "torch_resnet50.safetensors", Bottleneck, [3, 4, 6, 3], True, 16)
record(folder / "torch_resnet18.safetensors", BasicBlock, [2, 2, 2, 2], False, 32)
