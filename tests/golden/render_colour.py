# SPDX-License-Identifier: Apache-2.0
"""Prints the colour map's table for src/render/colour.c (ran under numpy 2.4.6, scipy 1.17.1).

Lightness is a straight line in OKLab; hue and chroma run through the control points below, joined
by a cubic spline in (a, b).  Rounded to 8-bit sRGB.
"""
import numpy as np
from scipy.interpolate import CubicSpline

# value, chroma, hue in degrees: night blue, violet, magenta, red, orange, yellow, cream.
POINTS = np.array([
    (0.00, 0.045, 285), (0.20, 0.130, 295), (0.42, 0.190, 342), (0.60, 0.190, 22),
    (0.76, 0.155, 55), (0.90, 0.160, 90), (1.00, 0.080, 105)])
DARK, BRIGHT = 0.16, 0.975


def table():
    v = np.linspace(0, 1, 256)
    angle = np.deg2rad(POINTS[:, 2])
    ab = POINTS[:, 1:2] * np.stack([np.cos(angle), np.sin(angle)], 1)
    a, b = CubicSpline(POINTS[:, 0], ab, bc_type="natural")(v).T
    lightness = DARK + (BRIGHT - DARK) * v
    # OKLab to linear sRGB: Ottosson 2020, "A perceptual color space for image processing".
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = np.stack([4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s], 1).clip(0, 1)
    display = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.floor(display * 255 + 0.5).astype(int)


if __name__ == "__main__":
    rows = table()
    for i in range(0, 256, 8):
        print("    " + " ".join(f"0x{r:02x}{g:02x}{b:02x}," for r, g, b in rows[i:i + 8]))
