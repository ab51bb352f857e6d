# SPDX-License-Identifier: Apache-2.0
"""Writes metric_golden.h: rankings by scikit-learn, PRO by its definition, quantiles by NumPy.

The data come from a hash that the C test computes too, so only figures are stored. PRO is summed
in fractions straight from the definition: every distinct threshold, every region, no shortcuts.
Run it in this folder: python3 metric_golden.py > metric_golden.h && clang-format -i metric_golden.h
"""

import sys
from fractions import Fraction

import numpy as np
import scipy
import sklearn
from scipy.ndimage import label as label_regions
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from hashed import hashed


def ranking(labels, scores):
    """auroc, ap, f1max and its threshold as scikit-learn has them."""
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = [2 * p * r / (p + r) if p + r > 0 else 0.0 for p, r in zip(precision, recall)][:-1]
    best = max(f1)
    threshold = max(t for f, t in zip(f1, thresholds) if f >= best - 1e-12)
    return roc_auc_score(labels, scores), average_precision_score(labels, scores), best, threshold


def pro(maps, masks, limit):
    """Area under PRO(FPR) up to limit, over limit; and the number of regions."""
    regions = []
    for image, mask in zip(maps, masks):
        numbers, n = label_regions(mask, structure=np.ones((3, 3)))
        regions += [image[numbers == r + 1] for r in range(n)]
    good = np.concatenate([image[~mask] for image, mask in zip(maps, masks)])
    curve = [(Fraction(0), Fraction(0))]
    for t in np.unique(maps)[::-1]:
        overlaps = [Fraction(int(np.sum(region >= t)), len(region)) for region in regions]
        rate = Fraction(int(np.sum(good >= t)), len(good))
        curve.append((rate, sum(overlaps) / len(regions)))
    area = Fraction(0)
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if x0 >= limit or x1 == x0:
            continue
        end = min(x1, limit)
        y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + y_end) / 2
    return float(area / limit), len(regions)


def ranking_case(seed, n, levels, percent, shift):
    labels = np.array([hashed(seed, 2 * i) % 100 < percent for i in range(n)])
    steps = np.array([hashed(seed, 2 * i + 1) % levels for i in range(n)])
    scores = (steps + shift * labels) / 8.0 - 3.0
    figures = ", ".join(f"{v:.17g}" for v in ranking(labels, scores))
    print(f"    {{{seed}, {n}, {levels}, {percent}, {shift}, {{{figures}}}}},")


def pixel_case(seed, images, height, width, levels, percent, shift, cell, limit):
    maps = np.empty((images, height, width))
    masks = np.zeros((images, height, width), bool)
    for n in range(images):
        for y in range(height):
            for x in range(width):
                place = ((n * 4096 + y // cell) * 4096 + x // cell) * 2
                masks[n, y, x] = n % 3 != 0 and hashed(seed, place) % 100 < percent
                step = hashed(seed, ((n * 4096 + y) * 4096 + x) * 2 + 1) % levels
                maps[n, y, x] = (step + shift * masks[n, y, x]) / 8.0 - 3.0
    area, regions = pro(maps, masks, Fraction(limit))
    figures = ", ".join(f"{v:.17g}" for v in ranking(masks.ravel(), maps.ravel()))
    print(f"    {{{seed}, {images}, {height}, {width}, {levels}, {percent}, {shift}, {cell}, "
          f"{limit},")
    print(f"     {{{figures}}}, {area:.17g}, {regions}, {masks.sum()}}},")


def quantile_case(seed, n, levels, q):
    values = np.array([hashed(seed, i) % levels for i in range(n)]) / 8.0 - 3.0
    print(f"    {{{seed}, {n}, {levels}, {q!r}, {np.quantile(values, q):.17g}}},")


def main():
    print("/* Golden figures of the metric room; made by metric_golden.py with")
    print(f" * scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, "
          f"NumPy {np.__version__},", end="")
    print(f" Python {sys.version.split()[0]}. */")
    print("#ifndef GOLDEN_METRIC_GOLDEN_H\n#define GOLDEN_METRIC_GOLDEN_H\n")
    print('#include "metric/metric.h"\n')
    print("static const struct golden_ranking {\n    uint64_t seed;\n    int64_t n;")
    print("    uint64_t levels, percent, shift;\n    fk_ranking want;\n} golden_rankings[] = {")
    for case in [(1, 10, 4, 40, 1), (2, 83, 1000, 75, 300), (3, 83, 3, 75, 1), (4, 500, 20, 5, 4),
                 (5, 500, 100000, 50, 0), (6, 2000, 7, 1, 3), (7, 2000, 1000000, 99, 200000),
                 (8, 50, 1, 50, 0), (9, 50, 10, 50, 20)]:
        ranking_case(*case)
    print("};\n")
    print("static const struct golden_pixel {\n    uint64_t seed;\n"
          "    int64_t images, height, width;")
    print("    uint64_t levels, percent, shift;\n    int64_t cell;\n    double limit;")
    print("    fk_ranking want;\n    double pro;\n    int64_t regions, defective;\n"
          "} golden_pixels[] = {")
    for case in [(11, 4, 8, 9, 5, 20, 2, 1, 0.3), (12, 5, 16, 11, 400, 15, 100, 3, 0.3),
                 (13, 5, 16, 11, 400, 15, 100, 3, 0.05), (14, 5, 16, 11, 400, 15, 100, 3, 1.0),
                 (15, 3, 1, 40, 3, 30, 1, 2, 0.3), (16, 3, 40, 1, 3, 30, 1, 2, 0.3),
                 (17, 6, 20, 20, 2, 10, 1, 4, 0.3), (18, 6, 20, 20, 100000, 10, 200000, 4, 0.3),
                 (19, 7, 60, 50, 40, 6, 20, 7, 0.3), (20, 7, 60, 50, 300, 40, 20, 1, 0.3),
                 (21, 2, 5, 5, 1, 50, 0, 1, 0.3)]:
        pixel_case(*case)
    print("};\n")
    print("static const struct golden_quantile {\n    uint64_t seed;\n    int64_t n;\n"
          "    uint64_t levels;")
    print("    double q, want;\n} golden_quantiles[] = {")
    for case in [(31, 1, 10, 0.5), (32, 2, 1000, 0.25), (33, 10, 1000, 0.0), (34, 10, 1000, 1.0),
                 (35, 1000, 1000000, 0.99), (36, 1001, 5, 0.5), (37, 1000, 50, 0.333),
                 (38, 777, 100, 0.9), (39, 5000, 16777216, 0.995)]:
        quantile_case(*case)
    print("};\n\n#endif")


main()
