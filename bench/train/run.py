"""Runs the training step's benchmark: Collapse, JAX and PyTorch, side by side.

    python bench/train/run.py PATH_OF_COLLAPSE_BENCH [--width 16 64] [--rounds 5] [--torch PYTHON]
    python bench/train/run.py PATH_OF_COLLAPSE_BENCH --device cuda --precision float32 tf32 bfloat16 --json FILE …

Run it with the Python of an environment made from bench/requirements.txt; the
argument is the program built from ./bench/train. --torch names a Python that
has PyTorch, which then takes part with both layouts of its images; with
--compile its compiled step takes part too, and --no-jax leaves JAX out. Each
round runs all for a few seconds, one after the other and in turns of order, so
that what else happens on the machine meets all. Prints each program's speeds,
their medians, and the ratio of Collapse's median to each peer's; of PyTorch's
layouts the faster one counts.

--processes N also runs N copies of Collapse at once, and of PyTorch; what counts
is the sum of their speeds. Programs begin to measure when all copies are
compiled.

With --device cuda the first GPU's utilisation is the mean of nvidia-smi's
samples in the second half of the measured time, and its memory their maximum
over the program's whole life, of all that is on the GPU. A peer that fails is
left out. --json keeps every result, written again after each.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("collapse")
parser.add_argument("--width", nargs="+", default=["16"])
parser.add_argument("--batch", default="128")
parser.add_argument("--seconds", type=float, default=8)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--precision", nargs="+", choices=["float32", "tf32", "bfloat16"], default=["float32"])
parser.add_argument("--processes", type=int, default=1, metavar="N")
parser.add_argument("--torch", default="", metavar="PYTHON")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--no-jax", action="store_true")
parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
args = parser.parse_args()

here = pathlib.Path(__file__).parent
cuda = args.device == "cuda"
speeds = (("images_per_second", "images/s"), ("images_per_cpu_second", "images/processor second"))
# JAX fails without this device, and takes no more memory than it needs.
environment = {**os.environ, "JAX_PLATFORMS": args.device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
records = []


class Failed(Exception):
    pass


def watch(samples):
    """Adds (time, utilisation in %, memory in MiB) of the first GPU to samples until the process that it returns is ended."""
    # Into a pipe a program may write by the block: stdbuf makes it write by the line.
    smi = subprocess.Popen(["stdbuf", "-oL", "nvidia-smi", "--id=0", "--query-gpu=utilization.gpu,memory.used",
                            "--format=csv,noheader,nounits", "-lms", "200"], stdout=subprocess.PIPE, text=True)

    def read():
        for line in smi.stdout:
            values = [int(v) if v.strip().isdigit() else None for v in line.split(",")]  # some GPUs answer [N/A]
            if len(values) == 2:
                samples.append((time.perf_counter(), *values))

    threading.Thread(target=read, daemon=True).start()
    return smi


def run(command, copies):
    """Runs copies of a program, which begin to measure when all are ready, and returns their results joined."""
    samples = []
    smi = watch(samples) if cuda else None
    children = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(copies)]
    for child in children:
        while child.stdout.readline() not in ("ready\n", ""):  # nothing from one that failed
            pass
    begin = time.perf_counter()
    for child in children:
        child.stdin.close()
    outputs = [child.stdout.read() for child in children]
    codes = [child.wait() for child in children]
    if smi:
        smi.terminate()
        smi.wait()
    if any(codes):
        raise Failed(f"failed with exit code {max(codes, key=abs)}")
    result = join([json.loads(out.strip().splitlines()[-1]) for out in outputs])
    if result["program"] == "collapse" and ("cuda" in result["backend"]) != cuda:
        raise Failed(f"ran on {result['backend']}: set GOMLX_BACKEND=xla:{args.device}")
    if cuda:
        half = [u for t, u, _ in samples if u is not None and begin + args.seconds / 2 <= t <= begin + args.seconds]
        result["gpu_utilisation_percent"] = round(statistics.mean(half), 1) if half else None
        result["gpu_memory_mib"] = max((m for _, _, m in samples if m is not None), default=None)
    return result


def join(results):
    """Returns what all results agree on, the sums of their speeds, and each of them."""
    if len(results) == 1:
        return results[0]
    joined = {key: v for key, v in results[0].items() if all(r[key] == v for r in results)}
    for kind in ("images", "eval_images"):
        wall, cpu = kind + "_per_second", kind + "_per_cpu_second"
        if wall in results[0]:
            joined[wall] = sum(r[wall] for r in results)
            joined[cpu] = joined[wall] / sum(r[wall] / r[cpu] for r in results)
    return {**joined, "each": results}


def measure(width, precision):
    flags = ["--width", width, "--batch", args.batch, "--seconds", args.seconds, "--precision", precision, "--wait"]
    commands = {"collapse": [args.collapse]}
    if not args.no_jax:
        commands["jax"] = [sys.executable, here / "jax_resnet.py"]
    if args.torch:
        torch = [args.torch, here / "torch_resnet.py", "--device", args.device]
        commands["torch channels_last"] = torch
        commands["torch contiguous"] = [*torch, "--layout", "contiguous"]
        if args.compile:
            commands["torch compiled"] = [*torch, "--compile"]
    numbers = sorted({1, args.processes})
    results = {(name, n): [] for n in numbers for name in commands if n == 1 or name != "jax"}
    for i in range(args.rounds):
        for name, n in list(results)[:: 1 if i % 2 == 0 else -1]:
            label = name if n == 1 else f"{name} x{n}"
            try:
                result = run([str(c) for c in commands[name] + flags], n)
            except Failed as e:
                if name == "collapse" or not cuda:
                    sys.exit(f"{label} {e}")
                print(f"round {i + 1} {label} {e}; it is left out", flush=True)
                del results[name, n]
                continue
            results[name, n].append(result)
            records.append({"round": i + 1, "name": name, "processes": n, **result})
            if args.json:
                args.json.write_text(json.dumps(records, indent=1) + "\n")
            words = [f"{result[key]:8.1f} {words}" for key, words in speeds]
            if cuda:
                words.append(f"utilisation {result['gpu_utilisation_percent']} %, {result['gpu_memory_mib']} MiB")
            print(f"round {i + 1} {label:20}", *words, flush=True)
    for n in numbers:
        for key, words in speeds:
            median = {name: statistics.median(r[key] for r in rs) for (name, m), rs in results.items() if m == n}
            peers = {name: median[name] for name in median if name in ("jax", "torch compiled")}
            plain = [median[name] for name in ("torch channels_last", "torch contiguous") if name in median]
            if plain:
                peers["torch"] = max(plain)
            what = [f"median, width {width}", f"batch {args.batch}", precision, results["collapse", n][0]["device"], f"load {os.getloadavg()[0]:.1f}"]
            if n > 1:
                what.insert(1, f"{n} processes")
            print(", ".join(what) + ": " + "; ".join([f"Collapse {median['collapse']:.1f} {words}"] + [
                f"{name} {v:.1f}: ratio {median['collapse'] / v:.2f}" for name, v in peers.items()]), flush=True)


for precision in args.precision:
    for width in args.width:
        measure(width, precision)
