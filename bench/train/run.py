"""Runs the training step's benchmark: Collapse and JAX, side by side.

    python bench/train/run.py PATH_OF_COLLAPSE_BENCH [--width 16] [--rounds 3]

Run it with the Python of an environment made from bench/requirements.txt; the
argument is the program built from ./bench/train. Each round runs both for a few
seconds, one after the other and in turns of order, so that what else happens on
the machine meets both. Prints each program's speeds and the ratio of medians.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("collapse")
parser.add_argument("--width", default="16")
parser.add_argument("--batch", default="128")
parser.add_argument("--seconds", default="8")
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()

jax = str(pathlib.Path(__file__).with_name("jax_resnet.py"))
common = ["--width", args.width, "--batch", args.batch, "--seconds", args.seconds]
commands = {"collapse": [args.collapse, *common], "jax": [sys.executable, jax, *common]}
results = {name: [] for name in commands}
for i in range(args.rounds):
    for name in list(commands)[:: 1 if i % 2 == 0 else -1]:
        done = subprocess.run(commands[name], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{name} failed with exit code {done.returncode}")
        result = json.loads(done.stdout.strip().splitlines()[-1])
        results[name].append(result)
        print(f"{name:9} {result['backend']:8} {result['images_per_second']:8.1f} images/s"
              f" {result['images_per_cpu_second']:8.1f} images/processor second", flush=True)
for key, words in (("images_per_second", "images/s"), ("images_per_cpu_second", "images/processor second")):
    mine, theirs = (statistics.median(r[key] for r in results[name]) for name in ("collapse", "jax"))
    print(f"median, width {args.width}, batch {args.batch}: Collapse {mine:.1f}, JAX {theirs:.1f} {words}: ratio {mine / theirs:.2f}")
