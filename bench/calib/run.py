"""The benchmark of collapse calibrate: beside torchmetrics, in one call.

    python bench/calib/run.py PATH_OF_COLLAPSE [--sizes 10000x10,…] [--rounds 3]

Run it with the Python of an environment made from bench/calib/requirements.txt. For
each size N×K both read the same .npz, in turns. Collapse is timed from start to finish
of its process, once with --fast, which is what torchmetrics measures and adaptive ECE
besides, and once with everything; torchmetrics is timed without its interpreter's
start and imports.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from peer import run  # noqa: E402, the folder is not a package

parser = argparse.ArgumentParser()
parser.add_argument("collapse")
parser.add_argument("--sizes", default="10000x10,1000000x10,50000x1000")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--folder", help="where the files are written (default: a temporary folder)")
args = parser.parse_args()

print("| N×K | torchmetrics, s | Collapse --fast, s | ratio | Collapse, s | MB | ECE differs by |")
print("|---|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory(dir=args.folder) as folder:
    for size in args.sizes.split(","):
        n, k = map(int, size.split("x"))
        path = str(pathlib.Path(folder) / "logits.npz")
        rng = np.random.default_rng(1)
        z, y = 2 * rng.standard_normal((n, k), dtype=np.float32), rng.integers(0, k, n)
        z[np.arange(n), y] += 3
        np.savez(path, logits=z, labels=y)
        del z
        ours, whole, theirs = [], [], []
        common = [args.collapse, "calibrate", "--logits", path, "--json"]
        for i in range(args.rounds):
            for program in ("torch", "fast", "whole")[:: 1 if i % 2 == 0 else -1]:
                if program == "torch":
                    result, _, _ = run([sys.executable, str(here / "torch_calibrate.py"), path])
                    theirs.append((result["seconds"], result["l1"]))
                elif program == "fast":
                    result, seconds, _ = run([*common, "--fast"])
                    ours.append((seconds, result["ece"]))
                else:
                    _, seconds, memory = run(common)
                    whole.append((seconds, memory))
        (s, v), (ts, tv), (ws, m) = ([statistics.median(c) for c in zip(*r)] for r in (ours, theirs, whole))
        print(f"| {size.replace('x', '×')} | {ts:.2f} | {s:.2f} | {s / ts:.2f} | {ws:.2f} | {m:.0f} | {abs(v - tv):.0e} |", flush=True)
        os.remove(path)
