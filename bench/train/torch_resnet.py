"""The training step of the paper's ResNet-18 in PyTorch, as bench/train measures it.

The same network, batch, element type and step as Collapse's: gather and
normalise a batch of bytes, forward with batch normalisation in training mode,
backward, SGD with momentum and decay on all parameters. Prints one JSON object.

On a GPU (--device cuda) nothing waits for the device between two looks at the
clock, and memory is what PyTorch took from the device at most.
"""

import argparse
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seconds", type=float, default=20)
parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
parser.add_argument("--compile", action="store_true", help="use torch.compile, which needs a C++ compiler")
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="float32")
parser.add_argument("--wait", action="store_true", help="before measuring print ready and wait for the end of standard input")
args = parser.parse_args()
torch.manual_seed(2021)
cuda = args.device == "cuda"
if cuda:
    torch.backends.cudnn.benchmark = True
    # Not fp32_precision: torch.compile reads these, and PyTorch refuses a mixture of the two.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.precision == "tf32"


def conv(size, cin, cout, stride=1):
    return nn.Conv2d(cin, cout, size, stride, size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(3, cin, cout, stride), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = conv(3, cout, cout), nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(conv(1, cin, cout, stride), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return F.relu(y + x, inplace=True)


stages, cin = [], args.width
for stage in range(4):
    cout = args.width << stage
    stages += [Block(cin, cout, 1 if stage == 0 else 2), Block(cout, cout, 1)]
    cin = cout
model = nn.Sequential(
    conv(3, 3, args.width), nn.BatchNorm2d(args.width), nn.ReLU(inplace=True), *stages,
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(cin, 10))
layout = torch.channels_last if args.layout == "channels_last" else torch.contiguous_format
model = model.to(args.device, memory_format=layout).train()
optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, foreach=False, fused=True)
count = 4 * args.batch
images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, device=args.device).contiguous(memory_format=layout)
labels = torch.randint(0, 10, (count,), device=args.device)
order = torch.randperm(count, device=args.device)
forward = torch.compile(model) if args.compile else model


def run(i):
    index = order[i % 4 * args.batch:][:args.batch]
    x = ((images[index].float() / 255 - 0.5) / 0.25).contiguous(memory_format=layout)
    with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.precision == "bfloat16"):
        logits = forward(x)
    loss = F.cross_entropy(logits.float(), labels[index])
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss


def stretch(first, steps):
    """Runs steps and waits for the device."""
    for i in range(first, first + steps):
        loss = run(i)
    if cuda:
        torch.cuda.synchronize()
    return loss


# Steps between two looks at the clock: a GPU would be idle for a moment at each.
once = 50 if cuda else 1
begin = time.perf_counter()
stretch(0, 2)
compile_seconds = time.perf_counter() - begin
if cuda:
    stretch(2, once)
if args.wait:
    print("ready", flush=True)
    sys.stdin.read()
begin, begin_cpu, steps = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - begin < args.seconds:
    loss = stretch(steps + 2, once)
    steps += once
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
result = {
    "program": "torch", "backend": args.layout + (" compiled" if args.compile else ""),
    "device": torch.cuda.get_device_name() if cuda else "cpu", "precision": args.precision,
    "width": args.width, "batch": args.batch,
    "images_per_second": steps * args.batch / seconds,
    "images_per_cpu_second": steps * args.batch / cpu_seconds,
    "compile_seconds": compile_seconds, "loss": loss.item(), "version": torch.__version__,
}
if cuda:
    result["peak_memory_bytes"] = torch.cuda.max_memory_reserved()
print(json.dumps(result))
