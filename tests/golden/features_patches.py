# SPDX-License-Identifier: Apache-2.0
"""Writes features_patches.h: PatchCore's embedding by torch, step by step as it is defined.

The taps come from a hash that the C test computes too, so only results are stored: some columns of
all places, and each place's sum over all columns.
Run it in this folder:
python3 features_patches.py > features_patches.h && clang-format -i features_patches.h
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

from hashed import values


def embedding(taps, patch, pretrain, target):
    """taps [1, C, h, w], finest first -> [H * W, target]."""
    height, width = taps[0].shape[-2:]
    pooled = []
    for tap in taps:
        _, channels, h, w = tap.shape
        u = F.unfold(tap, patch, padding=patch // 2)  # [1, C k k, h w]
        u = u.reshape(1, channels * patch * patch, h, w)
        u = F.interpolate(u, size=(height, width), mode="bilinear", align_corners=False)
        u = u.reshape(channels * patch * patch, height * width).T
        pooled.append(F.adaptive_avg_pool1d(u[:, None, :], pretrain)[:, 0])
    return F.adaptive_avg_pool1d(torch.cat(pooled, 1)[:, None, :], target)[:, 0]


CASES = {
    # name: (taps as (channels, height, width), patch, pretrain, target, stored columns)
    "resnet": (((128, 4, 5), (256, 2, 3)), 3, 1024, 1024, (0, 1, 511, 512, 700, 1023)),
    "narrow": (((5, 9, 7), (3, 5, 4), (2, 2, 2)), 3, 20, 16, tuple(range(16))),
    "wide": (((2, 3, 70), (3, 2, 35)), 5, 64, 40, (0, 7, 19, 20, 39)),
    "points": (((4, 3, 3),), 1, 4, 4, (0, 1, 2, 3)),
}


def main():
    print("/* PatchCore's embedding of hashed taps (seeds 20, 21, ..) by torch, written by")
    print(" * features_patches.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}, "
          f"torch {torch.__version__}. */")
    print("#ifndef GOLDEN_FEATURES_PATCHES_H\n#define GOLDEN_FEATURES_PATCHES_H\n")
    for name, (shapes, patch, pretrain, target, columns) in CASES.items():
        taps = [torch.from_numpy(values(20 + t, 1, *s)).double() for t, s in enumerate(shapes)]
        out = embedding(taps, patch, pretrain, target).numpy()
        for what, x in (("columns", out[:, list(columns)]), ("sums", out.sum(1))):
            body = ", ".join(f"{v:.9g}" for v in x.ravel())
            print(f"static const double {name}_{what}[{x.size}] = {{{body}}};")
    print("\n#endif")


main()
