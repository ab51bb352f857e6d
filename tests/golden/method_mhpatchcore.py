# SPDX-License-Identifier: Apache-2.0
"""Writes method_mhpatchcore.h: whitened nearest neighbours and equation 7, by NumPy in double.

The bank is every patch, so that no choice of it matters.

Whitening goes the authors' way, through the covariance of the projected patches and its Cholesky
factor.  The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder:
    python3 method_mhpatchcore.py > method_mhpatchcore.h && clang-format -i method_mhpatchcore.h
"""

import sys

import numpy as np

from method_padim import emit
from method_subspace import D, HEIGHT, N, WIDTH, fit, image

VARIANCE, SHRINKAGE, NEIGHBOURS = 0.7, 0.07, 4


def whitening(train):
    mean, _, v = fit(train, VARIANCE)
    s = np.cov(((train - mean) @ v.T).T)
    s = (1 - SHRINKAGE) * s + SHRINKAGE * np.trace(s) / len(s) * np.eye(len(s))
    factor = np.linalg.cholesky(s)
    return lambda x: np.linalg.solve(factor, v @ (x - mean).T).T


def main():
    images = [image(100 + k) for k in range(N)]
    whiten = whitening(np.concatenate(images))
    bank, query = whiten(np.concatenate(images)), whiten(image(200))
    distances = np.linalg.norm(query[:, None] - bank[None], axis=2)
    nearest = distances.min(1)
    worst = int(nearest.argmax())
    best = bank[distances[worst].argmin()]
    near = np.argsort(np.linalg.norm(bank - best, axis=1), kind="stable")[:NEIGHBOURS]
    weight = 1 - np.exp(nearest[worst]) / np.exp(distances[worst, near]).sum()

    print("/* MH-PatchCore in double on hashed data, written by method_mhpatchcore.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_MHPATCHCORE_H\n#define GOLDEN_METHOD_MHPATCHCORE_H\n")
    print(f"enum {{ MH_N = {N}, MH_HEIGHT = {HEIGHT}, MH_WIDTH = {WIDTH}, MH_DIM = {D} }};")
    print("/* Distances of the image with seed 200 to all patches; its largest, and that weighted "
          "by 4 */")
    emit("mh_new", nearest)
    emit("mh_largest", [nearest[worst]])
    emit("mh_weighted", [weight * nearest[worst]])
    print("\n#endif")


main()
