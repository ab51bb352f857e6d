# SPDX-License-Identifier: Apache-2.0
"""Image, weights and sample positions that tests/unit/net/seeded.h computes too, and C text."""

import numpy as np


def hash64(x):
    """fk_prng_hash of an array of uint64: one step of splitmix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def name_hash(name):
    """FNV-1a, 64 bits."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return h


def image(height, width):
    """[H, W, 3] u8: stripes, tiles and a product term, so that no row or channel equals another."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    v = x * 3 + y * 2 + c * 50 + 37 * (((x >> 4) + (y >> 4)) & 3) + ((x * y) >> 4)
    return (v & 255).astype(np.uint8)


def normalise(rgb, mean, scale):
    """[H, W, 3] u8 -> [1, 3, H, W] f32, each step in f32."""
    unit = rgb.astype(np.float32) / np.float32(255)
    x = (unit - np.array(mean, np.float32)) / np.array(scale, np.float32)
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])


def seeded(name, shape):
    """A tensor from its name: biases within 0.1, weights of norms around 1, which alone have one
    dimension, tokens and positions within 0.5, weights uniform with He's variance, and half of it
    for the last convolution of a residual branch, so that activations keep their size."""
    count = int(np.prod(shape))
    norm = len(shape) == 1 and name.endswith(".weight")
    if name.endswith(".bias"):
        bound = 0.1
    elif norm:
        bound = 0.25
    elif name.endswith(("_token", "_tokens", "_embed")):
        bound = 0.5
    else:
        bound = np.sqrt(6.0 / (count // shape[0]))
        last = ".conv3." in name or ("layer" in name and ".conv2." in name)
        bound *= 0.5 if last else 1.0
    h = hash64(np.uint64(name_hash(name)) + np.arange(count, dtype=np.uint64))
    unit = (h >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    value = unit * np.float32(bound) + np.float32(1 if norm else 0)
    return value.astype(np.float32).reshape(shape)


def positions(case, tap, count, n):
    """n places in a tensor of count elements."""
    start = np.uint64(name_hash(case + "/" + tap))
    return (hash64(start + np.arange(n, dtype=np.uint64)) % np.uint64(count)).astype(np.int64)


def c_outputs(case, outputs, n):
    """C initialisers of golden_output for a list of (name, [C, h, w] or [C] array)."""
    text = ""
    for name, value in outputs:
        flat = np.asarray(value, np.float64).reshape(-1)
        shape = list(value.shape) + [1] * (3 - len(value.shape))
        samples = flat[positions(case, name, flat.size, n)]
        text += '{"%s", %d, %d, %d, %.9g, %.9g, {' % (
            name, *shape, np.sqrt((flat**2).sum()), flat.mean())
        text += ", ".join("%.8g" % v for v in samples) + "}},\n"
    return text
