#!/usr/bin/env python3
"""Writes the .npz and .npy files that the tests read, as numpy writes them.

    pip install numpy ml_dtypes
    cd npz/testdata && python3 numpy.py
"""
import sys

sys.path.pop(0)  # this file is not the package
import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402

m = np.arange(12).reshape(3, 4) - 5
types = {t: m.astype(t) for t in ["<f2", ">f2", "<f4", "<f8", "<i2", "<i4", "<i8", "i1", ">f4", ">f8", ">i4", ">i8"]}
types |= {t: (m + 5).astype(t) for t in ["u1", "<u2", "<u4", "<u8", ">u2", ">u8"]}
types["bool"] = m > 0
types["bfloat16"] = m.astype(ml_dtypes.bfloat16)
types["bfloat16-void"] = types["bfloat16"].view("V2")  # what numpy.load makes of it, saved again
types["big-bfloat16"] = types["bfloat16"].byteswap().view(np.dtype(ml_dtypes.bfloat16).newbyteorder(">"))
arrays = {k.replace("<", "little-").replace(">", "big-"): v for k, v in types.items()}
arrays |= {
    "fortran-f2": np.asfortranarray(m.astype("f2")),
    "fortran-bfloat16": np.asfortranarray(types["bfloat16"]),
    "fortran-big-f2": np.asfortranarray(m.astype(">f2")),
    "fortran-f4": np.asfortranarray(m.astype("f4")),
    "fortran-f8": np.asfortranarray(m.astype("f8")),
    "fortran-big-i8": np.asfortranarray(m.astype(">i8")),
    "column": np.asfortranarray(np.arange(5.0).reshape(5, 1)),
    "vector": np.arange(7, dtype="f8") / 8,
    "number": np.float64(2.5),
    "empty": np.zeros((0, 4), "f4"),
    "three": np.arange(24, dtype="i4").reshape(2, 3, 4),
}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
for v in [(1, 0), (2, 0), (3, 0)]:
    with open(f"version{v[0]}.npy", "wb") as f:
        np.lib.format.write_array(f, m.astype("f4"), version=v)
np.savez("refused.npz", objects=np.array([{}, 1], dtype=object), long=m.astype("g"), text=np.array(["a", "b"]),
         complex=m.astype("c8"), float8=m.astype(ml_dtypes.float8_e5m2), int4=m.astype(ml_dtypes.int4), fields=np.zeros(3, [("x", "f4"), ("y", "i4")]),
         cube=np.asfortranarray(np.zeros((2, 3, 4))))
# What the tests write must be these bytes.
np.savez("written.npz", a=np.arange(6, dtype="f4").reshape(2, 3), b=np.arange(3, dtype="f8"), c=np.arange(4, dtype="i4"),
         d=np.int64(7), e=np.zeros((0, 2), "u1"))
