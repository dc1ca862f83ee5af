"""The benchmark of collapse measure: beside PyTorch, in one call.

    python bench/measure/run.py PATH_OF_COLLAPSE [--sizes 50000x512x10,…] [--rounds 3]

Run it with the Python of an environment made from bench/measure/requirements.txt.
For each size N×d×K it writes one .npz and measures it with `collapse measure
--json` and with torch_measure.py, in turns. Collapse is timed from start to finish
of its process, PyTorch without its interpreter's start and imports. Prints both
medians, the peak resident memory of the processes and how far NC1 differs.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from peer import run  # noqa: E402, the folder is not a package

parser = argparse.ArgumentParser()
parser.add_argument("collapse")
parser.add_argument("--sizes", default="50000x512x10,50000x2048x100,200000x2048x1000")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--classifier", action="store_true", help="the file holds a weight, and both measure NC2 to NC4 too")
parser.add_argument("--folder", help="where the files are written (default: a temporary folder)")
args = parser.parse_args()

print("| N×d×K | PyTorch, s | Collapse, s | ratio | PyTorch, MB | Collapse, MB | ratio | NC1 differs by |")
print("|---|---|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory(dir=args.folder) as folder:
    for size in args.sizes.split(","):
        path = str(pathlib.Path(folder) / "features.npz")
        extra = ["--classifier"] if args.classifier else []
        subprocess.run([sys.executable, str(here / "make.py"), path, *size.split("x"), *extra], check=True)
        ours, theirs = [], []
        for i in range(args.rounds):
            for peer in (True, False) if i % 2 == 0 else (False, True):
                if peer:
                    result, _, memory = run([sys.executable, str(here / "torch_measure.py"), path])
                    theirs.append((result["seconds"], memory, result["nc1"]))
                else:
                    result, seconds, memory = run([args.collapse, "measure", "--features", path, "--json"])
                    ours.append((seconds, memory, result["nc1"]))
        (s, m, v), (ts, tm, tv) = ([statistics.median(c) for c in zip(*r)] for r in (ours, theirs))
        print(f"| {size.replace('x', '×')} | {ts:.2f} | {s:.2f} | {s / ts:.2f} | {tm:.0f} | {m:.0f} | {m / tm:.2f} | {abs(v - tv) / v:.0e} |", flush=True)
        os.remove(path)
