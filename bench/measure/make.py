"""Writes features for the benchmark of collapse measure.

    python bench/measure/make.py OUT.npz N D K [--classifier]

Class means and noise are normal, float32, balanced, seed 1; written piece by
piece, so that memory does not grow with N. With --classifier the file holds a
weight and a bias besides.
"""

import sys
import zipfile

import numpy as np

out, n, d, k = sys.argv[1], *map(int, sys.argv[2:5])
rng = np.random.default_rng(1)
means = rng.standard_normal((k, d), dtype=np.float32)
labels = (np.arange(n) % k).astype(np.int64)


def entry(z, name, shape, dtype, pieces):
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with z.open(name + ".npy", "w", force_zip64=True) as f:
        np.lib.format.write_array_header_1_0(f, header)
        for piece in pieces:
            f.write(np.ascontiguousarray(piece).tobytes())


def features():
    for i in range(0, n, 4096):
        y = labels[i : i + 4096]
        yield means[y] + rng.standard_normal((len(y), d), dtype=np.float32)


with zipfile.ZipFile(out, "w") as z:
    entry(z, "features", (n, d), np.float32, features())
    entry(z, "labels", (n,), np.int64, [labels])
    if "--classifier" in sys.argv:
        entry(z, "weight", (k, d), np.float32, [means + rng.standard_normal((k, d), dtype=np.float32)])
        entry(z, "bias", (k,), np.float32, [rng.standard_normal(k, dtype=np.float32)])
