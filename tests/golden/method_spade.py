# SPDX-License-Identifier: Apache-2.0
"""Writes method_spade.h: SPADE's scores and maps on small pyramids, by NumPy in double.

Taps are enlarged and joined as the paper says, all distances taken one by one from differences.
The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder: python3 method_spade.py > method_spade.h && clang-format -i method_spade.h
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

from hashed import values

N, G = 6, 21
LEVELS = ((6, 8, 5), (3, 4, 19), (2, 2, 35))
MAP = (12, 14)
K_IMAGE, K_PIXEL = 4, 3


def image(seed):
    """Levels [h, w, C] and the global feature; each has a seed of its own."""
    return ([values(seed * 16 + i, *shape).astype(np.float64) for i, shape in enumerate(LEVELS)],
            values(seed * 16 + 15, G).astype(np.float64))


def enlarge(x, size):
    """[h, w, C] -> [H, W, C], bilinear, align_corners=False, in double."""
    t = torch.from_numpy(x).permute(2, 0, 1)[None]
    out = F.interpolate(t, size=size, mode="bilinear", align_corners=False)
    return out[0].permute(1, 2, 0).numpy()


def grid(query, gallery, radius, kappa):
    """Mean squared distance of each feature of query [H, W, C] to its kappa nearest within radius
    rows and columns, -1 for all."""
    h, w, c = query.shape
    q = query.reshape(h * w, c)
    g = np.stack([x.reshape(h * w, c) for x in gallery])
    d = ((g[None] - q[:, None, None]) ** 2).sum(-1)
    if radius >= 0:
        y, x = np.divmod(np.arange(h * w), w)
        far = np.maximum(abs(y[:, None] - y), abs(x[:, None] - x)) > radius
        d = np.where(far[:, None], np.inf, d)
    d = d.reshape(h * w, -1)
    return np.sort(d, 1)[:, :kappa].mean(1).reshape(h, w)


def score_map(query, train, nearest, radius, concat, kappa):
    size = LEVELS[0][:2]
    if concat:
        join = lambda levels: np.concatenate([enlarge(x, size) for x in levels], 2)
        groups = [(join(query[0]), [join(train[k][0]) for k in nearest])]
    else:
        groups = [(query[0][i], [train[k][0][i] for k in nearest]) for i in range(len(LEVELS))]
    maps = [enlarge(grid(q, g, radius, kappa)[:, :, None], MAP)[:, :, 0] for q, g in groups]
    return np.mean(maps, 0)


def emit(name, array):
    flat = np.asarray(array, dtype=np.float64).ravel()
    print(f"static const double {name}[{flat.size}] = {{{', '.join(f'{v:.9g}' for v in flat)}}};")


def main():
    train = [image(10 + k) for k in range(N)]
    query = image(40)
    distances = [((query[1] - t[1]) ** 2).sum() for t in train]
    order = np.argsort(distances, kind="stable")
    print("/* SPADE in double on hashed data, written by method_spade.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}, "
          f"torch {torch.__version__}. */")
    print("#ifndef GOLDEN_METHOD_SPADE_H\n#define GOLDEN_METHOD_SPADE_H\n")
    print(f"enum {{ SPADE_N = {N}, SPADE_GLOBAL = {G}, SPADE_K_IMAGE = {K_IMAGE}, "
          f"SPADE_K_PIXEL = {K_PIXEL}, SPADE_HEIGHT = {MAP[0]}, SPADE_WIDTH = {MAP[1]} }};")
    print("/* Training images 10, 11, .., query 40; level i has seed 16 image + i, "
          "the global 15. */")
    print(f"static const double spade_score = {float(np.sort(distances)[:K_IMAGE].mean())!r};")
    for gallery, radius in (("same", 0), ("near", 1), ("all", -1)):
        for fusion in ("concat", "mean"):
            for kappa in (1, 3):
                emit(f"spade_{gallery}_{fusion}_{kappa}",
                     score_map(query, train, order[:K_PIXEL], radius,
                               fusion == "concat", kappa))
    print("\n#endif")


main()
