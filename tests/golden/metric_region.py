# SPDX-License-Identifier: Apache-2.0
"""Writes metric_region.h: regions above a threshold as scipy.ndimage.label finds and measures them.

The maps come from a hash that the C test computes too, so only figures are stored. Run it in this
folder: python3 metric_region.py > metric_region.h && clang-format -i metric_region.h
"""

import sys

import numpy as np
import scipy
from scipy import ndimage

from hashed import hashed


def regions(image, threshold):
    """(first pixel, figures) of each region, the highest peak first."""
    labels, n = ndimage.label(image > threshold, structure=np.ones((3, 3)))
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        y, x = np.nonzero(labels == number)
        peak = ndimage.maximum_position(image, labels, number)
        centre = ndimage.center_of_mass(labels == number)
        found.append((-image[peak], y[0] * image.shape[1] + x[0],
                      (box[1].start, box[0].start, box[1].stop - box[1].start,
                       box[0].stop - box[0].start,
                       len(y), centre[1], centre[0], image[peak], peak[1], peak[0],
                       ndimage.mean(image, labels, number))))
    return [figures for _, _, figures in sorted(found)]


def case(seed, height, width, levels, threshold):
    steps = [[hashed(seed, y * width + x) % levels for x in range(width)] for y in range(height)]
    found = regions(np.array(steps) / 8.0 - 3.0, threshold)
    print(f"    {{{seed}, {height}, {width}, {levels}, {threshold}, {len(found)}, {{")
    for *box, area, cx, cy, peak, px, py, mean in found[:6]:
        print(f"        {{{', '.join(map(str, box))}, {area}, {cx:.17g}, {cy:.17g}, {peak:.17g}, "
              f"{mean:.17g}, {px}, {py}, NULL, 0}},")
    print("    }},")


def main():
    print(f"/* Golden regions; made by metric_region.py with SciPy {scipy.__version__}, "
          f"NumPy {np.__version__},", end="")
    print(f" Python {sys.version.split()[0]}. */")
    print("#ifndef GOLDEN_METRIC_REGION_H\n#define GOLDEN_METRIC_REGION_H\n\n"
          "#include \"fleck.h\"\n")
    print("static const struct golden_regions {\n    uint64_t seed;\n    int64_t height, width;")
    print("    uint64_t levels;\n    double threshold;\n    int64_t count;\n"
          "    fleck_region first[6];")
    print("} golden_regions[] = {")
    for arguments in [(51, 9, 7, 16, -2.0), (52, 30, 41, 64, 3.5), (53, 30, 41, 64, 1.5),
                      (54, 1, 60, 8, -2.5),
                      (55, 60, 1, 8, -2.5), (56, 64, 64, 1000, 90.0), (57, 64, 64, 1000, 60.0),
                      (58, 12, 12, 4, -4.0), (59, 12, 12, 4, 5.0), (60, 50, 80, 3, -2.875)]:
        case(*arguments)
    print("};\n\n#endif")


main()
