"""Writes files as CIFAR's python archives have them: pickles of protocol 2 as Python 2 writes them.

    pip install numpy
    python make_cifar_python.py                 the samples of this folder, of random pixels
    python make_cifar_python.py BINARY OUT      all of CIFAR-10 and CIFAR-100, from the folders
                                                cifar-10-batches-bin and cifar-100-binary in BINARY

The samples have the same images in the binary form, to compare."""
import os, pickle, sys
import numpy as np


class Python2(pickle._Pickler):
    """Writes str and bytes as Python 2 writes its str, and NumPy's modules under their old names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        b = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"U" + bytes([len(b)]) + b if len(b) < 256 else b"T" + len(b).to_bytes(4, "little") + b)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string

    def save_global(self, obj, name=None):
        module = {"numpy._core.multiarray": "numpy.core.multiarray"}.get(obj.__module__, obj.__module__)
        self.write(f"c{module}\n{name or obj.__name__}\n".encode())
        self.memoize(obj)

    dispatch[type] = dispatch[type(len)] = dispatch[type(pickle.dumps)] = save_global


def write(path, what):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        Python2(f, 2).dump(what)
    back = pickle.load(open(path, "rb"), encoding="latin1")  # as torchvision reads it
    assert (back["data"] == what["data"]).all() and set(back) == set(what)


def cifar10(rows, path, title):
    names = [f"picture_s_{i:06}.png" for i in range(len(rows))]
    write(path, {"batch_label": title, "labels": rows[:, 0].tolist(), "data": rows[:, 1:].copy(), "filenames": names})


def cifar100(rows, path, title):
    names = [f"picture_s_{i:06}.png" for i in range(len(rows))]
    write(path, {"filenames": names, "batch_label": title, "fine_labels": rows[:, 1].tolist(),
                 "coarse_labels": rows[:, 0].tolist(), "data": rows[:, 2:].copy()})


batches = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
if len(sys.argv) == 3:
    binary, out = sys.argv[1:]
    read = lambda folder, name, size: np.fromfile(os.path.join(binary, folder, name + ".bin"), "uint8").reshape(-1, size)
else:
    out, g = ".", np.random.default_rng(1)

    def read(folder, name, size):
        n = {"train": 4}.get(name, 2)
        rows = g.integers(0, 256, (n, size), dtype="uint8")
        rows[:, 0] %= 10
        if size == 3074:
            rows[:, 1] %= 100
        os.makedirs(folder, exist_ok=True)
        rows.tofile(os.path.join(folder, name + ".bin"))
        return rows


for i, name in enumerate(batches):
    title = f"training batch {i + 1} of 5" if i < 5 else "testing batch 1 of 1"
    cifar10(read("cifar-10-batches-bin", name, 3073), f"{out}/cifar-10-batches-py/{name}", title)
for name in ("train", "test"):
    cifar100(read("cifar-100-binary", name, 3074), f"{out}/cifar-100-python/{name}", f"{name}ing batch 1 of 1")
