# SPDX-License-Identifier: Apache-2.0
"""Writes features_golden.h: bilinear maps and nearest repetition by torch, Gaussians by SciPy.

The data come from a hash that the C test computes too, so only results are stored.
Run it in this folder:
python3 features_golden.py > features_golden.h && clang-format -i features_golden.h
"""

import sys

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter

from hashed import values


def emit(name, array):
    flat = np.asarray(array, dtype=np.float32).ravel()
    body = ", ".join(float(v).hex() + "f" for v in flat)
    print(f"static const float {name}[{flat.size}] = {{{body}}};")


def main():
    print("/* Results of torch and SciPy on hashed data, written by features_golden.py.")
    print(f" * Python {sys.version.split()[0]}, NumPy {np.__version__}, "
          f"SciPy {scipy.__version__}, torch {torch.__version__}. */")
    print("#ifndef GOLDEN_FEATURES_GOLDEN_H\n#define GOLDEN_FEATURES_GOLDEN_H\n")
    print("/* F.interpolate(bilinear, align_corners=False): src seed 1 */")
    for h, w, height, width in ((4, 6, 9, 13), (7, 5, 3, 11), (1, 3, 4, 4), (14, 14, 17, 20)):
        src = torch.from_numpy(values(1, 1, 1, h, w))
        out = F.interpolate(src, size=(height, width), mode="bilinear", align_corners=False)
        emit(f"bilinear_{h}x{w}_{height}x{width}", out.numpy())
    print("/* gaussian_filter(float32): src seed 2 */")
    for height, width, sigma in ((9, 14, 0.8), (20, 11, 4.0), (1, 7, 2.0), (3, 3, 4.0),
                                 (40, 33, 4.0)):
        out = gaussian_filter(values(2, height, width), sigma=sigma)
        emit(f"gaussian_{height}x{width}_{int(sigma * 10)}", out)
    print("/* Joined taps [5, 6, 4], [3, 3, 2], [2, 2, 1], seeds 3, 4, 5, to [6, 4, 10] by")
    print(" * F.interpolate(nearest), then all channels in order, position by position */")
    taps = [values(3, 1, 5, 6, 4), values(4, 1, 3, 3, 2), values(5, 1, 2, 2, 1)]
    joined = torch.cat([F.interpolate(torch.from_numpy(t), size=(6, 4), mode="nearest")
                        for t in taps], 1)
    emit("joined", joined.numpy()[0].transpose(1, 2, 0))
    print("\n#endif")


main()
