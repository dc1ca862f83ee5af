"""Loads files of WriteWeights into torchvision's networks with strict=True and
compares PyTorch's logits with Collapse's.

    python train/testdata/torch_strict.py DIR

TestWriteWeightsStrict writes the files and runs this, under COLLAPSE_TORCH_PYTHON.
DIR then holds NAME.safetensors, NAME.npz and NAME.json (stem, size of the images,
logits) of each network.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file
from torch_networks import images, narrow

print("torch", torch.__version__, "torchvision", torchvision.__version__, "numpy", np.__version__)
torch.backends.mkldnn.enabled = False
worst = 0.0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    about = json.loads(path.read_text())
    for kind in "safetensors", "npz":
        file = path.with_suffix("." + kind)
        state = load_file(file) if kind == "safetensors" else {k: torch.from_numpy(v) for k, v in np.load(file).items()}
        net = narrow(about["model"], about["stem"], about["width"], about["classes"])
        print(file.name, net.load_state_dict(state, strict=True), end=" ")
        with torch.no_grad():
            got = net.eval()(images(about["size"])).flatten()
        want = torch.tensor(about["logits"])
        difference = ((got - want).abs().max() / want.abs().max()).item()
        worst = max(worst, difference)
        print(f"largest difference of a logit, relative to the largest: {difference:.1e}")
assert worst < 1e-5, worst
