# SPDX-License-Identifier: Apache-2.0
"""The hash that the C tests compute too, and data made of it."""

import numpy as np

MASK = (1 << 64) - 1


def hash64(x):
    """fk_prng_hash(x): one step of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def hashed(seed, k):
    """fk_prng_hash((seed << 32) + k)."""
    return hash64((seed << 32) + k)


def values(seed, *shape):
    """float32 in [0, 1) with 24 bits, C order."""
    bits = [hashed(seed, k) >> 40 for k in range(int(np.prod(shape)))]
    return (np.array(bits, dtype=np.float64) * 2.0**-24).astype(np.float32).reshape(shape)
