"""Narrow networks of torchvision and a batch of images, for the scripts beside."""

import numpy as np
import torch
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

BLOCKS = {"resnet18": (BasicBlock, [2, 2, 2, 2]), "resnet34": (BasicBlock, [3, 4, 6, 3]), "resnet50": (Bottleneck, [3, 4, 6, 3])}


def narrow(name, stem="3x3", width=2, classes=5):
    """torchvision's network of another width, with its stem (7x7) or the paper's (3x3)."""
    block, layers = BLOCKS[name]
    net = ResNet(block, layers, num_classes=classes)
    net.inplanes = width
    net.conv1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False)
    if stem == "3x3":
        net.conv1 = torch.nn.Conv2d(3, width, 3, 1, 1, bias=False)
        net.maxpool = torch.nn.Identity()
    net.bn1 = torch.nn.BatchNorm2d(width)
    for i, depth in enumerate(layers):
        setattr(net, f"layer{i + 1}", net._make_layer(block, width << i, depth, stride=1 if i == 0 else 2))
    net.fc = torch.nn.Linear(8 * width * block.expansion, classes)
    return net


def images(size, n=8):
    """n images of size×size by a formula that Go has too (testImages), as N×C×H×W."""
    v = np.arange(n * size * size * 3, dtype=np.uint64)
    v = v * 2654435761 % (1 << 32) >> 12
    v = v * 40503 % (1 << 16) >> 8
    x = v.astype(np.float32) / 64 - 2
    return torch.from_numpy(x.reshape(n, size, size, 3)).permute(0, 3, 1, 2).contiguous()
