#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tensor/: small files as NumPy, safetensors, tifffile and Pillow write them.

Usage: tensor_make.py (no arguments)
Needs numpy, safetensors, torch, tifffile and Pillow; the tests need none of them.  The folders are
also seeds of the fuzz targets."""
import io
import os
import sys

import numpy
import PIL
import safetensors
import safetensors.torch
import tifffile
import torch
from PIL import Image

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensor")


def write(path, data):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def npy(a, version=(1, 0)):
    f = io.BytesIO()
    numpy.lib.format.write_array(f, a, version=version)
    return f.getvalue()


def tiff(a, **how):
    f = io.BytesIO()
    tifffile.imwrite(f, a, metadata=None, software=False, **how)
    return f.getvalue()


def pillow(a, compression):
    f = io.BytesIO()
    Image.fromarray(a).save(f, "TIFF", compression=compression)
    return f.getvalue()


# safetensors: every dtype that fleck reads, a scalar, an empty tensor, metadata.
write(
    "safetensors/all.safetensors",
    safetensors.torch.save(
        {
            "f32": torch.tensor([[0.0, -1.5, 3.25], [1e-3, 1e30, -0.0]]),
            "f64": torch.tensor([0.1, -2.0], dtype=torch.float64),
            "f16": torch.tensor([[1.0], [-65504.0]], dtype=torch.float16),
            "bf16": torch.tensor([1.0, -2.5, 3e38], dtype=torch.bfloat16),
            "u8": torch.tensor([0, 255, 7], dtype=torch.uint8),
            "i8": torch.tensor([-128, 127], dtype=torch.int8),
            "i32": torch.tensor([-2147483648, 5], dtype=torch.int32),
            "scalar": torch.tensor(1234567890123, dtype=torch.int64),
            "bool": torch.tensor([True, False, True]),
            "empty": torch.zeros((0, 4)),
        },
        metadata={"format": "pt", "note": "gr\u00fcn"},
    ),
)
write("safetensors/none.safetensors", safetensors.torch.save({}))
write(
    "safetensors/i16.safetensors",
    safetensors.torch.save({"short": torch.tensor([1, 2], dtype=torch.int16)}),
)

# .npy: values 0, 1, 2, ... of shape [2, 3]; bool is odd or not.
base = numpy.arange(6).reshape(2, 3)
for name, dtype in [
    ("f2", "<f2"), ("f4", "<f4"), ("f8", "<f8"), ("f2_big", ">f2"), ("f4_big", ">f4"),
    ("f8_big", ">f8"), ("u1", "|u1"), ("i4", "<i4"), ("i4_big", ">i4"), ("i8", "<i8"),
    ("i8_big", ">i8"), ("c8", "<c8"), ("u2", "<u2"),
]:
    write("npy/%s.npy" % name, npy(base.astype(dtype)))
write("npy/bool.npy", npy(base % 2 == 1))
write("npy/fortran.npy", npy(numpy.asfortranarray(base.astype("<f4"))))
write("npy/version2.npy", npy(base.astype("<f4"), (2, 0)))
write("npy/version3.npy", npy(base.astype("<f4"), (3, 0)))
write("npy/scalar.npy", npy(numpy.float32(2.5)))
write("npy/one_dim.npy", npy(numpy.arange(3, dtype="<f4")))
write("npy/empty.npy", npy(numpy.zeros((0, 3), "<f4")))
# [2, 3, 2, 2] = 0 .. 23 in C order, stored in Fortran order
four = numpy.arange(24, dtype="<f8").reshape(2, 3, 2, 2)
write("npy/four_dim.npy", npy(numpy.asfortranarray(four)))
write("npy/record.npy", npy(numpy.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")])))
f = io.BytesIO()
numpy.lib.format.write_array(f, numpy.array([None, 1], dtype=object), allow_pickle=True)
write("npy/object.npy", f.getvalue())

# TIFF: value i at position i of [5, 7], but for u8 (7 i + 17) and u16 (1900 i + 935).
ramp = numpy.arange(35).reshape(5, 7)
f4 = ramp.astype("f4")
write("tiff/f4.tif", tiff(f4))
write("tiff/f8.tif", tiff(ramp.astype("f8")))
write("tiff/u1.tif", tiff((ramp * 7 + 17).astype("u1")))
write("tiff/u2.tif", tiff((ramp * 1900 + 935).astype("u2")))
write("tiff/f4_big.tif", tiff(f4, byteorder=">"))
write("tiff/u2_big.tif", tiff((ramp * 1900 + 935).astype("u2"), byteorder=">"))
write("tiff/f4_bigtiff.tif", tiff(f4, bigtiff=True))
write("tiff/f4_zlib.tif", tiff(f4, compression="zlib", rowsperstrip=2))
write("tiff/f4_lzw.tif", pillow(f4, "tiff_lzw"))
# [35, 20] = 0 .. 699 in tiles that hang over the right and lower edge
large = numpy.arange(35 * 20).reshape(35, 20).astype("f4")
write("tiff/f4_tiles.tif", tiff(large, tile=(16, 16), compression="zlib"))
write("tiff/rgb.tif", tiff(numpy.zeros((2, 2, 3), "u1"), photometric="rgb"))
write("tiff/white.tif", tiff((ramp * 7 + 17).astype("u1"), photometric="miniswhite"))
palette = numpy.arange(768, dtype="u2").reshape(3, 256)
write("tiff/palette.tif",
      tiff((ramp * 7 + 17).astype("u1"), photometric="palette", colormap=palette))
write("tiff/i2.tif", tiff(ramp.astype("i2")))
write("tiff/f2.tif", tiff(ramp.astype("f2")))

write(
    "VERSIONS",
    (
        "Made by tensor_make.py with Python %s, NumPy %s, safetensors %s, torch %s, "
        "tifffile %s, Pillow %s.\n"
        % (sys.version.split()[0], numpy.__version__, safetensors.__version__,
           torch.__version__.split("+")[0], tifffile.__version__, PIL.__version__)
    ).encode(),
)
