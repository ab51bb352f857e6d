# SPDX-License-Identifier: Apache-2.0
"""Writes image_resize.h: checksums of images resized by Pillow and OpenCV.

Synthetic images come from a formula that tests/unit/image/test_resize.c repeats; the others are
read from ../shared/data, where it is there.  Run from the repository root:
    python3 tests/golden/image_resize.py
"""
import pathlib
import sys

import cv2
import numpy as np
import PIL
from PIL import Image, features

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
MASK = (1 << 64) - 1
PILLOW = [("NEAREST", Image.NEAREST), ("BILINEAR", Image.BILINEAR),
          ("BICUBIC", Image.BICUBIC), ("LANCZOS", Image.LANCZOS)]


def fnv(data):
    """64-bit FNV-1a."""
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & MASK
    return h


def mix(x):
    """fk_prng_hash()."""
    x = x + np.uint64(0x9e3779b97f4a7c15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return x ^ (x >> np.uint64(31))


def synthetic(kind, width, height, channels):
    """[height, width, channels]: NOISE, EDGES (0 and 255 only) or SMOOTH."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.uint64)
    noise = mix((y * np.uint64(width) + x) * np.uint64(channels) + c) >> np.uint64(56)
    if kind == "NOISE":
        out = noise
    elif kind == "EDGES":
        out = (noise >> np.uint64(7)) * np.uint64(255)
    else:
        out = x * np.uint64(3) + y * np.uint64(5) + c * np.uint64(40)
        out = out // np.uint64(2) % np.uint64(256)
    return out.astype(np.uint8)


def pillow(pixels, width, height, how):
    squeezed = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    return np.asarray(Image.fromarray(squeezed).resize((width, height), how)).tobytes()


def opencv(pixels, width, height):
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).tobytes()


def results(pixels, width, height):
    for name, how in PILLOW:
        yield name, fnv(pillow(pixels, width, height, how))
    yield "AREA", fnv(opencv(pixels, width, height))


# Width, height, channels -> width, height.
SIZES = [
    (64, 48, 3, 32, 24),    # half: 2x2 blocks
    (90, 60, 1, 30, 20),    # whole blocks of 3
    (60, 84, 3, 15, 12),    # whole blocks, not square
    (49, 7, 1, 1, 1),       # 1 / (1 / 49) is not 49 in double
    (97, 61, 3, 41, 23),    # odd to odd
    (97, 61, 1, 41, 23),
    (225, 225, 3, 64, 64),  # the ratio of 900 to 256
    (160, 120, 3, 64, 64),  # the ratios of 640x480 to 256
    (33, 29, 3, 77, 91),    # both axes grow
    (33, 29, 1, 66, 58),
    (50, 20, 3, 30, 40),    # one grows, one shrinks
    (20, 50, 3, 40, 30),
    (20, 90, 1, 31, 17),    # Pillow filters columns first
    (24, 200, 3, 20, 40),   # the same, both shrink
    (40, 30, 3, 40, 17),    # one axis stays
    (40, 30, 3, 23, 30),
    (40, 30, 1, 40, 71),
    (40, 30, 1, 83, 30),
    (1, 1, 3, 5, 4),        # one pixel
    (1, 1, 1, 9, 9),
    (1, 300, 3, 2, 7),      # a column
    (300, 1, 1, 7, 2),      # a row
    (37, 41, 3, 1, 1),      # to one pixel
    (37, 41, 1, 1, 50),
    (700, 9, 3, 11, 9),     # strong reduction
    (9, 700, 1, 9, 11),
    (31, 31, 3, 31, 31),    # nothing to do
]

BOTTLES = ["bottle/" + p for p in (
    "train/good/000.png", "train/good/104.png", "train/good/208.png", "test/good/000.png",
    "test/broken_large/000.png", "test/contamination/010.png")]


def real_files():
    data = SHARED / "data"
    yield from BOTTLES
    for folder, count in (("magnetic_tile", 8), ("dobot_cubes", 4)):
        files = sorted(p for p in (data / folder).rglob("*.jpg"))
        for p in files[::max(1, len(files) // count)][:count]:
            yield p.relative_to(data).as_posix()


def main():
    out = ROOT / "tests/golden/image_resize.h"
    lines = [
        "/* Resized images' FNV-1a checksums.  Made by tests/golden/image_resize.py with",
        f" * Pillow {PIL.__version__} (libjpeg-turbo {features.version('libjpeg_turbo')}), OpenCV "
        f"{cv2.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}. */",
        "/* clang-format off */",
        "static const golden_resize golden_synthetic[] = {"]
    for kind in ("NOISE", "EDGES", "SMOOTH"):
        for w, h, c, tw, th in SIZES:
            pixels = synthetic(kind, w, h, c)
            for name, value in results(pixels, tw, th):
                lines.append(f"    {{{kind}, {w}, {h}, {c}, {tw}, {th}, FK_FILTER_{name}, "
                             f"0x{value:016x}u}},")
    lines += ["};", "", "static const golden_file golden_files[] = {"]
    for name in real_files():
        image = Image.open(SHARED / "data" / name)
        pixels = np.asarray(image)
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        grey = pixels.shape[2] == 1
        row = [fnv(pixels.tobytes())]
        for tw, th in ((256, 256), (224, 112)):
            row += [value for _, value in results(pixels, tw, th)]
        text = ", ".join(f"0x{v:016x}u" for v in row)
        lines.append(f"    {{\"data/{name}\", {'true' if grey else 'false'}, {{{text}}}}},")
    lines += ["};", "/* clang-format on */", ""]
    out.write_text("\n".join(lines))


main()
