"""Runs the training step's benchmark: Collapse, JAX and PyTorch, side by side.

    python bench/train/run.py PATH_OF_COLLAPSE_BENCH [--width 16 64] [--rounds 5] [--torch PYTHON]

Run it with the Python of an environment made from bench/requirements.txt; the
argument is the program built from ./bench/train. --torch names a Python that
has PyTorch, which then takes part with both layouts of its images; with
--compile its compiled step takes part too. Each round runs all for a few
seconds, one after the other and in turns of order, so that what else happens on
the machine meets all. Prints each program's speeds, their medians, and the ratio
of Collapse's median to each peer's; of PyTorch's layouts the faster one counts.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("collapse")
parser.add_argument("--width", nargs="+", default=["16"])
parser.add_argument("--batch", default="128")
parser.add_argument("--seconds", default="8")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--torch", default="", metavar="PYTHON")
parser.add_argument("--compile", action="store_true")
args = parser.parse_args()

here = pathlib.Path(__file__).parent
speeds = (("images_per_second", "images/s"), ("images_per_cpu_second", "images/processor second"))


def measure(width):
    commands = {"collapse": [args.collapse], "jax": [sys.executable, here / "jax_resnet.py"]}
    if args.torch:
        torch = [args.torch, here / "torch_resnet.py"]
        commands["torch channels_last"] = torch
        commands["torch contiguous"] = [*torch, "--layout", "contiguous"]
        if args.compile:
            commands["torch compiled"] = [*torch, "--compile"]
    results = {name: [] for name in commands}
    for i in range(args.rounds):
        for name in list(commands)[:: 1 if i % 2 == 0 else -1]:
            command = [*map(str, commands[name]), "--width", width, "--batch", args.batch, "--seconds", args.seconds]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit(f"{name} failed with exit code {done.returncode}")
            result = json.loads(done.stdout.strip().splitlines()[-1])
            results[name].append(result)
            print(f"round {i + 1} {name:20}", *(f"{result[key]:8.1f} {words}" for key, words in speeds), flush=True)
    for key, words in speeds:
        median = {name: statistics.median(r[key] for r in rs) for name, rs in results.items()}
        peers = {name: median[name] for name in median if name in ("jax", "torch compiled")}
        plain = [median[name] for name in ("torch channels_last", "torch contiguous") if name in median]
        if plain:
            peers["torch"] = max(plain)
        print(f"median, width {width}, batch {args.batch}, load {os.getloadavg()[0]:.1f}: Collapse {median['collapse']:.1f} {words};",
              "; ".join(f"{name} {v:.1f}: ratio {median['collapse'] / v:.2f}" for name, v in peers.items()), flush=True)


for width in args.width:
    measure(width)
