# SPDX-License-Identifier: Apache-2.0
"""Writes method_padim.h: Mahalanobis distances of small Gaussians, by NumPy in double.

The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder: python3 method_padim.py > method_padim.h && clang-format -i method_padim.h
"""

import sys

import numpy as np

from hashed import values

N, HEIGHT, WIDTH, D = 10, 2, 3, 7
EPSILON = 0.01


def image(seed):
    """[P, D] float32 in [0, 1) with 24 bits, C order, as double."""
    return values(seed, HEIGHT * WIDTH, D).astype(np.float64)


def fit(images, epsilon):
    x = np.stack(images)
    mean = x.mean(0)
    cov = [np.cov(x[:, p].T) + epsilon * np.eye(D) for p in range(x.shape[1])]
    return mean, cov


def distance(model, x):
    mean, cov = model
    return [float(np.sqrt((x[p] - mean[p]) @ np.linalg.solve(cov[p], x[p] - mean[p])))
            for p in range(len(cov))]


def near(model, x):
    mean, cov = model
    out = []
    for p in range(len(cov)):
        y, c = divmod(p, WIDTH)
        around = [i * WIDTH + j for i in range(max(y - 1, 0), min(y + 2, HEIGHT))
                  for j in range(max(c - 1, 0), min(c + 2, WIDTH))]
        out.append(min(float(np.sqrt((x[p] - mean[g]) @ np.linalg.solve(cov[g], x[p] - mean[g])))
                       for g in around))
    return out


def emit(name, array):
    flat = np.asarray(array, dtype=np.float64).ravel()
    print(f"static const double {name}[{flat.size}] = "
          f"{{{', '.join(map(repr, map(float, flat)))}}};")


def main():
    train = [image(100 + k) for k in range(N)]
    model = fit(train, EPSILON)
    print("/* PaDiM in double on hashed data, written by method_padim.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}. */")
    print("#ifndef GOLDEN_METHOD_PADIM_H\n#define GOLDEN_METHOD_PADIM_H\n")
    print(f"enum {{ PADIM_N = {N}, PADIM_HEIGHT = {HEIGHT}, PADIM_WIDTH = {WIDTH}, "
          f"PADIM_DIM = {D} }};")
    print("/* Means and covariances, epsilon 0.01 included; images have seeds 100, 101, .. */")
    emit("padim_mean", model[0])
    emit("padim_covariance", model[1])
    print("/* Least distance of those images to a Gaussian at most one position away, and without "
          "image 101 */")
    emit("padim_near_new", near(model, image(200)))
    emit("padim_near_known", near(model, image(101)))
    others = [x for k, x in enumerate(train) if k != 1]
    emit("padim_near_left_out", near(fit(others, EPSILON * (N - 1) / (N - 2)), image(101)))
    print("/* Distances of the images with seeds 200 and 101 */")
    emit("padim_new", distance(model, image(200)))
    emit("padim_known", distance(model, image(101)))
    print("/* Image 101 left out: fitted without it, epsilon 0.01 and 0.01 (N-1)/(N-2) */")
    rest = [x for k, x in enumerate(train) if k != 1]
    emit("padim_left_out", distance(fit(rest, EPSILON), image(101)))
    emit("padim_left_out_scaled",
         distance(fit(rest, EPSILON * (N - 1) / (N - 2)), image(101)))
    print("\n#endif")


if __name__ == "__main__":
    main()
