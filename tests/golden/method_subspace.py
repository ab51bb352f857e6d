# SPDX-License-Identifier: Apache-2.0
"""Writes method_subspace.h: residuals of principal components, by NumPy in double.

The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder:
    python3 method_subspace.py > method_subspace.h && clang-format -i method_subspace.h
"""

import sys

import numpy as np

from hashed import values
from method_padim import emit

N, HEIGHT, WIDTH, D = 6, 4, 5, 9
VARIANCE = 0.7


def image(seed):
    """[P, D] float32 in [0, 1) with 24 bits, C order, as double."""
    return values(seed, HEIGHT * WIDTH, D).astype(np.float64)


def fit(x, variance):
    """Mean, variances and components (rows), largest first, that hold this part of the variance."""
    values, vectors = np.linalg.eigh(np.cov(x.T))
    values, vectors = values[::-1], vectors.T[::-1]
    count = int(np.searchsorted(np.cumsum(values), variance * values.sum()) + 1)
    return x.mean(0), values[:count], vectors[:count]


def errors(model, x):
    mean, _, v = model
    c = x - mean
    return ((c - c @ v.T @ v) ** 2).sum(1)


def main():
    model = fit(np.concatenate([image(100 + k) for k in range(N)]), VARIANCE)
    new = errors(model, image(200))
    print("/* Subspace in double on hashed data, written by method_subspace.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_SUBSPACE_H\n#define GOLDEN_METHOD_SUBSPACE_H\n")
    print(f"enum {{ SUBSPACE_N = {N}, SUBSPACE_HEIGHT = {HEIGHT}, SUBSPACE_WIDTH = {WIDTH}, "
          f"SUBSPACE_DIM = {D}, SUBSPACE_COUNT = {len(model[2])} }};")
    print("/* Variances of the components that hold 0.7 of the variance; images 100, 101, .. */")
    emit("subspace_values", model[1])
    print("/* Squared errors of the image with seed 200, and the mean of its highest 3 of 20 */")
    emit("subspace_new", new)
    emit("subspace_top15", [np.sort(new)[-3:].mean()])
    print("\n#endif")


if __name__ == "__main__":
    main()
