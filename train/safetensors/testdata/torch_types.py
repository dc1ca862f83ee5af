"""Makes torch_types.safetensors: arrays of other floating-point types, and what
PyTorch converts them to.

    python train/safetensors/testdata/torch_types.py train/safetensors/testdata/torch_types.safetensors

Of float16 every 17th bit pattern, of bfloat16 every 61st, with the zeros,
infinities, NaNs and ends of the subnormals; of float64 values that round up, down
and to even. Written with torch 2.15.0, safetensors 0.8.0.
"""

import sys

import torch
from safetensors.torch import save_file

edges = [0, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x7F80, 0x7FC0]
bits = lambda step: torch.tensor([v for e in edges for v in (e, e | 0x8000)] + list(range(0, 1 << 16, step))).to(torch.uint16)
half, bfloat16 = bits(17).view(torch.float16), bits(61).view(torch.bfloat16)
double = torch.tensor([0.1, -1 / 3, 1 + 2**-24, 1 + 3 * 2**-24, 1 + 2**-24 + 2**-50, 1e-40, 1e-46, -0.0, 3.4028235e38, float("inf"), float("nan")],
                      dtype=torch.float64)
arrays = {"half": half, "bfloat16": bfloat16, "double": double}
save_file({**arrays, **{k + ".float": v.float() for k, v in arrays.items()}}, sys.argv[1])
