"""Writes method_mhpatchcore.h: whitened nearest neighbours and equation 7, by NumPy in double.

Whitening goes the authors' way, through the covariance of the projected patches and its Cholesky factor.
The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder: python3 method_mhpatchcore.py > method_mhpatchcore.h && clang-format -i method_mhpatchcore.h
"""

import sys

import numpy as np

from method_padim import emit
from method_subspace import D, HEIGHT, N, WIDTH, fit, image

VARIANCE, SHRINKAGE, BANK, NEIGHBOURS = 0.7, 0.07, 17, 4


def farthest_first(x, k):
    chosen = [int(np.argmax(np.linalg.norm(x - x.mean(0), axis=1)))]
    nearest = np.linalg.norm(x - x[chosen[0]], axis=1)
    while len(chosen) < k:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(x - x[chosen[-1]], axis=1))
    return chosen


def whitening(train):
    mean, _, v = fit(train, VARIANCE)
    s = np.cov(((train - mean) @ v.T).T)
    s = (1 - SHRINKAGE) * s + SHRINKAGE * np.trace(s) / len(s) * np.eye(len(s))
    factor = np.linalg.cholesky(s)
    return lambda x: np.linalg.solve(factor, v @ (x - mean).T).T


def merge_and_reduce(images):
    """Each image is one block; blocks are measured as the first 1, 4, .. images say."""
    bank = np.empty((0, D))
    for i, patches in enumerate(images):
        if i + 1 in (1, 4, 16):
            measured = whitening(np.concatenate(images[: i + 1]))
        bank = np.concatenate([bank, patches])
        if len(bank) > BANK:
            bank = bank[farthest_first(measured(bank), BANK)]
    return bank


def main():
    images = [image(100 + k) for k in range(N)]
    whiten = whitening(np.concatenate(images))
    bank, query = whiten(merge_and_reduce(images)), whiten(image(200))
    distances = np.linalg.norm(query[:, None] - bank[None], axis=2)
    nearest = distances.min(1)
    worst = int(nearest.argmax())
    best = bank[distances[worst].argmin()]
    near = np.argsort(np.linalg.norm(bank - best, axis=1), kind="stable")[:NEIGHBOURS]
    weight = 1 - np.exp(nearest[worst]) / np.exp(distances[worst, near]).sum()

    print("/* MH-PatchCore in double on hashed data, written by method_mhpatchcore.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_MHPATCHCORE_H\n#define GOLDEN_METHOD_MHPATCHCORE_H\n")
    print(f"enum {{ MH_N = {N}, MH_HEIGHT = {HEIGHT}, MH_WIDTH = {WIDTH}, MH_DIM = {D}, MH_BANK = {BANK} }};")
    print("/* Distances of the image with seed 200 to a bank of 17; its largest, and that weighted by 4 */")
    emit("mh_new", nearest)
    emit("mh_largest", [nearest[worst]])
    emit("mh_weighted", [weight * nearest[worst]])
    print("\n#endif")


main()
