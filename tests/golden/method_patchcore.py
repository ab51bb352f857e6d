# SPDX-License-Identifier: Apache-2.0
"""Writes method_patchcore.h: PatchCore in NumPy on hashed embeddings: the greedy choice, distances
and equation 7.

The embeddings come from a hash that the C test computes too, so only results are stored.
Run it in this folder:
python3 method_patchcore.py > method_patchcore.h && clang-format -i method_patchcore.h
"""

import sys

import numpy as np

N, HEIGHT, WIDTH, DIM, KEEP, NEIGHBOURS = 6, 3, 4, 7, 14, 5
MASK = (1 << 64) - 1


def hash64(x):
    """fk_prng_hash(x): one step of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def image(number):
    """[P, D] of an image: float32 values in [0, 1), as double."""
    bits = [hash64((number << 32) + k) >> 40 for k in range(HEIGHT * WIDTH * DIM)]
    return (np.array(bits, dtype=np.float64) * 2.0**-24).reshape(HEIGHT * WIDTH, DIM)


def key(x, seed):
    """What a point is drawn by: a hash of its squared length, summed as fk_linalg_length2() does
    below 16 numbers."""
    lanes = np.zeros(16)
    lanes[: len(x)] = x * x
    s = [(lanes[i] + lanes[i + 4]) + (lanes[i + 8] + lanes[i + 12]) for i in range(4)]
    length2 = (s[0] + s[1]) + (s[2] + s[3])
    return hash64(int(np.float64(length2).view(np.uint64)) ^ hash64(seed))


def choose(x, k, seed):
    """Approximate greedy k-center of the authors' code: indices in the order chosen."""
    start = sorted(range(len(x)), key=lambda i: key(x[i], seed))[:10]
    distance = np.linalg.norm(x[:, None] - x[None, start], axis=2).mean(1)
    chosen = []
    for _ in range(k):
        p = int(np.argmax(distance))
        chosen.append(p)
        distance = np.minimum(distance, np.linalg.norm(x - x[p], axis=1))
    return chosen


def score(bank, owner, x, left_out=-1):
    """Distances [P], plain score, score by equation 7."""
    bank = bank[owner != left_out]
    d = np.linalg.norm(x[:, None] - bank[None], axis=2)
    nearest, distance = d.argmin(1), d.min(1)
    worst = int(distance.argmax())
    around = np.argsort(np.linalg.norm(bank - bank[nearest[worst]], axis=1),
                        kind="stable")[:NEIGHBOURS]
    weight = 1.0 - np.exp(distance[worst]) / np.exp(d[worst, around]).sum()
    return distance, distance[worst], weight * distance[worst]


def emit(name, array, form="double"):
    flat = np.asarray(array).ravel()
    text = ", ".join(str(int(v)) if form == "int64_t" else f"{v:.17g}" for v in flat)
    print(f"static const {form} {name}[{flat.size}] = {{{text}}};")


def main():
    print("/* PatchCore on hashed embeddings in NumPy, written by method_patchcore.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_PATCHCORE_H\n#define GOLDEN_METHOD_PATCHCORE_H\n\n"
          "#include <stdint.h>\n")
    print(f"enum {{ CORE_N = {N}, CORE_HEIGHT = {HEIGHT}, CORE_WIDTH = {WIDTH}, CORE_DIM = {DIM}, "
          f"CORE_KEEP = {KEEP}, CORE_NEIGHBOURS = {NEIGHBOURS} }};\n")
    x = np.concatenate([image(100 + i) for i in range(N)])
    owner = np.repeat(np.arange(N), HEIGHT * WIDTH)
    print("/* Images 100 .. 100 + CORE_N - 1 are learned; the choice begins with seed 3. */")
    chosen = choose(x, KEEP, 3)
    emit("core_chosen", chosen, "int64_t")
    kept = np.sort(chosen)
    print("/* Distances, score and score by equation 7 of image 200, and of image 101 left out. */")
    for name, number, left_out in (("new", 200, -1), ("left_out", 101, 1)):
        distance, plain, weighed = score(x[kept], owner[kept], image(number), left_out)
        emit(f"core_{name}", distance)
        emit(f"core_{name}_scores", [plain, weighed])
    print("\n#endif")


main()
