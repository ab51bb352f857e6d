# SPDX-License-Identifier: Apache-2.0
"""Writes method_posbank.h: PosBank's distances on small grids, by NumPy in double.

Banks are chosen and searched as the paper says, all distances taken one by one from differences.
The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder:
    python3 method_posbank.py > method_posbank.h && clang-format -i method_posbank.h
"""

import sys

import numpy as np

MASK = (1 << 64) - 1
N, H, W, D = 9, 5, 6, 7
SETTINGS = ((1, 0.0, 4, 0), (2, 0.0, 4, 1), (3, 0.7, 2, 2), (4, 1.0, 1, 9))


def hash64(x):
    """fk_prng_hash(x): one step of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def image(seed):
    """float32 in [0, 1) with 24 bits, [H * W, D], as double."""
    bits = [hash64((seed << 32) + k) >> 40 for k in range(H * W * D)]
    return (np.array(bits, dtype=np.float64) * 2.0**-24).reshape(H * W, D)


def bank(features, size):
    """Greedy k-center of [n, D] from the first on: the chosen rows."""
    chosen = [0]
    table = np.sqrt(((features[:, None] - features[None]) ** 2).sum(-1))
    while len(chosen) < size:
        nearest = table[:, chosen].min(1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return features[chosen]


def distances(query, train, fraction, least, radius):
    stack = np.stack(train)  # [n, P, D]
    size = min(len(train), max(least, int(np.floor(fraction * len(train)))))
    banks = [bank(stack[:, p], size) for p in range(H * W)]
    out = np.full(H * W, np.inf)
    for p in range(H * W):
        for j in range(H * W):
            if max(abs(p // W - j // W), abs(p % W - j % W)) <= radius:
                out[p] = min(out[p], np.sqrt(((query[p] - banks[j]) ** 2).sum(1)).min())
    return out


def main():
    train = [image(50 + k) for k in range(N)]
    query = image(70)
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* PosBank in double on hashed data, written by method_posbank.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_POSBANK_H\n#define GOLDEN_METHOD_POSBANK_H\n")
    print(f"enum {{ POSBANK_N = {N}, POSBANK_H = {H}, POSBANK_W = {W}, POSBANK_D = {D} }};")
    print("/* Training images 50, 51, .., query 70.  The second array is of training image 2, "
          "without it. */")
    for number, fraction, least, radius in SETTINGS:
        print(f"/* coreset {fraction}, min-bank {least}, radius {radius} */")
        for name, values in (
                ("new", distances(query, train, fraction, least, radius)),
                ("held", distances(train[2], train[:2] + train[3:], fraction, least, radius))):
            print(f"static const double posbank_{name}_{number}[{H * W}] = "
                  f"{{{', '.join(f'{v:.9g}' for v in values)}}};")
    print("\n#endif")


main()
