"""Makes torch_networks.json: parameter counts and state dictionaries of torchvision's
ResNets, and max-pooling with ties, as PyTorch has them.

    python models/testdata/torch_networks.py models/testdata/torch_networks.json

A dictionary is given as the SHA-256 of its lines "name shape", without
num_batches_tracked. Written with torch 2.15.0, torchvision 0.29.2.
"""

import hashlib
import json
import sys

import torch
import torchvision

torch.manual_seed(2021)
networks = []
for name in "resnet18", "resnet34", "resnet50":
    for stem in "7x7", "3x3":
        for classes in 1000, 10:
            net = getattr(torchvision.models, name)(num_classes=classes)
            if stem == "3x3":
                net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
                net.maxpool = torch.nn.Identity()
            lines = [f"{k} {list(v.shape)}\n" for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]
            networks.append({
                "name": name, "stem": stem, "classes": classes, "features": net.fc.in_features,
                "parameters": sum(p.numel() for p in net.parameters()),
                "state_dict": hashlib.sha256("".join(lines).replace(",", "").encode()).hexdigest(),
            })

pools = []
for size, stride, pad, height, width in (3, 2, 1, 7, 8), (3, 2, 1, 2, 5), (2, 2, 0, 6, 5), (3, 1, 1, 4, 4):
    x = torch.randint(-2, 2, (2, 3, height, width)).float().requires_grad_()  # many ties
    y = torch.nn.functional.max_pool2d(x, size, stride, pad)
    weight = torch.arange(1.0, y.numel() + 1).reshape(y.shape)
    (y * weight).sum().backward()
    nhwc = lambda t: t.detach().permute(0, 2, 3, 1)
    pools.append({
        "size": size, "stride": stride, "pad": pad, "shape": list(nhwc(x).shape), "x": nhwc(x).flatten().tolist(),
        "y": nhwc(y).flatten().tolist(), "weight": nhwc(weight).flatten().tolist(), "gradient": nhwc(x.grad).flatten().tolist(),
    })
with open(sys.argv[1], "w") as f:
    json.dump({"torch": torch.__version__, "torchvision": torchvision.__version__, "networks": networks, "pools": pools}, f)
    f.write("\n")
