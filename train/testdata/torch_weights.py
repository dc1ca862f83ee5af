"""Makes torch_resnet50.safetensors and torch_resnet18.npz, the state dictionaries of
two narrow networks of torchvision, and torch_weights.json, the logits that they give.

    python train/testdata/torch_weights.py train/testdata

resnet50 has the paper's stem and stands in DistributedDataParallel's and
torch.compile's names; resnet18 has torchvision's stem. Both have width 2 and 5 classes; images are those of torch_variants.py. Logits are
of evaluation mode, float32 on one thread. Written with torch 2.15.0, torchvision
0.29.2, safetensors 0.8.0, numpy 2.4.6.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch_networks import narrow, images

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(2021)
torch.set_num_threads(1)
torch.backends.mkldnn.enabled = False  # its kernels overrun the heap with so few channels

out = {"torch": torch.__version__, "logits": {}}
for name, stem, size, path in (("resnet50", "3x3", 16, "torch_resnet50.safetensors"), ("resnet18", "7x7", 32, "torch_resnet18.npz")):
    net = narrow(name, stem)
    with torch.no_grad():  # values that tell apart what initial ones and zeros do not
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.weight.uniform_(0.5, 1.5)
                m.bias.uniform_(-0.3, 0.3)
                m.running_mean.uniform_(-0.3, 0.3)
                m.running_var.uniform_(0.5, 1.5)
                m.num_batches_tracked += 100
    if path.endswith(".npz"):
        np.savez(folder / path, **{k: v.numpy() for k, v in net.state_dict().items()})
    else:
        save_file({"module._orig_mod." + k: v for k, v in net.state_dict().items()}, folder / path)
    with torch.no_grad():
        out["logits"][path] = net.eval()(images(size)).flatten().tolist()
(folder / "torch_weights.json").write_text(json.dumps(out) + "\n")
